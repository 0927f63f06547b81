"""Masks against their papers' formulas, unit by unit, and which entries share a draw."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import TASKS, setting, suited

from rnnreg.kernels.noise import Noise, Site
from rnnreg.regularizers.base import SITES
from rnnreg.study import registry
from rnnreg.training.population import Population

FORWARD = ("input", "between", "output")
SHARED = {  # regularizer -> site -> the axes along which entries draw apart: step, sequence, unit
    "cell_dropout": {"cell": "bu"},
    "curriculum_dropout": dict.fromkeys(FORWARD, "tbu"),
    "dropout": dict.fromkeys(FORWARD, "tbu"),
    "dropout_at_test": dict.fromkeys(FORWARD, "tbu"),
    "dropout_unscaled": dict.fromkeys(FORWARD, "tbu"),
    "embedding_dropout": {"embedding": "u"},
    "fraternal_dropout": dict.fromkeys(FORWARD, "tbu"),
    "gaussian_dropout": dict.fromkeys(FORWARD, "tbu"),
    "locked_dropout": dict.fromkeys(FORWARD, "bu"),
    "r_drop": dict.fromkeys(FORWARD, "tbu"),
    "recurrent_dropout": {"recurrent": "bu"},
    "recurrent_dropout_per_step": {"recurrent": "tbu"},
    "update_dropout": {"update": "tbu"},
    "variational_dropout": dict.fromkeys(("embedding", "recurrent", *FORWARD), "bu"),
    "zoneout": dict.fromkeys(("carry/h", "carry/c"), "tbu"),
    "zoneout_c": {"carry/c": "tbu"},
    "zoneout_h": {"carry/h": "tbu"},
}
COMBINED = {  # at a strength
    ("awd", 1.5): {"embedding": "u", **dict.fromkeys(FORWARD, "bu")},
    ("dropout_l2", 5.0): dict.fromkeys(FORWARD, "tbu"),
    ("zoneout_lstm", 1.0): dict.fromkeys(("carry/h", "carry/c"), "tbu"),
    ("zoneout_recurrent_dropout", 2.0): {
        **dict.fromkeys(("carry/h", "carry/c"), "tbu"),
        "recurrent": "bu",
    },
}
ALL = {**{(name, 0.5): sites for name, sites in SHARED.items()}, **COMBINED}
RATES = dict.fromkeys(("fraternal_dropout", "r_drop"), 0.3)  # whatever the strength of the penalty
KEPT_AS_IT_IS = (  # the others are scaled
    "cell_dropout", "dropout_at_test", "dropout_unscaled", "zoneout", "zoneout_c", "zoneout_h"
)  # fmt: skip
each = pytest.mark.parametrize("name", SHARED)
CELLS = [
    (name, cell)
    for name, sites in SHARED.items()
    # What is outside the recurrence is the same for all cells.
    for cell in (("lstm", "gru", "elman_tanh") if {*sites} - {"embedding", *FORWARD} else ("lstm",))
    if "language" in suited(name, "language", cell=cell)
]


def load(name: str, *strengths: float):
    return registry.load("regularizer", name)(torch.tensor(strengths))


@pytest.mark.parametrize(("name", "strength"), ALL)
def test_which_entries_share_a_draw(name, strength):
    """Entries share a draw where they are alike at each of many training steps."""
    reg, sizes, shared = load(name, strength), {"t": 3, "b": 4, "u": 5}, ALL[name, strength]
    many = 256 if name == "zoneout_lstm" else 64  # of h it drops one in twenty
    noise, found, wanted = Noise(torch.tensor([7]), 0, steps=many), [], 0
    for site in SITES:
        for layer in (0, 1):
            draws = [reg.mask(Site(site, layer), (3, 4, 5), noise.then(s)) for s in range(many)]
            if site not in shared:
                assert draws == [1.0] * many, site
                continue
            along = shared[site]
            entries = torch.stack([d.expand(1, 3, 4, 5).flatten() for d in draws])
            alike = len(entries.unique(dim=1).T)
            assert alike == math.prod(sizes[axis] for axis in along), (site, layer)
            for axis in sizes:
                if axis not in along:
                    moved = torch.stack(draws).expand(-1, 1, 3, 4, 5).movedim(" tbu".index(axis), 1)
                    assert (moved == moved[:, :1]).all(), (site, axis)
            found.append(entries)
            wanted += alike
    together = torch.cat(found, dim=1)
    assert len(together.unique(dim=1).T) == wanted, "sites and layers draw apart"


@pytest.mark.parametrize(("name", "strength"), ALL)
def test_members_of_one_seed_share_their_draws(name, strength):
    reg, noise = load(name, *[strength] * 3), Noise(torch.tensor([1, 1, 2]), 9, steps=10)
    for site in ALL[name, strength]:
        one, two, other = reg.mask(Site(site), (3, 4, 50), noise)
        assert torch.equal(one, two)
        assert not torch.equal(one, other)


@each
def test_how_often_and_by_how_much(name):
    reg, noise = load(name, 0.2, 0.6), Noise(torch.tensor([1, 2]), 999, steps=1000)
    for site in SHARED[name]:
        for m, strength in enumerate((0.2, 0.6)):
            p = RATES.get(name, strength)
            mask = reg.mask(Site(site), (20, 20, 400), noise)[m].double()
            count = mask.numel()
            if name == "gaussian_dropout":
                assert float(mask.mean()) == pytest.approx(1, abs=5 * (p / (1 - p) / count) ** 0.5)
                assert float(mask.var()) == pytest.approx(p / (1 - p), rel=5 * (2 / count) ** 0.5)
                continue
            kept = 1.0 if name in KEPT_AS_IT_IS else 1 / (1 - p)
            assert mask.unique().tolist() == pytest.approx([0, kept], rel=1e-4)
            dropped = float((mask == 0).double().mean())
            assert dropped == pytest.approx(p, abs=5 * (p * (1 - p) / count) ** 0.5)


def test_the_rate_of_curriculum_dropout_follows_its_curve():
    reg, noise = load("curriculum_dropout", 0.5), Noise(torch.tensor([1]), 0, steps=400)
    for step in (0, 10, 28, 100, 399):
        kept = (1 - 0.5) * math.exp(-10 * step / 400) + 0.5  # the share of units that are kept
        for clock in (step, torch.tensor(step)):
            mask = reg.mask(Site("input"), (1, 1, 9), noise.then(clock))
            assert float(mask.max()) == pytest.approx(1 / kept, rel=1e-4)
        mask = reg.mask(Site("input"), (50, 50, 40), noise.then(step))
        assert float((mask > 0).double().mean()) == pytest.approx(kept, abs=0.008)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm(a, r, inner, h, c, update, on_c):
    i, f, g, o = np.split(a + r, 4)
    c = on_c * (sigmoid(f) * c + sigmoid(i) * (update * np.tanh(g)))
    return sigmoid(o) * np.tanh(c), c


def gru(a, r, inner, h, c, update, on_c):
    (ar, az, an), (rr, rz, rn) = np.split(a, 3), np.split(r, 3)
    z, n = sigmoid(az + rz), np.tanh(an + sigmoid(ar + rr) * (rn + inner))
    return (1 - z) * (update * n) + z * h, c


def elman_tanh(a, r, inner, h, c, update, on_c):
    return np.tanh(a + r), c


STEPS = {"lstm": lstm, "gru": gru, "elman_tanh": elman_tanh}


def reference(cell, params, x, mask):
    """The output of a network of two layers, one member, sequence and step after another.

    `mask(site, layer)` is (M, T, B, units). Of h and c a share of 1 - carry is the old one.
    """
    members, (_, steps, batch) = len(params["output"]), x.shape
    hidden, output = params["output"].shape[2], []
    for m in range(members):
        w = {name: p[m] for name, p in params.items()}
        for b in range(batch):
            words = [mask("embedding", 0)[m, t, b, x[m, t, b]] for t in range(steps)]
            h_below = [words[t] * w["embedding"][x[m, t, b]] for t in range(steps)]
            for layer in (0, 1):
                h = c = np.zeros(hidden)
                inner, above = w.get(f"{layer}.recurrent_bias", 0), []
                for t in range(steps):
                    at = {
                        site: mask(site, layer)[m, t, b]
                        for site in ("recurrent", "update", "cell", "carry/h", "carry/c")
                    }
                    down = mask("between", 1) if layer else mask("input", 0)
                    a = w[f"{layer}.input"] @ (down[m, t, b] * h_below[t]) + w[f"{layer}.bias"]
                    r = w[f"{layer}.recurrent"] @ (at["recurrent"] * h)
                    new = cell(a, r, inner, h, c, at["update"], at["cell"])
                    h_zoned, c_zoned = 1 - at["carry/h"], 1 - at["carry/c"]
                    h = h_zoned * h + (1 - h_zoned) * new[0]
                    c = c_zoned * c + (1 - c_zoned) * new[1]
                    above.append(h)
                h_below = above
            read = [mask("output", 0)[m, t, b] * h_below[t] for t in range(steps)]
            output.append([w["output"] @ v + w["output_bias"] for v in read])
    return np.array(output).reshape(members, batch, steps, -1).swapaxes(1, 2)


def drawn(reg, noise, steps, batch, units, symbols):
    """The masks of all sites, as numbers (M, T, B, units)."""

    def mask(site, layer):
        size = {"embedding": symbols, "input": units[0]}.get(site, units[1])
        shape = (steps, batch, size)
        found = torch.as_tensor(reg.mask(Site(site, layer), shape, noise), dtype=torch.float64)
        return found.expand(len(noise.seeds), *shape).numpy()

    return {
        (site, layer): mask(site, layer)
        for site in SITES
        for layer in (0, 1)
        if site not in ("embedding", "input", "output") or layer == 0
    }


def case(name, cell, tied=False):
    """Two members, a batch of symbols, and parameters that are not small."""
    job = setting("language", cell, name)
    if tied:
        job = replace(job, network=replace(job.network, tied=True, embedding=10))
    population = Population(job, [0.5, 0.3], [1, 2])
    generator = torch.Generator().manual_seed(5)
    params = {
        n: torch.randn(p.shape, generator=generator) * 0.6 for n, p in population.params.items()
    }
    noise = population.noise.then(job.budget.steps - 1)
    return population, population.batches.train(0), params, noise


def numbers(params):
    return {n: p.detach().double().numpy() for n, p in params.items()}


def masks_of(population, batch, params, noise):
    units = params["embedding"].shape[2], 10
    made = drawn(population.reg, noise, *batch.x.shape[1:], units, params["embedding"].shape[1])
    return lambda site, layer: made[site, layer]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "cell"), CELLS)
def test_a_forward_pass_is_the_formula(name, cell, training):
    population, batch, params, noise = case(name, cell)
    noise = noise if training else noise.expected()
    trace = population.forward(population.reg, batch, None, params, noise)
    mask = masks_of(population, batch, params, noise)
    if not training:
        stays = name == "dropout_unscaled" or name not in KEPT_AS_IT_IS
        lowered = [1, 1] if stays else [0.5, 0.7]  # of the inputs, of the new state, or of c
        for site in SHARED[name]:
            found = mask(site, 1 if site == "between" else 0)[:, 0, 0, 0]
            assert found.tolist() == pytest.approx(lowered)
    wanted = reference(STEPS[cell], numbers(params), batch.x.numpy(), mask)
    np.testing.assert_allclose(trace.output, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "cell"), CELLS)
def test_gradients_are_those_of_finite_differences(name, cell):
    population, batch, params, noise = case(name, cell)
    params = {n: p.requires_grad_() for n, p in params.items()}
    back = torch.randn(2, *batch.x.shape[1:], 7, generator=torch.Generator().manual_seed(3))
    output = population.forward(population.reg, batch, None, params, noise).output
    found = torch.autograd.grad((output * back).sum(), params.values())
    grads = dict(zip(params, found, strict=True))
    mask, small = masks_of(population, batch, params, noise), 1e-5
    for n in ("embedding", "0.input", "1.recurrent"):
        at = np.unravel_index(int(grads[n].abs().argmax()), grads[n].shape)
        totals = []
        for sign in (1, -1):
            moved = {k: p.copy() for k, p in numbers(params).items()}
            moved[n][at] += sign * small
            total = reference(STEPS[cell], moved, batch.x.numpy(), mask)
            totals.append((total * back.double().numpy()).sum())
        slope = (totals[0] - totals[1]) / (2 * small)
        assert float(grads[n][at]) == pytest.approx(slope, rel=1e-3), n


@pytest.mark.parametrize("name", ["embedding_dropout", "variational_dropout"])
def test_a_tied_output_matrix_keeps_all_rows(name):
    population, batch, params, noise = case(name, "lstm", tied=True)
    trace = population.forward(population.reg, batch, None, params, noise)
    mask = masks_of(population, batch, params, noise)
    both = {**params, "output": params["embedding"]}
    wanted = reference(lstm, numbers(both), batch.x.numpy(), mask)
    np.testing.assert_allclose(trace.output, wanted, rtol=1e-4, atol=1e-5)


REASONS = {
    ("embedding_dropout", "series", "lstm"): "it drops symbols, and the inputs are real vectors",
    ("update_dropout", "series", "elman_tanh"): "its cell has no gate that keeps a memory",
    ("cell_dropout", "series", "gru"): "its cell has no cell state c",
    ("zoneout_c", "series", "gru"): "its cell has no cell state c",
    ("zoneout_h", "series", "elman_relu"): "without a cell state c it is zoneout itself",
    ("zoneout_lstm", "series", "gru"): "zoneout of c: its cell has no cell state c",
}


@pytest.mark.parametrize(("name", "kind", "cell"), REASONS)
def test_why_one_does_not_suit(name, kind, cell):
    reason = registry.load("regularizer", name).suits(setting(kind, cell).network, TASKS[kind].task)
    assert reason == REASONS[name, kind, cell]
