// Cross-entropy of softmax outputs, and its gradient, in one pass each over the logits.

#include <cmath>
#include <cstring>

#include "vector.h"

// f(values, index, how many count) over a row; what is beyond its end is very unlikely.
template <class F>
static inline void over(const float* row, int64_t classes, F&& f) {
    int64_t i = 0;
    for (; i + LANES <= classes; i += LANES) f(load(row + i), i, LANES);
    if (i == classes) return;
    V last = all(-3e38f);
    std::memcpy(&last, row + i, sizeof(float) * (classes - i));
    f(last, i, classes - i);
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
            for (int64_t i = count; i < LANES; i++) e[i] = 0;
            sum += e;
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
