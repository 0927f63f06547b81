// Sums of squares over the units of each row, of differences too, and gradients: one pass each.
// Every member's rows are dense; members are so many floats apart as `a_member` and `b_member` say.

#include "vector.h"

static inline V plus_square(V sum, V v) {  // rounded once where the processor can, whatever a compiler prefers
#if defined(__AVX512F__)
    return (V)_mm512_fmadd_ps((__m512)v, (__m512)v, (__m512)sum);
#elif defined(__FMA__)
    return (V)_mm256_fmadd_ps((__m256)v, (__m256)v, (__m256)sum);
#else
    return sum + v * v;
#endif
}

// out[n] of R rows at once, so that none waits for another's sums.
template <int R, bool MINUS>
static inline __attribute__((always_inline)) void sums(Int units, const float* a, const float* b, float* out) {
    V sum[R] = {};
    auto add = [&](Int i, auto... left) {
        for (int r = 0; r < R; r++) {
            V v = load(a + r * units + i, left...);
            if (MINUS) v -= load(b + r * units + i, left...);
            sum[r] = plus_square(sum[r], v);
        }
    };
    Int i = 0;
    for (; i + LANES <= units; i += LANES) add(i);
    if (i < units) add(i, units - i);
    for (int r = 0; r < R; r++) out[r] = total(sum[r]);
}

template <bool MINUS>
static void sums(Int rows, Int units, const float* a, const float* b, float* out) {
    constexpr int R = 4;
    Int n = 0;
    for (; n + R <= rows; n += R) sums<R, MINUS>(units, a + n * units, b + n * units, out + n);
    for (; n < rows; n++) sums<1, MINUS>(units, a + n * units, b + n * units, out + n);
}

template <bool MINUS>
static void sums_back(Int rows, Int units, const float* a, const float* b, const float* d, float* da, float* db) {
    for (Int n = 0; n < rows; n++, a += units, b += units, da += units, db += db ? units : 0)
        for (Int i = 0; i < units; i += LANES) {
            V v = load(a + i, units - i);
            if (MINUS) v -= load(b + i, units - i);
            const V change = 2.0f * d[n] * v;
            store(da + i, change, units - i);
            if (db) store(db + i, -change, units - i);
        }
}

static void changes_back(Int steps, Int batch, Int units, const float* h, const float* d, float* dh) {
    Int step = batch * units, rows = steps * batch;
    for (Int n = 0; n < rows; n++, h += units, dh += units) {
        bool before = n >= batch, after = n < rows - batch;
        float then = before ? 2.0f * d[n - batch] : 0.0f, next = after ? 2.0f * d[n] : 0.0f;
        for (Int i = 0; i < units; i += LANES) {
            V v = load(h + i, units - i), change = {};
            if (before) change = then * (v - load(h - step + i, units - i));
            if (after) change -= next * (load(h + step + i, units - i) - v);
            store(dh + i, change, units - i);
        }
    }
}

// n (T, B): norms; slope (T, B): the gradient of the sum over units of h^2 from d (T - 1, B), that of
// (n(t) - n(t - 1))^2. Each product is rounded before the difference of two, as in torch: hence two loops.
static void norm_changes_back(Int steps, Int batch, float least, const float* n, const float* d, float* slope) {
    Int rows = steps * batch;
    for (Int i = 0; i < batch; i++) slope[i] = 0.0f;
    for (Int i = batch; i < rows; i++) slope[i] = d[i - batch] * (2.0f * (n[i] - n[i - batch]));
    for (Int i = 0; i < rows; i++) {
        float next = i < rows - batch ? slope[i + batch] : 0.0f;
        slope[i] = n[i] > least ? (slope[i] - next) / (2.0f * n[i]) : 0.0f;
    }
}

extern "C" {
// out (M, rows): sum over units of (a - b)^2; b may be null, for zero.
void rnnreg_squares(Int members, Int rows, Int units, const float* a, Int a_member, const float* b, Int b_member,
                    float* out) {
    for (Int m = 0; m < members; m++, a += a_member, b += b ? b_member : 0, out += rows)
        b ? sums<true>(rows, units, a, b, out) : sums<false>(rows, units, a, a, out);
}

// d (M, rows), da and db dense: da = 2 (a - b) d and db = -da; b may be null, and then db.
void rnnreg_squares_back(Int members, Int rows, Int units, const float* a, Int a_member, const float* b, Int b_member,
                         const float* d, float* da, float* db) {
    for (Int m = 0; m < members; m++, a += a_member, b += b ? b_member : 0, d += rows) {
        Int from = m * rows * units;
        b ? sums_back<true>(rows, units, a, b, d, da + from, db + from)
          : sums_back<false>(rows, units, a, a, d, da + from, nullptr);
    }
}

// h (M, T, B, units), d (M, T - 1, B), dh dense: 2 (h(t) - h(t - 1)) d(t - 1) - 2 (h(t + 1) - h(t)) d(t).
void rnnreg_changes_back(Int members, Int steps, Int batch, Int units, const float* h, Int h_member, const float* d,
                         float* dh) {
    for (Int m = 0; m < members; m++, h += h_member)
        changes_back(steps, batch, units, h, d + m * (steps - 1) * batch, dh + m * steps * batch * units);
}
// h (M, T, B, units), norms (M, T, B), d (M, T - 1, B), slopes (M, T, B): working memory, dh dense.
void rnnreg_norm_changes_back(Int members, Int steps, Int batch, Int units, const float* h, Int h_member, float least,
                              const float* norms, const float* d, float* slopes, float* dh) {
    Int rows = steps * batch;
    for (Int m = 0; m < members; m++)
        norm_changes_back(steps, batch, least, norms + m * rows, d + m * (rows - batch), slopes + m * rows);
    rnnreg_squares_back(members, rows, units, h, h_member, nullptr, 0, slopes, dh, nullptr);
}
}
