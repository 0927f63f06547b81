"""Halves of a validation split beside each other: what docs/measure.md says of them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scripts import script

ROWS = [SimpleNamespace(cell="gru", regularizer=name) for name in ("none", "a", "b", "c")]


@pytest.fixture
def halves():
    return script("validation/halves.py")


def test_effects_on_one_half_are_ranked_beside_those_on_the_other(halves, monkeypatch):
    """By hand: one way round the order is the same, the other way it is turned round."""
    first = {"none": 0.0, "a": -0.3, "b": -0.2, "c": -0.1}
    other = {
        0: {"none": 1.0, "a": 0.5, "b": 0.6, "c": 0.7},
        1: {"none": 1.0, "a": 0.7, "b": 0.6, "c": 0.5},
    }
    noise = np.array([-0.05, 0.05])  # of the seeds, which are paired

    def logs(row, data, half):
        return np.array([first[row.regularizer] + noise, other[half][row.regularizer] + noise])

    monkeypatch.setattr(halves, "logs", logs)
    assert halves.agreement(ROWS, ({}, {})) == pytest.approx((1 - 1) / 2)
    monkeypatch.setitem(other, 1, other[0])
    assert halves.agreement(ROWS, ({}, {})) == pytest.approx(1)


def test_effects_on_one_half_of_the_folds_are_ranked_beside_those_on_the_other(halves, monkeypatch):
    """By hand: folds 0 and 1 order a, b, c one way, 2 and 3 the other way round."""
    effect = {"a": (1, 1, 3, 3), "b": (2, 2, 2, 2), "c": (3, 3, 1, 1)}
    none = np.array([0.0, 5.0, -2.0, 1.0])[:, None] + [-0.05, 0.05]  # (folds, seeds)

    def on_folds(row, data):
        return none - np.array(effect.get(row.regularizer, (0, 0, 0, 0)))[:, None]

    monkeypatch.setattr(halves, "on_folds", on_folds)
    # Two of six halvings put 0 and 1 against 2 and 3; in the others all three effects are 2.
    assert halves.agreement_of_folds(ROWS, ({}, {})) == pytest.approx(-2 / 6)
    effect |= {"a": (1, 1, 1, 1), "c": (3, 4, 5, 6)}
    assert halves.agreement_of_folds(ROWS, ({}, {})) == pytest.approx(1)


def test_effects_on_folds_are_ranked_beside_those_on_validation(halves, monkeypatch):
    """By hand, of the models that were evaluated at the choice; others have no say."""
    row = SimpleNamespace
    rows = [row(**vars(each), evaluation_seeds=(1000, 1001)) for each in ROWS]
    effect = {"a": 1, "b": 2, "c": 3}
    later = {"none": 5.0, "a": 3.0, "b": 4.0, "c": 2.0}

    def on_folds(row, data):
        return np.zeros((4, 2)) - effect.get(row.regularizer, 0)

    def known(row):
        def record(phase, tuned, seed, score):
            part = {"loss": abs(score), "mse": score}
            scores = {"best": {"validation": part}}
            return SimpleNamespace(phase=phase, tuned=tuned, seed=seed, scores=scores)

        own = [("evaluate", (None, 1.0), seed, later[row.regularizer]) for seed in (1001, 1000)]
        others = [("tune", (None, 1.0), 0, 0.1), ("tune", (None, 2.0), 0, 9.0)]
        return [record(*each) for each in [*others, *own, ("evaluate", (None, 2.0), 1000, 1e-9)]]

    task = SimpleNamespace(compared="mse")
    benchmark = SimpleNamespace(benchmark=SimpleNamespace(task=task))
    monkeypatch.setattr(halves, "on_folds", on_folds)
    monkeypatch.setattr(halves, "known", known)
    monkeypatch.setattr(halves, "setting", lambda row, *data: benchmark)
    # Effects 1, 2, 3 on folds; on validation b < a < c: one pair of three is turned round.
    assert halves.foretold(rows, ({}, {})) == pytest.approx(0.5)
    later |= {"a": 4.5, "b": 4.0, "c": 3.5}
    assert halves.foretold(rows, ({}, {})) == pytest.approx(1)


def test_of_sequences_as_many_as_a_check_reads_are_halved(halves):
    count = 4499
    arrays = {"x": np.arange(count), "length": np.ones(count, int), "y": np.arange(count) % 8}
    assert halves.part(arrays, 2000)["x"].tolist() == [i * count // 2000 for i in range(2000)]
    assert halves.part(arrays, 0) is halves.part(arrays, 5000) is arrays
    assert halves.part({"series": np.arange(count)}, 150)["series"].size == count


def test_the_table_in_the_docs_is_that_of_the_file(halves):
    frame = pd.read_csv(halves.HERE / "halves.csv")
    assert tuple(frame["benchmark"]) == halves.NAMES
    page = halves.PAGE.read_text(encoding="utf-8")
    assert halves.shown(frame) in page, "docs/measure.md is not what halves.csv makes"
    alone = frame.dropna(subset="size_alone")
    assert (alone["size"] > alone["size_alone"]).all()
    line = frame.set_index(frame["benchmark"].str.partition("@")[0])
    more = line["agreement"] > line["agreement_alone"]
    assert more[["trec", "sst2", "us_macro"]].all(), "the docs say so"
    alone = line["agreement_alone"]
    assert alone["r8"] > alone["trec"], "the docs say so"
