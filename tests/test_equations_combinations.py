"""Combinations against their parts, worked out one by one."""

import math

import pytest
import torch
from toys import setting

from rnnreg.kernels.noise import Noise, Site
from rnnreg.study import registry
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
