// The cells. A cell is a struct: its slots (pre-activations of one unit), forward, and backward.
//
// A slot has a part from the inputs, a part from h, or both; the slots of each part lie next to each
// other. `gate` says which gate of the cell a slot belongs to, `x_groups` and `h_groups` how many
// slots of each part layer normalisation takes together.

#pragma once

#include "vector.h"

template <int SLOTS, int STATES, int KEPT, int X_FIRST, int X_COUNT, int H_FIRST, int H_COUNT>
struct Shape {
    static constexpr int slots = SLOTS, states = STATES, kept = KEPT;
    static constexpr int x_first = X_FIRST, x_count = X_COUNT, h_first = H_FIRST, h_count = H_COUNT;
};

// A function of a pre-activation, and what comes back through it, from its value.
struct Tanh {
    static V of(V a) { return tanh(a); }
    static V back(V d, V value) { return d * (1.0f - value * value); }
};

struct Sigmoid {
    static V of(V a) { return sigmoid(a); }
    static V back(V d, V value) { return d * value * (1.0f - value); }
};

template <class F>
struct Elman : Shape<1, 1, 1, 0, 1, 0, 1> {
    static constexpr int gate[] = {0}, x_groups[] = {1}, h_groups[] = {1};
    static void forward(const V* a, V update, V, const V*, V* kept, V* fresh) {
        kept[0] = F::of(a[0]);
        fresh[0] = update * kept[0];
    }
    static void backward(const V* kept, V update, V, const V*, V* grad, V* da, V* dold) {
        da[0] = F::back(grad[0] * update, kept[0]);
        dold[0] = V{};
    }
};

struct ElmanReLU : Shape<1, 1, 1, 0, 1, 0, 1> {
    static constexpr int gate[] = {0}, x_groups[] = {1}, h_groups[] = {1};
    static void forward(const V* a, V update, V, const V*, V* kept, V* fresh) {
        kept[0] = a[0] < 0.0f ? V{} : a[0];  // NaN passes
        fresh[0] = update * kept[0];
    }
    static void backward(const V* kept, V update, V, const V*, V* grad, V* da, V* dold) {
        V slope = kept[0] <= 0.0f ? V{} : all(1.0f);
        da[0] = grad[0] * update * slope;
        dold[0] = V{};
    }
};

template <class Gate>
struct GRU : Shape<4, 1, 4, 0, 3, 1, 3> {  // n's part from x; reset; z; n's part from h
    static constexpr int gate[] = {2, 0, 1, 2}, x_groups[] = {1, 2}, h_groups[] = {2, 1};
    static void forward(const V* a, V update, V, const V* old, V* kept, V* fresh) {
        V reset = Gate::of(a[1]), z = Gate::of(a[2]);
        V n = tanh(a[0] + reset * a[3]);
        kept[0] = n, kept[1] = reset, kept[2] = z, kept[3] = a[3];
        V candidate = update * n;
        fresh[0] = candidate + z * (old[0] - candidate);
    }
    static void backward(const V* kept, V update, V, const V* old, V* grad, V* da, V* dold) {
        V n = kept[0], reset = kept[1], z = kept[2];
        da[0] = Tanh::back(grad[0] * (1.0f - z) * update, n);
        da[3] = da[0] * reset;
        da[1] = Gate::back(da[0] * kept[3], reset);
        da[2] = Gate::back(grad[0] * (old[0] - update * n), z);
        dold[0] = grad[0] * z;
    }
};

struct LSTM : Shape<4, 2, 5, 0, 4, 0, 4> {  // i, f, g, o
    static constexpr int gate[] = {0, 1, 2, 3}, x_groups[] = {4}, h_groups[] = {4};
    static void forward(const V* a, V update, V mask, const V* old, V* kept, V* fresh) {
        remember(a, update, mask, old, kept, fresh);
        read(fresh[1], kept, fresh);
    }
    static void backward(const V* kept, V update, V mask, const V* old, V* grad, V* da, V* dold) {
        grad[1] += read_back(kept, grad);
        remember_back(kept, update, mask, old, grad, da, dold);
    }
    // In two halves, between which c may be normalised: the new c, and h from what it reads of c.
    static void remember(const V* a, V update, V mask, const V* old, V* kept, V* fresh) {
        V i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), o = sigmoid(a[3]);
        fresh[1] = mask * (f * old[1] + update * i * g);
        kept[0] = i, kept[1] = f, kept[2] = g, kept[3] = o;
    }
    static void read(V seen, V* kept, V* fresh) {
        kept[4] = tanh(seen);
        fresh[0] = kept[3] * kept[4];
    }
    static V read_back(const V* kept, const V* grad) {
        return grad[0] * kept[3] * (1.0f - kept[4] * kept[4]);
    }
    static void remember_back(const V* kept, V update, V mask, const V* old, const V* grad, V* da, V* dold) {
        V i = kept[0], f = kept[1], g = kept[2], o = kept[3], t = kept[4];
        V dc = mask * grad[1];
        V dig = dc * update;
        da[0] = dig * g * i * (1.0f - i);
        da[1] = dc * old[1] * f * (1.0f - f);
        da[2] = dig * i * (1.0f - g * g);
        da[3] = grad[0] * t * o * (1.0f - o);
        dold[0] = V{};
        dold[1] = dc * f;
    }
};
