// Masks from random bits: SplitMix64 as in rnnreg/kernels/noise.py, four draws of 16 bits a word.

#include <algorithm>
#include <cstdint>
#include <cstring>

static inline uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// out[i] = the key of (seeds[i], step, site), as `keys` in rnnreg/kernels/noise.py has it.
extern "C" void rnnreg_keys(int64_t count, const int64_t* seeds, int64_t step, int64_t site, uint64_t* out) {
    constexpr uint64_t GAMMA = 0x9E3779B97F4A7C15ull;
    for (int64_t i = 0; i < count; i++)
        out[i] = mix(mix(mix(uint64_t(seeds[i] + 1) * GAMMA) + uint64_t(step + 2) * GAMMA) ^ uint64_t(site));
}

// out[m, i] = below[m] where draw i of member m is under cut[m], else above[m].
extern "C" void rnnreg_choose(int64_t members, int64_t count, const uint64_t* keys, const int16_t* cut,
                              const float* below, const float* above, float* out) {
    constexpr int64_t WORDS = 256;
    uint64_t words[WORDS];
    int16_t draws[4 * WORDS];
    for (int64_t m = 0; m < members; m++, out += count)
        for (int64_t start = 0; start < count; start += 4 * WORDS) {
            for (int64_t i = 0; i < WORDS; i++)
                words[i] = mix(keys[m] + uint64_t(start / 4 + i + 1) * 0x9E3779B97F4A7C15ull);
            std::memcpy(draws, words, sizeof(words));
            const int64_t here = std::min(4 * WORDS, count - start);
            const float low = below[m], high = above[m];
            const int16_t limit = cut[m];
            for (int64_t i = 0; i < here; i++) out[start + i] = draws[i] < limit ? low : high;
        }
}
