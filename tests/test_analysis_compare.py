"""From records to numbers, sentences and figures: every number right, every odd study defined."""

import math
import subprocess
import sys

import jupytext
import numpy as np
import pandas as pd
import pytest
import synthetic
from scipy import stats

from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures import draw as figures
from rnnreg.analysis.figures import pays, style
from rnnreg.analysis.report import findings, sentences, shown
from rnnreg.analysis.report.report import SOURCE
from rnnreg.analysis.results import Results, load
from rnnreg.analysis.statistics.compare import compare


def made(tmp_path, monkeypatch, benefit=None, **asked):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("made", **asked)
    synthetic.write(tmp_path, study, benefit)
    return load(tmp_path / compare(collect(study)))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """One study for all tests that only look."""
    names = ("none", "l2", "dropout", "early_stopping", "clip_norm")
    tmp_path = tmp_path_factory.mktemp("plain")
    monkeypatch = pytest.MonkeyPatch()
    asked = {"benchmarks": ("elnino", "trec"), "cells": ("gru", "lstm"), "regularizers": names}
    results = made(tmp_path, monkeypatch, **asked)
    monkeypatch.undo()
    return results


def test_comparisons_against_scipy(plain):
    frame = plain.read("comparisons").set_index(["benchmark", "cell", "regularizer", "criterion"])
    scores = plain.scores.set_index(["benchmark", "cell", "regularizer", "criterion", "seed"])
    scores = scores.sort_index()
    key = ("trec", "lstm", "dropout", "final")
    own, none = scores.loc[key], scores.loc[("trec", "lstm", "none", "final")]
    test = stats.ttest_rel(own["score"], none["score"])
    row = frame.loc[key]
    assert row["score"] == pytest.approx(own["score"].mean())
    assert row["difference"] == pytest.approx((own["score"] - none["score"]).mean())
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(
        tuple(test.confidence_interval())
    )
    assert row["p"] == pytest.approx(stats.ttest_rel(own["log"], none["log"]).pvalue)
    ahead = np.sign(none["log"] - own["log"])
    assert row["wins"] == (ahead > 0).mean() + 0.5 * (ahead == 0).mean()
    assert row["effect"] == pytest.approx(100 * (1 - math.exp((own["log"] - none["log"]).mean())))
    family = frame.loc[("trec", "lstm", slice(None), "final")]
    family = family[family["p"].notna()]
    assert len(family) == 4
    assert (family["p_adjusted"] >= family["p"]).all()
    assert (family["p_adjusted"] <= np.minimum(1, 4 * family["p"]) + 1e-9).all()
    excluded = (family["effect_low"] > 0) | (family["effect_high"] < 0)
    assert (excluded == (family["p_adjusted"] < 0.05)).all()
    alone = percent_interval(own["log"] - none["log"])
    assert row["effect_low"] < alone[0] < row["effect"] < alone[1] < row["effect_high"]


def percent_interval(log_ratio):
    """The paired interval of one effect alone."""
    low, high = stats.ttest_1samp(log_ratio, 0).confidence_interval()
    return 100 * (1 - math.exp(high)), 100 * (1 - math.exp(low))


def test_scores_are_the_records_at_the_chosen_strength(plain):
    rows = plain.rows.set_index(["benchmark", "cell", "regularizer"])
    scores = plain.scores
    for criterion in ("best", "final"):
        part = scores[scores["criterion"] == criterion]
        for key, group in part.groupby(["benchmark", "cell", "regularizer"]):
            assert set(group["strength"]) == {rows.loc[key, f"chosen_{criterion}"]}
            assert len(group) == 8
    stopped = scores[scores["regularizer"] == "early_stopping"]
    both = stopped.pivot(index=["benchmark", "cell", "seed"], columns="criterion", values="score")
    assert (both["best"] == both["final"]).all()


def test_error_rates_have_a_logarithm_at_zero(plain):
    facts = plain.benchmarks["trec"]
    n = facts["sizes"]["test"]
    error = plain.scores.query("benchmark == 'trec'").iloc[0]
    assert error["log"] == pytest.approx(math.log(((1 - error["score"]) * n + 0.5) / (n + 1)))


def test_across_is_the_mean_of_two_data_sets_by_hand(plain):
    scores = plain.scores.query("criterion == 'best'")
    log = scores.pivot(index=["benchmark", "cell", "seed"], columns="regularizer", values="log")
    by_set = (log["l2"] - log["none"]).groupby("benchmark").mean()
    row = (
        plain.read("across")
        .query("criterion == 'best' and scope == 'all' and regularizer == 'l2'")
        .iloc[0]
    )
    assert row["effect"] == pytest.approx(100 * (1 - math.exp(by_set.mean())))
    assert row["seeds_low"] < row["effect"] < row["seeds_high"]
    assert np.isnan(row["sets_low"])  # two families speak for no others


def test_edges_and_preference_for_none(plain):
    selected = plain.read("selected")
    for row in selected.to_dict("records"):
        grid = synthetic.grid(row["regularizer"])
        ends = {grid[0]: "weakest", grid[-1]: "strongest"} if len(grid) > 1 else {}
        assert (row["edge"] if isinstance(row["edge"], str) else "") == ends.get(
            row["strength"], ""
        )
    assert not selected[selected["regularizer"] == "none"]["prefers_none"].any()
    losses = selected.set_index(["benchmark", "cell", "regularizer", "criterion"])[
        "validation_loss"
    ]
    for row in selected[selected["regularizer"] != "none"].to_dict("records"):
        none = losses[row["benchmark"], row["cell"], "none", row["criterion"]]
        assert row["prefers_none"] == (none <= row["validation_loss"])


def test_early_stopping_is_compared_after_the_last_step_only(plain):
    verdicts = plain.read("comparisons").query("regularizer == 'early_stopping'")
    assert set(verdicts.query("criterion == 'best'")["verdict"]) == {"saving"}
    assert verdicts.query("criterion == 'best'")["p"].isna().all()
    assert set(verdicts.query("criterion == 'final'")["verdict"]) == {"better"}
    across = plain.read("across").groupby("criterion")["regularizer"].unique()
    assert "early_stopping" not in across["best"]
    assert "early_stopping" in across["final"]


def test_early_stopping_is_told_a_group_at_a_time(plain):
    """It restores its best check, so it can neither lead without selection nor lower its loss."""
    said = findings.by_itself(plain)
    start = said.index("Early stopping restores its best check")
    assert "early stopping" not in said[:start].lower()
    across = plain.read("across").query("criterion == 'final' and regularizer == 'early_stopping'")
    for scope in ("NLP", "time series"):
        row = across[across["scope"] == scope].iloc[0]
        assert f"{row['effect']:+.1f}% (95% interval" in said[start:]
        assert f": {row['verdict']}) on {scope}" in said[start:]
    saving = sentences.saving(plain)
    assert "at the same or at a higher validation loss" in saving
    assert "time series, " in saving
    assert "NLP, " in saving


def test_patience_follows_from_the_curves_of_none(plain):
    frame = plain.read("patience")
    last = frame[frame["patience"] == synthetic.CHECKS]
    assert (last["saved"] == 0).all()
    assert (last["lost"] == 0).all()
    by_patience = frame.groupby("patience")
    assert by_patience["saved"].mean().is_monotonic_decreasing
    assert by_patience["lost"].mean().is_monotonic_decreasing


ODD = {
    "one benchmark and one cell": {"benchmarks": ("elnino",), "cells": ("lstm",)},
    "no row none": {"regularizers": ("l2", "dropout"), "cells": ("gru", "lstm")},
    "only none": {"regularizers": ("none",), "cells": ("lstm",)},
    "one seed of each": {"tuning": 1, "evaluation": 1, "cells": ("lstm",)},
    "diverged members": {"cells": ("elman_relu",), "regularizers": ("none", "l1", "zoneout")},
    "seven families": {"benchmarks": tuple(synthetic.BENCHMARKS)[:9], "cells": ("lstm",),
                       "regularizers": ("none", "l2", "dropout"), "evaluation": 6},
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_study_is_defined_and_said(odd, tmp_path, monkeypatch):
    results = made(tmp_path, monkeypatch, **ODD[odd])
    with style.drawing():
        for function in figures.STUDY:
            assert function(results) is not None
        for function in figures.BENCHMARK:
            assert function(results, next(iter(results.benchmarks))) is not None
    text = " ".join(findings.findings(results))
    assert "nan" not in text.lower().replace("nano", "")
    said = {
        "one benchmark and one cell": "With one data set and one cell",
        "no row none": "This study has no row `none`",
        "only none": "nothing beside `none`",
        "one seed of each": "with fewer than 6 seeds nothing is said about chance",
        "diverged members": "diverged",
        "seven families": "data sets",
    }
    assert said[odd] in text
    monkeypatch.chdir(results.folder)
    figures_of_report(monkeypatch)
    for table in shown.tables(results):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.name


def test_many_regularizers_stay_readable(tmp_path, monkeypatch):
    names = synthetic.NAMES
    results = made(tmp_path, monkeypatch, benchmarks=("elnino",), cells=("gru",),
                   regularizers=names, tuning=1, evaluation=6)  # fmt: skip
    with style.drawing():
        drawn = {f.__name__: f(results) for f in figures.STUDY}
        drawn |= {f.__name__: f(results, "elnino") for f in figures.BENCHMARK}
    for name, figure in drawn.items():
        shown = [ax for ax in figure.axes if ax.get_visible()]
        most = pays.MOST if name == "pays" else 4
        assert len(shown) <= most, f"{name}: no grid of a panel a regularizer"
        if name not in ("critical_difference", "effects", "cells", "best_and_final", "scores"):
            curves = [[ln for ln in ax.lines if len(ln.get_xdata()) > 2] for ax in shown]
            assert max(map(len, curves)) <= 5, f"{name}: at most five curves"
    labels = [t.get_text() for t in drawn["effects"].axes[0].get_yticklabels()]
    assert {n.replace("_", " ") for n in names if n not in ("none", "early_stopping")} <= {*labels}


def figures_of_report(monkeypatch):
    """Run the report's own cells in this process, with figures left out."""
    from rnnreg.analysis.report import page

    monkeypatch.setattr(page, "figure", lambda results, name, caption, alt="": None)
    notebook = jupytext.read(SOURCE / "report.md")
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, "report.md", "exec"), names)


def test_all_equal_is_no_difference(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("made", ("elnino",), ("lstm",), ("none", "l2"), 2, 6)
    first = synthetic.row_records(study.rows[0])

    def same(row, benefit=None):
        import dataclasses

        own = {"regularizer": row.regularizer, "fingerprint": row.fingerprint}
        return [
            dataclasses.replace(m, strength=s, **own)
            for m in first
            for s in (row.strengths if m.phase == "tune" else row.strengths[:1])
        ]

    monkeypatch.setattr(synthetic, "row_records", same)
    synthetic.write(tmp_path, study)
    results = load(compare(collect(study)))
    row = results.read("comparisons").query("regularizer == 'l2' and criterion == 'best'").iloc[0]
    assert (row["difference"], row["effect"], row["wins"]) == (0, 0, 0.5)
    assert (row["p"], row["p_adjusted"], row["verdict"]) == (1, 1, "nil")
    assert results.rows["chosen_best"].tolist() == [0.0, 1e-6]  # a tie goes to the weakest
    assert "no regularizer is shown to help" in findings.strongest(results)


def test_a_diverged_member_has_the_naive_score(tmp_path, monkeypatch):
    results = made(tmp_path, monkeypatch, **ODD["diverged members"])
    bad = results.scores[results.scores["diverged"]]
    assert len(bad)
    for row in bad.to_dict("records"):
        naive = results.benchmarks[row["benchmark"]]["naive"]["a simple guess"]["test"]["loss"]
        assert row["test_loss"] == naive
    counted = results.read("diagnostics").query("criterion == 'best'")["diverged"].sum()
    assert counted == (bad["criterion"] == "best").sum()


def test_same_records_same_bytes(tmp_path, monkeypatch):
    results = made(tmp_path, monkeypatch, cells=("lstm",), regularizers=("none", "l2"))
    before = {f.name: f.read_bytes() for f in results.folder.glob("*.csv")}
    compare(results.folder)
    assert {f.name: f.read_bytes() for f in results.folder.glob("*.csv")} == before
    with style.drawing():
        for name in ("one", "two"):
            figures.save(figures.effects.effects(results), tmp_path / name / "effects")
    for kind in ("svg", "pdf"):
        files = [tmp_path / name / f"effects.{kind}" for name in ("one", "two")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_families_have_a_hue_and_members_a_look_of_their_own():
    from types import SimpleNamespace

    groups = {"none": "none", "l1": "penalties", "l2": "penalties", "mine": "unheard of"}
    results = SimpleNamespace(
        study={"regularizers": {n: {"group": g} for n, g in groups.items()}}, regularizers=[*groups]
    )
    for name in ("group", "groups"):
        setattr(results, name, getattr(Results, name).__get__(results))
    assert list(results.groups([*groups])) == ["none", "penalties", "unheard of"]
    looks = style.looks(results)
    assert looks["none"] == ("#000000", "o")
    assert len(set(looks.values())) == len(groups)


def test_the_analysis_needs_no_torch():
    code = (
        "import sys, rnnreg.analysis.report.report, rnnreg.analysis.statistics.compare, "
        "rnnreg.analysis.figures.draw, rnnreg.analysis.collect; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=SOURCE.parent)


def test_the_first_sentence_names_what_is_shown_not_what_is_largest(monkeypatch):
    """The largest mean need not be told apart from chance where a smaller one is."""
    from types import SimpleNamespace

    from rnnreg.analysis import words
    from rnnreg.analysis.report import findings

    frame = pd.DataFrame(
        {
            "regularizer": ["noisy", "steady", "harmful"],
            "effect": [4.0, 3.0, -5.0],
            "seeds_low": [-0.5, 1.0, -7.0],
            "seeds_high": [8.5, 5.0, -3.0],
            "verdict": ["cannot tell", "better", "worse"],
            "best_high": [2.0, 0.0, 0.0],
        }
    )
    monkeypatch.setattr(words, "scope", lambda results, criterion: frame)
    monkeypatch.setattr(words, "comparable", lambda results: True)
    results = SimpleNamespace(benchmarks={"a": {}, "b": {}}, title=lambda kind, name: name)
    said = findings.strongest(results)
    more = findings.others(results)
    assert "**steady** improves the test loss by +3.0% (95% interval +1.0 to +5.0)" in said
    assert "the mean of noisy is larger, +4.0%" in said
    assert "not told apart from chance" in said
    assert more == "Harmful made things worse. Ruled out as the best: steady and harmful."
    frame["verdict"] = ["cannot tell", "nil", "cannot tell"]
    said = findings.strongest(results)
    assert "**no regularizer is shown to help**" in said
    assert findings.others(results).startswith("Within 1% of none: steady.")
    assert "worse" not in said + findings.others(results)


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (0, "None of the 9 verdicts over all data sets changes in any of these checks."),
        (5, "r0, r1, r2, r3 and r4 (5 of 9)."),
        (7, "r0, r1, r2, r3 and 3 others (7 of 9)."),
    ],
)
def test_verdicts_that_a_check_moves_are_counted(moved, said):
    """Of more than five, four are named."""
    from types import SimpleNamespace

    names = [f"r{i}" for i in range(9)]
    verdict = {"as reported": ["better"] * 9, "other": ["nil"] * moved + ["better"] * (9 - moved)}
    frame = pd.concat(
        pd.DataFrame({"regularizer": names, "check": check, "verdict": own})
        for check, own in {**verdict, "interquartile mean": ["worse"] * 9}.items()
    )
    results = SimpleNamespace(read=lambda name: frame, title=lambda kind, name: name)
    assert sentences.sensitivity(results).endswith(said)


@pytest.mark.parametrize(
    ("on_a", "on_b", "said"),
    [
        # The largest means differ, and so do the verdicts; the intervals overlap.
        (("better", 0.5, 2.2), ("nil", -1.2, 1.5), "x on a, and none is shown on b: whether what "
         "helps depends on the data cannot be told."),
        (("better", 1.6, 2.2), ("nil", -1.2, 1.5), "x on a, and none is shown on b. What helps "
         "depends on the data: the intervals of x on different groups do not overlap."),
        (("better", 0.5, 2.2), ("better", 0.2, 1.5), "x on a and x on b: it helps on each."),
        (("nil", -0.5, 0.7), ("cannot tell", -0.2, 9.5), "On a and b, each alone, no regularizer "
         "is shown to help."),
    ],
)  # fmt: skip
def test_groups_of_data_sets_differ_only_where_intervals_part_them(on_a, on_b, said, monkeypatch):
    from types import SimpleNamespace

    from rnnreg.analysis import words

    def across(results, criterion, of="all"):
        x = on_a if of in ("a", "all") else on_b
        frame = pd.DataFrame([x, ("cannot tell", -3.0, 9.0)])
        frame.columns = ["verdict", "seeds_low", "seeds_high"]
        return frame.assign(regularizer=["x", "noisy"], effect=[1.0, 3.0])

    monkeypatch.setattr(words, "scope", across)
    monkeypatch.setattr(words, "comparable", lambda results: True)
    results = SimpleNamespace(
        benchmarks={n: {"group": n} for n in "ab"}, title=lambda kind, name: name,
        groups=lambda names: {"one": names},
    )  # fmt: skip
    assert sentences.meaning(results).endswith(said)
    monkeypatch.setattr(words, "scope", lambda *a: across(*a).assign(verdict="untested"))
    assert sentences.meaning(results) == ""


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (("cannot tell", "nil"), "Of 2 rows, 0 are better, 0 are worse, 1 is nil and 1 cannot be"),
        (("cannot tell", "better"), "The largest improvement that is shown is that of small with "
         "gru: +1.0% (95% interval +0.5 to +1.5: better). Of 2 rows"),
        (("untested", "untested"), ""),
    ],
)  # fmt: skip
def test_a_benchmarks_paragraph_names_only_what_is_shown(verdicts, said, monkeypatch):
    from types import SimpleNamespace

    from rnnreg.analysis import words

    frame = pd.DataFrame(
        {
            "regularizer": ["large", "small"],
            "cell": "gru",
            "effect": [9.0, 1.0],
            "effect_low": [-4.4, 0.5],
            "effect_high": [22.0, 1.5],
            "verdict": verdicts,
        }
    )
    monkeypatch.setattr(words, "rows", lambda *a: frame)
    monkeypatch.setattr(words, "comparable", lambda results: True)
    facts = {"task": "Forecast", "setting": "windows of 8 steps", "regime": "over-fits"}
    results = SimpleNamespace(benchmarks={"a": facts}, title=lambda kind, name: name, study={})
    text = sentences.benchmark(results, "a")
    first = "Forecasting; windows of 8 steps. Declared to over-fit; not measured."
    assert text.startswith(f"{first} {said}".rstrip())
    assert "large" not in text.replace("largest", "")
