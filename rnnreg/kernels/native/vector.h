// Vectors of floats, as wide as the processor's, and what is computed on them. NaN stays NaN.

#pragma once

#include <cstdint>

#if defined(__AVX512F__)
#define LANES 16
#define REGISTERS 24  // accumulators of a product: of 32, operands need some
#elif defined(__AVX__)
#define LANES 8
#define REGISTERS 12
#else
#define LANES 4
#define REGISTERS 12
#endif
#if defined(__AVX512F__) || defined(__AVX__)
#include <immintrin.h>
#endif

typedef float V __attribute__((vector_size(4 * LANES), may_alias));
typedef float Loose __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t I __attribute__((vector_size(4 * LANES), may_alias));
typedef int64_t Int;

static inline V all(float value) { return value - V{}; }
static inline V load(const float* p) { return *reinterpret_cast<const Loose*>(p); }
static inline void store(float* p, V v) { *reinterpret_cast<Loose*>(p) = v; }

static inline I first(Int count) {  // all bits of the first lanes, none of the others
    I lane;
    for (int i = 0; i < LANES; i++) lane[i] = i;
    return lane < int32_t(count);
}

static inline V masked(V v, Int count) { return (V)((I)v & first(count)); }

// The last units of a row, fewer than LANES, and what the other lanes hold.
static inline V load(const float* p, Int count, V rest = V{}) {
    if (count >= LANES) return load(p);
#if defined(__AVX512F__)
    return (V)_mm512_mask_loadu_ps((__m512)rest, (1u << count) - 1, p);
#elif defined(__AVX__)
    I own = first(count);
    return (V)(((I)_mm256_maskload_ps(p, (__m256i)own) & own) | ((I)rest & ~own));
#else
    for (Int i = 0; i < count; i++) rest[i] = p[i];
    return rest;
#endif
}

static inline void store(float* p, V v, Int count) {
    if (count >= LANES) return store(p, v);
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(p, (1u << count) - 1, (__m512)v);
#elif defined(__AVX__)
    _mm256_maskstore_ps(p, (__m256i)first(count), (__m256)v);
#else
    for (Int i = 0; i < count; i++) p[i] = v[i];
#endif
}

static inline float total(V v) {  // of all lanes, by halves: as many sums one after another would wait
    float sums[LANES];
    store(sums, v);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) sums[i] += sums[i + half];
    return sums[0];
}

static inline V reciprocal(V v) {  // an estimate and steps of Newton
#if defined(__AVX512F__)
    V y = (V)_mm512_rcp14_ps((__m512)v);
#elif defined(__AVX__)
    V y = (V)_mm256_rcp_ps((__m256)v);
    y = y + y * (1.0f - v * y);
#else
    V y = 1.0f / v;
#endif
    return y + y * (1.0f - v * y);
}

static inline V clamp(V x, float limit) {  // NaN passes
#if defined(__AVX512F__)
    return (V)_mm512_max_ps((__m512)all(-limit), _mm512_min_ps((__m512)all(limit), (__m512)x));
#else
    x = x > limit ? all(limit) : x;
    return x < -limit ? all(-limit) : x;
#endif
}

static inline V lerp(V from, V to, V share) {  // exact where share is 0 or 1
    V way = to - from;
    return share < 0.5f ? from + share * way : to - (1.0f - share) * way;
}

// exp(x) - 1 = s p + (s - 1) with s = 2^n, x = n log 2 + r, p = exp(r) - 1. The polynomial is the
// best of degree 6 for the relative error of p on +-log(2)/2: 1.3e-8.
static inline V expm1_parts(V x, V& s) {
    const float shift = 12582912.0f + 127;  // 1.5 x 2^23: adding it rounds to a whole number
    V shifted = x * 1.44269504088896341f + shift;
    V n = shifted - shift;
    V r = x - n * 0.693359375f;  // of few digits, so that the product is exact
    r = r + n * 2.12194440e-4f;
    s = (V)((I)shifted << 23);
    V q = r * 0.0013882520f + 0.0083665272f;
    q = q * r + 0.0416672001f;
    q = q * r + 0.1666654357f;
    q = q * r + 0.4999999815f;
    return r * r * q + r;
}

static inline V exp(V x) {
    V s, p = expm1_parts(clamp(x, 87.0f), s);
    return s * p + s;
}

static inline V sigmoid(V x) {
    V s, p = expm1_parts(-clamp(x, 80.0f), s);
    return reciprocal(s * p + (s + 1.0f));
}

static inline V tanh(V x) {
    V s, p = expm1_parts(2.0f * clamp(x, 15.0f), s);
    V e = s * p + (s - 1.0f);
    return e * reciprocal(e + 2.0f);
}
