// Normalised pre-activations: N(z) = (z - mean) / sqrt(variance + EPSILON), and its gradient.
//
// The product with the inputs, that with h, and c are a `Part` each: `slots` columns of whole vectors.
// What is normalised ("hat") and one over the standard deviation ("scale") are kept for gradients.

#pragma once

#include <cmath>

#include "gates.h"

enum Kind { NONE, LAYER, BATCH, SEQUENCE };
constexpr float EPSILON = 1e-5f;

struct Norm {
    const float *input_gain, *recurrent_gain, *cell_gain, *cell_bias;
    const float* share;       // (M or 1, T, B): what a row counts in a mean; of SEQUENCE: over all T
    Int share_member;         // stride
    const float* statistics;  // (M, S, 2, F) in place of those of the batch, or null
    float* seen;              // (M, S, 2, F), or null
    Int statistics_steps, units;  // S and F
    float *hats, *scales;     // (M, T, Hats::floats), (M, T, Hats::scales), or null: nothing is kept
    float *dinput_gain, *drecurrent_gain, *dcell_gain, *dcell_bias;
};

struct Part {
    const int *gate, *groups;  // of each slot; how many slots LAYER takes together
    int slots, number;         // of groups
    int offset;                // where its units start in statistics, in H
};

constexpr int ONE[] = {1}, FIRST[] = {0};

template <class Cell>
struct Parts {
    static constexpr Part x = {Cell::gate + Cell::x_first, Cell::x_groups, Cell::x_count,
                               sizeof(Cell::x_groups) / sizeof(int), 0};
    static constexpr Part h = {Cell::gate + Cell::h_first, Cell::h_groups, Cell::h_count,
                               sizeof(Cell::h_groups) / sizeof(int), Cell::x_count};
    static constexpr Part c = {FIRST, ONE, 1, 1, 2 * Cell::x_count};
    static constexpr bool has_c = Cell::states > 1;
};

// Where the hats and scales of one step lie.
template <class Cell, Kind K>
struct Hats {
    Int x, h, c, floats;
    Int scale_h, scale_c, scales;
    Hats(Int batch, Int hw) {
        using P = Parts<Cell>;
        x = 0, h = P::x.slots * batch * hw, c = h + (K == SEQUENCE ? 0 : P::h.slots * batch * hw);
        floats = c + (P::has_c && K != SEQUENCE ? batch * hw : 0);
        scale_h = K == LAYER ? P::x.number * batch : P::x.slots * hw;
        scale_c = scale_h + (K == LAYER ? P::h.number * batch : P::h.slots * hw);
        scales = scale_c + (K == LAYER ? batch : hw);
    }
};

static void pack_gain(float* to, const float* gain, const Part& part, Int hidden) {
    std::memset(to, 0, sizeof(float) * part.slots * wide(hidden));
    for (int s = 0; s < part.slots; s++)
        std::memcpy(to + s * wide(hidden), gain + part.gate[s] * hidden, sizeof(float) * hidden);
}

static void unpack_gain(float* to, const float* from, const Part& part, Int hidden) {
    for (int s = 0; s < part.slots; s++)
        std::memcpy(to + part.gate[s] * hidden, from + s * wide(hidden), sizeof(float) * hidden);
}

// ---------------------------------------------------------------- over the units of a row

// f(group, count, column): the groups of a part, `count` slots known when this is compiled.
template <class F>
static inline void groups(const Part& part, Int hw, F&& f) {
    Int column = 0;
    for (int g = 0; g < part.number; g++) {
        call<4>(part.groups[g], [&](auto count) { f(g, count, column); });
        column += part.groups[g] * hw;
    }
}

template <int COUNT>
static inline float total(const V (&sums)[COUNT]) {
    V all = sums[0];
    for (int s = 1; s < COUNT; s++) all += sums[s];
    float found = 0.0f;
    for (int i = 0; i < LANES; i++) found += all[i];
    return found;
}

static void by_units(const Part& part, const float* z, Int stride, Int rows, Int hidden, float* hat, float* scale) {
    Int hw = wide(hidden);
    groups(part, hw, [&](int g, auto number, Int column) {
        constexpr int COUNT = number;
        for (Int row = 0; row < rows; row++) {
            const float* from = z + row * stride + column;
            float* to = hat + row * part.slots * hw + column;
            V sum[COUNT] = {}, square[COUNT] = {};
            for (Int unit = 0; unit < hidden; unit += LANES)
                for (int s = 0; s < COUNT; s++) sum[s] += load(from + s * hw + unit);
            float mean = total(sum) / (COUNT * hidden);
            for (Int unit = 0; unit < hidden; unit += LANES)
                for (int s = 0; s < COUNT; s++) {
                    V way = load(from + s * hw + unit) - mean;
                    if (hidden - unit < LANES) way = masked(way, hidden - unit);
                    store(to + s * hw + unit, way);
                    square[s] += way * way;
                }
            float one = 1.0f / std::sqrt(total(square) / (COUNT * hidden) + EPSILON);
            scale[row * part.number + g] = one;
            for (Int i = 0; i < COUNT * hw; i += LANES) store(to + i, load(to + i) * one);
        }
    });
}

static void by_units_back(const Part& part, const float* da, Int stride, const float* hat, const float* scale,
                          const float* gain, Int rows, Int hidden, float* dz, Int dz_stride, float* dgain) {
    Int hw = wide(hidden);
    groups(part, hw, [&](int g, auto number, Int column) {
        constexpr int COUNT = number;
        for (Int row = 0; row < rows; row++) {
            const float *from = da + row * stride + column, *own = hat + row * part.slots * hw + column;
            V sum[COUNT] = {}, along[COUNT] = {};
            for (Int unit = 0; unit < hidden; unit += LANES)
                for (int s = 0; s < COUNT; s++) {
                    Int i = s * hw + unit;
                    V d = load(from + i), way = d * load(own + i), g = load(gain + column + i);
                    store(dgain + column + i, load(dgain + column + i) + way);
                    sum[s] += g * d;
                    along[s] += g * way;
                }
            float mean = total(sum) / (COUNT * hidden), slope = total(along) / (COUNT * hidden);
            float one = scale[row * part.number + g], *to = dz + row * dz_stride + column;
            for (Int i = 0; i < COUNT * hw; i += LANES)
                store(to + i, one * (load(gain + column + i) * load(from + i) - mean - load(own + i) * slope));
        }
    });
}

// ---------------------------------------------------------------- over rows, sequences of a batch

struct Counts {  // of one step, or of all
    const float* share;  // of each row
    const float* given;  // (2, F) means and variances, or null
    float* seen;         // (2, F), or null
    Int units;           // F
};

static inline V root(V v) {
    for (int i = 0; i < LANES; i++) v[i] = std::sqrt(v[i]);
    return v;
}

// z and hat may be the same. A row that does not count becomes zero: by the statistics of others, of one
// row or of none, it could grow from step to step.
static void by_rows(const Part& part, const float* z, Int stride, Int rows, Int hidden, Counts counts, float* hat,
                    float* scale) {
    Int hw = wide(hidden), columns = part.slots * hw;
    tiles<4>(columns / LANES, [&](auto width, Int first) {
        constexpr int W = width;
        const float* from = z + first * LANES;
        V mean[W] = {}, variance[W] = {};
        Int place[W], n[W];
        for (int v = 0; v < W; v++) {
            Int column = (first + v) * LANES, slot = column / hw, unit = column % hw;
            place[v] = (part.offset + part.gate[slot]) * hidden + unit, n[v] = hidden - unit;
        }
        if (counts.given) {
            for (int v = 0; v < W; v++) {
                mean[v] = load(counts.given + place[v], n[v]);
                variance[v] = load(counts.given + counts.units + place[v], n[v]);
            }
        } else {
            for (Int row = 0; row < rows; row++)
                for (int v = 0; v < W; v++) mean[v] += counts.share[row] * load(from + row * stride + v * LANES);
            for (Int row = 0; row < rows; row++)
                for (int v = 0; v < W; v++) {
                    V way = load(from + row * stride + v * LANES) - mean[v];
                    variance[v] += counts.share[row] * way * way;
                }
        }
        for (int v = 0; v < W; v++) {
            if (counts.seen) {
                store(counts.seen + place[v], mean[v], n[v]);
                store(counts.seen + counts.units + place[v], variance[v], n[v]);
            }
            variance[v] = 1.0f / root(variance[v] + EPSILON);
            store(scale + (first + v) * LANES, variance[v]);
        }
        float* to = hat + first * LANES;
        for (Int row = 0; row < rows; row++)
            for (int v = 0; v < W; v++)
                store(to + row * columns + v * LANES,
                      counts.share[row] > 0 ? (load(from + row * stride + v * LANES) - mean[v]) * variance[v] : V{});
    });
}

// da and dz may be the same.
static void by_rows_back(const Part& part, const float* da, Int stride, const float* hat, const float* scale,
                         const float* gain, Int rows, Int hidden, Counts counts, float* dz, Int dz_stride,
                         float* dgain) {
    Int columns = part.slots * wide(hidden);
    tiles<4>(columns / LANES, [&](auto width, Int first) {
        constexpr int W = width;
        const float *from = da + first * LANES, *own = hat + first * LANES;
        V sum[W] = {}, along[W] = {}, factor[W];
        for (Int row = 0; row < rows; row++)
            for (int v = 0; v < W && counts.share[row] > 0; v++) {
                V d = load(from + row * stride + v * LANES);
                sum[v] += d;
                along[v] += d * load(own + row * columns + v * LANES);
            }
        for (int v = 0; v < W; v++) {
            Int column = (first + v) * LANES;
            store(dgain + column, load(dgain + column) + along[v]);
            factor[v] = load(gain + column) * load(scale + column);
        }
        float* to = dz + first * LANES;
        for (Int row = 0; row < rows; row++) {
            float share = counts.given ? 0.0f : counts.share[row];
            for (int v = 0; v < W; v++) {
                V d = load(from + row * stride + v * LANES);
                V mean = sum[v] + along[v] * load(own + row * columns + v * LANES);
                store(to + row * dz_stride + v * LANES,
                      counts.share[row] > 0 ? factor[v] * (d - share * mean) : V{});
            }
        }
    });
}

// ---------------------------------------------------------------- one member

// Gains and, going back, their gradients, padded; of part x, then h, then c, then the bias of c.
template <class Cell, Kind K>
struct Gains {
    Int h, c, bias, floats;
    explicit Gains(Int hw) {
        using P = Parts<Cell>;
        h = P::x.slots * hw, c = h + P::h.slots * hw, bias = c + hw, floats = bias + hw;
    }
    void pack(float* to, const Norm& n, Int m, Int hidden) const {
        using P = Parts<Cell>;
        pack_gain(to, n.input_gain + m * Cell::x_count * hidden, P::x, hidden);
        if (K == SEQUENCE) return;
        pack_gain(to + h, n.recurrent_gain + m * Cell::x_count * hidden, P::h, hidden);
        if (!P::has_c) return;
        pack_gain(to + c, n.cell_gain + m * hidden, P::c, hidden);
        pack_gain(to + bias, n.cell_bias + m * hidden, P::c, hidden);
    }
    void unpack(const float* from, const Norm& n, Int m, Int hidden) const {
        using P = Parts<Cell>;
        unpack_gain(n.dinput_gain + m * Cell::x_count * hidden, from, P::x, hidden);
        if (K == SEQUENCE) return;
        unpack_gain(n.drecurrent_gain + m * Cell::x_count * hidden, from + h, P::h, hidden);
        if (!P::has_c) return;
        unpack_gain(n.dcell_gain + m * hidden, from + c, P::c, hidden);
        unpack_gain(n.dcell_bias + m * hidden, from + bias, P::c, hidden);
    }
};

static Counts counts_of(const Norm& n, const Layer& l, Int m, Int t) {
    Counts c = {n.share ? n.share + m * n.share_member + t * l.batch : nullptr, nullptr, nullptr, n.units};
    Int there = (m * n.statistics_steps + std::min(t, n.statistics_steps - 1)) * 2 * n.units;  // if any
    if (n.statistics) c.given = n.statistics + there;
    if (n.seen && t < n.statistics_steps) c.seen = n.seen + there;
    return c;
}

template <Kind K>
static void standardise(const Part& part, const float* z, Int stride, Int rows, Int hidden, const Counts& counts,
                        float* hat, float* scale) {
    if (K == LAYER) return by_units(part, z, stride, rows, hidden, hat, scale);
    by_rows(part, z, stride, rows, hidden, counts, hat, scale);
}

template <Kind K>
static void standardise_back(const Part& part, const float* da, Int stride, const float* hat, const float* scale,
                             const float* gain, Int rows, Int hidden, const Counts& counts, float* dz,
                             Int dz_stride, float* dgain) {
    if (K == LAYER)
        return by_units_back(part, da, stride, hat, scale, gain, rows, hidden, dz, dz_stride, dgain);
    by_rows_back(part, da, stride, hat, scale, gain, rows, hidden, counts, dz, dz_stride, dgain);
}
