"""Two passes with other draws against their papers' formulas, by plain Python."""

import math

import numpy as np
import pytest
import torch
from test_equations_masks import case, gru, masks_of, numbers, reference
from toys import setting

from rnnreg.study import registry
from rnnreg.trace import Batch, Trace
from rnnreg.training.passes import differentiate
from rnnreg.training.population import Population

MEMBERS, STEPS, BATCH, OUTPUTS = 2, 3, 2, 4
STRENGTHS = (0.1, 0.7)


def pair() -> Trace:
    """A trace and its twin; the last two steps of the second sequence are padding."""
    generator = torch.Generator().manual_seed(2)
    shape = (MEMBERS, STEPS, BATCH)
    y = torch.randint(OUTPUTS, shape, generator=generator)
    weight = torch.ones(shape, dtype=torch.float64)
    weight[:, 1:, 1] = 0
    one, two = (
        torch.randn(*shape, OUTPUTS, generator=generator, dtype=torch.float64) for _ in range(2)
    )
    twin = Trace(two, [], [], two, Batch(y, y, weight), two)
    return Trace(one, [], [], one, twin.batch, one, twin=twin)


def probabilities(outputs: list[float]) -> list[float]:
    total = sum(math.exp(z) for z in outputs)
    return [math.exp(z) / total for z in outputs]


def divergence(p: list[float], q: list[float]) -> float:
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def both_divergences(one, two):
    p, q = probabilities(one), probabilities(two)
    return (divergence(p, q) + divergence(q, p)) / 2


def squares(one, two):
    return sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) / len(one)


TWINS = {"r_drop": both_divergences, "fraternal_dropout": squares}


def penalty(name: str, trace: Trace) -> torch.Tensor:
    return registry.load("regularizer", name)(torch.tensor(STRENGTHS)).penalty({}, trace)


def formula(name: str, trace: Trace, m: int) -> float:
    each = [
        TWINS[name](trace.output[m, t, b].tolist(), trace.twin.output[m, t, b].tolist())
        for t in range(STEPS)
        for b in range(BATCH)
        if trace.batch.weight[m, t, b]
    ]
    return STRENGTHS[m] * sum(each) / len(each)


@pytest.mark.parametrize("name", TWINS)
def test_penalty_of_twins_is_the_papers(name):
    trace = pair()
    found = penalty(name, trace)
    assert found.shape == (MEMBERS,)
    for m in range(MEMBERS):
        assert float(found[m]) == pytest.approx(formula(name, trace, m), rel=1e-6)


@pytest.mark.parametrize("name", TWINS)
def test_both_passes_get_the_gradient_of_finite_differences(name):
    """Of the formula, at every output of both passes, those of padding too."""
    trace, step = pair(), 1e-6
    passes = [t.output.requires_grad_() for t in (trace, trace.twin)]
    found = torch.autograd.grad(penalty(name, trace).sum(), passes)
    for which, grad in enumerate(found):
        for at in np.ndindex(*grad.shape):
            moved = []
            for sign in (1, -1):
                other = pair()
                (other, other.twin)[which].output[at] += sign * step
                moved.append(formula(name, other, at[0]))
            slope = (moved[0] - moved[1]) / (2 * step)
            assert float(grad[at]) == pytest.approx(slope, rel=1e-5, abs=1e-8), (which, at)


@pytest.mark.parametrize("name", TWINS)
def test_the_passes_drop_apart(name):
    reg = registry.load("regularizer", name)(torch.tensor([0.1, 0.7]))
    population = Population(setting("labels", "lstm", name), [0.1, 0.7], [1, 1])
    seen = []

    def run(weights, noise, moved):
        trace = population.forward(reg, batch, None, weights, noise, moved)
        seen.append(trace)
        return trace

    batch = population.batches.train(0)
    params = {n: p.requires_grad_() for n, p in population.params.items()}
    loss, _, _ = differentiate(reg, population.task, run, params, population.noise)
    dropped = [t.read == 0 for t in seen]
    assert not torch.equal(*dropped)
    for zeros in dropped:
        assert torch.equal(zeros[0], zeros[1]), "one mask at every strength"
        assert 0.2 < zeros.float().mean() < 0.4
    each = [population.task.loss(t.output, batch.y, batch.weight) for t in seen]
    torch.testing.assert_close(loss, (each[0] + each[1]) / 2)


@pytest.mark.parametrize("name", TWINS)
def test_a_step_has_the_gradient_of_both_passes(name):
    """Mean loss of both and the penalty, of a network by loops under the masks of each pass."""
    population, batch, params, noise = case(name, "gru")
    strengths, small = population.reg.strength.tolist(), 1e-5
    masks = [masks_of(population, batch, params, n) for n in (noise, noise.apart("twin"))]
    assert not any((masks[0](s, 0) == masks[1](s, 0)).all() for s in ("input", "output"))
    params = {n: p.requires_grad_() for n, p in params.items()}

    def run(weights, noise, moved):
        return population.forward(population.reg, batch, None, weights, noise, moved)

    loss, grads, _ = differentiate(population.reg, population.task, run, params, noise)
    x, y = batch.x.numpy(), batch.y.tolist()

    def by_hand(weights, m):
        one, two = (reference(gru, weights, x, mask)[m].tolist() for mask in masks)
        loss, apart, targets = 0.0, 0.0, 0
        for t, row in enumerate(y[m]):
            for b, target in enumerate(row):
                p, q = one[t][b], two[t][b]
                loss -= sum(math.log(probabilities(o)[target]) for o in (p, q)) / 2
                apart += TWINS[name](p, q)
                targets += 1
        return loss / targets, apart / targets

    for m, strength in enumerate(strengths):
        assert float(loss[m]) == pytest.approx(by_hand(numbers(params), m)[0], rel=1e-5)
        for n in ("embedding", "0.input", "1.recurrent", "output"):
            at = (m, *np.unravel_index(int(grads[n][m].abs().argmax()), grads[n].shape[1:]))
            totals = []
            for side in (small, -small):
                moved = {k: p.copy() for k, p in numbers(params).items()}
                moved[n][at] += side
                loss_there, apart = by_hand(moved, m)
                totals.append(loss_there + strength * apart)
            slope = (totals[0] - totals[1]) / (2 * small)
            assert float(grads[n][at]) == pytest.approx(slope, rel=1e-3), n
