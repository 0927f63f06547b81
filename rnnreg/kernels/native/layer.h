// One layer as Python hands it over, and its weights packed for products.
//
// Units are padded to whole vectors ("wide", a multiple of LANES) in everything that is only seen
// here. What a user sees (inputs, masks, states, gradients) has its own size, dense in (B, H).

#pragma once

#include <cstdlib>
#include <cstring>

#include "cells.h"
#include "products.h"

struct Mask {  // (M, 1 or T, B, H); null is 1 everywhere
    const float* data;
    Int member, time;  // strides; 0 repeats
};

struct Layer {
    Int members, steps, batch, inputs, hidden;
    const float *x, *input, *recurrent, *bias, *recurrent_bias;
    Int x_member;            // stride of x; (T, B, D) is dense
    Mask drop, update, cell, carry[2];
    Mask drop_x;             // on x: (M, 1 or T, B, D)
    float* states[2];        // (M, T + 1, B, H): before the first step, and after each
    Int state_time[2];       // stride; 0 keeps only the last
    float* kept;             // (M, T, B, KEPT, wide), or null
    float* dropped;          // h x mask, (M, T, B, H), where products are not made here; or null
    // backward
    const float* doutput;    // (M, T, B, H), or null
    Int doutput_member, doutput_time;
    float* dstates[2];       // (M, B, H): of the last state coming in, of the first going out
    float *dx, *dinput, *drecurrent, *dbias, *drecurrent_bias;
};

static Int wide(Int size) { return (size + LANES - 1) / LANES * LANES; }

struct Arena {  // working memory of one member; its copies start at the same place
    float *next, *end;
    float* take(Int floats) {
        float* taken = next;
        next += (floats + 15) / 16 * 16;
        if (next > end) std::abort();  // rather than write where something else is
        return taken;
    }
};

static const float* at(const Mask& mask, Int member, Int time) {
    return mask.data ? mask.data + member * mask.member + time * mask.time : nullptr;
}

// Values of a member from step `first` on, `size` a step: where they lie, or times their mask in `scratch`.
static const float* masked(const float* values, const Mask& mask, Int member, Int first, Int steps, Int size,
                           float* scratch) {
    if (!mask.data) return values;
    for (Int t = 0; t < steps; t++) {
        const float* factor = at(mask, member, first + t);
        for (Int i = 0; i < size; i++) scratch[t * size + i] = values[t * size + i] * factor[i];
    }
    return scratch;
}

static const float* inputs_of(const Layer& l, Int member, Int first, Int steps, float* scratch) {
    Int size = l.batch * l.inputs;
    return masked(l.x + member * l.x_member + first * size, l.drop_x, member, first, steps, size, scratch);
}

// [unit block][k][slot][LANES]: what the forward product reads, in the order it reads it.
template <class Cell>
static void pack_forward(float* to, const float* weights, Int depth, Int hidden, int first, int count) {
    std::memset(to, 0, sizeof(float) * depth * count * wide(hidden));
    for (Int block = 0; block < hidden; block += LANES)
        for (int slot = 0; slot < count; slot++) {
            const float* from = weights + (Cell::gate[first + slot] * hidden + block) * depth;
            float* p = to + block * depth * count + slot * LANES;
            Int lanes = std::min<Int>(LANES, hidden - block);
            for (Int k = 0; k < depth; k++, p += count * LANES)
                for (Int i = 0; i < lanes; i++) p[i] = from[i * depth + k];
        }
}

// [tile][k][slot, unit of the tile]: what `multiply` reads where a part's product is kept by itself.
template <class Cell>
static void pack_columns(float* to, const float* weights, Int depth, Int hidden, int first, int count) {
    Int hw = wide(hidden);
    std::memset(to, 0, sizeof(float) * depth * count * hw);
    across(count * hw / LANES, [&](auto width, Int block) {
        constexpr Int W = width;
        for (Int v = 0; v < W; v++) {
            Int column = (block + v) * LANES, unit = column % hw;
            const float* from = weights + (Cell::gate[first + column / hw] * hidden + unit) * depth;
            float* p = to + block * LANES * depth + v * LANES;
            Int lanes = std::min<Int>(LANES, hidden - unit);
            for (Int k = 0; k < depth; k++, p += W * LANES)
                for (Int i = 0; i < lanes; i++) p[i] = from[i * depth + k];
        }
    });
}

// [tile][slot, unit][column of the tile]: what `multiply` reads when gradients go back.
template <class Cell>
static void pack_backward(float* to, const float* weights, Int depth, Int hidden, int first, int count) {
    Int rows = count * wide(hidden);
    std::memset(to, 0, sizeof(float) * rows * wide(depth));
    across(wide(depth) / LANES, [&](auto width, Int block) {
        constexpr Int W = width * LANES;
        Int columns = std::min<Int>(W, depth - block * LANES);
        for (int slot = 0; slot < count; slot++)
            for (Int unit = 0; unit < hidden; unit++)
                std::memcpy(to + block * LANES * rows + (slot * wide(hidden) + unit) * W,
                            weights + (Cell::gate[first + slot] * hidden + unit) * depth + block * LANES,
                            sizeof(float) * columns);
    });
}

template <class Cell>
static void pack_bias(float* to, const Layer& layer, Int member) {
    Int h = layer.hidden;
    std::memset(to, 0, sizeof(float) * Cell::slots * wide(h));
    const float* bias = layer.bias + member * h * (Cell::x_count);
    for (int slot = Cell::x_first; slot < Cell::x_first + Cell::x_count; slot++)
        std::memcpy(to + slot * wide(h), bias + Cell::gate[slot] * h, sizeof(float) * h);
    if (layer.recurrent_bias)  // of the last slots, which have no part from x
        for (int slot = Cell::x_first + Cell::x_count; slot < Cell::slots; slot++)
            std::memcpy(to + slot * wide(h), layer.recurrent_bias + member * h, sizeof(float) * h);
}

// Gradients of weights, (depth, slots of one part, units) as they were summed, to (G x H, depth).
template <class Cell>
static void unpack(float* to, const float* from, Int depth, Int hidden, int first, int count) {
    Int hw = wide(hidden);
    for (int slot = 0; slot < count; slot++)
        for (Int block = 0; block < hidden; block += LANES) {
            Int lanes = std::min<Int>(LANES, hidden - block);
            float* out = to + (Cell::gate[first + slot] * hidden + block) * depth;
            const float* p = from + slot * hw + block;
            for (Int k = 0; k < depth; k++, p += count * hw)
                for (Int i = 0; i < lanes; i++) out[i * depth + k] = p[i];
        }
}

// Gradients of pre-activations kept for one product of weights: as many as stay in cache, but rows
// enough that reading and writing its result, which may not, is the smaller part.
constexpr Int BLOCK_FLOATS = 1 << 16, BLOCK_ROWS = 128;

static Int block_steps(Int steps, Int batch, Int row) {
    return std::min(steps, std::max(BLOCK_FLOATS / (batch * row), (BLOCK_ROWS + batch - 1) / batch));
}
