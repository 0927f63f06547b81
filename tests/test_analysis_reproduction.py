"""Two runs: the same, different, missing; and the rate of false alarms."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
import synthetic
from scipy import stats

from rnnreg.analysis.collect import collect
from rnnreg.analysis.report import reproduced
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


def change(study, how, rows=None):
    """Write the records of some rows, or of all, as `how` changes each member."""
    for row in rows or study.rows:
        file = study.records(row)
        records.write(file, [how(member) for member in records.read(file)])


def scaled(by):
    """A change of a member's test scores by a factor: a number, or a function that draws one."""

    def how(member):
        factor = by() if callable(by) else by
        scores = {
            c: {
                p: {m: v * factor if p == "test" else v for m, v in metrics.items()}
                for p, metrics in parts.items()
            }
            for c, parts in member.scores.items()
        }
        return dataclasses.replace(member, scores=scores)

    return how


def shift(study, by: float):
    """Make one row's test scores worse by a factor."""
    change(study, scaled(by), [study.row("elnino", "lstm", "dropout")])


def whole(study):
    """The line of each criterion over all rows."""
    return pd.read_csv(study.folder / reproduction.WHOLE).set_index("criterion")


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


def test_members_that_the_study_does_not_ask_for_are_not_compared(runs):
    study, published = runs
    fewer = synthetic.study("small", study.benchmarks, ("lstm",), study.regularizers, 1, 4)
    frame = pd.read_csv(reproduction.compare_runs(published, collect(fewer)))
    assert set(frame["n_a"]) == {6}
    assert set(frame["n_b"]) == {4}


def test_a_row_that_makes_no_sense_is_no_figure(runs):
    study, published = runs
    row = study.row("elnino", "lstm", "dropout")
    for file in (study.records(row), published / study.records(row).relative_to(study.folder)):
        records.write_unsuited(file, row.fingerprint, "it has no words")
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    assert len(frame) == 2 * 5
    assert set(frame["status"]) == {"same"}


def test_no_records_is_an_error_that_says_what_was_expected(tmp_path):
    with pytest.raises(UserError, match="no records"):
        reproduction.compare_runs(tmp_path, tmp_path)


def test_all_losses_two_percent_worse_is_different(runs):
    study, published = runs
    change(study, scaled(1.02))
    reproduction.compare_runs(published, study.folder)
    found = whole(study)
    assert found["status"].tolist() == ["different", "different"]
    assert found["difference"].tolist() == pytest.approx([2.0, 2.0])
    rng = np.random.default_rng(0)
    change(study, scaled(lambda: np.exp(0.01 * rng.normal())))  # and noise on top
    reproduction.compare_runs(published, study.folder)
    assert set(whole(study)["status"]) == {"different"}
    assert (whole(study)["rows"] == 6).all()


def test_little_noise_is_the_same_and_much_cannot_be_told(runs):
    study, published = runs
    rng = np.random.default_rng(1)
    change(study, scaled(lambda: np.exp(0.002 * rng.normal())))
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    assert set(frame["status"]) == {"same"}
    assert (frame["difference"] != 0).all()
    assert set(whole(study)["status"]) == {"same"}
    change(study, scaled(lambda: np.exp(0.2 * rng.normal())))
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    assert set(frame["status"]) == {"cannot tell"}
    assert set(whole(study)["status"]) == {"cannot tell"}


def test_other_data_are_not_compared_and_upgrades_are_named(runs):
    study, published = runs
    upgraded = {"rnnreg": "0.1.0", "torch": "3.0"}
    change(study, lambda m: dataclasses.replace(m, versions=upgraded))
    moved = [r for r in study.rows if r.benchmark == "elnino"]
    change(study, lambda m: dataclasses.replace(scaled(9)(m), data_hash="f" * 16), moved)
    frame = pd.read_csv(reproduction.compare_runs(published, study.folder))
    assert set(frame.query("benchmark == 'elnino'")["status"]) == {"other data"}
    assert set(frame.query("benchmark == 'trec'")["status"]) == {"same"}
    assert set(frame["versions"]) == {"torch 2.13.0 -> 3.0"}
    assert whole(study)["rows"].tolist() == [3, 3]
    assert whole(study)["difference"].tolist() == [0, 0]


def test_the_statement_turns_with_the_result(runs):
    study, _ = runs
    folder = compare(collect(study))
    said = reproduced.statement(load(folder))
    assert said.startswith("Of 12 published or fresh figures: 12 same (12 to the last digit).")
    assert said.endswith("This run repeats the published one.")
    rows = reproduced.comparison(load(folder)).rows
    assert [r[5].text for r in rows] == [r[6].text for r in rows]
    shift(study, 1.3)
    compare(collect(study))
    said = reproduced.statement(load(folder))
    assert "**This run does not repeat the published one, in `elnino/lstm/dropout`.**" in said
    table = reproduced.comparison(load(folder))
    assert [c.text for row in table.rows for c in row].count("different") == 2
    shift(study, 1 / 1.3)
    change(study, scaled(1.02))
    compare(collect(study))
    said = reproduced.statement(load(folder))
    assert "+2.00% at the best check (90% interval +2.00 to +2.00: different)" in said
    assert "**This run does not repeat the published one" in said
    rng = np.random.default_rng(1)
    change(study, scaled(lambda: np.exp(0.2 * rng.normal())))
    compare(collect(study))
    said = reproduced.statement(load(folder))
    assert "**Whether this run repeats the published one cannot be told.**" in said


def test_the_statement_names_other_data_and_upgrades(runs):
    study, _ = runs
    folder = compare(collect(study))
    frame = pd.read_csv(folder / reproduction.FILE)
    frame.loc[frame["benchmark"] == "trec", "status"] = "other data"
    frame["versions"] = "torch 2 -> 3"
    frame.to_csv(folder / reproduction.FILE, index=False)
    said = reproduced.statement(load(folder))
    assert said.startswith("Of 12 published or fresh figures: 6 same and 6 other data (6 to")
    assert (
        "Trained on other data, so not compared: trec. Between the two runs: torch 2 -> 3." in said
    )


def test_without_published_records_it_says_so(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), ("lstm",), ("none", "l2"), 1, 2)
    synthetic.write(tmp_path, study)
    folder = compare(collect(study))
    assert "nothing to compare this run with" in reproduced.statement(load(folder))


KEY = ("b", "c", "r", "best")


def figure(scores, first=0):
    """A figure of so many seeds."""
    values = dict(enumerate(map(float, scores), first))
    return reproduction.Figure("loss", 0.0, values, values, "0", {})


def test_one_seed_is_the_same_or_cannot_be_told():
    assert reproduction._compared(KEY, figure([1.0]), figure([1.1]))["status"] == "cannot tell"
    assert reproduction._compared(KEY, figure([1.0]), figure([1.0]))["status"] == "same"
    unpaired = reproduction._compared(KEY, figure([1.0]), figure([1.1, 1.2], 5))
    assert unpaired["status"] == "cannot tell"


def test_other_seeds_are_compared_by_welchs_test():
    a, b = np.random.default_rng(0).normal(size=(2, 6))
    found = reproduction._compared(KEY, figure(a), figure(b, 100))
    test = stats.ttest_ind(b, a, equal_var=False)
    assert found["p"] == pytest.approx(test.pvalue)
    assert (found["low"], found["high"]) == pytest.approx(tuple(test.confidence_interval(0.9)))
    assert found["margin"] == pytest.approx(1.5 * a.std(ddof=1))
    same_seeds = reproduction._compared(KEY, figure(a), figure(b))
    assert same_seeds["p"] == pytest.approx(stats.ttest_rel(b, a).pvalue)


def test_false_alarms_in_perfect_replications():
    rng = np.random.default_rng(3)
    pairs = [(figure(a), figure(b, 100)) for a, b in rng.normal(size=(1500, 2, 8))]
    found = [reproduction._compared(KEY, a, b) for a, b in pairs]
    assert np.mean([f["p"] < 0.05 for f in found]) < 0.065  # nominal 0.05, before Holm's correction
    shifted = [reproduction._compared(KEY, a, figure(np.add([*b.scores.values()], 1.5), 100))
               for a, b in pairs]  # fmt: skip
    margin = [np.std([*a.scores.values()], ddof=1) for a, _ in pairs]
    far = [s["status"] == "same" for s, m in zip(shifted, margin, strict=True) if m < 1]
    assert (
        np.mean(far) < 0.06
    )  # what lies at the margin or beyond is called the same once in twenty
