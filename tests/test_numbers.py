"""Numbers from CSV files: what is no number is named, and nothing is guessed."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnreg.data import read_csv, read_labelled
from rnnreg.errors import UserError


@pytest.fixture
def table(tmp_path):
    """Write a table; its file."""

    def write(content):
        file = tmp_path / "t.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def test_numbers_are_read_and_text_is_left_out_by_name(table):
    file = table("day,a,note,b\n2016-07-01,1,x,0.5\n2016-07-02,2,y,-1e3\n")
    with pytest.warns(UserWarning, match="columns left out, for they hold no numbers: day, note$"):
        found = read_csv(file)
    assert found.tolist() == [[1, 0.5], [2, -1000]]


@pytest.mark.filterwarnings("error")
def test_named_columns_in_their_order(table):
    file = table("day,a,note,b\nx,1,y,2\n")
    assert read_csv(file, ["b", "a"]).tolist() == [[2, 1]]


def test_gaps_are_nan(table):
    found = read_csv(table("a,b\n1,\nNA,4\n"))
    assert np.isnan(found).tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize("names", ["0,1,OT", "2016,2017,2018", "a,b,c", "0,1,2"])
def test_names_that_count_are_names(table, names):
    assert read_csv(table(f"{names}\n1,2,3\n")).tolist() == [[1, 2, 3]]


GUESS = "correct the file, or name the columns to be read; or na_values=[{}], if it marks a gap."
COMMA = "decimal=',' for a decimal comma, thousands=',' for thousands."
CELLS = {
    "?0.2": GUESS.format("'?0.2'"),
    "x": GUESS.format("'x'"),
    "\x002": GUESS.format("'\\x002'"),
    '"1,000"': COMMA,
}


@pytest.mark.parametrize("cell", CELLS)
def test_one_cell_that_is_no_number(table, cell):
    file = table(f"a,b\n1,2\n3,{cell}\n5,6\n")
    with pytest.raises(UserError) as error:
        read_csv(file)
    value = repr(cell.strip('"'))
    told = f"{file}: column 'b': {value} in row 1 (of 0 to 2) is no number. Remedy: {CELLS[cell]}"
    assert str(error.value) == told


FAULTS = {
    "several cells": (
        "a\nx\n1\ny\nz\n",
        {},
        "column 'a': 'x' in row 0 (of 0 to 3) is no number (such cells: 3). Remedy:",
    ),
    "decimal commas": (
        "a;b\n0,5;1\n1,5;2\n",
        {"sep": ";"},
        "column 'a': '0,5' in row 0 (of 0 to 1) is no number (such cells: 2). Remedy: decimal=','",
    ),
    "one cell among decimal commas": (
        "a;b\n0,5;1\n?0,2;2\n;3\n",
        {"sep": ";", "decimal": ","},
        "column 'a': '?0,2' in row 1 (of 0 to 2) is no number. Remedy: correct the file",
    ),
    "thousands among decimal commas": (
        "a;b\n0,5;1\n1.000,5;2\n",
        {"sep": ";", "decimal": ","},
        "column 'a': '1.000,5' in row 1 (of 0 to 1) is no number. Remedy: thousands='.'",
    ),
    "decimal commas, the separator not named": (
        "a;b\n0,5;1,2\n1,5;3,4\n",
        {},
        "rows have more cells than the header has names. Remedy: name each column; or give sep=';'",
    ),
    "another separator": (
        "a;b\n1;2\n",
        {},
        "no column holds numbers; 'a;b' holds '1;2' in row 0. Remedy: sep=';' if that is what",
    ),
    "no header": (
        "1.5,2.5,1.5\n1,2,3\n",
        {},
        "its first row, which should name the columns, holds numbers: 1.5, 2.5, 1.5.1. Remedy: "
        "header=None if the file has no header, header=0 if these are names.",
    ),
    "no header, dates first": (
        "2016-07-01,7\n2016-07-02,8\n",
        {},
        "its first row, which should name the columns, holds numbers: 2016-07-01, 7. Remedy:",
    ),
    "a named column of text": (
        "a,b\nx,1\n",
        {"columns": ["a"]},
        "column 'a': 'x' in row 0 (of 0 to 0) is no number. Remedy: correct the file; or na_values",
    ),
    "a name that is not there": (
        "temp,heat\n1,2\n",
        {"columns": ["tmep"]},
        "column: unknown 'tmep'; did you mean 'temp'? Known: heat, temp",
    ),
    "ragged": ("a,b\n1,2\n1,2,3\n", {}, "cannot be read as csv: Error tokenizing data. C err"),
    "ragged everywhere": ("a,b\n1,2,3\n4,5,6\n", {}, "rows have more cells than the header has "),
    "an open quote": ('a,b\n"1,2\n', {}, "cannot be read as csv: Error tokenizing data. C err"),
    "empty": ("", {}, "the file is empty."),
    "a blank line": ("\n", {}, "cannot be read as csv: No columns to parse from file"),
    "a header alone": ("a,b\n", {}, "no rows."),
    "latin-1": (
        "a,b\n1,2\n3,4 °\n".encode("latin-1"),
        {},
        "line 3: byte 0xb0: not utf-8. Remedy: read it with the encoding that it was written in, "
        "such as encoding='latin-1'.",
    ),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, "line 1: byte 0xff: not utf-8. Remedy: read it"),
    "an encoding that is none": (
        "a\n1\n", {"encoding": "latin-99"}, "cannot be read as csv: unknown encoding: latin-99",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAULTS)
def test_a_file_that_is_not_as_it_should_be(table, case):
    content, options, told = FAULTS[case]
    file = table(content)
    with pytest.raises(UserError, match=f"^{re.escape(f'{file}: {told}')}"):
        read_csv(file, **options)


def test_what_the_messages_say_helps(table):
    assert read_csv(table("a;b\n0,5;1\n"), sep=";", decimal=",").tolist() == [[0.5, 1]]
    assert read_csv(table('a\n1\n"1,000"\n'), thousands=",").tolist() == [[1], [1000]]
    german = {"sep": ";", "decimal": ",", "thousands": "."}
    assert read_csv(table("a;b\n0,5;1\n1.000,5;2\n"), **german).tolist() == [[0.5, 1], [1000.5, 2]]
    assert np.isnan(read_csv(table("a\n1\n?0.2\n"), na_values=["?0.2"])).tolist() == [
        [False],
        [True],
    ]
    assert read_csv(table("1.5,2.5\n1,2\n"), header=None).tolist() == [[1.5, 2.5], [1, 2]]
    assert read_csv(table("1.5,2.5\n1,2\n"), header=0).tolist() == [[1, 2]]
    assert read_csv(table("a,ö\n1,2\n".encode("latin-1")), encoding="latin-1").tolist() == [[1, 2]]


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv: no such file\.$"):
        read_csv(tmp_path / "nowhere.csv")


PIECES = (
    b"a|b|1|2.5|-3|1e5|,|,|,|\n|\n|\n|;|\"|'| |\t|\r\n|\r|NA|nan|inf|?|\x00|\xff|\xc3\xa9|1_0|1,0|#"
)
READERS = {
    "all": read_csv,
    "one": lambda file: read_csv(file, ["a"]),
    "no header": lambda file: read_csv(file, header=None),
    "semicolons": lambda file: read_csv(file, sep=";", decimal=","),
    "lines": read_labelled,
    "columns": lambda file: read_labelled(file, 1, 0),
    "names": lambda file: read_labelled(file, "a", "b"),
}


@pytest.mark.filterwarnings("ignore:.*columns left out")
@pytest.mark.parametrize("reader", READERS)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.sampled_from(PIECES.split(b"|")), max_size=30))
def test_any_file_is_read_or_refused_in_words(table, reader, pieces):
    file = table(b"".join(pieces))
    told = f"{file}: "
    try:
        READERS[reader](file)
    except UserError as error:
        told = str(error)
    assert told.startswith(f"{file}: ")
