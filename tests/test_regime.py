"""Whether there is something to regularize: the part of train, the blocks inside it, the table."""

import math
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toys import TASKS, arrays, setting

from rnnreg.data import Splits
from rnnreg.data.part import part_of_train
from rnnreg.errors import UserError
from rnnreg.study import regimes
from rnnreg.study.search import Search
from rnnreg.study.study import Row, Study
from rnnreg.tasks import Forecast
from rnnreg.training import regime
from rnnreg.training.batches import batches

SERIES = Forecast(context=5, horizon=3, season=1)


def splits(kind: str) -> Splits:
    return Splits(*(arrays(kind, 40, i) for i in range(3)))


def test_a_part_of_a_text_or_series_is_its_end():
    for kind, key in (("language", "tokens"), ("series", "series")):
        whole = splits(kind)
        part = part_of_train(TASKS[kind].task, whole, 30)
        assert np.array_equal(part.train[key], whole.train[key][-30:])
        assert part.validation is whole.validation
        assert part.counts["part of train"] == f"30 of {len(whole.train[key])}"


def test_the_targets_of_a_part_are_those_that_it_predicts():
    whole = replace(splits("series"), targets={"train": range(12, 120), "test": [200]})
    part = part_of_train(TASKS["series"].task, whole, 30)
    assert list(part.targets["train"]) == list(range(102, 120))


def test_a_part_of_windows_that_are_named_is_spread_evenly():
    whole = splits("series")
    whole.train["starts"] = np.arange(0, 100, 10)
    part = part_of_train(TASKS["series"].task, whole, 5)
    assert part.train["starts"].tolist() == [0, 20, 40, 60, 80]
    assert part.train["series"] is whole.train["series"]


def test_a_part_of_sequences_is_spread_evenly():
    whole = splits("labels")
    part = part_of_train(TASKS["labels"].task, whole, 10)
    ends = np.cumsum(whole.train["length"])
    first = [
        whole.train["x"][ends[i] - whole.train["length"][i] : ends[i]] for i in range(0, 40, 4)
    ]
    assert np.array_equal(part.train["x"], np.concatenate(first))
    assert np.array_equal(part.train["y"], whole.train["y"][::4])


def test_more_than_there_is():
    with pytest.raises(UserError, match="train: given 41, allowed are 0, for all, to 40"):
        part_of_train(TASKS["labels"].task, splits("labels"), 41)


def test_no_target_of_a_fold_is_trained_on():
    series = np.arange(205, dtype=np.float32)[:, None]
    found = regime.fold(SERIES, {"train": {"series": series}}, 2)
    targets = {
        split: {int(s) + 5 + k for s in arrays["starts"] for k in range(3)}
        for split, arrays in found.items()
    }
    assert targets["validation"] == targets["fold 2"]
    assert not targets["train"] & targets["fold 2"]
    folds = [targets[f"fold {number}"] for number in range(regime.FOLDS)]
    assert sorted(row for own in folds for row in own) == list(range(5, 205)), "each row once"
    assert all(own <= targets["train"] for number, own in enumerate(folds) if number != 2)
    held = sorted(folds[2])
    assert sum(b - a > 1 for a, b in pairwise(held)) == regime.BLOCKS - 1


@pytest.mark.parametrize(("rows", "blocks"), [(205, 4), (65, 4), (50, 3), (20, 1)])
def test_a_short_series_has_fewer_blocks(rows, blocks):
    train = {"series": np.arange(rows, dtype=np.float32)[:, None]}
    assert regime.most_blocks("toy", SERIES, train) == blocks
    for left_out in range(regime.FOLDS):
        found = regime.fold(SERIES, {"train": train}, left_out, blocks)
        assert len(found["train"]["starts"])
        assert len(found["validation"]["starts"])


def test_a_series_too_short_to_be_measured_is_told_and_the_others_go_on(monkeypatch):
    jobs = {"short": setting("series", "gru", steps=2, checks=1), "toy": setting("labels")}
    jobs["short"].splits["train"] = {"series": jobs["short"].splits["train"]["series"][:20]}
    measure, told, put = regime.measure, [], []

    def measured(row, facts, splits, device):
        if row.benchmark == "toy":
            return dict.fromkeys(("gap", "gap_low", "gap_high", "late_gain", "best_check"), 0.5) | {
                "cell": row.cell, "measured": "over-fits", "declared": "over-fits"
            }  # fmt: skip
        return measure(row, facts, splits, device)

    monkeypatch.setattr(regime, "setting", lambda row, *_: jobs[row.benchmark])
    monkeypatch.setattr(regime, "measure", measured)
    monkeypatch.setattr(regime.regimes, "put", put.append)
    rows = tuple(Row(name, "lstm", "none", (0.0,), (0,), (1000,)) for name in jobs)
    read = lambda name: ({}, jobs[name].splits)  # noqa: E731
    regime.measure_all(Study("s", "S", rows), list(jobs), read, tell=told.append)
    assert told[0].startswith("short: 20 rows in training are too few to leave out 5 folds")
    assert [line["cell"] for line in put] == ["gru", "lstm"]
    assert len(told) == 3


def test_windows_that_are_named_are_the_ones_that_are_read():
    train = arrays("series", 40, 0)
    chosen = np.array([3, 20, 21, 50])
    given = {n: arrays("series", 40, i) for i, n in enumerate(("train", "validation", "test"))}
    given["train"] = {**train, "starts": chosen}
    source = batches(TASKS["series"].task, given, torch.tensor([1]), 2)
    assert sorted(torch.cat([source.pick(step)[1][0] for step in range(2)]).tolist()) == [
        3, 20, 21, 50,
    ]  # fmt: skip
    assert [i.tolist() for _, i in source.portions("train")] == [[[3, 20, 21, 50]]]


def test_the_rates_are_those_of_the_range_that_is_searched():
    row = Row("toy", "gru", "none", (0.0,), (0,), (1000,))
    assert regime.rates(replace(row, search=Search(learning_rate=(0.5, 0.5)))) == [0.5]
    wide = regime.rates(replace(row, search=Search(learning_rate=(1e-4, 1e2))))
    assert wide == [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100]


def test_the_rate_is_that_of_the_lowest_mean_loss(monkeypatch):
    """No other near it is preferred; what diverged counts as no loss, however low it was."""
    losses = {0.001: (2.0, 2.2), 0.01: (1.9, 2.1), 0.1: (2.0, 2.001), 1.0: (0.5, math.nan)}
    asked = []

    def populate(job, strengths, seeds, rates):
        asked.extend(zip(rates, seeds, strict=True))
        best = [losses[rate][regime.CHOOSING.index(seed)] for rate, seed in asked]
        curves = SimpleNamespace(
            best_loss=torch.tensor(best), diverged=torch.tensor([loss < 1 for loss in best])
        )
        return SimpleNamespace(run=lambda: None, curves=curves)

    monkeypatch.setattr(regime, "populate", populate)
    assert regime._best_rate(None, list(losses)) == 0.01
    assert asked == [(rate, seed) for rate in losses for seed in regime.CHOOSING]


@pytest.mark.parametrize("kind", ["series", "labels"])
def test_a_line_of_the_table(kind, monkeypatch, tmp_path):
    job = setting(kind, "gru", steps=40, checks=10)
    monkeypatch.setattr(regime, "setting", lambda *_: job)
    search = Search(learning_rate=(1e-3, 0.1))
    row = Row("toy", "gru", "none", (0.0,), (0,), (1000,), search=search)
    line = regime.measure(row, {}, job.splits)
    assert line["gap_low"] < line["gap"] < line["gap_high"]
    assert line["learning_rate"] in (0.001, 0.00215, 0.00464, 0.01, 0.0215, 0.0464, 0.1)
    assert line["declared"] == "over-fits"
    assert line["passes"] == pytest.approx(4.0 if kind == "labels" else line["passes"])
    table = tmp_path / "regime.csv"
    for told in ({**line, "gap": 0.5}, {**line, "cell": "lstm"}, line):
        regimes.put(told, table)
    found = regimes.read(table)
    assert [li["cell"] for li in found] == ["gru", "lstm"]
    assert found[0]["gap"] == f"{line['gap']:.4g}"
