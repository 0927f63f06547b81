// Cross-entropy of softmax and of sigmoid outputs, divergence of two softmaxes, and gradients: one pass each.

#include <algorithm>
#include <cmath>

#include "vector.h"

// f(values, index, how many count) over a row; what is beyond its end is very unlikely.
template <class F>
static inline void over(const float* row, int64_t classes, F&& f) {
    int64_t i = 0;
    for (; i + LANES <= classes; i += LANES) f(load(row + i), i, LANES);
    if (i < classes) f(load(row + i, classes - i, all(-3e38f)), i, classes - i);
}

static inline float highest(const float* row, int64_t classes) {
    V top = all(-3e38f);
    over(row, classes, [&](V v, int64_t, int64_t) { top = v > top ? v : top; });
    float found = top[0];
    for (int i = 1; i < LANES; i++) found = top[i] > found ? top[i] : found;
    return found;
}

// log sum exp(row - top)
static inline float log_sum(const float* row, int64_t classes, float top) {
    V sum = {};
    over(row, classes, [&](V v, int64_t, int64_t count) {
        V e = exp(v - top);
        sum += count < LANES ? masked(e, count) : e;
    });
    float whole = 0;
    for (int i = 0; i < LANES; i++) whole += sum[i];
    return std::log(whole);
}

// loss[n] = total[n] - logits[n, y[n]] with total = log sum exp; 1 where a y is no class.
extern "C" int rnnreg_cross_entropy(int64_t rows, int64_t classes, const float* logits, const int64_t* y,
                                    float* loss, float* total) {
    for (int64_t n = 0; n < rows; n++, logits += classes) {
        if (y[n] < 0 || y[n] >= classes) return 1;
        const float top = highest(logits, classes), more = log_sum(logits, classes, top);
        total[n] = top + more;
        loss[n] = (top - logits[y[n]]) + more;
    }
    return 0;
}

// dlogits = (softmax(logits) - [class is y]) x dloss
extern "C" void rnnreg_cross_entropy_back(int64_t rows, int64_t classes, const float* logits,
                                          const int64_t* y, const float* total, const float* dloss,
                                          float* dlogits) {
    for (int64_t n = 0; n < rows; n++, logits += classes, dlogits += classes) {
        over(logits, classes, [&](V v, int64_t i, int64_t count) {
            store(dlogits + i, exp(v - total[n]) * dloss[n], count);
        });
        dlogits[y[n]] -= dloss[n];
    }
}

// apart[n, 0] = sum p (log p - log q) and apart[n, 1] = sum q (log q - log p), p and q the softmax of a and b;
// totals[n] = log sum exp of both.
extern "C" void rnnreg_divergences(int64_t rows, int64_t classes, const float* a, const float* b, float* apart,
                                   float* totals) {
    for (int64_t n = 0; n < rows; n++, a += classes, b += classes, apart += 2, totals += 2) {
        const float top_a = highest(a, classes), top_b = highest(b, classes);
        V sum_a = {}, sum_b = {}, way_a = {}, way_b = {};
        over(a, classes, [&](V v, int64_t i, int64_t count) {
            V other = load(b + i, count), e_a = exp(v - top_a), e_b = exp(other - top_b), way = v - other;
            if (count < LANES) e_a = masked(e_a, count), e_b = masked(e_b, count);
            sum_a += e_a, sum_b += e_b;
            way_a += e_a * way, way_b += e_b * way;
        });
        const float of_a = top_a + std::log(total(sum_a)), of_b = top_b + std::log(total(sum_b));
        apart[0] = total(way_a) / total(sum_a) - (of_a - of_b);
        apart[1] = (of_a - of_b) - total(way_b) / total(sum_b);
        totals[0] = of_a, totals[1] = of_b;
    }
}

// da = (p (log p - log q - apart[0]) + p - q) x d and db = (q (log q - log p - apart[1]) + q - p) x d
extern "C" void rnnreg_divergences_back(int64_t rows, int64_t classes, const float* a, const float* b,
                                        const float* apart, const float* totals, const float* d, float* da, float* db) {
    for (int64_t n = 0; n < rows; n++, a += classes, b += classes, da += classes, db += classes)
        over(a, classes, [&](V v, int64_t i, int64_t count) {
            V log_p = v - totals[2 * n], log_q = load(b + i, count) - totals[2 * n + 1], way = log_p - log_q;
            V p = exp(log_p), q = exp(log_q);
            store(da + i, d[n] * (p * (way - apart[2 * n]) + p - q), count);
            store(db + i, d[n] * (q * (-way - apart[2 * n + 1]) + q - p), count);
        });
}

// loss[n] = sum over keys of max(x, 0) - x y + log(1 + exp(-|x|)), y 0 or 1. The logarithm is taken
// once, of the product; `lost` is what rounding took off its factors, each from 1 to 2.
extern "C" void rnnreg_binary_cross_entropy(int64_t rows, int64_t keys, const float* logits,
                                            const float* y, float* loss) {
    constexpr int64_t FACTORS = 64 * LANES;
    for (int64_t n = 0; n < rows; n++, logits += keys, y += keys) {
        V sum = {};
        double logs = 0;
        for (int64_t start = 0; start < keys; start += FACTORS) {
            V product = all(1.0f);
            over(logits + start, std::min(keys - start, FACTORS), [&](V x, int64_t i, int64_t count) {
                V size = x < 0.0f ? -x : x, positive = x < 0.0f ? V{} : x;
                V e = exp(-size), factor = 1.0f + e, lost = e - (factor - 1.0f);
                product *= factor;
                sum += positive - (count < LANES ? masked(x, count) : x) * load(y + start + i, count);
                sum += count < LANES ? masked(lost, count) : lost;
            });
            for (int i = 0; i < LANES; i += 4)  // of 256 factors at most: below 2^256
                logs += std::log(double(product[i]) * product[i + 1] * product[i + 2] * product[i + 3]);
        }
        for (int i = 0; i < LANES; i++) logs += sum[i];
        loss[n] = float(logs);
    }
}

// dlogits = (sigmoid(logits) - y) x dloss
extern "C" void rnnreg_binary_cross_entropy_back(int64_t rows, int64_t keys, const float* logits,
                                                 const float* y, const float* dloss, float* dlogits) {
    for (int64_t n = 0; n < rows; n++, logits += keys, y += keys, dlogits += keys)
        over(logits, keys, [&](V x, int64_t i, int64_t count) {
            store(dlogits + i, (sigmoid(x) - load(y + i, count)) * dloss[n], count);
        });
}
