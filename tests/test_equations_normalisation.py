"""Normalised networks against their papers' equations, written out with numpy."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_normalise import EPSILON, by_hand
from toys import setting

from rnnreg.study import registry
from rnnreg.training.population import Population

KINDS = {"layer_norm": "layer", "batch_norm": "batch", "batch_norm_input": "sequence"}
GAINS = {"layer_norm": 1.0, "batch_norm": 0.1, "batch_norm_input": 1.0}
each_name = pytest.mark.parametrize("name", KINDS)


@each_name
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman_tanh"])
def test_hidden_states_are_those_of_the_equations(name, cell):
    """Of both layers, on sequences of unequal length, with gains that are not all alike."""
    population = Population(setting("labels", cell, name), [1.0, 1.0], [1, 2])
    params = {n: p.double() for n, p in population.params.items()}
    for own in population.setting.network.own:
        params[own] += 0.3 * torch.linspace(-1, 1, params[own].numel()).view_as(params[own])
    batch = population.batches.train(0)
    trace = population.forward(population.reg, batch, None, params, population.noise)
    kind, cls = KINDS[name], registry.load("cell", cell)
    for m in range(2):
        x, length = trace.inputs[m], batch.length[m].tolist()
        for layer in range(2):
            own = {n[2:]: p[m] for n, p in params.items() if n.startswith(f"{layer}.")}
            state = [torch.zeros(x.shape[1], 10) for _ in range(cls.states)]
            wanted = by_hand(kind, cls, x, own, state, length)
            found = trace.hidden[layer][m]
            for b, steps in enumerate(length):
                np.testing.assert_allclose(found[:steps, b], wanted[:steps, b], rtol=0, atol=1e-9)
            x = found


def with_torch(cell: str, x: torch.Tensor, own: dict[str, torch.Tensor]) -> torch.Tensor:
    """The states of a layer, (T, B, H): a loop over products, each with a LayerNorm after it."""
    joined = {"lstm": [40], "gru": [20, 10]}[cell]  # gates that a norm takes together

    def normed(product, gain):
        parts = []
        for z, g in zip(product.split(joined, -1), gain.split(joined), strict=True):
            norm = torch.nn.LayerNorm(z.shape[-1], bias=False, dtype=z.dtype)
            parts.append(torch.func.functional_call(norm, {"weight": g}, (z,)))
        return torch.cat(parts, -1)

    of_c = torch.nn.LayerNorm(10, dtype=x.dtype)
    h = c = torch.zeros(x.shape[1], 10, dtype=x.dtype)
    states = []
    for below in x:
        a = normed(below @ own["input"].T, own["input_gain"]) + own["bias"]
        r = normed(h @ own["recurrent"].T, own["recurrent_gain"])
        if cell == "lstm":
            i, f, g, o = (a + r).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            given = {"weight": own["cell_gain"], "bias": own["cell_bias"]}
            h = o.sigmoid() * torch.func.functional_call(of_c, given, (c,)).tanh()
        else:
            reset, z = (a + r)[:, :20].sigmoid().chunk(2, -1)
            n = (a[:, 20:] + reset * (r[:, 20:] + own["recurrent_bias"])).tanh()
            h = (1 - z) * n + z * h
        states.append(h)
    return torch.stack(states)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_layer_norm_is_that_of_torch(cell, dtype):
    """Values and gradients, of both layers, by the compiled loop and in double precision."""
    population = Population(setting("series", cell, "layer_norm"), [1.0, 1.0], [1, 2])
    generator = torch.Generator().manual_seed(3)
    for own in population.setting.network.own:
        gains = population.params[own]
        gains += 0.3 * torch.randn(gains.shape, generator=generator)
    params = {n: p.to(dtype).requires_grad_() for n, p in population.params.items()}
    batch = population.batches.train(0)
    batch = replace(batch, x=batch.x.to(dtype))
    found = population.forward(population.reg, batch, None, params, population.noise).hidden[-1]
    x = [batch.x[min(m, len(batch.x) - 1)] for m in range(2)]
    for layer in range(2):
        for m in range(2):
            own = {n[2:]: p[m] for n, p in params.items() if n.startswith(f"{layer}.")}
            x[m] = with_torch(cell, x[m], own)
    wanted = torch.stack(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    back = torch.randn(found.shape, generator=generator).to(dtype)
    names = [n for n in params if n[0] in "01"]
    ours, theirs = (
        torch.autograd.grad((h * back).sum(), [params[n] for n in names]) for h in (found, wanted)
    )
    for name, one, two in zip(names, ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4, msg=name)


@each_name
def test_gains_start_as_in_the_paper_and_shifts_from_zero(name):
    population = Population(setting("series", "lstm", name), [1.0], [1])
    own = population.setting.network.own
    assert {n.rpartition("_")[2] for n in own} <= {"gain", "bias"}
    for key in own:
        start = GAINS[name] if key.endswith("gain") else 0.0
        assert (population.params[key] == start).all(), key


@pytest.mark.parametrize("name", ["batch_norm", "batch_norm_input"])
def test_evaluation_takes_running_statistics(name):
    """After one step: nine parts of mean 0 and variance 1, one part of the batch's own."""
    population = Population(setting("series", "gru", name, learning_rate=1e-9), [1.0], [1])
    batch = population.batches.train(0)
    product = batch.x[0].double() @ population.params["0.input"][0].double().T  # (T, B, GH)
    population.step()
    running = population.evaluated["0.statistics"][0].double()  # (steps, 2, units)
    for t in range(len(product)):
        rows = product[t] if name == "batch_norm" else product.flatten(0, 1)
        for unit in (0, 13, 29):
            values = rows[:, unit].tolist()
            mean = sum(values) / len(values)
            variance = sum((v - mean) ** 2 for v in values) / len(values)
            found = running[t if name == "batch_norm" else 0, :, unit].tolist()
            assert found == pytest.approx([0.1 * mean, 0.9 + 0.1 * variance], rel=1e-4, abs=1e-6)
    assert (running[len(product) :, 0] == 0).all(), "steps that no sequence has"

    weights = population.evaluated
    trace = population.forward(population.reg, batch, None, weights, population.noise.expected())
    gain, bias = (weights[f"0.{n}"][0].double() for n in ("input_gain", "bias"))
    mean, variance = running[0, :, :30]
    first = gain * (product[0] - mean) / (variance + EPSILON).sqrt() + bias
    # At the first step h is zero, so that of the recurrent product only the shift is left.
    r = torch.zeros(30, dtype=torch.float64)
    if name == "batch_norm":
        rm, rv = running[0, :, 30:]
        r = weights["0.recurrent_gain"][0].double() * (r - rm) / (rv + EPSILON).sqrt()
    r[20:] += weights["0.recurrent_bias"][0].double()
    for b, row in enumerate(first.tolist()):
        for unit in range(10):
            z = 1 / (1 + math.exp(-(row[10 + unit] + float(r[10 + unit]))))
            reset = 1 / (1 + math.exp(-(row[unit] + float(r[unit]))))
            n = math.tanh(row[20 + unit] + reset * float(r[20 + unit]))
            assert float(trace.hidden[0][0, 0, b, unit]) == pytest.approx((1 - z) * n, abs=1e-5)


@each_name
def test_members_and_in_evaluation_sequences_are_apart(name):
    population = Population(setting("labels", "lstm", name), [1.0, 1.0], [1, 2])
    population.step()
    batch, weights = population.batches.train(1), population.evaluated
    one = population.forward(population.reg, batch, None, weights, population.noise.expected())
    batch.x[:, :, 1] = 0  # another second sequence
    two = population.forward(population.reg, batch, None, weights, population.noise.expected())
    assert torch.equal(one.output[:, 0], two.output[:, 0])
    assert not torch.equal(one.output[:, 1], two.output[:, 1])
