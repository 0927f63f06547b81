"""The regime of a study's data sets, as its report shows it."""

from types import SimpleNamespace

from rnnreg.analysis.report.shown_regime import out_of_group, regime

LINE = {
    "benchmark": "a", "cell": "gru", "declared": "over-fits", "measured": "over-fits",
    "gap": "0.31", "gap_low": "0.25", "gap_high": "0.37", "late_gain": "0.004",
    "best_check": "0.45", "last_over_best": "1.2", "passes": "12.5", "targets_a_weight": "0.8",
}  # fmt: skip


def results(lines, **declared):
    return SimpleNamespace(
        study={"regime": lines},
        benchmarks={name: {"regime": told} for name, told in declared.items()},
        cells=["gru", "lstm"],
        title=lambda kind, name: name.upper(),
    )


def test_a_line_of_the_table():
    (row,) = regime(results([LINE, {**LINE, "benchmark": "other"}], a="over-fits")).rows
    assert [c.text for c in row[:6]] == [
        "A",
        "GRU",
        "over-fits",
        "over-fits",
        "0.31",
        "0.25 to 0.37",
    ]
    assert not row[3].strong


def test_one_that_does_not_over_fit_stands_out():
    line = {**LINE, "measured": "does not"}
    found = results([LINE | {"cell": "lstm"}, line], a="over-fits")
    assert [row[3].strong for row in regime(found).rows] == [False, True]
    assert out_of_group(found) == "A (GRU) did not over-fit when measured, though declared to."


def test_a_control_that_over_fits_stands_out():
    lines = [LINE | {"declared": "control", "cell": cell} for cell in ("gru", "lstm")]
    lines[0]["measured"] = "does not"
    found = results(lines, a="a random walk")
    assert [row[3].strong for row in regime(found).rows] == [False, True]
    assert out_of_group(found) == (
        "A (a random walk) is a control; A (LSTM) over-fitted when measured, though declared a "
        "control."
    )


def test_what_was_not_measured_and_what_is_a_control():
    found = results([LINE], a="over-fits", b="over-fits", c="a random walk", d="few events")
    assert out_of_group(found) == (
        "Whether B over-fits has not been measured; C (a random walk) and D (few events) are "
        "controls."
    )


def test_nothing_to_say():
    assert out_of_group(results([LINE], a="over-fits")) == ""
