// Sums of squares over the units of each row, of differences too, and gradients: one pass each.

#include "vector.h"

// out[n] = sum over units of (a - b)^2; b may be null, for zero.
extern "C" void rnnreg_squares(Int rows, Int units, const float* a, const float* b, float* out) {
    for (Int n = 0; n < rows; n++, a += units, b += b ? units : 0) {
        V sum = {};
        for (Int i = 0; i < units; i += LANES) {
            V v = load(a + i, units - i);
            if (b) v -= load(b + i, units - i);
            sum += v * v;
        }
        out[n] = total(sum);
    }
}

// da = 2 (a - b) d and db = -da; b and db may be null.
extern "C" void rnnreg_squares_back(Int rows, Int units, const float* a, const float* b, const float* d, float* da,
                                    float* db) {
    for (Int n = 0; n < rows; n++, a += units, b += b ? units : 0, da += units, db += db ? units : 0)
        for (Int i = 0; i < units; i += LANES) {
            V v = load(a + i, units - i);
            if (b) v -= load(b + i, units - i);
            const V change = 2.0f * d[n] * v;
            store(da + i, change, units - i);
            if (db) store(db + i, -change, units - i);
        }
}

// h (T, B, units), d (T - 1, B): dh = 2 (h(t) - h(t - 1)) d(t - 1) - 2 (h(t + 1) - h(t)) d(t).
extern "C" void rnnreg_changes_back(Int steps, Int batch, Int units, const float* h, const float* d, float* dh) {
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
