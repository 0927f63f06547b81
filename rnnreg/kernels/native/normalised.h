// The gates of one step whose pre-activations are normalised, and c between its two halves.

#pragma once

#include "normalise.h"

// One step of a member: where its pre-activations come from, and what c is normalised by.
struct Stage {
    Int rows;
    const float *x, *h;  // hats, or for SEQUENCE h itself, as dense rows of their parts' columns
    const float *bias, *gain, *gain_h, *gain_c, *bias_c;
    float *c, *hat_c, *scale_c;  // w: c as it is, and normalised
    Counts counts;
};

template <class Cell, Kind K>
static __attribute__((noinline)) void gates(const Point& p, const Stage& stage) {
    constexpr int S = Cell::slots, X = Cell::x_count, H = Cell::h_count;
    constexpr bool apart = Parts<Cell>::has_c && K != SEQUENCE;
    Int hw = wide(p.hidden);
    for (Int unit = 0; unit < p.hidden; unit += LANES) {
        Int n = p.hidden - unit;
        V gain_x[X], gain_h[H];
        for (int s = 0; s < X; s++) gain_x[s] = load(stage.gain + s * hw + unit);
        for (int s = 0; s < H; s++) gain_h[s] = K == SEQUENCE ? all(1.0f) : load(stage.gain_h + s * hw + unit);
        for (Int row = 0; row < stage.rows; row++) {
            Int here = row * p.hidden + unit;
            V a[S], old[2], fresh[2], kept[Cell::kept];
            for (int s = 0; s < S; s++) a[s] = load(stage.bias + s * hw + unit);
            for (int s = 0; s < X; s++) a[Cell::x_first + s] += gain_x[s] * load(stage.x + (row * X + s) * hw + unit);
            for (int s = 0; s < H; s++) a[Cell::h_first + s] += gain_h[s] * load(stage.h + (row * H + s) * hw + unit);
            for (int s = 0; s < Cell::states; s++) old[s] = load(p.old[s] + here, n);
            V update = p.update ? load(p.update + here, n) : all(1.0f);
            V mask = on_c<Cell>(p.cell, here, n);
            if constexpr (apart) {
                Cell::remember(a, update, mask, old, kept, fresh);
                store(stage.c + row * hw + unit, fresh[1]);
                kept[Cell::kept - 1] = V{};
            } else {
                Cell::forward(a, update, mask, old, kept, fresh);
                take<Cell>(p, here, n, old, fresh);
            }
            for (int i = 0; i < Cell::kept; i++) store(p.kept + (row * Cell::kept + i) * hw + unit, kept[i]);
        }
    }
    if constexpr (apart) {
        standardise<K>(Parts<Cell>::c, stage.c, hw, stage.rows, p.hidden, stage.counts, stage.hat_c, stage.scale_c);
        for (Int row = 0; row < stage.rows; row++)
            for (Int unit = 0; unit < p.hidden; unit += LANES) {
                Int n = p.hidden - unit, here = row * p.hidden + unit, here_w = row * hw + unit;
                V old[2], fresh[2], kept[Cell::kept];
                float* own = p.kept + row * Cell::kept * hw + unit;
                for (int s = 0; s < Cell::states; s++) old[s] = load(p.old[s] + here, n);
                for (int i = 0; i < Cell::kept; i++) kept[i] = load(own + i * hw);
                fresh[1] = load(stage.c + here_w);
                V seen = load(stage.gain_c + unit) * load(stage.hat_c + here_w) + load(stage.bias_c + unit);
                Cell::read(seen, kept, fresh);
                store(own + (Cell::kept - 1) * hw, kept[Cell::kept - 1]);
                take<Cell>(p, here, n, old, fresh);
            }
    }
}

// As `gates_backward`, of a cell whose c was normalised; `grads` are two of (rows, wide), and dgain_c
// and dbias_c sums.
template <class Cell, Kind K>
static __attribute__((noinline)) void gates_backward_through_c(
    const Back& p, const Stage& stage, float* const* grads, float* dgain_c, float* dbias_c) {
    constexpr int S = Cell::slots;
    Int hw = wide(p.hidden);
    for (Int unit = 0; unit < p.hidden; unit += LANES) {
        Int n = p.hidden - unit;
        V dbias = {};
        for (Int row = 0; row < stage.rows; row++) {
            Int here_w = row * hw + unit;
            V grad[2], left[2], kept[Cell::kept];
            arrive<Cell>(p, row * p.hidden + unit, here_w, n, grad, left);
            for (int i = 0; i < Cell::kept; i++) kept[i] = load(p.kept + (row * Cell::kept + i) * hw + unit);
            for (int s = 0; s < 2; s++) {
                store(p.dstates[s] + here_w, left[s]);
                store(grads[s] + here_w, grad[s]);
            }
            V dseen = Cell::read_back(kept, grad);
            store(stage.c + here_w, dseen);
            dbias += dseen;
        }
        store(dbias_c + unit, load(dbias_c + unit) + dbias);
    }
    standardise_back<K>(Parts<Cell>::c, stage.c, hw, stage.hat_c, stage.scale_c, stage.gain_c, stage.rows, p.hidden,
                        stage.counts, stage.c, hw, dgain_c);
    for (Int unit = 0; unit < p.hidden; unit += LANES) {
        Int n = p.hidden - unit;
        V dbias[S] = {};
        for (Int row = 0; row < stage.rows; row++) {
            Int here = row * p.hidden + unit, here_w = row * hw + unit;
            V old[2], kept[Cell::kept], grad[2], da[S], dold[2];
            for (int s = 0; s < 2; s++) {
                old[s] = load(p.old[s] + here, n);
                grad[s] = load(grads[s] + here_w);
            }
            grad[1] += load(stage.c + here_w);
            for (int i = 0; i < Cell::kept; i++) kept[i] = load(p.kept + (row * Cell::kept + i) * hw + unit);
            V update = p.update ? load(p.update + here, n) : all(1.0f);
            V mask = on_c<Cell>(p.cell, here, n);
            Cell::remember_back(kept, update, mask, old, grad, da, dold);
            for (int s = 0; s < 2; s++) store(p.dstates[s] + here_w, load(p.dstates[s] + here_w) + dold[s]);
            for (int s = 0; s < S; s++) {
                store(p.da + row * p.row + s * hw + unit, da[s]);
                dbias[s] += da[s];
            }
        }
        for (int s = 0; s < S; s++) store(p.dbias + s * hw + unit, load(p.dbias + s * hw + unit) + dbias[s]);
    }
}

// ---------------------------------------------------------------- one member

template <class Cell, Kind K>
struct Forward {
    using P = Parts<Cell>;
    const Layer& l;
    const Norm& n;
    Int m, hw = wide(l.hidden);
    const float *wx, *wh;  // packed by columns
    const Hats<Cell, K> hats{l.batch, hw};
    float *z, *kept, *hat, *scale;
    Stage stage;

    Forward(const Layer& l, const Norm* norm, Int m, Arena& arena, const float* wx, const float* wh, const float* bias)
        : l(l), n(*norm), m(m), wx(wx), wh(wh) {
        const Gains<Cell, K> at(hw);
        float* gain = arena.take(at.floats);
        at.pack(gain, n, m, l.hidden);
        z = arena.take(l.batch * stride(Cell::slots));
        kept = arena.take(l.kept ? 0 : l.batch * Cell::kept * hw);
        hat = arena.take(n.hats ? 0 : hats.floats * (K == SEQUENCE ? l.steps : 1));
        scale = arena.take(n.scales ? 0 : hats.scales);
        stage = {l.batch, nullptr, nullptr, bias, gain, gain + at.h, gain + at.c, gain + at.bias,
                 arena.take(l.batch * hw), nullptr, nullptr, {}};
        if (K != SEQUENCE) return;
        float* x = hats_at(0);
        multiply(false, l.x + m * l.x_member, l.inputs, 1, l.steps * l.batch, panel(wx, l.inputs, P::x), x,
                 P::x.slots * hw);
        by_rows(P::x, x, P::x.slots * hw, l.steps * l.batch, l.hidden, counts_of(n, l, m, 0), x, scales_at(0));
    }

    Int stride(int slots) const { return slots * hw + 2 * LANES; }  // rows far apart share no place in a cache
    Panel panel(const float* w, Int depth, const Part& part) const { return {w, depth, part.slots * hw / LANES, 0}; }
    float* hats_at(Int t) const {
        return n.hats ? n.hats + (m * l.steps + t) * hats.floats : hat + (K == SEQUENCE ? t * hats.floats : 0);
    }
    float* scales_at(Int t) const { return n.scales ? n.scales + (m * l.steps + t) * hats.scales : scale; }

    void step(Int t, const float* x, const float* back, Point p) {
        float *own = hats_at(t), *scales = scales_at(t);
        stage.counts = counts_of(n, l, m, t);
        if (!p.kept) p.kept = kept;
        if (K != SEQUENCE) {
            multiply(false, x, l.inputs, 1, l.batch, panel(wx, l.inputs, P::x), z, stride(P::x.slots));
            standardise<K>(P::x, z, stride(P::x.slots), l.batch, l.hidden, stage.counts, own, scales);
        }
        Int columns = K == SEQUENCE ? P::h.slots * hw : stride(P::h.slots);
        multiply(false, back, l.hidden, 1, l.batch, panel(wh, l.hidden, P::h), z, columns);
        stage.x = own, stage.h = K == SEQUENCE ? z : own + hats.h;
        if (K != SEQUENCE)
            standardise<K>(P::h, z, columns, l.batch, l.hidden, stage.counts, own + hats.h, scales + hats.scale_h);
        stage.hat_c = own + hats.c, stage.scale_c = scales + hats.scale_c;
        gates<Cell, K>(p, stage);
    }
};

template <class Cell>
struct Forward<Cell, NONE> {
    template <class... Given>
    explicit Forward(Given&&...) {}
};

// Gradients of the pre-activations go through `da` to those of the products, which lie side by side
// in rows of `row` floats. Those of SEQUENCE's inputs wait for the first step.
template <class Cell, Kind K>
struct Backward {
    using P = Parts<Cell>;
    static constexpr bool apart = K == LAYER || K == BATCH;
    const Layer& l;
    const Norm* n;
    Int m, hw = wide(l.hidden);
    const Hats<Cell, K> hats{l.batch, hw};
    const Gains<Cell, K> at{hw};
    static constexpr Int columns = apart ? Cell::x_count + Cell::h_count : Cell::slots;
    Int dense = columns * hw;
    Int row = dense + 2 * LANES;  // rows far apart share no place in a cache
    Int x = apart ? 0 : Cell::x_first * hw, h = apart ? Cell::x_count * hw : Cell::h_first * hw;
    Int block = at_once(l);
    float *gain = nullptr, *dgain = nullptr, *da = nullptr, *grads[2] = {};
    Stage stage = {};

    static Int at_once(const Layer& l) {  // steps whose gradients are kept for one product
        return K == SEQUENCE ? l.steps : block_steps(l.steps, l.batch, columns * wide(l.hidden));
    }

    Backward(const Layer& l, const Norm* norm, Int m, Arena& arena) : l(l), n(norm), m(m) {
        if (K == NONE) return;
        gain = arena.take(at.floats), dgain = arena.take(at.floats);
        at.pack(gain, *n, m, l.hidden);
        std::memset(dgain, 0, sizeof(float) * at.floats);
        if (!apart) return;
        da = arena.take(l.batch * Cell::slots * hw);
        for (float*& own : grads) own = arena.take(l.batch * hw);
        stage.rows = l.batch, stage.gain_c = gain + at.c, stage.c = arena.take(l.batch * hw);
    }

    void step(Int t, Back p) {
        if constexpr (!apart) {
            gates_backward<Cell>(p, l.batch);
        } else {
            float *to = p.da, *own = n->hats + (m * l.steps + t) * hats.floats;
            float* scales = n->scales + (m * l.steps + t) * hats.scales;
            p.da = da, p.row = Cell::slots * hw;
            stage.counts = counts_of(*n, l, m, t);
            stage.hat_c = own + hats.c, stage.scale_c = scales + hats.scale_c;
            if constexpr (P::has_c)
                gates_backward_through_c<Cell, K>(p, stage, grads, dgain + at.c, dgain + at.bias);
            else
                gates_backward<Cell>(p, l.batch);
            Int columns = Cell::slots * hw;
            standardise_back<K>(P::x, da + Cell::x_first * hw, columns, own, scales, gain, l.batch, l.hidden,
                                stage.counts, to + x, row, dgain);
            standardise_back<K>(P::h, da + Cell::h_first * hw, columns, own + hats.h, scales + hats.scale_h, gain + at.h,
                                l.batch, l.hidden, stage.counts, to + h, row, dgain + at.h);
        }
    }

    void inputs(float* all) {  // SEQUENCE: of all steps at once
        by_rows_back(P::x, all + x, row, n->hats + m * l.steps * hats.floats, n->scales + m * l.steps * hats.scales,
                     gain, l.steps * l.batch, l.hidden, counts_of(*n, l, m, 0), all + x, row, dgain);
    }
};
