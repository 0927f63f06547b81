"""When does it pay, and does validation predict test: by numbers that can be worked by hand."""

import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from rnnreg.analysis.figures.pays import pays as figure
from rnnreg.analysis.report import shown_pays
from rnnreg.analysis.statistics.pays import COLUMNS, growth, pays, table
from rnnreg.analysis.statistics.prediction import prediction
from rnnreg.errors import UserError

SEEDS = range(4)


def results(validation, test, names=("a", "b"), cells=("gru", "lstm", "own")):
    """Scores from functions of (regularizer's place, cell's place, seed); `none` has log 0."""
    lines = [
        {
            "benchmark": "x", "cell": cell, "regularizer": name, "seed": seed, "criterion": "best",
            "log_validation": validation(r, c, seed) if r else 0.0,
            "log": test(r, c, seed) if r else 0.0,
            "train_loss": 0.5, "validation_loss": 0.5 / (0.9 - 0.2 * c),
        }
        for r, name in enumerate(("none", *names))
        for c, cell in enumerate(cells)
        for seed in SEEDS
    ]  # fmt: skip
    return SimpleNamespace(
        scores=pd.DataFrame(lines),
        has_reference=True,
        compared=lambda criterion: ["none", *names],
        benchmarks={"x": {"family": "of x", "group": "NLP"}},
        title=lambda kind, name: name.upper(),
        regularizers=["none", *names],
        groups=lambda names: {"penalties": names},
        study={"benchmarks": {"x": {}}},
        on_folds=[],
    )


def test_the_gap_of_none_stands_beside_each_effect():
    made = results(lambda r, c, s: 0.0, lambda r, c, s: 0.0)
    comparisons = pd.DataFrame(
        [
            {"benchmark": "x", "cell": cell, "regularizer": name, "criterion": criterion,
             "effect": effect, "effect_low": effect - 1, "effect_high": effect + 1}
            for criterion in ("best", "final")
            for name, sign in (("none", 0), ("a", 1), ("b", -1))
            for cell, effect in (("gru", sign), ("lstm", 5 * sign), ("own", 3 * sign))
        ]
    )  # fmt: skip
    frame = pays(made, comparisons)
    assert set(frame["regularizer"]) == {"a", "b"}
    assert len(frame) == 6, "the best check alone"
    overfit = frame.set_index(["regularizer", "cell"])["overfit"]
    assert overfit["a", "gru"] == pytest.approx(10), "1 - train / validation, in percent"
    assert overfit["b", "own"] == pytest.approx(50)
    assert set(frame["family"]) == {"of x"}
    assert growth(frame).to_dict() == pytest.approx({"a": 0.5, "b": -0.5})
    assert list(growth(frame).index) == ["a", "b"], "the highest first"

    made.read = lambda name: frame
    drawn = figure(made)
    assert [ax.get_title() for ax in drawn.axes] == ["A", "B"]
    (points,) = [c for c in drawn.axes[0].collections if isinstance(c, PathCollection)]
    assert sorted(points.get_offsets()[:, 0]) == pytest.approx([10, 30, 50])
    assert shown_pays.pays(made) == (
        "3 pairs of data set and cell: too few to tell whether effects grow with over-fitting."
    )
    assert shown_pays.caption(made).endswith("Lines join data sets of one family, with one cell.")
    more = [frame.assign(benchmark=name) for name in ("x", "y")]
    made.read = lambda name: pd.concat(more)
    assert shown_pays.pays(made).startswith(
        "Without regularization the gap between validation and training loss is 10% to 50% of the "
        "validation loss, over 6 pairs of data set and cell. Rank correlation of that share and "
        "the effect: A (0.50) and B (−0.50)."
    )


def test_the_gap_of_a_forecast_is_that_of_blocks_and_drift_is_told():
    made = results(lambda r, c, s: 0.0, lambda r, c, s: 0.0)
    made.benchmarks["x"]["task"] = "Forecast"
    lines = [("x", "lstm", "0.2"), ("other", "gru", "0.3"), ("x", "elman", "0.4")]
    keys = ("benchmark", "cell", "gap")
    made.study["regime"] = [dict(zip(keys, own, strict=True)) for own in lines]
    where = [
        {"benchmark": "x", "cell": cell, "regularizer": name, "criterion": "best",
         "effect": effect, "effect_low": effect - 1, "effect_high": effect + 1}
        for name in ("a", "b")
        for cell, effect in (("gru", 1), ("lstm", 5), ("own", 3))
    ]  # fmt: skip
    frame = pays(made, pd.DataFrame(where))
    found = frame[frame["regularizer"] == "a"].set_index("cell")
    assert found["gap"].to_dict() == {"gru": "drift", "lstm": "blocks", "own": "drift"}
    assert found["overfit"].to_dict() == pytest.approx({"gru": 10, "lstm": 20, "own": 50})
    made.read = lambda name: frame
    assert shown_pays.pays(made) == (
        "1 pair of data set and cell: too few to tell whether effects grow with over-fitting. Left "
        "out: 2 pairs of forecast and cell for which no gap inside the training period was "
        "measured; validation comes after it, and drift would count."
    )
    assert "For forecasts the gap is that of blocks" in shown_pays.caption(made)
    assert "Hollow: forecasts where that was not measured" in shown_pays.caption(made)
    drawn = figure(made)
    hollow = {
        tuple(c.get_offsets()[:, 0].round(6)): not len(c.get_facecolors())
        for c in drawn.axes[0].collections
        if isinstance(c, PathCollection)
    }
    assert hollow == {(10.0, 50.0): True, (20.0,): False}
    assert drawn.get_supxlabel().endswith("(hollow: drift counts, too)")


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (6, "A (1.00), B (1.00), C (1.00), D (1.00), E (1.00) and F (1.00)"),
        (7, "from A (1.00), B (1.00) and C (1.00) down to E (1.00), F (1.00) and G (1.00)"),
    ],
)
def test_of_a_long_list_of_correlations_both_ends_are_told(count, told):
    names = tuple("abcdefg"[:count])
    made = results(lambda r, c, s: 0.0, lambda r, c, s: 0.0, names)
    frame = pd.DataFrame(
        [
            {"family": "x", "benchmark": "x", "cell": cell, "regularizer": name, "overfit": cell,
             "gap": "validation", "effect": cell, "effect_low": 0.0, "effect_high": 9.0}
            for name in names
            for cell in range(6)
        ]
    )  # fmt: skip
    made.read = lambda name: frame
    said = shown_pays.pays(made)
    assert "is 0% to 5% of the validation loss, over 6 pairs" in said
    assert f"that share and the effect: {told}. Pairs that" in said


def test_validation_is_no_guide_below_the_ends_not_at_them():
    for key, end in {"reliability_validation": 0.2, "corrected": 0.0}.items():
        none = shown_pays.NO_GUIDE[key]
        assert [none(end - 0.01), none(end), none(end + 0.5), none(np.nan)] == [
            *(True, False, False, False),
        ]


def test_a_table_of_an_older_version_says_how_to_make_it_anew():
    made = SimpleNamespace(read=lambda name: pd.DataFrame(columns=["overfit"]), folder=Path("old"))
    with pytest.raises(
        UserError, match=r"old/pays\.csv: lacks family, .*gap.* rnnreg report .*old"
    ):
        table(made)


@pytest.mark.parametrize(("count", "panels"), [(8, 8), (9, 8)])
def test_every_regularizer_has_a_panel_up_to_eight(count, panels):
    names = [f"r{i}" for i in range(count)]
    made = results(lambda r, c, s: 0.0, lambda r, c, s: 0.0, names)
    frame = pd.DataFrame(
        [
            {"family": "x", "benchmark": "x", "cell": "gru", "regularizer": name, "overfit": 10.0,
             "gap": "validation", "effect": i, "effect_low": i - 1, "effect_high": i + 1}
            for i, name in enumerate(names)
        ]
    )  # fmt: skip
    made.read = lambda name: frame
    titles = [ax.get_title() for ax in figure(made).axes if ax.get_visible()]
    assert titles == [name.upper() for name in reversed(names)][:panels]
    told = "Of 9 regularizers the 8 with the largest mean effects."
    assert (told in shown_pays.caption(made)) == (count > panels)


def test_without_none_there_is_nothing_to_pay():
    made = results(lambda r, c, s: 0.0, lambda r, c, s: 0.0, names=())
    assert list(pays(made, pd.DataFrame()).columns) == COLUMNS
    assert prediction(made).empty


def test_the_same_order_on_both_splits_is_one_and_the_reverse_minus_one():
    true = lambda r, c, s: -(r + 0.1 * c)  # noqa: E731
    (line,) = prediction(results(true, true)).to_dict("records")
    assert line["pairs"] == 6
    for key in ("observed", "reliability_validation", "reliability_test", "corrected"):
        assert line[key] == pytest.approx(1)
    (line,) = prediction(results(true, lambda *at: -true(*at))).to_dict("records")
    assert line["observed"] == line["corrected"] == pytest.approx(-1)


def test_chance_that_both_splits_share_is_taken_out():
    """Models are the same on both: luck of a seed makes an observed correlation of nothing."""
    rng = np.random.default_rng(0)
    cells = tuple(map(str, range(200)))
    luck, one, other = rng.normal(size=(3, 3, 200, 4))
    effect = rng.normal(size=(2, 3, 200))
    made = results(
        lambda r, c, s: effect[0, r, c] + luck[r, c, s] + 0.1 * one[r, c, s],
        lambda r, c, s: effect[1, r, c] + luck[r, c, s] + 0.1 * other[r, c, s],
        cells=cells,
    )
    (line,) = prediction(made).to_dict("records")
    assert line["observed"] > 0.15, "effects are independent, but share their luck"
    assert abs(line["corrected"]) < 0.12


def test_a_validation_split_that_chance_rules_has_no_corrected_value():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(3, 3, 4))
    made = results(lambda r, c, s: noise[r, c, s] * (-1) ** s, lambda r, c, s: r + c)
    (line,) = prediction(made).to_dict("records")
    assert line["reliability_test"] == pytest.approx(1)
    assert line["reliability_validation"] < 0.2
    assert math.isnan(line["corrected"])
    made.read = lambda name: prediction(made)
    (row,) = shown_pays.prediction(made).rows
    assert [c.text for c in row][:2] == ["X", "6"]
    assert row[-1].text == "–"
    assert [c.strong for c in row] == [False, False, False, True, False, False]
    assert shown_pays.no_guide(made) == (
        "validation is no guide on X (one half of the seeds orders regularizers there otherwise "
        "than the other: a reliability below 0.2)"
    )


def test_data_sets_on_which_validation_is_no_guide_are_named():
    true = lambda r, c, s: -(r + 0.1 * c)  # noqa: E731
    made = results(true, lambda *at: -true(*at))
    made.read = lambda name: prediction(made)
    assert shown_pays.no_guide(made) == (
        "validation is no guide on X (what does better there tends to do worse on test: a "
        "corrected correlation below zero, without an interval)"
    )
    both = [prediction(made).assign(benchmark=name) for name in ("x", "y")]
    both += [both[0].assign(benchmark="z", reliability_validation=0.1, corrected=np.nan)]
    made.read = lambda name: pd.concat(both)
    assert shown_pays.no_guide(made).startswith("validation is no guide on Z (one half of the")
    assert "and on X and Y (what does better" in shown_pays.no_guide(made)
    assert "folds" not in shown_pays.no_guide(made)
    made.on_folds = ["w", "x", "z"]
    assert shown_pays.no_guide(made).endswith(
        "; on X and Z settings are chosen on folds of the training split instead, and validation "
        "chooses the check alone"
    )
    good = results(true, true)
    good.read = lambda name: prediction(good)
    shown = shown_pays.prediction(good)
    assert [[c.text for c in row] for row in shown.rows] == [["X", "6", "1.0", "1.0", "1.0", "1.0"]]
    assert not any(c.strong for c in shown.rows[0])
    assert shown.left == 1
    assert shown_pays.no_guide(good) == ""


def test_few_pairs_have_no_correlation():
    made = results(lambda r, c, s: r, lambda r, c, s: r, cells=("gru",))
    assert math.isnan(prediction(made)["observed"].iloc[0])
    made.read = lambda name: prediction(made)
    assert shown_pays.prediction(made).rows == []
