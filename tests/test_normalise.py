"""Normalised pre-activations against their papers' equations, written out with numpy."""

import numpy as np
import pytest
import torch
from test_native import CELLS, case, each, needed

from rnnreg.kernels.native import normalise as native
from rnnreg.kernels.normalise import (
    EPSILON,
    KINDS,
    Norm,
    follow,
    parameters,
    statistics_shape,
)
from rnnreg.kernels.unroll import path, plain_normalised, unroll_normalised
from rnnreg.study import registry


def normalised_case(kind, cell, shape, seed=0, sites="none"):
    """As `case`, with gains among the weights; in double precision, without gradients back."""
    x, weights, state, masks, _ = case(cell, *shape, sites, seed)
    members, hidden = shape[0], shape[-1]
    g = torch.Generator().manual_seed(seed + 1)
    for name, size in parameters(kind, cell, hidden).items():
        weights[name] = torch.rand(members, *size, generator=g) + 0.5
    weights = {n: w.double() for n, w in weights.items()}
    masks = each(lambda m: m.double() if isinstance(m, torch.Tensor) else m, masks)
    return x.double(), weights, tuple(s.double() for s in state), masks


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


ELMAN = {
    "elman_tanh": np.tanh, "elman_relu": lambda z: np.maximum(z, 0), "elman_sigmoid": sigmoid
}  # fmt: skip
GATES = {"gru": sigmoid, "gru_tanh": np.tanh}


def over_units(z, gates):
    """Each row of each group of gates by its own mean and variance."""
    out, start, hidden = np.empty_like(z), 0, z.shape[1] // sum(gates)
    for count in gates:
        end = start + count * hidden
        for row in range(len(z)):
            own = z[row, start:end]
            mean = sum(own) / len(own)
            variance = sum((v - mean) ** 2 for v in own) / len(own)
            out[row, start:end] = (own - mean) / np.sqrt(variance + EPSILON)
        start = end
    return out


def over_rows(z, counted):
    """Each column by the mean and variance of the rows that count; the others become zero."""
    out = np.empty_like(z)
    for unit in range(z.shape[1]):
        own = [z[row, unit] for row in range(len(z)) if counted[row]]
        mean = sum(own) / max(len(own), 1)
        variance = sum((v - mean) ** 2 for v in own) / max(len(own), 1)
        out[:, unit] = np.array(counted) * (z[:, unit] - mean) / np.sqrt(variance + EPSILON)
    return out


def by_hand(kind, cell, x, weights, state, length):
    """h of every step of one member, (T, B, H)."""
    w = {n: v.numpy() for n, v in weights.items()}
    steps, batch, _ = x.shape
    gates = cell.together or (cell.gates,)
    h, *rest = (s.numpy() for s in state)
    outputs = []
    products = [x[t].numpy() @ w["input"].T for t in range(steps)]
    if kind == "sequence":
        counted = [t < length[b] for t in range(steps) for b in range(batch)]
        products = np.split(over_rows(np.concatenate(products), counted), steps)
    for t in range(steps):
        rows = [t < n for n in length]
        normal = {
            "layer": over_units,
            "batch": lambda z, gates, rows=rows: over_rows(z, rows),
            "sequence": lambda z, gates: z,
        }[kind]
        a = w["input_gain"] * normal(products[t], gates) + w["bias"]
        r = w.get("recurrent_gain", 1.0) * normal(h @ w["recurrent"].T, gates)
        if cell.name in GATES:
            gate = GATES[cell.name]
            r[:, -h.shape[1] :] += w["recurrent_bias"]
            (ar, az, an), (rr, rz, rn) = np.split(a, 3, 1), np.split(r, 3, 1)
            n, z = np.tanh(an + gate(ar + rr) * rn), gate(az + rz)
            h = (1 - z) * n + z * h
        elif cell.name == "lstm":
            i, f, g, o = np.split(a + r, 4, 1)
            rest[0] = sigmoid(f) * rest[0] + sigmoid(i) * np.tanh(g)
            seen = normal(rest[0], (1,))
            if kind != "sequence":
                seen = w["cell_gain"] * seen + w["cell_bias"]
            h = sigmoid(o) * np.tanh(seen)
        else:
            h = ELMAN[cell.name](a + r)
        outputs.append(h)
    return np.stack(outputs)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_values_are_those_of_the_equations(name, kind):
    cell = registry.load("cell", name)
    x, weights, state, masks = normalised_case(kind, cell, (2, 5, 4, 3, 6))
    length = torch.tensor([[5, 2, 3, 1], [4, 4, 4, 2]])
    norm = Norm(kind, length)
    output, _, _ = plain_normalised(cell, x, weights, state, masks, norm)
    for m in range(2):
        own = {n: w[m] for n, w in weights.items()}
        wanted = by_hand(kind, cell, x[m], own, [s[m] for s in state], length[m].tolist())
        np.testing.assert_allclose(output[m].numpy(), wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_gradients_are_finite_differences(name, kind):
    if name == "elman_relu":
        pytest.skip("a kink")
    cell = registry.load("cell", name)
    x, weights, state, masks = normalised_case(kind, cell, (1, 2, 4, 1, 3), sites="all")
    length = torch.tensor([[2, 1, 1, 2]])
    leaves = [t.requires_grad_() for t in (x, *weights.values(), *state)]

    def outputs(x, *rest):
        own = dict(zip(weights, rest, strict=False))
        output, last, _ = plain_normalised(
            cell, x, own, rest[len(weights) :], masks, Norm(kind, length)
        )
        return output, *last

    assert torch.autograd.gradcheck(outputs, leaves, atol=1e-4)


@pytest.mark.parametrize("kind", ["batch", "sequence"])
@pytest.mark.parametrize("name", CELLS)
def test_statistics_of_the_batch_given_back_compute_the_same(name, kind):
    cell = registry.load("cell", name)
    steps = 1 if kind == "sequence" else 5
    given = normalised_case(kind, cell, (2, 5, 4, 3, 6), sites="recurrent")
    output, last, seen = unroll_normalised(cell, *given, Norm(kind, steps=steps))
    assert seen.shape == (2, *statistics_shape(kind, cell, 6, steps))
    assert not seen.requires_grad
    again, state, none = unroll_normalised(cell, *given, Norm(kind, statistics=seen))
    assert none is None
    for a, b in zip((again, *state), (output, *last), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_steps_after_the_last_use_its_statistics_and_those_not_reached_are_unknown():
    cell = registry.load("cell", "lstm")
    given = normalised_case("batch", cell, (1, 4, 5, 3, 6))
    _, _, seen = plain_normalised(cell, *given, Norm("batch", steps=2))
    _, _, all_seen = plain_normalised(cell, *given, Norm("batch", steps=7))
    assert torch.equal(seen, all_seen[:, :2])
    assert all_seen[:, :4].isfinite().all()
    assert all_seen[:, 4:].isnan().all()
    short, _, _ = plain_normalised(cell, *given, Norm("batch", statistics=seen))
    repeated = seen[:, [0, 1, 1, 1]]
    long, _, _ = plain_normalised(cell, *given, Norm("batch", statistics=repeated))
    assert torch.equal(short, long)
    running = torch.zeros_like(all_seen)
    assert torch.equal(follow(running, all_seen, 1.0)[:, 4:], running[:, 4:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_padding_reaches_no_statistics(name, kind):
    cell = registry.load("cell", name)
    x, weights, state, masks = normalised_case(kind, cell, (2, 5, 4, 3, 6))
    length = torch.tensor([[5, 2, 3, 1]])
    norm = Norm(kind, length, steps=5)
    output, _, seen = plain_normalised(cell, x, weights, state, masks, norm)
    other = x.clone()
    counted = (torch.arange(5)[:, None] < length)[..., None]  # (1, T, B, 1)
    other[~counted.expand_as(x)] = 100.0
    found, _, same = plain_normalised(cell, other, weights, state, masks, norm)
    assert torch.equal(found * counted, output * counted)
    if kind != "layer":
        assert torch.equal(seen.nan_to_num(), same.nan_to_num())


def native_normalised(cell, x, weights, state, masks, norm):
    shape = statistics_shape(norm.kind, cell, weights["recurrent"].shape[-1], norm.steps)
    shape = None if norm.kind == "layer" else shape
    return native.unroll(cell.name, x, weights, state, masks, norm, shape)


LOOPS = [plain_normalised, pytest.param(native_normalised, marks=needed)]


def single(given):
    """The same in single precision."""
    x, weights, state, masks = given
    to = lambda t: t.float() if isinstance(t, torch.Tensor) else t  # noqa: E731
    return to(x), {n: to(w) for n, w in weights.items()}, tuple(map(to, state)), each(to, masks)


def everything(loop, cell, given, norm):
    """Outputs, last state, statistics and all gradients; those of what is padding are zero."""
    x, weights, state, masks = given
    leaves = [t.detach().clone().requires_grad_() for t in (x, *weights.values(), *state)]
    own = dict(zip(weights, leaves[1:], strict=False))
    rest = tuple(leaves[1 + len(weights) :])
    output, last, seen = loop(cell, leaves[0], own, rest, masks, norm)
    total = output.sin() + output
    if norm.length is not None:
        total = total * (torch.arange(x.shape[1])[:, None] < norm.length[:, None])[..., None]
        last = ()
    total = total.sum() + sum(s.sum() for s in last)
    seen = () if seen is None else (seen.nan_to_num(7.0),)
    return [
        output.detach(),
        *(s.detach() for s in last),
        *seen,
        *torch.autograd.grad(total, leaves),
    ]


@needed
@pytest.mark.parametrize("kind", ["layer", "batch"])
@pytest.mark.parametrize("name", CELLS)
def test_few_units_over_many_steps_fit_into_the_memory_that_is_asked_for(name, kind):
    """Where they do not, the compiled loop aborts, and this process with it."""
    given = normalised_case(kind, registry.load("cell", name), (1, 2048, 1, 1, 8))
    everything(native_normalised, registry.load("cell", name), single(given), Norm(kind))


@needed
@pytest.mark.parametrize("shape", [(2, 5, 9, 4, 7), (1, 1, 4, 1, 3), (2, 4, 33, 20, 65)])
@pytest.mark.parametrize("sites", ["none", "all", "input"])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_the_compiled_loop_is_the_plain_one(name, kind, padded, sites, shape):
    """As near as single precision lets the plain loop itself be: few rows make steep gradients."""
    cell = registry.load("cell", name)
    given = normalised_case(kind, cell, shape, sites=sites)
    _, steps, batch, *_ = shape
    length = (torch.arange(batch) % steps + 1)[None] if padded else None
    norm = Norm(kind, length, steps=3)
    found = everything(native_normalised, cell, single(given), norm)
    rounded = everything(plain_normalised, cell, single(given), norm)
    wanted = everything(plain_normalised, cell, given, norm)
    for a, b, exact in zip(found, rounded, wanted, strict=True):
        size = max(float(exact.abs().max()), 0.1)
        allowed = max(1e-5 * size, 10 * float((b - exact).abs().max()))
        torch.testing.assert_close(a.double(), exact, rtol=0, atol=allowed)


@needed
@pytest.mark.parametrize("kind", ["batch", "sequence"])
@pytest.mark.parametrize("name", CELLS)
def test_the_compiled_loop_takes_given_statistics_with_gradients_and_without(name, kind):
    cell = registry.load("cell", name)
    given = normalised_case(kind, cell, (2, 5, 9, 4, 7), sites="recurrent")
    _, _, seen = plain_normalised(cell, *given, Norm(kind, steps=3))
    norm = Norm(kind, statistics=seen.float())
    found = everything(native_normalised, cell, single(given), norm)
    wanted = everything(plain_normalised, cell, given, Norm(kind, statistics=seen))
    for a, b in zip(found, wanted, strict=True):
        size = max(float(b.abs().max()), 0.1)
        torch.testing.assert_close(a.double(), b, rtol=0, atol=3e-5 * size)
    with torch.no_grad():
        output, last, none = native_normalised(cell, *single(given), norm)
    assert none is None
    for a, b in zip((output, *last), found, strict=False):
        assert torch.equal(a, b)


@needed
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_without_gradients_the_compiled_loop_computes_the_same(name, kind):
    cell = registry.load("cell", name)
    given = single(normalised_case(kind, cell, (2, 5, 9, 4, 18), sites="all"))
    found = everything(native_normalised, cell, given, Norm(kind))
    with torch.no_grad():
        output, last, _ = native_normalised(cell, *given, Norm(kind))
    for a, b in zip((output, *last), found, strict=False):
        assert torch.equal(a, b)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CELLS)
def test_a_member_is_alone_to_the_last_bit(name, kind, loop):
    cell = registry.load("cell", name)
    x, weights, state, masks = single(normalised_case(kind, cell, (3, 6, 5, 4, 18), sites="all"))
    weights["recurrent"][2] = torch.nan  # a neighbour
    together = everything(loop, cell, (x, weights, state, masks), Norm(kind))
    one = lambda m: m[1:2] if isinstance(m, torch.Tensor) else m  # noqa: E731
    own = one(x), {n: one(w) for n, w in weights.items()}, tuple(map(one, state)), each(one, masks)
    for a, b in zip(together, everything(loop, cell, own, Norm(kind)), strict=True):
        assert torch.equal(a[1:2], b)


@needed
@pytest.mark.parametrize("kind", KINDS)
def test_records_name_the_path_of_a_normalised_layer(kind):
    cell = registry.load("cell", "gru")
    assert path(cell, torch.device("cpu"), kind) == "native"
    assert path(cell, torch.device("meta"), kind) == "plain"

    class Apart(cell):
        together = (1, 1, 1)  # not what the compiled loop joins

    Apart.name = "gru"
    assert path(Apart, torch.device("cpu")) == "native"
    if kind == "layer":
        with pytest.warns(UserWarning, match=r"cells/gru.py no longer says what"):
            assert path(Apart, torch.device("cpu"), kind) == "plain"


@needed
def test_unroll_takes_the_compiled_loop_in_single_precision(monkeypatch):
    cell, calls = registry.load("cell", "lstm"), []
    path(cell, torch.device("cpu"), "batch")
    original = native.unroll
    monkeypatch.setattr(native, "unroll", lambda *a: calls.append(a) or original(*a))
    given = normalised_case("batch", cell, (2, 5, 4, 3, 6))
    found = unroll_normalised(cell, *single(given), Norm("batch", steps=5))
    assert len(calls) == 1
    wanted = unroll_normalised(cell, *given, Norm("batch", steps=5))
    assert len(calls) == 1  # double precision takes the plain loop
    torch.testing.assert_close(found[2].double(), wanted[2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loop", [plain_normalised, unroll_normalised])
@pytest.mark.parametrize("kind", ["batch", "sequence"])
def test_what_does_not_count_does_not_grow(kind, loop):
    """Thirty steps after the end of all sequences but one, and of all; rectified units."""
    cell = registry.load("cell", "elman_relu")
    x, weights, state, masks = normalised_case(kind, cell, (1, 60, 4, 3, 8))
    x, state = x.float(), tuple(s.float() for s in state)
    weights = {n: 3 * w.float() for n, w in weights.items()}
    norm = Norm(kind, torch.tensor([[30, 2, 1, 2]]), steps=60)
    leaves = [x.requires_grad_(), *(w.requires_grad_() for w in weights.values())]
    output, _, _ = loop(cell, x, weights, state, masks, norm)
    assert output.isfinite().all()
    counted = torch.arange(60)[:, None] < norm.length[0]
    grads = torch.autograd.grad(output[0][counted].sum(), leaves)
    assert all(g.isfinite().all() for g in grads)
    assert (grads[0][0][~counted] == 0).all()
    if kind == "batch":  # nothing is left but the bias
        bias = weights["bias"][0].relu()
        assert torch.equal(output[0][~counted], bias.expand(int((~counted).sum()), -1))
