"""Combinations against their parts, worked out one by one."""

import math

import pytest
import torch
from toys import setting

from rnnreg.kernels.noise import Noise, Site
from rnnreg.study import registry
from rnnreg.trace import Batch, Trace
from rnnreg.training.population import Population


def load(name: str, *strengths: float):
    return registry.load("regularizer", name)(torch.tensor(strengths))


def test_dropout_and_l2_at_the_ratio_of_the_recipe():
    reg = load("dropout_l2", 2.0, 0.5)
    weights = {"0.input": torch.tensor([[[3.0, 1.0]], [[3.0, 1.0]]])}
    assert reg.penalty(weights, None).tolist() == pytest.approx([2e-3 * 10, 5e-4 * 10])
    noise = Noise(torch.tensor([1, 1]), 0)
    for site in ("input", "between", "output"):
        mask = reg.mask(Site(site), (20, 50, 20), noise)
        for m, rate in enumerate((0.2, 0.05)):
            assert float((mask[m] == 0).float().mean()) == pytest.approx(rate, abs=0.01)
            assert mask[m].max().item() == pytest.approx(1 / (1 - rate), rel=1e-4)
    assert reg.mask(Site("recurrent"), (20, 50, 20), noise) == 1.0


def test_l2_clipping_and_stopping_grow_stricter_together():
    reg = load("l2_clip_stopping", 2.0, 0.5)
    weights = {"0.input": torch.tensor([[[3.0, 1.0]], [[3.0, 1.0]]])}
    assert reg.penalty(weights, None).tolist() == pytest.approx([2e-5 * 10, 5e-6 * 10])
    grads = {"0.input": torch.tensor([[[3.0, 4.0]], [[3.0, 4.0]]])}
    clipped = reg.gradients(grads, weights, Noise(torch.tensor([1, 1]), 0))["0.input"]
    for m, longest in enumerate((0.5, 2.0)):
        assert [math.dist(g, [0, 0]) for g in clipped[m].tolist()] == pytest.approx([longest])
    best_at_first = [[1.0, 1.0]] + 3 * [[2.0, 2.0]]  # three checks ago; patience 2.5 and 10
    assert reg.keep_training(torch.tensor(best_at_first)).tolist() == [False, True]


def test_zoneout_of_an_lstm_takes_less_of_c_than_of_h():
    reg, noise = load("zoneout_lstm", 0.5, 1.0), Noise(torch.tensor([1, 1]), 0)
    for site, rates in (("carry/c", (0.25, 0.5)), ("carry/h", (0.025, 0.05))):
        mask = reg.mask(Site(site), (20, 50, 40), noise)
        assert set(mask.flatten().tolist()) == {0.0, 1.0}
        for m, rate in enumerate(rates):
            assert float((mask[m] == 0).float().mean()) == pytest.approx(rate, abs=0.01)
            expected = reg.mask(Site(site), (1, 1, 1), noise.expected())[m]
            assert float(expected) == pytest.approx(1 - rate)
    assert reg.mask(Site("recurrent"), (20, 50, 40), noise) == 1.0


def test_zoneout_and_recurrent_dropout_at_one_rate():
    reg, noise = load("zoneout_recurrent_dropout", 1.0, 2.0), Noise(torch.tensor([1, 1]), 0)
    for site in ("carry/c", "carry/h", "recurrent"):
        mask = reg.mask(Site(site), (20, 500, 40), noise)
        for m, rate in enumerate((0.15, 0.3)):
            assert float((mask[m] == 0).float().mean()) == pytest.approx(rate, abs=0.01)
            kept = 1 / (1 - rate) if site == "recurrent" else 1.0
            assert mask[m].max().item() == pytest.approx(kept, rel=1e-4)
    assert reg.mask(Site("input"), (20, 50, 40), noise) == 1.0


def test_the_row_that_clips_and_stops_does_so_for_the_study_too():
    job = setting("series", "gru", "l2_clip_stopping")
    assert job.regularizer.clips
    assert job.regularizer.scored_at == "best"
    population = Population(job, [4.0], [1])
    assert population.reg.scored_at == "best"
    assert population.reg.clips


AWD = (  # the rates of the authors' command for the Penn Treebank
    ("embedding", 0.1),
    ("input", 0.4),
    ("between", 0.4),
    ("output", 0.4),
)
HALF_AND_MORE = (0.5, 1.5)


def test_masks_of_awd_have_the_rates_of_the_paper():
    reg, noise = load("awd", *HALF_AND_MORE), Noise(torch.tensor([1, 1]), 0)
    for site, rate in AWD:
        mask = reg.mask(Site(site), (7, 50, 80), noise)
        assert mask.shape == ((2, 1, 1, 80) if site == "embedding" else (2, 1, 50, 80))
        for m, strength in enumerate(HALF_AND_MORE):
            p = strength * rate
            gone = float((mask[m] == 0).double().mean())
            assert gone == pytest.approx(p, abs=5 * math.sqrt(p / mask[m].numel())), site
            assert mask[m].max().item() == pytest.approx(1 / (1 - p), rel=1e-4)
    for site in ("recurrent", "update", "cell", "carry/h", "carry/c"):
        assert reg.mask(Site(site), (7, 50, 80), noise) == 1.0
    given = {n: torch.ones(2, 60, 50) for n in ("0.input", "1.recurrent", "output")}
    found = reg.weights(given, noise)
    for m, strength in enumerate(HALF_AND_MORE):
        gone = float((found["1.recurrent"][m] == 0).double().mean())
        assert gone == pytest.approx(0.5 * strength, abs=5 * math.sqrt(0.25 / 3000))
    assert all(torch.equal(found[n], given[n]) for n in ("0.input", "output"))


def test_penalties_of_awd_are_ar_and_tar():
    """2 mean (m h)^2 + mean (h(t) - h(t - 1))^2, by loops."""
    generator = torch.Generator().manual_seed(1)
    h, read = torch.randn(2, 2, 3, 4, 5, generator=generator).unbind()  # (M, T, B, H) each
    y = torch.zeros(2, 3, 4, dtype=torch.int64)
    found = load("awd", *HALF_AND_MORE).penalty({}, Trace(h, [], [h], read, Batch(y, y), h))
    for m, strength in enumerate(HALF_AND_MORE):
        squares = [v * v for v in read[m].flatten().tolist()]
        moves = [
            float(h[m, t, b, u] - h[m, t - 1, b, u]) ** 2
            for t in (1, 2)
            for b in range(4)
            for u in range(5)
        ]
        wanted = 2 * sum(squares) / len(squares) + sum(moves) / len(moves)
        assert float(found[m]) == pytest.approx(strength * wanted, rel=1e-5)


@pytest.mark.parametrize(("strength", "checks"), [(1.0, 5), (0.5, 10), (1.25, 4)])
def test_awd_averages_once_the_loss_is_above_that_of_long_ago(strength, checks):
    """The first loss is the lowest: averaging starts when it lies long enough ago."""
    reg, noise = load("awd", strength), Noise(torch.tensor([1]), 0)
    kept = reg.start({"output": torch.ones(1, 2, 2)})
    (name,) = (n for n in kept if n.endswith("averaged"))
    losses = torch.tensor([1.0] + 20 * [2.0])[:, None]
    started = [bool(reg.told(kept, losses[: n + 1], noise)[name] > 0) for n in range(20)]
    assert started.index(True) == checks + 1


def test_awd_is_for_symbols():
    kind, series = registry.load("regularizer", "awd"), setting("series")
    reason = kind.suits(series.network, series.benchmark.task)
    assert reason == "embedding dropout: it drops symbols, and the inputs are real vectors"
    labels = setting("labels")
    assert kind.suits(labels.network, labels.benchmark.task) == ""
