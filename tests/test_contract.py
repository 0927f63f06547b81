"""What every cell, regularizer and benchmark must keep; parametrized from the folders.

A new file there is tested by existing.
"""

import math
from functools import partial

import pytest
import torch
from toys import TASKS, setting

from rnnreg.kernels.noise import Noise, Site
from rnnreg.regularizers.base import matrices
from rnnreg.study import registry
from rnnreg.trace import Batch
from rnnreg.training.model import forward, initial
from rnnreg.training.population import Population

CELLS, REGULARIZERS = registry.names("cell"), registry.names("regularizer")
SITES = ["input", "between", "output", "recurrent", "update", "carry/h", "carry/c"]
each_cell = pytest.mark.parametrize("cell", CELLS)
each_regularizer = pytest.mark.parametrize("regularizer", REGULARIZERS)
each_task = pytest.mark.parametrize("kind", TASKS)


def strongest(regularizer: str) -> float:
    return registry.load("regularizer", regularizer).strengths[-1]


def trained(job, strengths, seeds) -> Population:
    population = Population(job, strengths, seeds)
    population.run()
    return population


def same(a: dict, b: dict) -> bool:
    return all(torch.equal(a[n], b[n]) for n in a)


@each_cell
@each_regularizer
def test_off_is_none_bit_for_bit(cell, regularizer, plain_loop):
    off = registry.load("regularizer", regularizer).off
    for kind in ("labels", "language"):
        ours = trained(setting(kind, cell, regularizer), [off, off], [1, 2])
        none = trained(setting(kind, cell, "none"), [0.0, 0.0], [1, 2])
        assert same(ours.final, none.final)


@each_cell
@each_regularizer
def test_a_population_is_each_member_alone(cell, regularizer):
    grid = registry.load("regularizer", regularizer).strengths
    members = [(grid[0], 1), (grid[-1], 1), (grid[-1], 2)]
    for kind in ("labels", "series"):
        job = setting(kind, cell, regularizer)
        together = trained(job, *map(list, zip(*members, strict=True)))
        for m, (strength, seed) in enumerate(members):
            alone = trained(job, [strength], [seed])
            for name, p in alone.final.items():
                assert torch.equal(together.final[name][m], p[0]), (kind, name)


@each_task
@each_cell
@each_regularizer
def test_every_combination_learns_something(kind, cell, regularizer):
    job = setting(kind, cell, regularizer, steps=4, checks=2)
    population = trained(job, [strongest(regularizer)], [1])
    assert population.curves.loss.isfinite().all()
    start = initial(job.network, torch.tensor([1]))
    assert not torch.equal(population.final["output"], start["output"])


@pytest.mark.parametrize("regularizer", [r for r in REGULARIZERS if r != "none"])
def test_the_strongest_strength_has_an_effect(regularizer):
    # Random chords, a high learning rate, many checks: the validation loss rises soon, so that
    # stopping shows too.
    job = partial(setting, "music", steps=80, checks=20, learning_rate=0.05)
    ours = trained(job(regularizer=regularizer), [strongest(regularizer)], [1])
    none = trained(job(regularizer="none"), [0.0], [1])
    assert not same(ours.final, none.final)


@each_cell
@each_regularizer
def test_parameters_are_untouched_by_a_forward_pass(cell, regularizer):
    job = setting("language", cell, regularizer)
    population = Population(job, [strongest(regularizer)], [1])
    before = {n: p.clone() for n, p in population.params.items()}
    batch, noise = population.batches.train(0), Noise(population.noise.seeds, 0)
    weights = population.reg.weights(population.params, noise)
    forward(job.network, weights, batch, partial(population.reg.mask, noise=noise))
    population.reg.penalty(weights, None) if regularizer in ("l1", "l2") else None
    assert same(before, population.params)


@each_cell
@each_regularizer
def test_evaluation_is_deterministic(cell, regularizer):
    population = Population(setting("labels", cell, regularizer), [strongest(regularizer)], [1])
    first = population.evaluate(population.params, population.reg, "test")
    population.done = 7  # another step: other draws, were there any
    second = population.evaluate(population.params, population.reg, "test")
    assert same(first, second)


@each_regularizer
@pytest.mark.parametrize("site", SITES)
def test_evaluation_is_the_mean_of_training(regularizer, site):
    reg = registry.load("regularizer", regularizer)(torch.tensor([strongest(regularizer)]))
    draws = 4000
    shape = (5, draws, 2)  # units x sequences: independent draws
    mask = reg.mask(Site(site), shape, Noise(torch.tensor([3]), 0))
    expected = reg.mask(Site(site), shape, Noise(torch.tensor([3]), 0).expected())
    mask = torch.as_tensor(mask, dtype=torch.float64)
    error = float(mask.std(correction=0)) / math.sqrt(draws) if mask.numel() > 1 else 0.0
    assert float(mask.mean()) == pytest.approx(
        float(torch.as_tensor(expected)), abs=5 * error + 1e-12
    )


@each_regularizer
def test_weights_in_evaluation_are_the_mean_of_training(regularizer):
    reg = registry.load("regularizer", regularizer)(torch.tensor([strongest(regularizer)]))
    params = initial(setting("language").network, torch.tensor([5]))
    draws = [reg.weights(params, Noise(torch.tensor([5]), step)) for step in range(400)]
    expected = reg.weights(params, Noise(torch.tensor([5]), 0).expected())
    for name, value in expected.items():
        seen = torch.stack([d[name] for d in draws]).double()
        error = 6 * seen.std(0, correction=0) / math.sqrt(len(draws)) + 1e-6
        assert ((seen.mean(0) - value).abs() <= error).all(), name


@each_cell
@each_regularizer
def test_a_nan_member_leaves_its_neighbours_alone(cell, regularizer):
    grid = registry.load("regularizer", regularizer).strengths
    job = setting("labels", cell, regularizer)
    healthy, hurt = (Population(job, [grid[-1]] * 3, [1, 2, 3]) for _ in range(2))
    for p in hurt.params.values():
        p[1] = math.nan
    healthy.run()
    hurt.run()
    assert hurt.curves.diverged.tolist()[1]
    for m in (0, 2):
        assert all(torch.equal(hurt.final[n][m], healthy.final[n][m]) for n in hurt.final)
        ours, theirs = hurt.curves.loss[:, m], healthy.curves.loss[:, m]  # NaN after stopping
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)


# But for rectified units: one that never fires has no gradient, dropped or not.
@pytest.mark.parametrize("cell", [c for c in CELLS if c != "elman_relu"])
@each_regularizer
def test_dropped_weights_still_get_a_gradient(cell, regularizer):
    job = setting("language", cell, regularizer)
    population = Population(job, [strongest(regularizer)], [1])
    params = {n: p.requires_grad_() for n, p in population.params.items()}
    reached = [torch.zeros_like(w) for w in matrices(params)]
    for step in range(12):
        noise, batch = Noise(population.noise.seeds, step), population.batches.train(step)
        weights = population.reg.weights(params, noise)
        trace = forward(job.network, weights, batch, partial(population.reg.mask, noise=noise))
        loss = population.task.loss(trace.output, batch.y, batch.weight).sum()
        for seen, grad in zip(reached, torch.autograd.grad(loss, matrices(params)), strict=True):
            seen += grad.abs()
    assert all((seen > 0).all() for seen in reached)


@each_cell
@each_regularizer
def test_padding_reaches_neither_loss_nor_state(cell, regularizer):
    """The same batch with sixteen more steps of padding, filled with something else."""
    for kind in ("labels", "music"):
        job = setting(kind, cell, regularizer)
        population = Population(job, [strongest(regularizer)], [1])
        batch, noise = population.batches.train(0), Noise(population.noise.seeds, 0)
        filler = torch.ones_like(batch.x[:, :1]).expand(-1, 16, *batch.x.shape[2:])
        weight = batch.weight
        y = batch.y
        if weight is not None:
            weight = torch.cat([weight, torch.zeros_like(weight[:, :16])], 1)
            y = torch.cat([y, torch.ones_like(y[:, :16])], 1)
        longer = Batch(torch.cat([batch.x, filler], 1), y, weight, batch.length)
        found = []
        for b in (batch, longer):
            params = {n: p.detach().requires_grad_() for n, p in population.params.items()}
            weights = population.reg.weights(params, noise)
            trace = forward(job.network, weights, b, partial(population.reg.mask, noise=noise))
            loss = population.task.loss(trace.output, b.y, b.weight)
            found.append((loss, torch.autograd.grad(loss.sum(), list(params.values()))))
        (short, grads), (long, long_grads) = found
        torch.testing.assert_close(short, long, rtol=1e-6, atol=0)
        for a, b in zip(grads, long_grads, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)


@each_regularizer
def test_regularizer_facts_are_complete(regularizer):
    facts, cls = (
        registry.facts("regularizer", regularizer),
        registry.load("regularizer", regularizer),
    )
    assert facts["title"]
    assert any(c.isdigit() for c in facts["source"]) or regularizer == "none"
    assert ">>>" in facts["doc"], "the docstring holds a doctest with a number"
    low, high = facts["range"]
    assert facts["strengths"]
    assert all(low <= s <= high for s in facts["strengths"])
    for key in ("strengths", "off", "range", "scored_at", "title"):
        assert facts[key] == getattr(cls, key), "read off the file as Python sees it"


@each_cell
def test_cell_facts_are_complete(cell):
    facts, cls = registry.facts("cell", cell), registry.load("cell", cell)
    assert facts["title"]
    assert any(c.isdigit() for c in facts["source"])
    assert facts["doc"]
    assert len(cls.first_bias) in (0, cls.gates)
    assert cls.states in (1, 2)


@pytest.mark.parametrize("name", registry.names("benchmark"))
def test_benchmark_facts_are_complete(name):
    cls = registry.load("benchmark", name)
    for key in ("title", "licence", "citation"):
        assert getattr(cls, key).strip(), key
    assert cls.group in ("NLP", "time series")
    assert cls.budget.checks <= cls.budget.steps
    assert cls.task.headline in cls.task.labels
    for source in cls.sources:
        assert len(getattr(source, "sha256", "0" * 64) or "0" * 64) == 64
