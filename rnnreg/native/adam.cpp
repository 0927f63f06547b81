// One pass over a parameter for Adam, and sums of squares; see rnnreg/optimizers.py.

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

// Of all tensors of a model: what there is of tensor i lies at [i].
extern "C" void rnnreg_adam(int64_t tensors, const int64_t* count, float** p, const float** gradient,
                            float** mean, float** square, float first, float kept, float second,
                            float root, float epsilon, float size) {
    for (int64_t i = 0; i < tensors; i++)
        adam(count[i], p[i], gradient[i], mean[i], square[i], first, kept, second, root, epsilon,
             size);
}

static double sum_of_squares(int64_t count, const float* values) {
    constexpr int PARTS = 16;
    double part[PARTS] = {}, sum = 0;
    int64_t i = 0;
    for (; i + PARTS <= count; i += PARTS)
        for (int j = 0; j < PARTS; j++) part[j] += double(values[i + j]) * values[i + j];
    for (; i < count; i++) sum += double(values[i]) * values[i];
    for (double each : part) sum += each;
    return sum;
}

// Of each member's entries of all tensors, of which it has count[i]; in an order that does not depend
// on how many members there are.
extern "C" void rnnreg_sum_of_squares(int64_t members, int64_t tensors, const int64_t* count,
                                      const float** values, double* out) {
    for (int64_t m = 0; m < members; m++) {
        out[m] = 0;
        for (int64_t i = 0; i < tensors; i++) out[m] += sum_of_squares(count[i], values[i] + m * count[i]);
    }
}
