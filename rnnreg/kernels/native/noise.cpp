// Masks and normal numbers from random bits: SplitMix64 as in rnnreg/kernels/noise.py.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#if defined(__AVX2__) && !defined(__AVX512DQ__)  // which multiplies 64 bits by itself
#define HALVES
#include <immintrin.h>
#endif

static inline uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

constexpr uint64_t GAMMA = 0x9E3779B97F4A7C15ull;
constexpr int64_t WORDS = 256;

#ifdef HALVES
// x times a constant, which is given with its halves swapped, too: AVX2 multiplies halves alone.
static inline __m256i times(__m256i x, uint64_t constant, uint64_t swapped) {
    const __m256i upper = _mm256_set1_epi64x(int64_t(0xFFFFFFFF00000000ull));
    const __m256i crossed = _mm256_mullo_epi32(x, _mm256_set1_epi64x(int64_t(swapped)));  // what adds to upper halves
    const __m256i sum = _mm256_add_epi64(_mm256_slli_epi64(crossed, 32), _mm256_and_si256(crossed, upper));
    return _mm256_add_epi64(_mm256_mul_epu32(x, _mm256_set1_epi64x(int64_t(constant))), sum);
}

// `mix` of four up to its last step, which leaves the upper 31 bits as they are.
static inline __m256i most(__m256i z) {
    z = times(_mm256_xor_si256(z, _mm256_srli_epi64(z, 30)), 0xBF58476D1CE4E5B9ull, 0x1CE4E5B9BF58476Dull);
    return times(_mm256_xor_si256(z, _mm256_srli_epi64(z, 27)), 0x94D049BB133111EBull, 0x133111EB94D049BBull);
}

// at + a x GAMMA and so on.
static inline __m256i ahead(uint64_t at, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    return _mm256_set_epi64x(int64_t(at + d * GAMMA), int64_t(at + c * GAMMA), int64_t(at + b * GAMMA),
                             int64_t(at + a * GAMMA));
}
#endif

// Outputs first + 1 to first + WORDS of a key.
static inline void draw(uint64_t key, int64_t first, uint64_t* words) {
    uint64_t at = key + uint64_t(first + 1) * GAMMA;
#ifdef HALVES
    const __m256i step = _mm256_set1_epi64x(int64_t(4 * GAMMA));
    __m256i next = ahead(at, 0, 1, 2, 3);
    for (int64_t i = 0; i < WORDS; i += 4, next = _mm256_add_epi64(next, step)) {
        const __m256i z = most(next);
        _mm256_storeu_si256((__m256i*)(words + i), _mm256_xor_si256(z, _mm256_srli_epi64(z, 31)));
    }
#else
    for (int64_t i = 0; i < WORDS; i++, at += GAMMA) words[i] = mix(at);
#endif
}

// Odd multiples of 2^-24 between -1 and 1, exact, from the top 24 bits of outputs first + 1 to first + WORDS of a key.
static inline void odd(uint64_t key, int64_t first, float* x) {
#ifdef HALVES
    const uint64_t at = key + uint64_t(first + 1) * GAMMA;
    const __m256i step = _mm256_set1_epi64x(int64_t(8 * GAMMA));
    __m256i one = ahead(at, 0, 1, 4, 5), other = ahead(at, 2, 3, 6, 7);  // so that their upper halves are in order
    for (int64_t i = 0; i < WORDS; i += 8, one = _mm256_add_epi64(one, step), other = _mm256_add_epi64(other, step)) {
        const __m256 upper = _mm256_shuffle_ps(_mm256_castsi256_ps(most(one)), _mm256_castsi256_ps(most(other)), 0xDD);
        const __m256i twice = _mm256_or_si256(_mm256_srli_epi32(_mm256_castps_si256(upper), 7), _mm256_set1_epi32(1));
        const __m256 value = _mm256_cvtepi32_ps(_mm256_sub_epi32(twice, _mm256_set1_epi32(1 << 24)));
        _mm256_storeu_ps(x + i, _mm256_mul_ps(value, _mm256_set1_ps(1.0f / (1 << 24))));
    }
#else
    uint64_t words[WORDS];
    draw(key, first, words);
    for (int64_t i = 0; i < WORDS; i++) x[i] = float(2 * int32_t(words[i] >> 40) + 1 - (1 << 24)) * (1.0f / (1 << 24));
#endif
}

// out[i] = the key of (seeds[i], step, site), as `keys` in rnnreg/kernels/noise.py has it.
extern "C" void rnnreg_keys(int64_t count, const int64_t* seeds, int64_t step, int64_t site, uint64_t* out) {
    for (int64_t i = 0; i < count; i++)
        out[i] = mix(mix(mix(uint64_t(seeds[i] + 1) * GAMMA) + uint64_t(step + 2) * GAMMA) ^ uint64_t(site));
}

// Where draw i of member m is under p[m], rounded to 1/65536: out[m, i] is 0, else 1 / (1 - p[m]) (dropout), or 1,
// else 0. Four draws of 16 bits a word of keys[of[m]]; they hold no 65536, so that p = 1 has one value alone.
extern "C" void rnnreg_mask(int64_t members, int64_t count, const uint64_t* keys, const int64_t* of, const double* p,
                            bool dropout, float* out) {
    uint64_t words[WORDS];
    int16_t draws[4 * WORDS];
    for (int64_t m = 0; m < members; m++, out += count) {
        const double cut = std::clamp(std::nearbyint(p[m] * 65536), 0.0, 65536.0);
        const bool all = cut > 65535;
        const int16_t limit = cut >= 0 ? int16_t(int32_t(std::min(cut, 65535.0)) - 32768) : 0;  // p may be NaN
        const float low = dropout ? 0.0f : 1.0f;
        const float high = dropout ? (all ? 0.0f : float(65536 / (65536 - cut))) : float(all);
        const uint64_t key = keys[of[m]];
        for (int64_t start = 0; start < count; start += 4 * WORDS) {
            draw(key, start / 4, words);
            std::memcpy(draws, words, sizeof(words));
            const int64_t here = std::min(4 * WORDS, count - start);
            for (int64_t i = 0; i < here; i++) out[start + i] = draws[i] < limit ? low : high;
        }
    }
}

// log x for a normal x > 0. The polynomial in m - 1, sqrt(1/2) <= m < sqrt(2), is the best of its degree for
// (log m - (m - 1)) / (m - 1)^2: 1.5e-7.
static inline float log_of(float x) {
    int32_t bits, mantissa;
    std::memcpy(&bits, &x, 4);
    int32_t exponent = (bits - 0x3F3504F3) >> 23;
    mantissa = bits - exponent * (1 << 23);
    float m;
    std::memcpy(&m, &mantissa, 4);
    float r = m - 1.0f;
    float q = r * 0.0922664180f - 0.143522993f;
    q = q * r + 0.147750095f;
    q = q * r - 0.165620208f;
    q = q * r + 0.199744597f;
    q = q * r - 0.250020593f;
    q = q * r + 0.333336413f;
    q = q * r - 0.499999940f;
    return float(exponent) * 0.693147181f + (q * r * r + r);
}

// The standard normal quantile of (1 + x) / 2, |x| < 1: x times a polynomial in w = -log(1 - x^2), and in
// sqrt(w) where w >= FAR, as in Giles 2012, Approximating the erfinv Function. The polynomials are the best of
// degree 8 for the relative error up to |x| = 1 - 2^-24: 9e-8.
constexpr float FAR = 5.0f;   // one of 300 is further out
constexpr int64_t SOME = 32;  // looked through together

static inline float near_of(float w) {
    float v = w - 2.5f;
    float p = v * 4.03546601e-8f + 4.86103943e-7f;
    p = p * v - 4.99056569e-6f;
    p = p * v - 6.21799290e-6f;
    p = p * v + 3.09150200e-4f;
    p = p * v - 1.77301012e-3f;
    p = p * v - 5.90817118e-3f;
    p = p * v + 0.348802656f;
    return p * v + 2.12331367f;
}

static inline float far_of(float w) {
    float s = std::sqrt(w) - 3.0f;
    float p = s * -2.94847890e-4f + 1.49033922e-4f;
    p = p * s + 1.92447705e-3f;
    p = p * s - 5.20129548e-3f;
    p = p * s + 8.10954906e-3f;
    p = p * s - 1.07780918e-2f;
    p = p * s + 1.33496895e-2f;
    p = p * s + 1.41658103f;
    return p * s + 4.00643444f;
}

// Standard normal numbers of outputs first + 1 to first + WORDS of a key. Loops of one step each: in one loop a
// processor waits for the results of a number before it begins with the next but two.
static inline void normals(uint64_t key, int64_t first, float* out) {
    float x[WORDS], w[WORDS];
    odd(key, first, x);
    for (int64_t i = 0; i < WORDS; i++) {
        float a = std::fabs(x[i]);
        w[i] = -log_of((1.0f - a) * (1.0f + a));
    }
    for (int64_t i = 0; i < WORDS; i++) out[i] = near_of(w[i]);
    for (int64_t start = 0; start < WORDS; start += SOME) {
        int32_t far = 0;
        for (int64_t i = start; i < start + SOME; i++) far += w[i] >= FAR;
        if (far)
            for (int64_t i = start; i < start + SOME; i++) out[i] = w[i] < FAR ? out[i] : far_of(w[i]);
    }
    for (int64_t i = 0; i < WORDS; i++) out[i] *= x[i];
}

// use(at, unit, some, numbers): some standard normal numbers of a member, from number `at` on, for units side by side.
template <class Use>
static inline void runs(uint64_t key, int64_t count, int64_t units, Use use) {
    float standard[WORDS];
    for (int64_t start = 0; start < count; start += WORDS) {
        const int64_t end = std::min(start + WORDS, count);
        normals(key, start, standard);
        for (int64_t at = start, some; at < end; at += some) {
            some = std::min(units - at % units, end - at);
            use(at, at % units, some, standard + (at - start));
        }
    }
}

// out[m, i] = mean + deviation[m, i % units] x a standard normal number, from word i of member m.
extern "C" void rnnreg_normal(int64_t members, int64_t count, int64_t units, const uint64_t* keys, float mean,
                              const float* deviation, float* out) {
    for (int64_t m = 0; m < members; m++, out += count, deviation += units) {
        const float times = deviation[0];
        if (units == 1)
            runs(keys[m], count, count, [=](int64_t at, int64_t, int64_t some, const float* numbers) {
                for (int64_t i = 0; i < some; i++) out[at + i] = mean + times * numbers[i];
            });
        else
            runs(keys[m], count, units, [=](int64_t at, int64_t unit, int64_t some, const float* numbers) {
                for (int64_t i = 0; i < some; i++) out[at + i] = mean + deviation[unit + i] * numbers[i];
            });
    }
}

// out[m, unit] = the sum of a[m, i] x b[m, i] over i of a unit.
extern "C" void rnnreg_unit_sums(int64_t members, int64_t count, int64_t units, const float* a, const float* b,
                                 float* out) {
    std::fill(out, out + members * units, 0.0f);
    for (int64_t m = 0; m < members; m++, out += units)
        for (int64_t i = 0; i < count; i += units, a += units, b += units)
            for (int64_t unit = 0; unit < units; unit++) out[unit] += a[unit] * b[unit];
}
