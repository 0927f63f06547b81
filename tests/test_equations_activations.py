"""Penalties on activations against their formulas, number by number."""

import math

import pytest
import torch

from rnnreg.study import registry
from rnnreg.trace import Batch, Trace

MEMBERS, STEPS, BATCH, HIDDEN = 2, 4, 2, 3
STRENGTHS = (0.1, 0.7)
LENGTHS = (4, 2)  # of the two sequences; what follows is padding


def trace(kind: str) -> Trace:
    """Two layers; targets at each step, or one a sequence."""
    generator = torch.Generator().manual_seed(1)

    def draw():
        shape = (MEMBERS, STEPS, BATCH, HIDDEN)
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    hidden, read = [draw(), draw()], draw()
    x = torch.zeros(MEMBERS, STEPS, BATCH, dtype=torch.int64)
    if kind == "steps":
        weight = torch.ones(MEMBERS, STEPS, BATCH, dtype=torch.float64)
        weight[:, LENGTHS[1] :, 1] = 0
        return Trace(read, [], hidden, read, Batch(x, x, weight), x)
    length = torch.tensor(LENGTHS).expand(MEMBERS, BATCH)
    return Trace(read[:, 0], [], hidden, read[:, 0], Batch(x, x[:, 0], None, length), x)


def places(first: int):
    """Steps and sequences that count, from step `first` on."""
    return [(t, b) for b in range(BATCH) for t in range(first, LENGTHS[b])]


def activation_regularization(seen, m):
    if seen.read.ndim == 3:
        values = [v * v for b in range(BATCH) for v in seen.read[m, b].tolist()]
    else:
        values = [v * v for t, b in places(0) for v in seen.read[m, t, b].tolist()]
    return sum(values) / len(values)


def temporal_activation_regularization(seen, m):
    h, values = seen.hidden[-1][m].tolist(), []
    for t, b in places(1):
        values += [(h[t][b][j] - h[t - 1][b][j]) ** 2 for j in range(HIDDEN)]
    return sum(values) / len(values)


def norm_stabilizer(seen, m):
    total = 0.0
    for layer in seen.hidden:
        h = layer[m].tolist()
        norms = [
            [math.sqrt(sum(v * v for v in h[t][b])) for b in range(BATCH)] for t in range(STEPS)
        ]
        values = [(norms[t][b] - norms[t - 1][b]) ** 2 for t, b in places(1)]
        total += sum(values) / len(values)
    return total


FORMULAS = {
    f.__name__: f
    for f in (activation_regularization, temporal_activation_regularization, norm_stabilizer)
}
each_formula = pytest.mark.parametrize("name", FORMULAS)
each_kind = pytest.mark.parametrize("kind", ["steps", "sequences"])


def penalty(name: str, seen: Trace) -> torch.Tensor:
    strength = torch.tensor(STRENGTHS, dtype=torch.float64)
    return registry.load("regularizer", name)(strength).penalty({}, seen)


@each_kind
@each_formula
def test_penalty_is_the_formula(name, kind):
    found = penalty(name, trace(kind))
    for m, strength in enumerate(STRENGTHS):
        assert float(found[m]) == pytest.approx(
            strength * FORMULAS[name](trace(kind), m), rel=1e-12
        )


@each_kind
@each_formula
def test_gradient_is_the_finite_difference(name, kind):
    seen, small = trace(kind), 1e-5
    tensors = [*seen.hidden, seen.read]
    for x in tensors:
        x.requires_grad_()
    total = penalty(name, seen).sum()
    grads = torch.autograd.grad(total, tensors, materialize_grads=True)
    for number, grad in enumerate(grads):
        for at in range(0, grad.numel(), 5):
            m = at // (grad.numel() // MEMBERS)
            values = []
            for side in (small, -small):
                moved = trace(kind)
                x = [*moved.hidden, moved.read][number]
                x[tuple(int(i) for i in torch.unravel_index(torch.tensor(at), x.shape))] += side
                values.append(STRENGTHS[m] * FORMULAS[name](moved, m))
            slope = (values[0] - values[1]) / (2 * small)
            assert float(grad.flatten()[at]) == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_norms_of_zero_have_a_gradient():
    """A state of rectified units may be zero as a whole."""
    seen = trace("steps")
    for h in seen.hidden:
        h.zero_()
        h.requires_grad_()
    grads = torch.autograd.grad(penalty("norm_stabilizer", seen).sum(), seen.hidden)
    assert all((g == 0).all() for g in grads)
