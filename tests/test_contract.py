"""What every cell, regularizer and benchmark must keep; parametrized from the folders.

A new file there is tested by existing.
"""

import math
from dataclasses import replace
from functools import cache, partial

import pytest
import torch
from toys import one_of_each_kind, setting, suited

from rnnreg.kernels.noise import Noise, Site
from rnnreg.regularizers._checks import attributes
from rnnreg.regularizers.base import SITES, matrices
from rnnreg.study import registry
from rnnreg.trace import Batch
from rnnreg.training.model import initial
from rnnreg.training.passes import differentiate
from rnnreg.training.population import Population

CELLS, REGULARIZERS = registry.names("cell"), registry.names("regularizer")


# Every regularizer with one cell; with the others, one for each thing that a time loop is given:
# masks on h and on the new state, dropped weights, normalised products, inputs with a gradient;
# with cells that share the loop of another, a single one.
KINDS = one_of_each_kind()
LOOP = ("none", "recurrent_dropout", "zoneout", "weight_drop", "batch_norm", "adversarial")
LIKE = {"elman_sigmoid": "elman_tanh", "gru_tanh": "gru"}
PAIRS = [
    (c, r)
    for r in REGULARIZERS
    for c in CELLS
    if c == "lstm"
    or (c in LIKE and r == "recurrent_dropout")
    or (c not in LIKE and r in LOOP and suited(r, cell=c))
]
SHORT = {"steps": 6, "checks": 3}  # enough for what shows at once or never
each_cell = pytest.mark.parametrize("cell", CELLS)
each_regularizer = pytest.mark.parametrize("regularizer", REGULARIZERS)
# What holds of a member alone, of padding and of `off` is tested with a GRU and an Elman cell, too:
# one of each kind of hook, the other normalisation, and the mask on the candidate.
EACH_KIND = PAIRS + [
    (c, r)
    for c in ("gru", "elman_tanh")
    for r in (*KINDS, "layer_norm", "update_dropout")
    if (c, r) not in PAIRS and suited(r, cell=c)
]
PADDED = ("labels", "music", "vectors")  # the kinds of task whose sequences differ in length


def of(pairs, where=lambda regularizer: True):
    chosen = [(c, r) for c, r in pairs if where(r)]
    return pytest.mark.parametrize(("cell", "regularizer"), chosen)


each_pair, each_kind = of(PAIRS), of(EACH_KIND)


def strongest(regularizer: str) -> float:
    return registry.load("regularizer", regularizer).strengths[-1]


def has_off(regularizer: str) -> bool:
    """Whether a strength in its range is none: not so of a network of its own."""
    cls = registry.load("regularizer", regularizer)
    return cls.range[0] <= cls.off <= cls.range[1]


def gradients(population: Population, batch: Batch, noise: Noise):
    """Loss, gradients and trace of a step's passes, with its masks, shifts and penalty."""
    reg, params = population.reg, population.params
    if population.data is not None:
        batch = reg.batch(batch, noise, population.data)
    params = {n: p.detach().requires_grad_() for n, p in params.items()}
    run = partial(population.forward, reg, batch, None)
    return differentiate(reg, population.task, run, params, noise)


def trained(job, strengths, seeds) -> Population:
    population = Population(job, strengths, seeds)
    population.run()
    return population


def same(a: dict, b: dict) -> bool:
    return all(torch.equal(a[n], b[n]) for n in a)


@cache
def none(kind: str, cell: str, loop: str) -> Population:
    """Two members without regularization; `loop` tells whose the recurrence is."""
    return trained(setting(kind, cell, "none", **SHORT), [0.0, 0.0], [1, 2])


def off_is_none(cell: str, regularizer: str, loop: str):
    off = registry.load("regularizer", regularizer).off
    for kind in suited(regularizer, "labels", "language", "series")[:2]:
        ours = trained(setting(kind, cell, regularizer, **SHORT), [off, off], [1, 2])
        assert same(ours.final, none(kind, cell, loop).final)


@of(EACH_KIND, has_off)
def test_off_is_none_bit_for_bit(cell, regularizer):
    off_is_none(cell, regularizer, "as chosen")


@pytest.mark.parametrize("regularizer", [r for r in KINDS if has_off(r)])
def test_off_is_none_bit_for_bit_in_the_plain_loop(regularizer, plain_loop):
    off_is_none("lstm", regularizer, "plain")


@each_kind
def test_a_population_is_each_member_alone(cell, regularizer):
    grid = registry.load("regularizer", regularizer).strengths
    members = [(grid[0], 1), (grid[-1], 1), (grid[-1], 2)]
    tasks = 2 if cell == "lstm" and regularizer in KINDS else 1
    for kind in suited(regularizer, "labels", "series")[:tasks]:
        job = setting(kind, cell, regularizer)
        together = trained(job, *map(list, zip(*members, strict=True)))
        for m in (0, 2):  # of another strength and another seed
            strength, seed = members[m]
            alone = trained(job, [strength], [seed])
            # With 7 symbols the vendor rounds a product by where its rows lie in memory.
            near = 1e-5 if kind == "language" else 0.0
            for name, p in alone.final.items():
                torch.testing.assert_close(together.final[name][m], p[0], rtol=near, atol=near)


@each_pair
def test_every_combination_learns_something(cell, regularizer):
    for kind in suited(regularizer):
        job = setting(kind, cell, regularizer, steps=4, checks=2)
        population = trained(job, [strongest(regularizer)], [1])
        assert population.curves.loss.isfinite().all()
        start = initial(job.network, torch.tensor([1]))
        assert not torch.equal(population.final["output_bias"], start["output_bias"])


def rising(kind: str, regularizer: str, strength: float, checks: int) -> Population:
    """A member whose validation loss rises soon, so that stopping shows too.

    By random chords, a high learning rate and many checks.
    """
    budget = {"steps": 4 * checks, "checks": checks, "learning_rate": 0.05}
    return trained(setting(kind, "lstm", regularizer, **budget), [strength], [1])


@cache
def rising_unregularized(kind: str, checks: int) -> Population:
    return rising(kind, "none", 0.0, checks)


@pytest.mark.parametrize("regularizer", [r for r in REGULARIZERS if r != "none"])
def test_the_strongest_strength_has_an_effect(regularizer):
    kind = suited(regularizer, "music", "language", "series")[0]
    for checks in (1, 20):  # stopping takes many checks, a penalty a step
        ours = rising(kind, regularizer, strongest(regularizer), checks)
        none = rising_unregularized(kind, checks)
        names = ours.final.keys() & none.final.keys()
        if not all(torch.equal(ours.final[n], none.final[n]) for n in names):
            return
    raise AssertionError("the same weights as without it")


@each_pair
def test_parameters_are_untouched_by_a_forward_pass(cell, regularizer):
    for kind in suited(regularizer, "language", "series")[:1]:
        population = Population(setting(kind, cell, regularizer), [strongest(regularizer)], [1])
        before = {n: p.clone() for n, p in population.params.items()}
        gradients(population, population.batches.train(0), population.noise)
        assert same(before, population.params)


@each_pair
def test_evaluation_is_deterministic(cell, regularizer):
    kind = suited(regularizer)[0]
    population = Population(setting(kind, cell, regularizer), [strongest(regularizer)], [1])
    first = population.evaluate(None, population.reg, "test")
    population.noise = population.noise.then(7)  # other draws, were there any
    second = population.evaluate(None, population.reg, "test")
    assert same(first, second)


SLIPS = {"dropout_unscaled"}  # what goes wrong where it is not: larger by 1 / (1 - strength)


@each_regularizer
@pytest.mark.parametrize("site", SITES)
def test_evaluation_is_the_mean_of_training(regularizer, site):
    reg = registry.load("regularizer", regularizer)(torch.tensor([strongest(regularizer)]))
    draws = 4000
    shape = (5, 2, draws)  # units x sequences: independent draws
    mask = reg.mask(Site(site), shape, Noise(torch.tensor([3]), 0))
    expected = reg.mask(Site(site), shape, Noise(torch.tensor([3]), 0).expected())
    if regularizer in SLIPS and isinstance(expected, torch.Tensor):
        expected = expected * (1 - strongest(regularizer))
    mask = torch.as_tensor(mask, dtype=torch.float64)
    error = float(mask.std(correction=0)) / math.sqrt(draws) if mask.numel() > 1 else 0.0
    assert float(mask.mean()) == pytest.approx(
        float(torch.as_tensor(expected)), abs=5 * error + 1e-12
    )


@each_regularizer
@pytest.mark.parametrize("site", ["input", "between", "output"])
def test_shifts_in_evaluation_are_the_mean_of_training(regularizer, site):
    reg = registry.load("regularizer", regularizer)(torch.tensor([strongest(regularizer)]))
    network = setting(suited(regularizer)[0], regularizer=regularizer).network
    params, noise = initial(network, torch.tensor([5])), Noise(torch.tensor([3]), 0)
    shape = (50, 80, network.hidden)
    shift = torch.as_tensor(reg.shift(Site(site), shape, noise, params), dtype=torch.float64)
    expected = reg.shift(Site(site), shape, noise.expected(), params)
    error = float(shift.std(correction=0)) / math.sqrt(shift.numel()) if shift.numel() > 1 else 0.0
    assert float(shift.mean()) == pytest.approx(
        float(torch.as_tensor(expected).double().mean()), abs=5 * error + 1e-12
    )


@each_regularizer
def test_weights_in_evaluation_are_the_mean_of_training(regularizer):
    reg = registry.load("regularizer", regularizer)(torch.tensor([strongest(regularizer)]))
    kind = suited(regularizer)[0]
    params = initial(setting(kind, regularizer=regularizer).network, torch.tensor([5]))
    draws = [reg.weights(params, Noise(torch.tensor([5]), step)) for step in range(400)]
    expected = reg.weights(params, Noise(torch.tensor([5]), 0).expected())
    for name, value in expected.items():
        seen = torch.stack([d[name] for d in draws]).double()
        error = 6 * seen.std(0, correction=0) / math.sqrt(len(draws)) + 1e-6
        assert ((seen.mean(0) - value).abs() <= error).all(), name


@each_pair
def test_a_nan_member_leaves_its_neighbours_alone(cell, regularizer):
    grid = registry.load("regularizer", regularizer).strengths
    job = setting(suited(regularizer)[-1], cell, regularizer, **SHORT)
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
@of([p for p in PAIRS if p[0] != "elman_relu"])
def test_dropped_weights_still_get_a_gradient(cell, regularizer):
    job = setting(suited(regularizer)[0], cell, regularizer)
    population = Population(job, [strongest(regularizer)], [1])
    reached = [torch.zeros_like(w) for w in matrices(population.params)]
    for step in range(60):  # a weight that is dropped two times in three is kept in one of them
        noise, batch = population.noise.then(step), population.batches.train(step)
        _, grads, _ = gradients(population, batch, noise)
        for seen, grad in zip(reached, matrices(grads), strict=True):
            seen += grad.abs()
        if all((seen > 0).all() for seen in reached):
            return
    raise AssertionError("a weight without gradient")


@of(EACH_KIND, lambda regularizer: suited(regularizer, *PADDED)[0] in PADDED)
def test_padding_reaches_neither_loss_nor_state_nor_penalty(cell, regularizer):
    """The same batch with sixteen more steps of padding, filled with something else."""
    for kind in suited(regularizer, *PADDED)[:2]:
        population = Population(setting(kind, cell, regularizer), [strongest(regularizer)], [1])
        batch, noise = population.batches.train(0), population.noise
        filler = torch.ones_like(batch.x[:, :1]).expand(-1, 16, *batch.x.shape[2:])
        weight, y = batch.weight, batch.y
        if weight is not None:
            weight = torch.cat([weight, torch.zeros_like(weight[:, :16])], 1)
            y = torch.cat([y, torch.ones_like(y[:, :16])], 1)
        longer = replace(batch, x=torch.cat([batch.x, filler], 1), y=y, weight=weight)
        short, grads, _ = gradients(population, batch, noise)
        long, long_grads, _ = gradients(population, longer, noise)
        torch.testing.assert_close(short, long, rtol=1e-6, atol=0)
        for name, grad in grads.items():
            torch.testing.assert_close(grad, long_grads[name], rtol=1e-4, atol=1e-7)


@each_regularizer
def test_regularizer_facts_are_complete(regularizer):
    facts, cls = (
        registry.facts("regularizer", regularizer),
        registry.load("regularizer", regularizer),
    )
    assert facts["title"]
    assert facts["group"] != "own" or regularizer not in registry.shipped("regularizer")
    dated = any(c.isdigit() for c in facts["source"])
    assert dated or regularizer == "none", "source: name the paper with its year"
    assert ">>>" in facts["doc"], "the docstring holds a doctest with a number"
    low, high = facts["range"]
    assert facts["strengths"]
    assert all(low <= s <= high for s in facts["strengths"])
    for key in ("strengths", "off", "range", "scored_at", "title", "group", "second"):
        assert facts[key] == getattr(cls, key), "read off the file as Python sees it"
    attributes(cls)


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
        if name in registry.shipped("benchmark"):
            assert getattr(source, "url", "https://").startswith("https://")
