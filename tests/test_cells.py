"""Cells that torch.nn has not, and cells of one's own: what the plain loop promises them."""

import own
import pytest
import torch
from test_native import case, each, results
from toys import setting

from rnnreg.cells import Cell
from rnnreg.errors import UserError
from rnnreg.kernels.unroll import plain, unroll
from rnnreg.study import registry
from rnnreg.training.population import Population

exec(own.CELL)  # CONTRIBUTING's: slices its gates before the sigmoid, as one writes it
MinimalGatedUnit = locals()["MinimalGatedUnit"]


def by_hand(name, x, w, h):
    """h of every step of one member, as the equations have it."""
    found = []
    for t in range(len(x)):
        a, r = x[t] @ w["input"].T + w["bias"], h @ w["recurrent"].T
        if name == "elman_sigmoid":
            h = 1 / (1 + (-(a + r)).exp())
        else:  # the gates of gru_tanh
            (ar, az, an), (rr, rz, rn) = a.chunk(3, 1), r.chunk(3, 1)
            reset, z = (ar + rr).tanh(), (az + rz).tanh()
            n = (an + reset * (rn + w["recurrent_bias"])).tanh()
            h = (1 - z) * n + z * h
        found.append(h)
    return torch.stack(found)


@pytest.mark.parametrize("loop", [unroll, plain])
@pytest.mark.parametrize("name", ["elman_sigmoid", "gru_tanh"])
def test_cells_that_torch_has_not_equal_their_equations(name, loop):
    cell = registry.load("cell", name)
    given = case(cell, 2, 6, 5, 4, 7)
    found = results(loop, cell, *given)
    x, weights, state, _, (back, last) = given
    for m in range(2):
        leaves = [t[m].double().requires_grad_() for t in (x, *weights.values(), *state)]
        own = dict(zip(weights, leaves[1:], strict=False))
        h = by_hand(name, leaves[0], own, leaves[-1])
        total = (h * back[m]).sum() + (h[-1] * last[m]).sum()
        wanted = [h.detach(), h[-1].detach(), *torch.autograd.grad(total, leaves)]
        for a, b in zip(found, wanted, strict=True):
            torch.testing.assert_close(a[m].double(), b, rtol=0, atol=2e-5)


@pytest.mark.parametrize("hidden", [1, 7, 10, 33])
@pytest.mark.parametrize("sites", ["none", "all"])
def test_a_member_is_alone_wherever_a_cell_slices(hidden, sites):
    given = case(MinimalGatedUnit, 5, 20, 3, 4, hidden, sites)
    together = results(plain, MinimalGatedUnit, *given)
    x, weights, state, masks, back = given
    for m in range(5):
        one = lambda t, m=m: t[m : m + 1] if isinstance(t, torch.Tensor) else t  # noqa: E731
        own = {n: one(w) for n, w in weights.items()}
        alone = results(
            plain, MinimalGatedUnit, one(x), own, tuple(map(one, state)), each(one, masks),
            list(map(one, back)),
        )  # fmt: skip
        for a, b in zip(together, alone, strict=True):
            assert torch.equal(one(a), b)


@pytest.mark.parametrize("kind", ["labels", "series"])
def test_a_population_of_an_own_cell_is_each_member_alone(kind, monkeypatch):
    load = registry.load
    own = lambda what, name: MinimalGatedUnit if what == "cell" else load(what, name)  # noqa: E731
    monkeypatch.setattr(registry, "load", own)
    job = setting(kind, "minimal", "recurrent_dropout")
    together = Population(job, [0.1, 0.5, 0.5], [1, 1, 2])
    together.run()
    for m, member in enumerate([(0.1, 1), (0.5, 1), (0.5, 2)]):
        alone = Population(job, *([v] for v in member))
        alone.run()
        for name, p in alone.final.items():
            assert torch.equal(together.final[name][m], p[0]), name


def test_a_step_has_no_self():
    with pytest.raises(UserError, match=r"Broken: step takes \(self, x, .*Remedy: @staticmethod"):

        class Broken(Cell):
            gates = 1

            def step(self, x, r, state, update):
                return ((x + r).tanh(),)


def test_a_cell_state_asks_for_a_step_that_takes_its_mask():
    with pytest.raises(UserError, match=r"Broken: step takes \(x, r, state, update\); .*lstm.py"):

        class Broken(MinimalGatedUnit):
            cell_state = True
