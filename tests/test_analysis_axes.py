"""The axes of a study: effects along them, worked by hand, and their table."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from rnnreg.analysis.report import shown_axes
from rnnreg.analysis.statistics.axes import axes

POINTS = {  # two data sets, two axes crossed, and a variant that lies on none
    f"{name}@batch_{b}_layers_{n}": {"batch": b, "layers": n}
    for name in ("one", "two")
    for b in ("8", "32")
    for n in ("1", "2")
} | {"one@small": {}}
BASE = {"one": 0.5, "two": 2.0}
SEEDS = (1000, 1001, 1002)


def loss(benchmark, regularizer, seed):
    """Batches of 32 cost a tenth; l2 gains 20% at 8 and loses 20% at 32; noise by data and seed."""
    at = POINTS[benchmark] or {"batch": "8", "layers": "1"}
    value = BASE[benchmark[:3]] * (1 + 0.01 * (seed - 1000)) * (1.1 if at["batch"] == "32" else 1)
    value *= 3 if at["layers"] == "2" else 1
    gain = {"8": 0.8, "32": 1.2}[at["batch"]] * (1 + 0.02 * (seed - 1001))
    return value * (gain if regularizer == "l2" else 1)


@pytest.fixture
def results():
    lines = [
        {"benchmark": b, "cell": "gru", "regularizer": r, "seed": s, "criterion": c,
         "log": math.log(loss(b, r, s)) + (9 if c == "final" else 0),
         "train_loss": 0.75, "validation_loss": 1.0 if r == "none" else 1.5}
        for b in POINTS for r in ("none", "l2") for s in SEEDS for c in ("best", "final")
    ]  # fmt: skip
    rows = [{"benchmark": b, "variant": {"at": at}} for b, at in POINTS.items()]
    made = SimpleNamespace(
        scores=pd.DataFrame(lines), study={"rows": rows}, compared=lambda c: ["none", "l2"],
        title=lambda kind, name: name,
    )  # fmt: skip
    made.read = lambda name: axes(made)
    return made


def test_effects_are_those_worked_by_hand(results):
    frame = axes(results).set_index(["axis", "place", "regularizer"])
    assert len(frame) == 2 * 2 * 2
    assert frame.loc[("batch", "8", "none"), "effect"] == 0
    assert frame.loc[("batch", "32", "none"), "effect"] == pytest.approx(-10)
    assert frame.loc[("layers", "2", "none"), "effect"] == pytest.approx(-200)
    few, many = frame.loc[("batch", "8", "l2")], frame.loc[("batch", "32", "l2")]
    logs = [math.log(1 + 0.02 * step) for step in (-1, 0, 1)]
    mean = sum(logs) / 3
    assert few["effect"] == pytest.approx(100 * (1 - 0.8 * math.exp(mean)))
    assert many["effect"] == pytest.approx(100 * (1 - 1.2 * math.exp(mean)))
    deviation = math.sqrt(sum((x - mean) ** 2 for x in logs) / 2)
    half = 4.302653 * deviation / math.sqrt(3)  # Student's t with two degrees of freedom
    assert few["effect_low"] == pytest.approx(100 * (1 - 0.8 * math.exp(mean + half)), rel=1e-5)
    assert few["n"] == 3, "seeds, not seeds x data sets"
    both = frame.loc[("layers", "1", "l2"), "effect"]
    assert both == pytest.approx(100 * (1 - math.sqrt(0.8 * 1.2) * math.exp(mean)))
    assert few["gap"] == pytest.approx(50)
    assert frame.loc[("batch", "8", "none"), "gap"] == pytest.approx(25)


def test_the_table_has_a_line_a_place(results):
    found = shown_axes.axes(results)
    assert found.columns == ("Axis", "Place", "None, gap", shown_axes.FIRST, "l2")
    text = [[cell.text for cell in row] for row in found.rows]
    assert text[0][:4] == ["batch", "8", "25", "–"]
    assert text[1][3] == "−10.0"
    assert [row[4].strong for row in found.rows] == [True, False, False, False]


def test_a_study_without_axes_or_without_none_has_no_line(results):
    results.study["rows"] = [{"benchmark": b, "variant": {}} for b in POINTS]
    assert axes(results).empty
    assert not shown_axes.axes(results).rows
    rows = [{"benchmark": b, "variant": {"at": at}} for b, at in POINTS.items()]
    results.study["rows"] = rows
    results.scores = results.scores[results.scores["regularizer"] != "none"]
    assert axes(results).empty
