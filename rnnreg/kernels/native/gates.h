// The gates of one step, and what they read and write beside its pre-activations.

#pragma once

#include "layer.h"

struct Point {  // everything but the pre-activations that the gates of one step read and write
    Int hidden;
    const float *update, *cell, *carry[2], *drop_next;
    const float* old[2];
    float* fresh[2];
    float *kept, *dropped_next;
};

// The mask on c, where a cell has one.
template <class Cell>
static inline V on_c(const float* mask, Int here, Int n) {
    if constexpr (Cell::states == 1) return V{};
    return mask ? load(mask + here, n) : all(1.0f);
}

// The new states of a row's units: how much of them is taken, and h x mask for the step that follows.
template <class Cell>
static inline __attribute__((always_inline)) void take(const Point& p, Int here, Int n, const V* old, V* fresh) {
    for (int s = 0; s < Cell::states; s++) {
        if (p.carry[s]) fresh[s] = lerp(old[s], fresh[s], load(p.carry[s] + here, n));
        store(p.fresh[s] + here, fresh[s], n);
    }
    if (p.drop_next) store(p.dropped_next + here, fresh[0] * load(p.drop_next + here, n), n);
}

template <class Cell>
static __attribute__((noinline)) void gates(Point p, const V* a, Int first, Int rows, Int unit) {
    Int n = p.hidden - unit, kept_row = Cell::kept * wide(p.hidden);
    for (Int row = first; row < first + rows; row++, a += Cell::slots) {
        Int here = row * p.hidden + unit;
        V old[2], fresh[2], kept[Cell::kept];
        for (int s = 0; s < Cell::states; s++) old[s] = load(p.old[s] + here, n);
        V update = p.update ? load(p.update + here, n) : all(1.0f);
        V mask = on_c<Cell>(p.cell, here, n);
        Cell::forward(a, update, mask, old, kept, fresh);
        take<Cell>(p, here, n, old, fresh);
        if (p.kept)
            for (int i = 0; i < Cell::kept; i++)
                *reinterpret_cast<V*>(p.kept + row * kept_row + i * wide(p.hidden) + unit) = kept[i];
    }
}

// ---------------------------------------------------------------- backward

struct Back {  // what one step reads and writes when gradients go back; w: padded
    Int hidden;
    const float *update, *cell, *carry[2], *drop_next;
    const float *old[2], *kept, *doutput;
    const float* dback;  // w: of h x mask of the next step, or null after the last
    float *dstates[2];   // w: in and out
    float *da, *dbias;   // w
    Int row;             // stride of da
};

// What comes back to a row's units: gradients of the cell's new states, and what is left to the old.
template <class Cell>
static inline __attribute__((always_inline)) void arrive(const Back& p, Int here, Int here_w, Int n, V* grad, V* left) {
    for (int s = 0; s < Cell::states; s++) grad[s] = load(p.dstates[s] + here_w);
    if (p.doutput) grad[0] += load(p.doutput + here, n);
    if (p.dback) {
        V drop = p.drop_next ? load(p.drop_next + here, n) : all(1.0f);
        grad[0] += drop * load(p.dback + here_w);
    }
    for (int s = 0; s < Cell::states; s++) {
        V carry = p.carry[s] ? load(p.carry[s] + here, n) : all(1.0f);
        left[s] = (1.0f - carry) * grad[s];
        grad[s] = carry * grad[s];
    }
}

template <class Cell>
static __attribute__((noinline)) void gates_backward(Back p, Int rows) {
    constexpr int S = Cell::slots;
    Int hw = wide(p.hidden);
    for (Int unit = 0; unit < p.hidden; unit += LANES) {
        Int n = p.hidden - unit;
        V dbias[S] = {};
        for (Int row = 0; row < rows; row++) {
            Int here = row * p.hidden + unit, here_w = row * hw + unit;
            V old[2], kept[Cell::kept], grad[2], da[S], dold[2], left[2];
            for (int s = 0; s < Cell::states; s++) old[s] = load(p.old[s] + here, n);
            arrive<Cell>(p, here, here_w, n, grad, left);
            for (int i = 0; i < Cell::kept; i++) kept[i] = load(p.kept + (row * Cell::kept + i) * hw + unit);
            V update = p.update ? load(p.update + here, n) : all(1.0f);
            V mask = on_c<Cell>(p.cell, here, n);
            Cell::backward(kept, update, mask, old, grad, da, dold);
            for (int s = 0; s < Cell::states; s++) store(p.dstates[s] + here_w, dold[s] + left[s]);
            for (int s = 0; s < S; s++) {
                store(p.da + row * p.row + s * hw + unit, da[s]);
                dbias[s] += da[s];
            }
        }
        for (int s = 0; s < S; s++) store(p.dbias + s * hw + unit, load(p.dbias + s * hw + unit) + dbias[s]);
    }
}
