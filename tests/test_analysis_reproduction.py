"""Two runs: the same, different, missing; and the rate of false alarms."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import synthetic

from rnnreg.analysis.collect import collect
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics import reproduction
from rnnreg.analysis.statistics.compare import compare
from rnnreg.errors import UserError
from rnnreg.study import records


@pytest.fixture
def runs(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino", "trec"), ("lstm",), ("none", "l2", "dropout"), 1, 6)
    synthetic.write(tmp_path, study)
    published = tmp_path / "results/published/small"
    shutil.copytree(tmp_path / "results/small", published)
    return study, published


def shift(study, by: float):
    """Make one row's test scores worse by a factor."""
    file = study.records(study.row("elnino", "lstm", "dropout"))
    changed = []
    for member in records.read(file):
        scores = {
            c: {
                p: {m: v * by if p == "test" else v for m, v in metrics.items()}
                for p, metrics in parts.items()
            }
            for c, parts in member.scores.items()
        }
        changed.append(dataclasses.replace(member, scores=scores))
    records.write(file, changed)


def test_the_same_records_are_the_same(runs):
    study, published = runs
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    assert len(frame) == 2 * 3 * 2
    assert set(frame["status"]) == {"same"}
    assert (frame["difference"] == 0).all()
    assert set(frame["metric"]) == {"loss", "error"}


def test_a_changed_row_is_different_and_no_other(runs):
    study, published = runs
    shift(study, 1.3)
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    different = frame[frame["status"] == "different"]
    assert set(different["regularizer"]) == {"dropout"}
    assert set(different["criterion"]) == {"best", "final"}
    assert (different["low"] > 0).all()


def test_a_row_of_one_side_only_is_missing(runs):
    study, published = runs
    study.records(study.row("trec", "lstm", "l2")).unlink()
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    assert list(frame[frame["status"] == "missing"]["regularizer"]) == ["l2", "l2"]


def test_no_records_is_an_error_that_says_what_was_expected(tmp_path):
    with pytest.raises(UserError, match="no records"):
        reproduction.compare_runs(tmp_path, tmp_path)


def test_the_statement_turns_with_the_result(runs):
    study, _ = runs
    folder = compare(collect(study))
    assert "repeats the published one (12 figures to the last digit)" in reproduction.statement(
        load(folder)
    )
    shift(study, 1.3)
    compare(collect(study))
    assert "**This run does not repeat the published one** in `elnino/lstm/dropout`" in (
        reproduction.statement(load(folder))
    )
    table = reproduction.comparison(load(folder))
    assert [c.text for row in table.rows for c in row].count("different") == 2


def test_without_published_records_it_says_so(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), ("lstm",), ("none", "l2"), 1, 2)
    synthetic.write(tmp_path, study)
    folder = compare(collect(study))
    assert "nothing to compare this run with" in reproduction.statement(load(folder))


def test_one_seed_cannot_be_tested():
    one = ("loss", 0.0, np.array([1.0]))
    other = ("loss", 0.0, np.array([1.1]))
    key = ("b", "c", "r", "best")
    assert reproduction._compared(key, one, other)["status"] == "untested"
    assert reproduction._compared(key, one, one)["status"] == "same"


def test_false_alarms_in_perfect_replications():
    rng = np.random.default_rng(3)
    key = ("b", "c", "r", "best")
    alarms = [
        reproduction._compared(key, ("loss", 0.0, a), ("loss", 0.0, b))["p"] < 0.05
        for a, b in rng.normal(size=(1500, 2, 8))
    ]
    assert np.mean(alarms) < 0.065  # nominal 0.05, before Holm's correction
