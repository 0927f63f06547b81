"""Rows of a study that are named one by one, and rows with nothing to search."""

import textwrap

import pytest

from rnnreg.errors import UserError
from rnnreg.study import protocol, study

STUDY = """
title: A paper
rows:
  elnino@wide: {gru: [none, l2], lstm: [none]}
  us_macro: {lstm: [l2]}
variants: {wide: {model: {hidden: 40}}}
budgets: {us_macro: {learning_rate: 0.01}}
strengths: {l2: [1e-4]}
seeds: {evaluation: 3}
search: {trials: 6, survivors: 2, seeds: 1}
"""


def read(tmp_path, text=STUDY):
    file = tmp_path / "paper.yaml"
    file.write_text(textwrap.dedent(text))
    return study.read(str(file))


def test_the_rows_named_are_the_rows(tmp_path):
    rows = {row.name: row for row in read(tmp_path).rows}
    assert list(rows) == [
        "elnino@wide/gru/none",
        "elnino@wide/gru/l2",
        "elnino@wide/lstm/none",
        "us_macro/lstm/l2",
    ]
    assert rows["elnino@wide/gru/none"].variant.model == {"hidden": 40}


def test_a_rate_and_a_strength_that_are_given_leave_nothing_to_tune(tmp_path):
    rows = {row.name: row for row in read(tmp_path).rows}
    settled, searched = rows["us_macro/lstm/l2"], rows["elnino@wide/gru/l2"]
    assert settled.settings == ((0.01, 1e-4),)
    assert [*protocol.phases(settled, {})] == [
        [("evaluate", 0.01, 1e-4, seed) for seed in (1000, 1001, 1002)]
    ]
    assert len(searched.settings) == 6, "its rate is searched"
    assert {member[0] for member in next(protocol.phases(searched, {}))} == {"tune"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rows:", "cells: all\nrows:", "cells: given beside 'rows', which names benchmarks, cells"),
        ("us_macro: {lstm", "us_makro: {lstm", "rows: unknown 'us_makro'; did you mean 'us_macro'"),
        ("lstm: [l2]", "lstm: [l3]", "rows: us_macro: lstm[0]: unknown 'l3'"),
        ("lstm: [l2]", "lstn: [l2]", "rows: us_macro: key: unknown 'lstn'; did you mean 'lstm'"),
        ("{lstm: [l2]}", "[lstm]", "rows: us_macro: given ['lstm'], expected a mapping with keys"),
    ],
)
def test_what_cannot_be_a_row_is_told(tmp_path, old, new, told):
    with pytest.raises(UserError) as error:
        read(tmp_path, STUDY.replace(old, new))
    assert told in str(error.value)


def test_the_study_of_papers_takes_the_papers_own_numbers():
    row = study.read("papers_long").row("ptb_word@zaremba_small", "lstm", "none")
    assert row.settings == ((1.0, 0.0),)
    assert row.budget["steps"] == 13 * ((929_589 - 1) // 20 // row.variant.task["window"])
