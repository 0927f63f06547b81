// The gates of one time step of one model, whose products are computed elsewhere.
//
// For layers whose weights do not fit into the fast caches: there the products of a good BLAS are
// faster than those of recurrence.cpp.

#include "gates.h"

struct Step {  // x, r (B, gates x H), gates as in torch.nn; r has its own bias already
    const float *x, *r;
    float *dx, *dr;      // gradients of them; one and the same where a cell adds the two
    const float* dback;  // w: of h x mask of the next step, or null after the last
};

constexpr Int ROWS = 8;  // taken together

template <class Cell>
static constexpr bool from_x(int slot) { return slot >= Cell::x_first && slot < Cell::x_first + Cell::x_count; }

template <class Cell>
static constexpr bool from_h(int slot) { return slot >= Cell::h_first && slot < Cell::h_first + Cell::h_count; }

template <class Cell>
static void forward(const Layer& l, const Step& step, Int t) {
    constexpr int S = Cell::slots, K = Cell::kept;
    Int h = l.hidden, hw = wide(h), size = l.batch * h;
    Point p = {h, at(l.update, 0, t), at(l.cell, 0, t), {}, nullptr, {}, {}, nullptr, nullptr};
    for (int s = 0; s < Cell::states; s++) {
        p.carry[s] = at(l.carry[s], 0, t);
        p.old[s] = l.states[s] + t * l.state_time[s];
        p.fresh[s] = l.states[s] + (t + 1) * l.state_time[s];
    }
    if (l.kept) p.kept = l.kept + t * l.batch * K * hw;
    if (l.dropped && t + 1 < l.steps) {
        p.drop_next = at(l.drop, 0, t + 1);
        p.dropped_next = l.dropped + (t + 1) * size;
    }
    for (Int first = 0; first < l.batch; first += ROWS) {
        Int rows = std::min<Int>(ROWS, l.batch - first);
        for (Int unit = 0; unit < h; unit += LANES) {
            Int n = h - unit;
            V a[ROWS][S];
            for (Int i = 0; i < rows; i++)
                for (int s = 0; s < S; s++) {
                    Int from = ((first + i) * Cell::x_count + Cell::gate[s]) * h + unit;
                    a[i][s] = V{};
                    if (from_x<Cell>(s)) a[i][s] += load(step.x + from, n);
                    if (from_h<Cell>(s)) a[i][s] += load(step.r + from, n);
                }
            gates<Cell>(p, &a[0][0], first, rows, unit);
        }
    }
}

template <class Cell>
static void backward(const Layer& l, const Step& step, Int t) {
    constexpr int S = Cell::slots, K = Cell::kept;
    Int h = l.hidden, hw = wide(h);
    Back p = {h, at(l.update, 0, t), at(l.cell, 0, t), {}, nullptr, {}, nullptr, nullptr, step.dback, {}, nullptr, nullptr, 0};
    for (int s = 0; s < Cell::states; s++) {
        p.carry[s] = at(l.carry[s], 0, t);
        p.old[s] = l.states[s] + t * l.state_time[s];
        p.dstates[s] = l.dstates[s];
    }
    if (l.doutput) p.doutput = l.doutput + t * l.doutput_time;
    if (t + 1 < l.steps) p.drop_next = at(l.drop, 0, t + 1);
    const float* kept_t = l.kept + t * l.batch * K * hw;
    for (Int row = 0; row < l.batch; row++)
        for (Int unit = 0; unit < h; unit += LANES) {
            Int n = h - unit, here = row * h + unit, here_w = row * hw + unit;
            V old[2], kept[K], grad[2], da[S], dold[2], left[2];
            for (int s = 0; s < Cell::states; s++) old[s] = load(p.old[s] + here, n);
            arrive<Cell>(p, here, here_w, n, grad, left);
            for (int i = 0; i < K; i++) kept[i] = load(kept_t + (row * K + i) * hw + unit);
            V update = p.update ? load(p.update + here, n) : all(1.0f);
            Cell::backward(kept, update, on_c<Cell>(p.cell, here, n), old, grad, da, dold);
            for (int s = 0; s < Cell::states; s++) store(p.dstates[s] + here_w, dold[s] + left[s]);
            for (int s = 0; s < S; s++) {
                Int to = (row * Cell::x_count + Cell::gate[s]) * h + unit;
                if (from_x<Cell>(s)) store(step.dx + to, da[s], n);
                if (from_h<Cell>(s) && step.dr != step.dx) store(step.dr + to, da[s], n);
            }
        }
}

template <class Cell>
static void run(const Layer& layer, const Step& step, Int t, bool back) {
    back ? backward<Cell>(layer, step, t) : forward<Cell>(layer, step, t);
}

extern "C" int rnnreg_gates(int cell, const Layer* layer, const Step* step, Int t, int back) {
    switch (cell) {
        case 0: run<Elman<Tanh>>(*layer, *step, t, back); return 0;
        case 1: run<ElmanReLU>(*layer, *step, t, back); return 0;
        case 2: run<GRU<Sigmoid>>(*layer, *step, t, back); return 0;
        case 3: run<LSTM>(*layer, *step, t, back); return 0;
        case 4: run<Elman<Sigmoid>>(*layer, *step, t, back); return 0;
        case 5: run<GRU<Tanh>>(*layer, *step, t, back); return 0;
    }
    return 1;
}
