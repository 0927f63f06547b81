"""Normalised networks against their papers' equations, written out with numpy."""

import math

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
