"""Whether none gains from more steps: what is held against what, and what docs/measure.md says."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scripts import script

from rnnreg.study.regimes import LATE


@pytest.fixture
def longer():
    return script("validation/longer.py")


def made(phase, rate, seed, losses):
    scores = {"best": {"validation": {"loss": min(losses)}}}
    return SimpleNamespace(
        phase=phase, rate=rate, tuned=(rate, 0.0), seed=seed, validation_loss=losses, scores=scores,
        steps=100,
    )  # fmt: skip


def row(slow, fast, gains=(1.0, 1.0)):
    """Two rates were tried, of which `fast` is the better; the last two losses are of its seeds."""
    return [
        made("tune", slow, 0, [3.0, 2.0]),
        made("tune", fast, 0, [2.0, 1.0]),
        made("evaluate", slow, 1001, [0.1, 0.1]),  # chosen for the last step: of no concern here
        *(made("evaluate", fast, 1000 + i, [9.0, 9.5, 4.0 * g]) for i, g in enumerate(gains)),
    ]


def test_a_line_is_of_the_rate_that_is_best_at_its_best_check(longer, monkeypatch):
    """By hand: the losses 4 and 4 end at 4 x 0.9 and 4 x 0.8."""
    asked = []
    monkeypatch.setattr(longer.records, "read", lambda file: row(1e-3, 1e-2))
    monkeypatch.setattr(
        longer, "longer", lambda r, steps: asked.append(steps) or row(2e-3, 5e-3, (0.9, 0.8))
    )
    line = longer.measured(SimpleNamespace(benchmark="toy", cell="gru"))
    assert asked == [200]
    assert (line["steps"], line["rate"], line["longer_rate"]) == (100, 1e-2, 5e-3)
    mean, half = (math.log(0.9) + math.log(0.8)) / 2, 12.706 * math.log(0.9 / 0.8) / 2
    assert line["gain"] == pytest.approx(1 - math.exp(mean))
    assert line["gain_low"] == pytest.approx(1 - math.exp(mean + half), rel=1e-4)
    assert line["gain_high"] == pytest.approx(1 - math.exp(mean - half), rel=1e-4)
    assert line["late_gain"] == pytest.approx(5 / 9), "9 in the first 2 of 3 checks, then 4"


def test_the_sentence_names_the_rows_that_gain(longer):
    frame = pd.DataFrame(
        {
            "benchmark": ["a", "b@part", "c"],
            "cell": "gru",
            "late_gain": np.array([0.5, 2, 3]) * LATE,
            "gain": [-0.01, 0.0, 0.05],
            "gain_low": [-0.02, -0.01, 0.02],
        }
    )
    told = longer.told(frame)
    assert "is 0.0% in the median of 3 rows, and +2.5% in the median of the 2 whose" in told
    assert told.endswith("above 1% on c with gru.")
    assert longer.told(frame.iloc[:2]).endswith("on none.")


def test_the_table_in_the_docs_is_that_of_the_file(longer):
    frame = pd.read_csv(longer.FILE)
    page = longer.PAGE.read_text(encoding="utf-8")
    assert f"{longer.told(frame)}\n\n{longer.shown(frame)}" in page
    rows = [r for r in longer.study.read(longer.STUDY).rows if r.regularizer == longer.NONE]
    there = [(r.benchmark, r.cell) for r in rows if longer.over_fits(r)]
    assert sorted(zip(frame["benchmark"], frame["cell"], strict=True)) == sorted(there)
