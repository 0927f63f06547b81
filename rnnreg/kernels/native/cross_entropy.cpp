// Cross-entropy of softmax and of sigmoid outputs, and gradients: one pass each over the logits.

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

// loss[n] = total[n] - logits[n, y[n]] with total = log sum exp; 1 where a y is no class.
extern "C" int rnnreg_cross_entropy(int64_t rows, int64_t classes, const float* logits, const int64_t* y,
                                    float* loss, float* total) {
    for (int64_t n = 0; n < rows; n++, logits += classes) {
        if (y[n] < 0 || y[n] >= classes) return 1;
        V top = all(-3e38f), sum = {};
        over(logits, classes, [&](V v, int64_t, int64_t) { top = v > top ? v : top; });
        float highest = top[0];
        for (int i = 1; i < LANES; i++) highest = top[i] > highest ? top[i] : highest;
        over(logits, classes, [&](V v, int64_t, int64_t count) {
            V e = exp(v - highest);
            sum += count < LANES ? masked(e, count) : e;
        });
        float whole = 0;
        for (int i = 0; i < LANES; i++) whole += sum[i];
        const float more = std::log(whole);
        total[n] = highest + more;
        loss[n] = (highest - logits[y[n]]) + more;
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
