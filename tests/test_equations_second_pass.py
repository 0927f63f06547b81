"""Regularizers with a second pass against their papers' formulas, by plain Python."""

import math
from dataclasses import replace

import pytest
import torch
from toys import setting

from rnnreg.kernels.noise import Noise
from rnnreg.regularizers import Chain
from rnnreg.study import registry
from rnnreg.tasks import Forecast
from rnnreg.trace import Batch, Trace
from rnnreg.training.passes import differentiate
from rnnreg.training.population import Population

MEMBERS, STEPS, BATCH = 2, 3, 2
STRENGTHS = (0.1, 0.7)


def test_adversarial_moves_each_sequence_by_the_strength_along_its_gradient():
    generator = torch.Generator().manual_seed(3)
    g = 1e-25 * torch.randn(MEMBERS, STEPS, BATCH, 5, generator=generator)  # squares are zero
    g[0, :, 1] = 0  # a sequence that nothing depends on
    reg = registry.load("regularizer", "adversarial")(torch.tensor(STRENGTHS))
    found = reg.ascend({"inputs": g}, None)["inputs"]
    for m, strength in enumerate(STRENGTHS):
        for b in range(BATCH):
            own = g[m, :, b].double()
            length = math.sqrt(sum(v * v for v in own.flatten().tolist()))
            wanted = strength * own / length if length else own
            torch.testing.assert_close(found[m, :, b].double(), wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize("kind", ["language", "series", "music"])
def test_adversarial_gradient_is_the_mean_of_both_passes(kind):
    """Of the loss at the inputs, and at inputs moved by equation 5."""
    strength = 0.3
    job = setting(kind, "gru", "adversarial")
    population = Population(job, [strength], [1])
    batch = population.batches.train(0)
    params = {n: p.requires_grad_() for n, p in population.params.items()}

    def run(weights, noise, moved):
        return population.forward(population.reg, batch, None, weights, noise, moved)

    _, found, _ = differentiate(population.reg, population.task, run, params, population.noise)

    def loss(moved):
        trace = run(params, population.noise, moved)
        return trace, population.task.loss(trace.output, batch.y, batch.weight).sum()

    names = list(params)
    zero = torch.zeros((), requires_grad=True)
    trace, first = loss(zero)
    *before, g = torch.autograd.grad(first, [*params.values(), trace.inputs])
    moved = torch.zeros_like(g)
    for b in range(g.shape[2]):
        moved[:, :, b] = strength * g[:, :, b] / g[:, :, b].norm()
    assert float((moved.square().sum() / g.shape[2]).sqrt()) == pytest.approx(strength, rel=1e-5)
    _, second = loss(moved)
    assert second > first
    after = torch.autograd.grad(second, list(params.values()))
    for name, one, two in zip(names, before, after, strict=True):
        torch.testing.assert_close(found[name], (one + two) / 2, rtol=1e-4, atol=1e-7)


def of_a_line(name, strengths, w, cases):
    """The gradient of mean (w . x - y)^2 to w, for each strength; cases are x and y.

    x are the inputs at two steps, so w . x is a network that has a weight for each step.
    """
    members = len(strengths)
    x = torch.tensor([x for x, _ in cases], dtype=torch.float64).T  # (T, B)
    y = torch.tensor([[y for _, y in cases]], dtype=torch.float64).expand(members, -1)
    params = {"output": torch.tensor([w] * members, dtype=torch.float64).requires_grad_()}

    def run(weights, noise, moved):
        inputs = x.expand(members, 1, *x.shape).movedim(1, 3)  # (M, T, B, D)
        inputs = inputs if moved is None else inputs + moved
        output = (weights["output"][:, :, None, None] * inputs).sum(1)
        batch = Batch(x.expand(members, *x.shape)[..., None], y[..., None, None])
        return Trace(output, [], [], output, batch, inputs)

    reg = registry.load("regularizer", name)(torch.tensor(strengths, dtype=torch.float64))
    noise = Noise(torch.tensor([1] * members), 0)
    return differentiate(reg, Forecast(2, 1, 1), run, params, noise)[1]["output"].tolist()


def test_sam_on_a_line_by_hand():
    """From 2 (w . x - y) x = (6, 8): w = (1.12, 0.16) or (1.03, 0.04), errors 2 and 1.25."""
    found = of_a_line("sam", (0.2, 0.05), (1.0, 0.0), [((3.0, 4.0), 2.0)])
    assert found[0] == pytest.approx([12.0, 16.0], rel=1e-6)
    assert found[1] == pytest.approx([7.5, 10.0], rel=1e-6)


def test_adversarial_training_on_a_line_by_hand():
    """Both sequences move along w / |w| = (0.6, 0.8), the one up, the other down.

    Of the first, (1, 0) becomes (1.12, 0.16) or (1.06, 0.08), and its error of 1 becomes 2 or 1.5;
    of the second, (0, 1) becomes (-0.12, 0.84) or (-0.06, 0.92), and its error of -1 -2 or -1.5.
    """
    cases = [((1.0, 0.0), 2.0), ((0.0, 1.0), 5.0)]
    found = of_a_line("adversarial", (0.2, 0.1), (3.0, 4.0), cases)
    first = [((2 + 4.48) + (0 + 0.48)) / 4, ((0 + 0.64) + (-2 - 3.36)) / 4]
    second = [((2 + 3.18) + (0 + 0.18)) / 4, ((0 + 0.24) + (-2 - 2.76)) / 4]
    assert found[0] == pytest.approx(first, rel=1e-6)
    assert found[1] == pytest.approx(second, rel=1e-6)


def test_sam_gradient_is_that_at_the_moved_weights():
    """One step with SGD, against algorithm 1 written out for each member alone."""
    rho, rate = 0.2, 0.5
    job = setting("series", "lstm", "sam", optimizer="sgd", learning_rate=rate)
    population = Population(job, [rho, 0.0], [1, 2])
    start = {n: p.clone() for n, p in population.params.items()}
    batch, none = population.batches.train(0), registry.load("regularizer", "none")(torch.zeros(1))
    population.step()

    def gradient(weights, m):
        weights = {n: w.requires_grad_() for n, w in weights.items()}
        own = replace(batch, x=batch.x[m : m + 1], y=batch.y[m : m + 1])
        noise = Noise(torch.tensor([1]), 0)
        trace = population.forward(none, own, None, weights, noise)
        loss = population.task.loss(trace.output, own.y, own.weight).sum()
        return dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))

    for m, strength in enumerate((rho, 0.0)):
        own = {n: p[m : m + 1].clone() for n, p in start.items()}
        g = gradient({n: p.clone() for n, p in own.items()}, m)
        length = math.sqrt(sum(float(v.square().sum()) for v in g.values()))
        there = gradient({n: own[n] + strength * g[n] / length for n in own}, m)
        for name, p in own.items():
            wanted = p - rate * there[name]
            found = population.params[name][m : m + 1]
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "chained"), [("language", 0), ("labels", 1), ("series", 0)])
def test_an_adapted_strength_follows_the_loss_of_what_is_held_out(kind, chained):
    """One step with SGD: log f by the slope of the held-out loss along a step of the penalty."""
    rate, strengths, before = 0.5, (0.01, 0.2), (0.3, -0.5)
    budget = {"optimizer": "sgd", "learning_rate": rate, "batch": 32}
    population = Population(setting(kind, "lstm", "l2_adapted", **budget), strengths, [1, 2])
    if chained:
        none = registry.load("regularizer", "none")(torch.zeros(2))
        population.reg = Chain(none, population.reg)
    population.params["log_factor"] = torch.tensor(before)[:, None]
    start = {n: p.double().clone() for n, p in population.params.items()}
    batch = population.batches.train(0)
    population.step()
    none, axis = registry.load("regularizer", "none")(torch.zeros(1)), 1 + (kind == "language")

    def loss(m, weights, chosen):
        x, y = batch.x[m : m + 1][:, :, chosen], batch.y[m : m + 1].movedim(axis, 1)[:, chosen]
        x, y = (t.double() if t.is_floating_point() else t for t in (x, y.movedim(1, axis)))
        length = None if batch.length is None else batch.length[m : m + 1, chosen]
        own = replace(batch, x=x, y=y, length=length, held=None)
        trace = population.forward(none, own, None, weights, Noise(torch.tensor([1]), 0))
        return float(population.task.loss(trace.output, y))

    for m, strength in enumerate(strengths):
        held, own = batch.held[m], {n: p[m : m + 1] for n, p in start.items()}
        assert 0 < held.sum() < len(held) / 2
        f = math.exp(before[m])
        matrices = [n for n in own if n.rpartition(".")[2] in ("input", "recurrent", "output")]

        def slope(move, value, small=1e-4):
            return (value(move(small)) - value(move(-small))) / (2 * small)

        def down(s, own=own, f=f, matrices=matrices):
            return {n: p - s * 2 * f * p * (n in matrices) for n, p in own.items()}

        g = slope(down, lambda w, m=m, held=held: loss(m, w, held))
        found = float(population.params["log_factor"][m, 0])
        assert found == pytest.approx(before[m] - rate * g, abs=2e-6)
        assert abs(rate * g) > 1e-4

        def trained(w, m=m, held=held, f=f, strength=strength, matrices=matrices):
            return loss(m, w, ~held) + strength * f * sum(
                float((w[n] ** 2).sum()) for n in matrices
            )

        for name in ("0.recurrent", "1.input", "output", "output_bias"):

            def entry(s, own=own, name=name):
                moved = own[name].clone()
                moved.flatten()[1] += s
                return {**own, name: moved}

            wanted = float(own[name].flatten()[1]) - rate * slope(entry, trained)
            found = float(population.params[name][m].flatten()[1])
            assert found == pytest.approx(wanted, abs=1e-5), name
