"""Naive scores against numbers worked out by hand, and against other ways to compute them."""

import math

import numpy as np
import pytest
import torch

from rnnreg.data import naive
from rnnreg.data.benchmark import Splits
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony


def scores(task, train, held, **facts):
    """{baseline: metrics} on `held`, given as validation and as test."""
    found = naive.scores(task, Splits(train, held, held, **facts))
    assert all(split["validation"] == split["test"] for split in found.values())
    return {name: split["test"] for name, split in found.items()}


class TestLanguage:
    def tokens(self, *values):
        return {"tokens": np.array(values, np.int32)}

    def test_by_hand(self):
        # train 0 1 0 1 1, three symbols: P = (3, 4, 1) / 8; after 0 came 1 twice, after 1 came 0
        # and 1. P(1 | 0) = (2 + 1 * 4/8) / 3, P(2 | 1) = (0 + 2 * 1/8) / 4, P(0 | 2) = P(0) = 3/8.
        task = LanguageModel("character", window=2)
        found = scores(task, self.tokens(0, 1, 0, 1, 1), self.tokens(0, 1, 2, 0), symbols=3)
        unigram = -math.log(4 / 8 * 1 / 8 * 3 / 8) / 3
        bigram = -math.log(2.5 / 3 * 0.25 / 4 * 3 / 8) / 3
        assert found["unigram"]["loss"] == pytest.approx(unigram, abs=1e-12)
        assert found["bigram"]["loss"] == pytest.approx(bigram, abs=1e-12)
        assert found["bigram"]["bits_per_character"] == pytest.approx(bigram / math.log(2))

    def test_probabilities_add_up_to_one(self):
        rng = np.random.default_rng(0)
        tokens = rng.integers(0, 7, 200)  # of ten symbols: three are never seen
        unigram = (np.bincount(tokens, minlength=10) + 1) / (len(tokens) + 10)
        assert unigram.sum() == pytest.approx(1)
        bigram = naive._witten_bell(tokens, unigram)
        for before in range(10):
            assert bigram(np.full(10, before), np.arange(10)).sum() == pytest.approx(1)

    def test_words_are_scored_as_perplexity(self):
        task = LanguageModel("word", window=2)
        found = scores(task, self.tokens(*range(4), 0), self.tokens(0, 1, 2), symbols=4)
        assert set(found["unigram"]) == {"loss", "perplexity"}
        assert found["unigram"]["perplexity"] == pytest.approx(math.exp(found["unigram"]["loss"]))


def sequences(*labels):
    count = len(labels)
    y = np.array(labels, np.int32)
    return {"x": np.zeros(count, np.int32), "length": np.ones(count, np.int32), "y": y}


def test_majority_class_by_hand():
    found = scores(
        Classification(), sequences(0, 1, 1), sequences(1, 1, 0, 2), symbols=1, classes=3
    )
    loss = -math.log(3 / 6 * 3 / 6 * 2 / 6 * 1 / 6) / 4
    assert found["majority class"] == pytest.approx(
        {"loss": loss, "accuracy": 0.5, "error": 0.5, "macro_f1": (2 * 2 / (2 + 4)) / 3}
    )


def test_metrics_are_those_of_the_task():
    task, held = Classification(), sequences(1, 1, 0, 2, 1)
    found = scores(task, sequences(0, 1, 1), held, symbols=1, classes=3)["majority class"]
    output = torch.tensor([2 / 6, 3 / 6, 1 / 6]).log().expand(1, 5, 3)
    told = task.metrics(task.totals(output, torch.tensor(held["y"]).long()[None]))
    assert found == pytest.approx({name: value.item() for name, value in told.items()}, rel=1e-6)


class TestSeries:
    task = Forecast(context=4, horizon=3, season=2)

    def test_by_hand(self):
        held = {"series": np.arange(8, dtype=np.float32)[:, None]}  # two windows of seven rows
        found = scores(self.task, held, held)
        # ahead of 0 1 2 3: 4 5 6. Last value 3; a season before: 2 3 2.
        assert found["last value"]["mse"] == pytest.approx((1 + 4 + 9) / 3)
        assert found["last value"]["mae"] == pytest.approx(2)
        assert found["seasonal"]["mae"] == pytest.approx((2 + 2 + 4) / 3)
        assert found["mean"]["mse"] == pytest.approx((16 + 25 + 36 + 25 + 36 + 49) / 6)

    def test_a_seasonal_series_is_forecast_exactly(self):
        series = np.tile([[1.0, -1.0], [2.0, 5.0]], (10, 1)).astype(np.float32)
        assert scores(self.task, {"series": series}, {"series": series})["seasonal"]["mae"] == 0

    def test_what_was_not_observed_does_not_count(self):
        series = np.arange(8, dtype=np.float32)[:, None]
        observed = np.ones_like(series)
        observed[[4, 6]], series[4] = 0, 1000
        found = scores(self.task, {"series": series}, {"series": series, "observed": observed})
        # first window: only row 5, two above the last value; second: rows 5 and 7, after 1000
        assert found["last value"]["mae"] == pytest.approx((2 + 995 + 993) / 3)

    def test_only_the_targets_count(self):
        task = Forecast(context=4, horizon=3, season=2, targets=(1,))
        series = np.random.default_rng(0).normal(size=(30, 3)).astype(np.float32)
        alone = scores(self.task, {"series": series[:, 1:2]}, {"series": series[:, 1:2]})
        assert scores(task, {"series": series}, {"series": series}) == alone

    def test_no_season_in_a_short_context(self):
        task = Forecast(context=4, horizon=3, season=5)
        series = {"series": np.zeros((20, 1), np.float32)}
        assert set(scores(task, series, series)) == {"last value", "mean"}


class TestPolyphony:
    def rolls(self, *pieces):
        x = np.concatenate([np.array(p, np.uint8) for p in pieces])
        return {"x": x, "length": np.array([len(p) for p in pieces], np.int32)}

    def test_by_hand(self):
        # One key. Pieces 1 1 0 and 0 1: pairs 1>1, 1>0, 0>1 (none across the border).
        train = self.rolls([[1], [1], [0]], [[0], [1]])
        found = scores(Polyphony(), train, self.rolls([[1], [0], [0]]))
        assert found["key frequency"]["nll"] == pytest.approx(-math.log(2 / 5))  # P(on) = 3/5
        given = -(math.log(2 / 4) + math.log(1 / 3)) / 2  # P(off | on) = 2/4, P(off | off) = 1/3
        assert found["key frequency, given the frame before"]["nll"] == pytest.approx(given)

    def test_keys_add_up(self):
        rng = np.random.default_rng(0)
        train, held = ((rng.random((50, 3)) < 0.3).astype(np.uint8) for _ in range(2))
        all_keys = scores(Polyphony(), self.rolls(train), self.rolls(held))
        each = [
            scores(Polyphony(), self.rolls(train[:, [k]]), self.rolls(held[:, [k]]))
            for k in (0, 1, 2)
        ]
        for name, found in all_keys.items():
            assert found["nll"] == pytest.approx(sum(one[name]["nll"] for one in each))
