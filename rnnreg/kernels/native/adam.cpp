// One pass over a parameter for Adam, and sums of squares; see rnnreg/training/optimizers.py.

#include <cmath>
#include <cstdint>

// mean += first x (g - mean); square = kept x square + second x g^2; p -= size x mean / (sqrt(square) / root + epsilon).
static void adam(int64_t count, float* p, const float* gradient, float* mean, float* square,
                 float first, float kept, float second, float root, float epsilon, float size) {
    const float inverse = 1 / root;
    for (int64_t i = 0; i < count; i++) {
        const float g = gradient[i], m = mean[i] + first * (g - mean[i]);
        const float s = square[i] * kept + second * (g * g);
        mean[i] = m;
        square[i] = s;
        p[i] -= size * m / (std::sqrt(s) * inverse + epsilon);
    }
}

// Squares in double precision, in an order that does not depend on how they are handed over, as long
// as each block but the last is a multiple of PARTS.
struct Sum {
    static constexpr int PARTS = 16;
    double part[PARTS] = {}, rest = 0;

    void add(int64_t count, const float* values) {
        int64_t i = 0;
        for (; i + PARTS <= count; i += PARTS)
            for (int j = 0; j < PARTS; j++) part[j] += double(values[i + j]) * values[i + j];
        for (; i < count; i++) rest += double(values[i]) * values[i];
    }
    double total() const {
        double sum = rest;
        for (double each : part) sum += each;
        return sum;
    }
};

// Of each member's entries of all tensors, of which it has count[i]; in an order that does not depend
// on how many members there are. What there is of tensor i lies at [i].
extern "C" void rnnreg_sum_of_squares(int64_t members, int64_t tensors, const int64_t* count,
                                      const float** values, double* out) {
    for (int64_t m = 0; m < members; m++) {
        out[m] = 0;
        for (int64_t i = 0; i < tensors; i++) {
            Sum sum;
            sum.add(count[i], values[i] + m * count[i]);
            out[m] += sum.total();
        }
    }
}

// A step of all members, each of its own size, and the sums of squares of their gradients while these
// are at hand.
extern "C" void rnnreg_adam(int64_t members, int64_t tensors, const int64_t* count, float** p,
                            const float** gradient, float** mean, float** square, double* out,
                            const float* size, float first, float kept, float second, float root,
                            float epsilon) {
    // In floats: what is summed and stepped at once, and the cache lines that are fetched meanwhile; the
    // processor by itself stops at each page, and a large table is then a third slower.
    constexpr int64_t BLOCK = 4 * Sum::PARTS, AHEAD = 256, LINE = 16;
    for (int64_t m = 0; m < members; m++) {
        out[m] = 0;
        for (int64_t i = 0; i < tensors; i++) {
            Sum sum;
            const int64_t end = (m + 1) * count[i];
            for (int64_t at = m * count[i]; at < end; at += BLOCK) {
                const int64_t n = end - at < BLOCK ? end - at : BLOCK;
                for (int64_t ahead = at + AHEAD; ahead < at + AHEAD + n; ahead += LINE) {
                    __builtin_prefetch(gradient[i] + ahead);
                    __builtin_prefetch(p[i] + ahead, 1);
                    __builtin_prefetch(mean[i] + ahead, 1);
                    __builtin_prefetch(square[i] + ahead, 1);
                }
                sum.add(n, gradient[i] + at);
                adam(n, p[i] + at, gradient[i] + at, mean[i] + at, square[i] + at, first, kept,
                     second, root, epsilon, size[m]);
            }
            out[m] += sum.total();
        }
    }
}
