// Register-blocked products of small matrices.

#pragma once

#include <algorithm>
#include <type_traits>

#include "vector.h"

// acc[row][first + v] += sum over k of a[row, k] w[k, v]; everything in registers.
template <int ROWS, int SLOTS, int FIRST, int COUNT>
static inline __attribute__((always_inline)) void product(
    V (&acc)[ROWS][SLOTS], const float* a, Int row_stride, Int k_stride, Int depth, const float* w,
    Int w_stride) {
    for (Int k = 0; k < depth; k++, a += k_stride, w += w_stride) {
        V column[COUNT];
#pragma GCC unroll 8
        for (int v = 0; v < COUNT; v++) column[v] = *reinterpret_cast<const V*>(w + v * LANES);
#pragma GCC unroll 24
        for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 8
            for (int v = 0; v < COUNT; v++) acc[row][FIRST + v] += a[row * row_stride] * column[v];
    }
}

template <int SIZE>
using Number = std::integral_constant<int, SIZE>;

template <int SIZE, class F>
static inline void call(int size, F&& f) {
    if constexpr (SIZE == 1) {
        f(Number<1>{});
    } else {
        if (size == SIZE) return f(Number<SIZE>{});
        call<SIZE - 1>(size, f);
    }
}

// f(size, first) over tiles of at most MOST that are as even as can be.
template <int MOST, class F>
static inline void tiles(Int count, F&& f) {
    Int number = (count + MOST - 1) / MOST;
    for (Int i = 0; i < number; i++) {
        Int first = count * i / number, size = count * (i + 1) / number - first;
        call<MOST>(int(size), [&](auto exact) { f(exact, first); });
    }
}

constexpr int most_rows(int columns) { return std::min(12, REGISTERS / columns); }
constexpr int BLOCKS = REGISTERS > 12 ? 4 : 2;  // vectors a tile is wide; of 16 registers 12 + 2 + 1 are in use

// f(width, first) over columns. With pairs, three are one tile rather than two and one: of a single row and
// column a compiler may leave multiplication and addition two, and round twice.
template <class F>
static inline void across(Int columns, F&& f) {
    Int number = BLOCKS > 2 ? (columns + BLOCKS - 1) / BLOCKS : std::max<Int>(1, columns / BLOCKS);
    for (Int i = 0; i < number; i++) {
        Int first = columns * i / number, size = columns * (i + 1) / number - first;
        call<std::max(BLOCKS, 3)>(int(size), [&](auto exact) { f(exact, first); });
    }
}

struct Panel {  // the right operand of a product: `columns` vectors wide, `depth` deep
    const float* data;
    Int depth, columns;
    Int stride;  // from row to row; 0: packed tile by tile (see `pack`)
};

// c[row, column] (+)= sum over k of a[row, k] panel[k, column]; c is padded.
static void multiply(bool add, const float* a, Int row_stride, Int k_stride, Int rows, Panel p,
                     float* c, Int c_stride) {
    across(p.columns, [&](auto width, Int first) {
        constexpr int W = width;
        const float* w = p.data + first * LANES * (p.stride ? 1 : p.depth);
        Int w_stride = p.stride ? p.stride : W * LANES;
        tiles<most_rows(W)>(rows, [&](auto height, Int row) {
            constexpr int R = height;
            V acc[R][W] = {};
            product<R, W, 0, W>(acc, a + row * row_stride, row_stride, k_stride, p.depth, w, w_stride);
            for (int r = 0; r < R; r++)
                for (int v = 0; v < W; v++) {
                    V* to = reinterpret_cast<V*>(c + (row + r) * c_stride + (first + v) * LANES);
                    *to = add ? *to + acc[r][v] : acc[r][v];
                }
        });
    });
}
