// The time loop of one layer on a CPU: forward and backward, one member after another.
//
// A member's weights and one time step fit into the fast caches, so the loop runs at the speed of
// arithmetic: one register-blocked product a step, and the gates while its results are still near.
// Where pre-activations are normalised, the products of a step are kept apart until their means and
// variances are known.

#include "normalised.h"

// Of a part's slots, FIRST on, those among C from F on: where they begin there and in the part, and how many.
template <int FIRST, int COUNT, int F, int C>
struct Overlap {
    static constexpr int begin = std::max(FIRST, F), end = std::min(FIRST + COUNT, F + C);
    static constexpr int at = begin - F, skip = begin - FIRST, count = std::max(0, end - begin);
};

// f(first, count) over the slots of a cell: all where a product of so many rows has room for them, or a few at a time.
template <class Cell, int ROWS, int F = 0, class G>
static inline void slots(G&& f) {
    constexpr int C = ROWS * Cell::slots <= REGISTERS ? Cell::slots : std::min(BLOCKS, Cell::slots - F);
    f(Number<F>{}, Number<C>{});
    if constexpr (F + C < Cell::slots) slots<Cell, ROWS, F + C>(f);
}

template <class Cell, Kind K>
static void forward_member(const Layer& l, const Norm* norm, Int m, Arena& arena) {
    constexpr auto pack = K == NONE ? pack_forward<Cell> : pack_columns<Cell>;
    Int h = l.hidden, hw = wide(h), step = l.batch * h, gates_all = Cell::x_count * h;
    float* wx = arena.take(l.inputs * Cell::x_count * hw);
    float* wh = arena.take(h * Cell::h_count * hw);
    float* bias = arena.take(Cell::slots * hw);
    float* scratch = arena.take(2 * step);  // h x mask of this step and the next
    float* dropped_x = arena.take(l.drop_x.data ? l.batch * l.inputs : 0);  // x x mask of this step
    pack(wx, l.input + m * gates_all * l.inputs, l.inputs, h, Cell::x_first, Cell::x_count);
    pack(wh, l.recurrent + m * gates_all * h, h, h, Cell::h_first, Cell::h_count);
    pack_bias<Cell>(bias, l, m);

    float* states[2];
    for (int s = 0; s < Cell::states; s++)
        states[s] = l.states[s] + m * (l.state_time[s] * l.steps + step);
    auto dropped = [&](Int t) { return scratch + t % 2 * step; };
    masked(states[0], l.drop, m, 0, 1, step, dropped(0));

    Forward<Cell, K> normalised(l, norm, m, arena, wx, wh, bias);
    for (Int t = 0; t < l.steps; t++) {
        const float* x = inputs_of(l, m, t, 1, dropped_x);
        Point p = {h, at(l.update, m, t), at(l.cell, m, t), {}, nullptr, {}, {}, nullptr, nullptr};
        for (int s = 0; s < Cell::states; s++) {
            p.carry[s] = at(l.carry[s], m, t);
            p.old[s] = states[s] + t * l.state_time[s];
            p.fresh[s] = states[s] + (t + 1) * l.state_time[s];
        }
        if (l.kept) p.kept = l.kept + (m * l.steps + t) * l.batch * Cell::kept * hw;
        const float* back = l.drop.data ? dropped(t) : p.old[0];
        if (l.drop.data && t + 1 < l.steps) {
            p.drop_next = at(l.drop, m, t + 1);
            p.dropped_next = dropped(t + 1);
        }
        if constexpr (K != NONE) {
            normalised.step(t, x, back, p);
        } else {
            for (Int unit = 0; unit < h; unit += LANES) {
                const float *wx_block = wx + unit * l.inputs * Cell::x_count, *wh_block = wh + unit * h * Cell::h_count;
                tiles<most_rows(std::min(BLOCKS, Cell::slots))>(l.batch, [&](auto height, Int row) {
                    constexpr int R = height;
                    V acc[R][Cell::slots];
                    slots<Cell, R>([&](auto first, auto count) {
                        constexpr int C = count;
                        using X = Overlap<Cell::x_first, Cell::x_count, first, C>;
                        using H = Overlap<Cell::h_first, Cell::h_count, first, C>;
                        V some[R][C];
                        for (int r = 0; r < R; r++)
                            for (int s = 0; s < C; s++) some[r][s] = load(bias + (first + s) * hw + unit);
                        product<R, C, X::at, X::count>(some, x + row * l.inputs, l.inputs, 1, l.inputs,
                                                       wx_block + X::skip * LANES, Cell::x_count * LANES);
                        product<R, C, H::at, H::count>(some, back + row * h, h, 1, h,
                                                       wh_block + H::skip * LANES, Cell::h_count * LANES);
                        for (int r = 0; r < R; r++)
                            for (int s = 0; s < C; s++) acc[r][first + s] = some[r][s];
                    });
                    gates<Cell>(p, &acc[0][0], row, R, unit);
                });
            }
        }
    }
}

// ---------------------------------------------------------------- backward

template <class Cell, Kind K>
static void backward_member(const Layer& l, const Norm* norm, Int m, Arena& arena) {
    constexpr int S = Cell::slots;
    Int h = l.hidden, hw = wide(h), d = l.inputs, dw = wide(d), b = l.batch, step = b * h;
    Int all_gates = Cell::x_count * h;
    Backward<Cell, K> backward(l, norm, m, arena);
    Int row = backward.row, block = backward.block;
    float* panel_h = arena.take(Cell::h_count * hw * hw);
    float* panel_x = arena.take(l.dx ? Cell::x_count * hw * dw : 0);
    float* da = arena.take(block * b * row);
    float* dback = arena.take(b * hw);
    float* dx_wide = arena.take(l.dx && d != dw ? b * dw : 0);
    float* dropped_x = arena.take(l.drop_x.data ? block * b * d : 0);  // x x mask of a block, and h x mask
    float* dropped = arena.take(l.drop.data ? block * step : 0);
    float* dinput = arena.take(d * Cell::x_count * hw);
    float* drecurrent = arena.take(h * Cell::h_count * hw);
    float* dbias = arena.take(S * hw);
    float* dstates[2] = {arena.take(b * hw), arena.take(b * hw)};
    pack_backward<Cell>(panel_h, l.recurrent + m * all_gates * h, h, h, Cell::h_first, Cell::h_count);
    if (l.dx) pack_backward<Cell>(panel_x, l.input + m * all_gates * d, d, h, Cell::x_first, Cell::x_count);
    std::memset(dinput, 0, sizeof(float) * d * Cell::x_count * hw);
    std::memset(drecurrent, 0, sizeof(float) * h * Cell::h_count * hw);
    std::memset(dbias, 0, sizeof(float) * S * hw);
    for (int s = 0; s < Cell::states; s++) {
        std::memset(dstates[s], 0, sizeof(float) * b * hw);
        for (Int i = 0; i < b; i++) std::memcpy(dstates[s] + i * hw, l.dstates[s] + m * step + i * h, sizeof(float) * h);
    }
    const float* states[2];
    for (int s = 0; s < Cell::states; s++) states[s] = l.states[s] + m * (l.state_time[s] * l.steps + step);

    auto to_inputs = [&](Int t, const float* da_t) {
        if (!l.dx) return;
        float *dx = l.dx + (m * l.steps + t) * b * d, *to = d == dw ? dx : dx_wide;
        multiply(false, da_t + backward.x, row, 1, b, {panel_x, Cell::x_count * hw, dw / LANES, 0}, to, dw);
        if (d != dw)
            for (Int i = 0; i < b; i++) std::memcpy(dx + i * d, to + i * dw, sizeof(float) * d);
        if (const float* mask = at(l.drop_x, m, t))
            for (Int i = 0; i < b * d; i++) dx[i] *= mask[i];
    };
    for (Int end = l.steps, begin; end > 0; end = begin) {
        begin = std::max<Int>(0, end - block);
        for (Int t = end - 1; t >= begin; t--) {
            float* da_t = da + (t - begin) * b * row;
            Back p = {h, at(l.update, m, t), at(l.cell, m, t), {}, nullptr, {}, nullptr, nullptr, nullptr, {}, da_t, dbias, row};
            for (int s = 0; s < Cell::states; s++) {
                p.carry[s] = at(l.carry[s], m, t);
                p.old[s] = states[s] + t * step;
                p.dstates[s] = dstates[s];
            }
            p.kept = l.kept + (m * l.steps + t) * b * Cell::kept * hw;
            if (l.doutput) p.doutput = l.doutput + m * l.doutput_member + t * l.doutput_time;
            if (t + 1 < l.steps) {
                p.dback = dback;
                p.drop_next = at(l.drop, m, t + 1);
            }
            backward.step(t, p);
            multiply(false, da_t + backward.h, row, 1, b, {panel_h, Cell::h_count * hw, hw / LANES, 0},
                     dback, hw);
            if (K != SEQUENCE) to_inputs(t, da_t);
        }
        Int depth = (end - begin) * b;
        const float* back = masked(states[0] + begin * step, l.drop, m, begin, end - begin, step, dropped);
        multiply(true, back, 1, h, h,
                 {da + backward.h, depth, Cell::h_count * hw / LANES, row}, drecurrent, Cell::h_count * hw);
        if (K == SEQUENCE) {  // in place: what the product above read is gone
            backward.inputs(da);
            for (Int t = 0; t < l.steps; t++) to_inputs(t, da + t * b * row);
        }
        multiply(true, inputs_of(l, m, begin, end - begin, dropped_x), 1, d, d,
                 {da + backward.x, depth, Cell::x_count * hw / LANES, row}, dinput, Cell::x_count * hw);
    }

    const float* drop = at(l.drop, m, 0);
    for (Int i = 0; i < b; i++)
        for (Int j = 0; j < h; j++) {
            float left = dback[i * hw + j] * (drop ? drop[i * h + j] : 1.0f);
            l.dstates[0][m * step + i * h + j] = dstates[0][i * hw + j] + left;
            if (Cell::states > 1) l.dstates[1][m * step + i * h + j] = dstates[1][i * hw + j];
        }
    unpack<Cell>(l.dinput + m * all_gates * d, dinput, d, h, Cell::x_first, Cell::x_count);
    unpack<Cell>(l.drecurrent + m * all_gates * h, drecurrent, h, h, Cell::h_first, Cell::h_count);
    for (int slot = Cell::x_first; slot < Cell::x_first + Cell::x_count; slot++)
        std::memcpy(l.dbias + m * all_gates + Cell::gate[slot] * h, dbias + slot * hw, sizeof(float) * h);
    if (l.drecurrent_bias)
        std::memcpy(l.drecurrent_bias + m * h, dbias + (S - 1) * hw, sizeof(float) * h);
    if (K != NONE) backward.at.unpack(backward.dgain, *norm, m, h);
}

// ---------------------------------------------------------------- what is called from Python

template <class Cell, Kind K>
static int run(const Layer& l, const Norm* norm, bool backward) {
    constexpr Int S = (K == NONE ? 1 : 2) * Cell::slots;
    Int hw = wide(l.hidden), dw = wide(l.inputs), row = S * hw, b = l.batch;
    Int steps = Backward<Cell, K>::at_once(l);
    Int floats = 2 * (dw + hw + 2) * row + b * (4 * hw + dw) + steps * b * (row + 2 * LANES) + 16 * 32;
    if (l.drop_x.data) floats += steps * b * dw;
    if (l.drop.data) floats += steps * b * hw;
    if (K != NONE) floats += b * (3 * row + (Cell::kept + 4) * hw + 8 * LANES) + 8 * row;
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, sizeof(float) * floats)) return 1;
    for (Int m = 0; m < l.members; m++) {
        Arena arena = {static_cast<float*>(memory), static_cast<float*>(memory) + floats};
        backward ? backward_member<Cell, K>(l, norm, m, arena) : forward_member<Cell, K>(l, norm, m, arena);
    }
    free(memory);
    return 0;
}

// Every cell and every kind: what is called from Python gives both by their numbers.
template <class F>
static int with(int cell, int kind, F&& f) {
    auto of = [&](auto own) {
        switch (kind) {
            case NONE: return f(own, std::integral_constant<Kind, NONE>{});
            case LAYER: return f(own, std::integral_constant<Kind, LAYER>{});
            case BATCH: return f(own, std::integral_constant<Kind, BATCH>{});
            case SEQUENCE: return f(own, std::integral_constant<Kind, SEQUENCE>{});
        }
        return 1;
    };
    switch (cell) {
        case 0: return of(Elman<Tanh>{});
        case 1: return of(ElmanReLU{});
        case 2: return of(GRU<Sigmoid>{});
        case 3: return of(LSTM{});
        case 4: return of(Elman<Sigmoid>{});
        case 5: return of(GRU<Tanh>{});
    }
    return 1;
}

static int run(int cell, int kind, const Layer& layer, const Norm* norm, bool backward) {
    return with(cell, kind, [&](auto own, auto k) { return run<decltype(own), k.value>(layer, norm, backward); });
}

extern "C" {
int rnnreg_lanes() { return LANES; }
int rnnreg_forward(int cell, int kind, const Layer* layer, const Norm* norm) {
    return run(cell, kind, *layer, norm, false);
}
int rnnreg_backward(int cell, int kind, const Layer* layer, const Norm* norm) {
    return run(cell, kind, *layer, norm, true);
}
int rnnreg_hats(int cell, int kind, Int batch, Int hidden, Int* floats, Int* scales) {
    return with(cell, kind, [&](auto own, auto k) {
        Hats<decltype(own), k.value> hats(batch, wide(hidden));
        *floats = hats.floats, *scales = hats.scales;
        return 0;
    });
}
}
