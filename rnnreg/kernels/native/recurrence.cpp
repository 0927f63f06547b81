// The time loop of one layer on a CPU: forward and backward, one member after another.
//
// A member's weights and one time step fit into the fast caches, so the loop runs at the speed of
// arithmetic: one register-blocked product a step, and the gates while its results are still near.
// Units are padded to whole vectors ("wide", a multiple of LANES) in everything that is only seen
// here. What a user sees (inputs, masks, states, gradients) has its own size, dense in (B, H).
//
// A cell is a struct: its slots (pre-activations of one unit), forward, and backward. A slot has a
// part from the inputs, a part from h, or both; the slots of each part lie next to each other.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "vector.h"

// ---------------------------------------------------------------- cells

template <int SLOTS, int STATES, int KEPT, int X_FIRST, int X_COUNT, int H_FIRST, int H_COUNT>
struct Shape {
    static constexpr int slots = SLOTS, states = STATES, kept = KEPT;
    static constexpr int x_first = X_FIRST, x_count = X_COUNT, h_first = H_FIRST, h_count = H_COUNT;
};

struct ElmanTanh : Shape<1, 1, 1, 0, 1, 0, 1> {
    static constexpr int gate[] = {0};
    static void forward(const V* a, V update, V, const V*, V* kept, V* fresh) {
        kept[0] = tanh(a[0]);
        fresh[0] = update * kept[0];
    }
    static void backward(const V* kept, V update, V, const V*, const V* grad, V* da, V* dold) {
        da[0] = grad[0] * update * (1.0f - kept[0] * kept[0]);
        dold[0] = V{};
    }
};

struct ElmanReLU : Shape<1, 1, 1, 0, 1, 0, 1> {
    static constexpr int gate[] = {0};
    static void forward(const V* a, V update, V, const V*, V* kept, V* fresh) {
        kept[0] = a[0] < 0.0f ? V{} : a[0];  // NaN passes
        fresh[0] = update * kept[0];
    }
    static void backward(const V* kept, V update, V, const V*, const V* grad, V* da, V* dold) {
        V slope = kept[0] <= 0.0f ? V{} : all(1.0f);
        da[0] = grad[0] * update * slope;
        dold[0] = V{};
    }
};

struct GRU : Shape<4, 1, 4, 0, 3, 1, 3> {  // n's part from x; reset; z; n's part from h
    static constexpr int gate[] = {2, 0, 1, 2};
    static void forward(const V* a, V update, V, const V* old, V* kept, V* fresh) {
        V reset = sigmoid(a[1]), z = sigmoid(a[2]);
        V n = tanh(a[0] + reset * a[3]);
        kept[0] = n, kept[1] = reset, kept[2] = z, kept[3] = a[3];
        V candidate = update * n;
        fresh[0] = candidate + z * (old[0] - candidate);
    }
    static void backward(const V* kept, V update, V, const V* old, const V* grad, V* da, V* dold) {
        V n = kept[0], reset = kept[1], z = kept[2];
        da[0] = grad[0] * (1.0f - z) * update * (1.0f - n * n);
        da[3] = da[0] * reset;
        da[1] = da[0] * kept[3] * reset * (1.0f - reset);
        da[2] = grad[0] * (old[0] - update * n) * z * (1.0f - z);
        dold[0] = grad[0] * z;
    }
};

struct LSTM : Shape<4, 2, 5, 0, 4, 0, 4> {  // i, f, g, o
    static constexpr int gate[] = {0, 1, 2, 3};
    static void forward(const V* a, V update, V mask, const V* old, V* kept, V* fresh) {
        V i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), o = sigmoid(a[3]);
        fresh[1] = mask * (f * old[1] + update * i * g);
        V t = tanh(fresh[1]);
        fresh[0] = o * t;
        kept[0] = i, kept[1] = f, kept[2] = g, kept[3] = o, kept[4] = t;
    }
    static void backward(const V* kept, V update, V mask, const V* old, const V* grad, V* da, V* dold) {
        V i = kept[0], f = kept[1], g = kept[2], o = kept[3], t = kept[4];
        V dc = mask * (grad[1] + grad[0] * o * (1.0f - t * t));
        V dig = dc * update;
        da[0] = dig * g * i * (1.0f - i);
        da[1] = dc * old[1] * f * (1.0f - f);
        da[2] = dig * i * (1.0f - g * g);
        da[3] = grad[0] * t * o * (1.0f - o);
        dold[0] = V{};
        dold[1] = dc * f;
    }
};

// ---------------------------------------------------------------- products

// acc[row][first + v] += sum over k of a[row, k] w[k, v]; everything in registers.
template <int ROWS, int SLOTS, int FIRST, int COUNT>
static inline __attribute__((always_inline)) void product(
    V (&acc)[ROWS][SLOTS], const float* a, Int row_stride, Int k_stride, Int depth, const float* w,
    Int w_stride) {
    for (Int k = 0; k < depth; k++, a += k_stride, w += w_stride) {
        V column[COUNT];
#pragma GCC unroll 8
        for (int v = 0; v < COUNT; v++) column[v] = *reinterpret_cast<const V*>(w + v * LANES);
#pragma GCC unroll 24
        for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 8
            for (int v = 0; v < COUNT; v++) acc[row][FIRST + v] += a[row * row_stride] * column[v];
    }
}

template <int SIZE>
using Number = std::integral_constant<int, SIZE>;

template <int SIZE, class F>
static inline void call(int size, F&& f) {
    if constexpr (SIZE == 1) {
        f(Number<1>{});
    } else {
        if (size == SIZE) return f(Number<SIZE>{});
        call<SIZE - 1>(size, f);
    }
}

// f(size, first) over tiles of at most MOST that are as even as can be.
template <int MOST, class F>
static inline void tiles(Int count, F&& f) {
    Int number = (count + MOST - 1) / MOST;
    for (Int i = 0; i < number; i++) {
        Int first = count * i / number, size = count * (i + 1) / number - first;
        call<MOST>(int(size), [&](auto exact) { f(exact, first); });
    }
}

constexpr int most_rows(int columns) { return std::min(12, REGISTERS / columns); }
constexpr int BLOCKS = 4;  // vectors a tile is wide

struct Panel {  // the right operand of a product: `columns` vectors wide, `depth` deep
    const float* data;
    Int depth, columns;
    Int stride;  // from row to row; 0: packed tile by tile (see `pack`)
};

// c[row, column] (+)= sum over k of a[row, k] panel[k, column]; c is padded.
static void multiply(bool add, const float* a, Int row_stride, Int k_stride, Int rows, Panel p,
                     float* c, Int c_stride) {
    tiles<BLOCKS>(p.columns, [&](auto width, Int first) {
        constexpr int W = width;
        const float* w = p.data + first * LANES * (p.stride ? 1 : p.depth);
        Int w_stride = p.stride ? p.stride : W * LANES;
        tiles<most_rows(W)>(rows, [&](auto height, Int row) {
            constexpr int R = height;
            V acc[R][W] = {};
            product<R, W, 0, W>(acc, a + row * row_stride, row_stride, k_stride, p.depth, w, w_stride);
            for (int r = 0; r < R; r++)
                for (int v = 0; v < W; v++) {
                    V* to = reinterpret_cast<V*>(c + (row + r) * c_stride + (first + v) * LANES);
                    *to = add ? *to + acc[r][v] : acc[r][v];
                }
        });
    });
}

// ---------------------------------------------------------------- one layer

struct Mask {  // (M, 1 or T, B, H); null is 1 everywhere
    const float* data;
    Int member, time;  // strides; 0 repeats
};

struct Layer {
    Int members, steps, batch, inputs, hidden;
    const float *x, *input, *recurrent, *bias, *recurrent_bias;
    Int x_member;            // stride of x; (T, B, D) is dense
    Mask drop, update, cell, carry[2];
    float* states[2];        // (M, T + 1, B, H): before the first step, and after each
    Int state_time[2];       // stride; 0 keeps only the last
    float* kept;             // (M, T, B, KEPT, wide), or null
    float* dropped;          // h x mask, (M, T, B, H), or null where there is no such mask
    // backward
    const float* doutput;    // (M, T, B, H), or null
    Int doutput_member, doutput_time;
    float* dstates[2];       // (M, B, H): of the last state coming in, of the first going out
    float *dx, *dinput, *drecurrent, *dbias, *drecurrent_bias;
};

static Int wide(Int size) { return (size + LANES - 1) / LANES * LANES; }

struct Arena {  // working memory of one member; its copies start at the same place
    float* next;
    float* take(Int floats) {
        float* taken = next;
        next += (floats + 15) / 16 * 16;
        return taken;
    }
};

static const float* at(const Mask& mask, Int member, Int time) {
    return mask.data ? mask.data + member * mask.member + time * mask.time : nullptr;
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

// [tile][slot, unit][column of the tile]: what `multiply` reads when gradients go back.
template <class Cell>
static void pack_backward(float* to, const float* weights, Int depth, Int hidden, int first, int count) {
    Int rows = count * wide(hidden);
    std::memset(to, 0, sizeof(float) * rows * wide(depth));
    tiles<BLOCKS>(wide(depth) / LANES, [&](auto width, Int block) {
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

struct Point {  // everything but the pre-activations that the gates of one step read and write
    Int hidden;
    const float *update, *cell, *carry[2], *drop_next;
    const float* old[2];
    float* fresh[2];
    float *kept, *dropped_next;
};

template <class Cell>
static __attribute__((noinline)) void gates(Point p, const V* a, Int first, Int rows, Int unit) {
    Int n = p.hidden - unit, kept_row = Cell::kept * wide(p.hidden);
    for (Int row = first; row < first + rows; row++, a += Cell::slots) {
        Int here = row * p.hidden + unit;
        V old[2], fresh[2], kept[Cell::kept];
        for (int s = 0; s < Cell::states; s++) old[s] = load(p.old[s] + here, n);
        V update = p.update ? load(p.update + here, n) : all(1.0f);
        V mask = p.cell ? load(p.cell + here, n) : all(1.0f);
        Cell::forward(a, update, mask, old, kept, fresh);
        for (int s = 0; s < Cell::states; s++) {
            if (p.carry[s]) fresh[s] = lerp(old[s], fresh[s], load(p.carry[s] + here, n));
            store(p.fresh[s] + here, fresh[s], n);
        }
        if (p.kept)
            for (int i = 0; i < Cell::kept; i++)
                *reinterpret_cast<V*>(p.kept + row * kept_row + i * wide(p.hidden) + unit) = kept[i];
        if (p.drop_next) store(p.dropped_next + here, fresh[0] * load(p.drop_next + here, n), n);
    }
}

template <class Cell>
static void forward_member(const Layer& l, Int m, Arena& arena) {
    Int h = l.hidden, hw = wide(h), step = l.batch * h, gates_all = Cell::x_count * h;
    float* wx = arena.take(l.inputs * Cell::x_count * hw);
    float* wh = arena.take(h * Cell::h_count * hw);
    float* bias = arena.take(Cell::slots * hw);
    float* scratch = arena.take(2 * step);  // h x mask of this step and the next
    pack_forward<Cell>(wx, l.input + m * gates_all * l.inputs, l.inputs, h, Cell::x_first, Cell::x_count);
    pack_forward<Cell>(wh, l.recurrent + m * gates_all * h, h, h, Cell::h_first, Cell::h_count);
    pack_bias<Cell>(bias, l, m);

    float* states[2];
    for (int s = 0; s < Cell::states; s++)
        states[s] = l.states[s] + m * (l.state_time[s] * l.steps + step);
    auto dropped = [&](Int t) {
        return l.dropped ? l.dropped + (m * l.steps + t) * step : scratch + t % 2 * step;
    };
    if (l.drop.data)
        for (Int i = 0; i < step; i++) dropped(0)[i] = states[0][i] * at(l.drop, m, 0)[i];

    for (Int t = 0; t < l.steps; t++) {
        const float* x = l.x + m * l.x_member + t * l.batch * l.inputs;
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
        for (Int unit = 0; unit < h; unit += LANES) {
            const float *wx_block = wx + unit * l.inputs * Cell::x_count, *wh_block = wh + unit * h * Cell::h_count;
            tiles<most_rows(Cell::slots)>(l.batch, [&](auto height, Int row) {
                constexpr int R = height, S = Cell::slots;
                V acc[R][S];
                for (int r = 0; r < R; r++)
                    for (int s = 0; s < S; s++) acc[r][s] = load(bias + s * hw + unit);
                product<R, S, Cell::x_first, Cell::x_count>(
                    acc, x + row * l.inputs, l.inputs, 1, l.inputs, wx_block, Cell::x_count * LANES);
                product<R, S, Cell::h_first, Cell::h_count>(
                    acc, back + row * h, h, 1, h, wh_block, Cell::h_count * LANES);
                gates<Cell>(p, &acc[0][0], row, R, unit);
            });
        }
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
};

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
            for (int s = 0; s < Cell::states; s++) {
                old[s] = load(p.old[s] + here, n);
                grad[s] = load(p.dstates[s] + here_w);
            }
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
            for (int i = 0; i < Cell::kept; i++) kept[i] = load(p.kept + (row * Cell::kept + i) * hw + unit);
            V update = p.update ? load(p.update + here, n) : all(1.0f);
            V mask = p.cell ? load(p.cell + here, n) : all(1.0f);
            Cell::backward(kept, update, mask, old, grad, da, dold);
            for (int s = 0; s < Cell::states; s++) store(p.dstates[s] + here_w, dold[s] + left[s]);
            for (int s = 0; s < S; s++) {
                store(p.da + (row * S + s) * hw + unit, da[s]);
                dbias[s] += da[s];
            }
        }
        for (int s = 0; s < S; s++) store(p.dbias + s * hw + unit, load(p.dbias + s * hw + unit) + dbias[s]);
    }
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

template <class Cell>
static void backward_member(const Layer& l, Int m, Arena& arena) {
    constexpr int S = Cell::slots;
    Int h = l.hidden, hw = wide(h), d = l.inputs, dw = wide(d), b = l.batch, step = b * h;
    Int row = S * hw, block = block_steps(l.steps, b, row), all_gates = Cell::x_count * h;
    float* panel_h = arena.take(Cell::h_count * hw * hw);
    float* panel_x = arena.take(l.dx ? Cell::x_count * hw * dw : 0);
    float* da = arena.take(block * b * row);
    float* dback = arena.take(b * hw);
    float* dx_wide = arena.take(l.dx && d != dw ? b * dw : 0);
    float* dinput = arena.take(d * Cell::x_count * hw);
    float* drecurrent = arena.take(h * Cell::h_count * hw);
    float* dbias = arena.take(row);
    float* dstates[2] = {arena.take(b * hw), arena.take(b * hw)};
    pack_backward<Cell>(panel_h, l.recurrent + m * all_gates * h, h, h, Cell::h_first, Cell::h_count);
    if (l.dx) pack_backward<Cell>(panel_x, l.input + m * all_gates * d, d, h, Cell::x_first, Cell::x_count);
    std::memset(dinput, 0, sizeof(float) * d * Cell::x_count * hw);
    std::memset(drecurrent, 0, sizeof(float) * h * Cell::h_count * hw);
    std::memset(dbias, 0, sizeof(float) * row);
    for (int s = 0; s < Cell::states; s++) {
        std::memset(dstates[s], 0, sizeof(float) * b * hw);
        for (Int i = 0; i < b; i++) std::memcpy(dstates[s] + i * hw, l.dstates[s] + m * step + i * h, sizeof(float) * h);
    }
    const float *x = l.x + m * l.x_member, *states[2];
    for (int s = 0; s < Cell::states; s++) states[s] = l.states[s] + m * (l.state_time[s] * l.steps + step);
    const float* back = l.dropped ? l.dropped + m * l.steps * step : states[0];

    for (Int end = l.steps, begin; end > 0; end = begin) {
        begin = std::max<Int>(0, end - block);
        for (Int t = end - 1; t >= begin; t--) {
            float* da_t = da + (t - begin) * b * row;
            Back p = {h, at(l.update, m, t), at(l.cell, m, t), {}, nullptr, {}, nullptr, nullptr, nullptr, {}, da_t, dbias};
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
            gates_backward<Cell>(p, b);
            multiply(false, da_t + Cell::h_first * hw, row, 1, b, {panel_h, Cell::h_count * hw, hw / LANES, 0},
                     dback, hw);
            if (l.dx) {
                float *dx = l.dx + (m * l.steps + t) * b * d, *to = d == dw ? dx : dx_wide;
                multiply(false, da_t + Cell::x_first * hw, row, 1, b,
                         {panel_x, Cell::x_count * hw, dw / LANES, 0}, to, dw);
                if (d != dw)
                    for (Int i = 0; i < b; i++) std::memcpy(dx + i * d, to + i * dw, sizeof(float) * d);
            }
        }
        Int depth = (end - begin) * b;
        multiply(true, x + begin * b * d, 1, d, d,
                 {da + Cell::x_first * hw, depth, Cell::x_count * hw / LANES, row}, dinput, Cell::x_count * hw);
        multiply(true, back + begin * step, 1, h, h,
                 {da + Cell::h_first * hw, depth, Cell::h_count * hw / LANES, row}, drecurrent,
                 Cell::h_count * hw);
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
}

// ---------------------------------------------------------------- what is called from Python

template <class Cell>
static int run(const Layer& l, bool backward) {
    Int hw = wide(l.hidden), dw = wide(l.inputs), row = Cell::slots * hw;
    Int floats = 2 * (dw + hw + 2) * row + l.batch * (4 * hw + dw) +
                 block_steps(l.steps, l.batch, row) * l.batch * row + 16 * 16;
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, sizeof(float) * floats)) return 1;
    for (Int m = 0; m < l.members; m++) {
        Arena arena = {static_cast<float*>(memory)};
        backward ? backward_member<Cell>(l, m, arena) : forward_member<Cell>(l, m, arena);
    }
    free(memory);
    return 0;
}

static int run(int cell, const Layer& layer, bool backward) {
    switch (cell) {
        case 0: return run<ElmanTanh>(layer, backward);
        case 1: return run<ElmanReLU>(layer, backward);
        case 2: return run<GRU>(layer, backward);
        case 3: return run<LSTM>(layer, backward);
    }
    return 1;
}

extern "C" {
int rnnreg_lanes() { return LANES; }
int rnnreg_forward(int cell, const Layer* layer) { return run(cell, *layer, false); }
int rnnreg_backward(int cell, const Layer* layer) { return run(cell, *layer, true); }
}
