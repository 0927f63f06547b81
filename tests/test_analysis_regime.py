"""The regime of a study's data sets, as its report shows it."""

from types import SimpleNamespace

import pandas as pd
import pytest

from rnnreg.analysis.report.shown_regime import clause, out_of_group, regime, still_improving
from rnnreg.analysis.statistics.diagnostics import late

LINE = {
    "benchmark": "a", "cell": "gru", "declared": "over-fits", "measured": "over-fits",
    "gap": "0.31", "gap_low": "0.25", "gap_high": "0.37", "late_gain": "0.004",
    "best_check": "0.45", "last_over_best": "1.2", "passes": "12.5", "targets_a_weight": "0.8",
}  # fmt: skip
COLUMNS = ["benchmark", "cell", "n", "late_gain"]


def results(lines, gains=(), **declared):
    """A study whose `none` improves late by `gains`, a (benchmark, cell, share) each."""
    frame = pd.DataFrame([(b, c, 8, share) for b, c, share in gains], columns=COLUMNS)
    return SimpleNamespace(
        study={"regime": lines},
        benchmarks={name: {"regime": told} for name, told in declared.items()},
        cells=["gru", "lstm"],
        title=lambda kind, name: name.upper(),
        read=lambda name: {"late": frame}[name],
    )


def texts(table):
    return [[cell.text for cell in row] for row in table.rows]


def test_a_line_of_the_table():
    lines = [LINE, {**LINE, "benchmark": "other"}]
    made = regime(results(lines, [("a", "gru", 0.023)], a="over-fits"))
    assert made.columns[4:7] == ("Gap, %", "Late gain, %", "Late gain in this study, %")
    assert texts(made) == [
        ["A", "GRU", "over-fits", "over-fits", "31 [25, 37]", "0.40", "2.3", "45", "1.20", "12",
         "0.80"]
    ]  # fmt: skip
    assert not made.rows[0][3].strong
    rule = "where the gap is 10% or more, its lower end above 5%, and the late gain below 1%"
    assert f"A data set over-fits {rule};" in made.caption
    assert "a late gain in this study above 1% where over-fitting is declared." in made.caption


def test_a_late_gain_above_one_percent_stands_out_where_over_fitting_is_declared():
    gains = [("a", "gru", 0.0101), ("a", "lstm", 0.0099), ("b", "gru", 0.4)]
    made = regime(results([LINE], gains, a="over-fits", b="a random walk"))
    assert [row[6].strong for row in made.rows] == [True, False, False]
    assert [row[6].text for row in made.rows] == ["1.0", "0.99", "40"]


def test_what_was_trained_and_not_measured_has_a_line_with_dashes():
    (row,) = texts(regime(results([], [("a", "lstm", 0.05)], a="over-fits")))
    assert row == ["A", "LSTM", "over-fits", "–", "–", "–", "5.0", "–", "–", "–", "–"]
    assert not regime(results([], [("a", "lstm", 0.05)], a="over-fits")).rows[0][3].strong


def test_one_that_does_not_over_fit_stands_out():
    line = {**LINE, "measured": "does not"}
    found = results([line, LINE | {"cell": "lstm"}], a="over-fits")
    assert [row[3].strong for row in regime(found).rows] == [True, False]
    assert out_of_group(found) == "A (GRU) did not over-fit when measured, though declared to."
    assert clause(found, "a") == (
        "Declared to over-fit, and does not with GRU; the gap to training loss is 31% (GRU) and "
        "31% (LSTM) of the validation loss."
    )


def test_a_control_that_over_fits_stands_out():
    lines = [LINE | {"declared": "control", "cell": cell} for cell in ("gru", "lstm")]
    lines[0]["measured"] = "does not"
    found = results(lines, a="a random walk")
    assert [row[3].strong for row in regime(found).rows] == [False, True]
    assert out_of_group(found) == (
        "A (a random walk) is a control; A (LSTM) over-fitted when measured, though declared a "
        "control."
    )
    assert clause(found, "a").startswith("A control (a random walk), which over-fits with LSTM; ")


def test_what_was_not_measured_and_what_is_a_control():
    found = results([LINE], a="over-fits", b="over-fits", c="a random walk", d="few events")
    assert out_of_group(found) == (
        "Whether B over-fits has not been measured; C (a random walk) and D (few events) are "
        "controls."
    )
    assert [clause(found, name) for name in "bc"] == [
        "Declared to over-fit; not measured.",
        "A control (a random walk); not measured.",
    ]


def test_nothing_to_say():
    found = results([LINE], [("a", "gru", 0.01)], a="over-fits")
    assert out_of_group(found) == still_improving(found) == ""
    assert clause(found, "a") == (
        "Over-fits without regularization; the gap to training loss is 31% (GRU) of the validation "
        "loss."
    )


def test_those_that_still_improve_are_counted_and_named_and_controls_are_not():
    gains = [("a", "gru", 0.02), ("a", "lstm", 0.055), ("b", "gru", 0.009), ("c", "gru", 0.5),
             ("d", "lstm", 0.011)]  # fmt: skip
    declared = dict.fromkeys("abd", "over-fits") | {"c": "a random walk"}
    assert still_improving(results([], gains, **declared)) == (
        "at the rates of this study the best loss of none still improves by more than 1% over the "
        "last 30% of the steps on 2 of 3 data sets declared to over-fit, where more steps might "
        "change a verdict: A and D (at most 5.5% there: A, LSTM)"
    )


def test_late_gain_is_that_of_the_curves_of_none():
    """By hand: 2.0 to 1.9 and 2.0 to 2.0 in the last three of ten checks, 5% and 0%."""
    before = [4.0, 3.0, 2.5, 2.2, 2.1, 2.05, 2.0]
    curves = [[*before, 1.9, 2.1, 2.3], [*before, 2.1, 2.2, 2.3]]
    lines = [("none", curve, False) for curve in curves]
    lines += [("none", [*before, 1.0, None, None], True), ("l2", [*before, 0.1, 0.1, 0.1], False)]
    members = pd.DataFrame(lines, columns=["regularizer", "validation_loss", "diverged"])
    members = members.assign(benchmark="a", cell="gru")
    made = SimpleNamespace(evaluated=lambda criterion: {"best": members}[criterion])
    (line,) = late(made).to_dict("records")
    assert (line["benchmark"], line["cell"], line["n"]) == ("a", "gru", 2)
    assert line["late_gain"] == pytest.approx(0.025)
    members["regularizer"] = "l2"
    assert late(made).empty
