"""Studies: what they resolve to, what a fingerprint sees, and what a user is told."""

import textwrap

import pytest

from rnnreg.errors import UserError
from rnnreg.study import registry, study

GOOD = """
title: Small
benchmarks: [elnino]
cells: [lstm, gru]
regularizers: all
except: [l1]
seeds: {tuning: 2, evaluation: 3}
strengths: {l2: [1e-3, 0.1]}
budgets: {elnino: {steps: 50, checks: 5}}
"""


@pytest.fixture
def write(tmp_path):
    def _write(text: str) -> str:
        file = tmp_path / "small.yaml"
        file.write_text(textwrap.dedent(text))
        return str(file)

    return _write


def test_a_study_resolves_to_rows(write):
    file = write(GOOD)
    found = study.read(file)
    assert found.asked == file, "what a remedy names can be typed"
    regularizers = [r for r in registry.names("regularizer") if r != "l1"]
    assert len(found.rows) == 2 * len(regularizers)
    row = found.row("elnino", "gru", "l2")
    assert row.strengths == (1e-3, 0.1), "1e-3 is text to YAML 1.1"
    assert row.tuning_seeds == (0, 1)
    assert row.evaluation_seeds == (1000, 1001, 1002)
    assert row.budget == {"steps": 50, "checks": 5}
    assert found.job == "row"
    assert study.read(write(GOOD + "job: cell\n")).job == "cell"
    assert str(found.records(row)) == "results/small/records/elnino/gru/l2.jsonl"
    grid = registry.facts("regularizer", "dropout")["strengths"]
    assert found.row("elnino", "gru", "dropout").strengths == grid


def test_every_study_of_the_project_reads():
    for name in study.names():
        assert study.read(name).rows


BAD = {
    "an unknown benchmark": (
        ("[elnino]", "[elnnio]"),
        "benchmarks[0]: unknown 'elnnio'; did you mean 'elnino'? Known: ",
    ),
    "an unknown regularizer": (
        ("regularizers: all", "regularizers: [none, dropuot]"),
        "regularizers[1]: unknown 'dropuot'; did you mean 'dropout'? Known: clip_norm, ",
    ),
    "an unknown key": (("cells:", "cell:"), ": key: unknown 'cell'; did you mean 'cells'? Known: "),
    "a missing key": (("title: Small\n", ""), "the key 'title' is missing; needed are title, "),
    "a wrong type": (
        ("{tuning: 2,", "{tuning: two,"),
        "seeds: tuning: given 'two' (str), expected a whole number.",
    ),
    "no seeds": (
        ("evaluation: 3", "evaluation: 0"),
        "seeds: evaluation: given 0, allowed are whole",
    ),
    "an empty list": (("[elnino]", "[]"), "benchmarks: the list is empty; name at least one of: "),
    "a word that is no list": (
        ("[elnino]", "elnino"),
        "given 'elnino', allowed are 'all' or a list",
    ),
    "a name twice": (("[lstm, gru]", "[lstm, lstm]"), "cells[1]: 'lstm' is listed twice"),
    "a strength out of range": (
        ("{l2: [1e-3, 0.1]}", "{dropout: [0.5, 1.5]}"),
        "strengths: dropout[1]: given 1.5, allowed are numbers from 0.0 to 0.99.",
    ),
    "a strength that is no number": (
        ("{l2: [1e-3, 0.1]}", "{l2: [strong]}"),
        "strengths: l2[0]: given 'strong', expected a number from 0.0 to inf.",
    ),
    "an empty grid": (("[1e-3, 0.1]", "[]"), "expected a list of at least one number."),
    "a negative budget": (
        ("steps: 50", "steps: -5"),
        "budgets: elnino: steps: given -5, allowed are",
    ),
    "less than none to validate": (
        ("checks: 5", "validated: -1"),
        "budgets: elnino: validated: given -1, allowed are 0, for all, and above.",
    ),
    "an unknown budget": (("steps: 50", "step: 50"), "key: unknown 'step'; did you mean 'steps'?"),
    "an unknown job": (
        ("title: Small", "title: Small\njob: row_"),
        "job: unknown 'row_'; did you mean 'row'? Known: cell, row",
    ),
    "not YAML": (("[elnino]", "[elnino"), "not valid YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_is_told_in_one_message(write, case):
    (old, new), message = BAD[case]
    assert old in GOOD
    with pytest.raises(UserError) as caught:
        study.read(write(GOOD.replace(old, new)))
    assert message in str(caught.value)
    assert "small.yaml" in str(caught.value), "the file is named"


def test_an_unknown_study():
    with pytest.raises(UserError, match=r"study: unknown 'quikc'; did you mean 'quick'\? Known: "):
        study.read("quikc")


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A folder of regularizers of one's own."""
    folder = tmp_path / "regularizers"
    folder.mkdir()
    for file in registry.FOLDERS["regularizer"].glob("*.py"):
        (folder / file.name).write_text(file.read_text())
    monkeypatch.setitem(registry.FOLDERS, "regularizer", folder)
    return folder


def fingerprint(regularizer="l2", **budget):
    return study.Row("elnino", "lstm", regularizer, (0.1,), (0,), (1000,), budget).fingerprint


def test_a_fingerprint_sees_code_and_budget_but_no_comment(plugins):
    file, before = plugins / "l2.py", fingerprint()
    text = file.read_text()
    file.write_text(
        "# A comment.\n" + text.replace('"""A penalty', '"""Another word for a penalty')
    )
    assert fingerprint() == before
    file.write_text(text.replace("Krogh and Hertz", "K. and H.").replace("1e-6, ", "1e-7, 1e-6, "))
    assert fingerprint() == before, "neither a citation nor the grid decides a member's result"
    file.write_text(text.replace("w.square()", "w.abs()"))
    assert fingerprint() != before
    file.write_text(text)
    assert fingerprint() == before
    assert fingerprint(steps=7) != before
    assert fingerprint("l1") != before


def test_more_seeds_ask_anew_with_the_same_fingerprint():
    few = study.Row("elnino", "lstm", "l2", (0.1,), (0,), (1000,))
    more = study.Row("elnino", "lstm", "l2", (0.1,), (0,), (1000, 1001))
    assert few.fingerprint == more.fingerprint
    assert few.request != more.request


NONE = "NOTHING = 1\n"
TWO = """
from rnnreg.regularizers.base import Regularizer
class A(Regularizer):
    strengths = (1.0,)
class B(Regularizer):
    strengths = (1.0,)
"""


@pytest.mark.parametrize(("text", "found"), [(NONE, "found none"), (TWO, "found 2 (A, B)")])
def test_a_file_without_exactly_one_class(plugins, text, found):
    (plugins / "mine.py").write_text(text)
    with pytest.raises(UserError) as caught:
        registry.facts("regularizer", "mine")
    assert "exactly one subclass of Regularizer" in str(caught.value)
    assert found in str(caught.value)
    assert "mine.py" in str(caught.value)


def test_a_file_that_is_no_python(plugins):
    (plugins / "mine.py").write_text("class (")
    with pytest.raises(UserError, match=r"mine\.py:1: not valid Python"):
        registry.facts("regularizer", "mine")


def test_facts_read_infinity(plugins):
    assert registry.facts("regularizer", "clip_norm")["off"] == float("inf")
