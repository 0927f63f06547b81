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


def test_the_table_in_the_docs_is_that_of_the_file(halves):
    frame = pd.read_csv(halves.HERE / "halves.csv")
    assert tuple(frame["benchmark"]) == halves.NAMES
    page = halves.PAGE.read_text(encoding="utf-8")
    assert halves.shown(frame) in page, "docs/measure.md is not what halves.csv makes"
    repaired = frame.dropna(subset="agreement_without")
    assert (repaired["size"] > repaired["size_without"]).all()
    assert (repaired["agreement"] > repaired["agreement_without"]).all(), "the docs say so"
