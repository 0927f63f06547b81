"""Tables as they are written, numbers as they are shown, and the tables of the set-up."""

import dataclasses
import math
from types import SimpleNamespace

import pandas as pd
import pytest

from rnnreg.analysis import tables
from rnnreg.analysis.report import shown_setup
from rnnreg.analysis.tables import LONGEST, Cell, Table
from rnnreg.study import registry

ROWS = [(Cell("a|b"), Cell("−1.5", True)), (Cell("c"), Cell("", True))]
TABLE = Table("of@two", "Caption.", ("Name", "Loss"), ROWS)


def test_a_table_in_four_formats():
    body = "| Name | Loss |\n| :--- | ---: |\n| a\\|b | **−1.5** |\n| c |  |"
    assert TABLE.body == body
    assert TABLE.as_markdown() == f"{body}\n\nCaption.\n"
    assert TABLE.as_csv() == "Name,Loss\na|b,-1.5\nc,\n"
    assert TABLE.as_html().splitlines() == [
        '<table id="tab-of-two">',
        "<caption>Caption.</caption>",
        "<thead><tr><th>Name<th class=n>Loss</thead><tbody>",
        "<tr><td>a|b<td class=n><strong>−1.5</strong>",
        "<tr><td>c<td class=n>",
        "</tbody></table>",
    ]
    words = dataclasses.replace(TABLE, left=2)
    assert words.body.splitlines()[1] == "| :--- | :--- |"
    assert "<th>Name<th>Loss" in words.as_html()


def test_each_table_is_latex_of_its_own():
    first, second = tables.latex([TABLE, dataclasses.replace(TABLE, caption="Another.")])
    assert "Caption." in first
    assert "Another." in second
    for made in (first, second):
        assert made.startswith("\\begin{longtable}")
        assert made.endswith("\\end{longtable}\n")


def test_a_line_of_another_length_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        dataclasses.replace(TABLE, rows=[(Cell("a"),)]).as_html()


def test_a_long_table_is_html():
    long = dataclasses.replace(TABLE, rows=[ROWS[0]] * LONGEST)
    assert long.captioned.startswith("| Name | Loss |")
    assert long.captioned.endswith(": Caption. {#tab-of-two}")
    longer = dataclasses.replace(TABLE, rows=[ROWS[0]] * (LONGEST + 1))
    assert longer.captioned.startswith('```{=html}\n<table id="tab-of-two">')


def test_a_function_a_column_makes_a_row_a_line():
    made = tables.tabulated("t", "", [1.0, 2.0], {"Name": str, "Half": lambda x: Cell(f"{x / 2}")})
    assert made.columns == ("Name", "Half")
    assert made.rows == [(Cell("1.0"), Cell("0.5")), (Cell("2.0"), Cell("1.0"))]
    assert made.left == TABLE.left == 1


def test_nothing_is_strong_or_signed_unless_asked():
    line = {"x": 1.0, "x_low": 0.5, "x_high": 2.0}
    cells = [tables.word("a"), tables.number(2.5), tables.interval(1.0, 0.5, 2.0)]
    cells.append(tables.spread(line, "x", 1))
    assert cells == [Cell("a"), Cell("2.50"), Cell("1.000 [0.500, 2.000]"), Cell("1.0 [0.5, 2.0]")]
    assert not any(cell.strong for cell in cells)
    assert tables.show(2.5) == "2.50"
    assert tables.fixed(2.0, 1) == "2.0"
    assert tables.interval(1.0, math.nan, math.nan) == Cell("1.000")
    assert tables.interval(math.nan, 0.0, 1.0) == Cell("–")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (1234.0, "1234"),
        (0.0001234, "0.000123"),
        (-0.00001234, "−1.23e−05"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_a_number_to_three_digits(value, shown):
    assert tables.show(value) == shown


def test_where_one_way_of_writing_ends_and_another_begins():
    assert [tables.whole(v).text for v in (9999, 10000, math.inf)] == ["9999", "10,000", "–"]
    assert [tables.p_value(p).text for p in (0.0009, 0.001, 0.5, math.nan)] == [
        "< 0.001", "0.001", "0.500", "–",
    ]  # fmt: skip
    signed = [tables.fixed(v, 1, True) for v in (0.0004, 0.00004)]
    assert signed == ["+0.0004", "0.0"], "three decimals more, not four"
    assert tables.decimals_for([math.nan]) == tables.decimals_for([]) == 2
    assert tables.decimals_for([0.0, 0.0, 0.5, math.inf]) == 3, "of the numbers that have a size"
    assert tables.decimals_for([0.01, 0.1, 1.0, 10.0]) == 2, "of the upper of two in the middle"


def test_regularizers_that_a_study_leaves_out_are_named_or_counted():
    shipped = registry.shipped("regularizer")
    told = shown_setup.not_compared
    assert told(SimpleNamespace(study={"regularizers": shipped})) == ""
    but = [name for name in shipped if name not in ("dropout", "l1")]
    assert told(SimpleNamespace(study={"regularizers": but})) == (
        f"Of the {len(shipped)} regularizers that ship, this study leaves out 2 (dropout and L1); "
        "`rnnreg list regularizers` names all."
    )
    masks = len(registry.groups("regularizer")["masks"])
    few = SimpleNamespace(study={"regularizers": ["none", "dropout", "my_own"]})
    assert f"leaves out {len(shipped) - 2} (penalties" in told(few)
    assert f", masks {masks - 1}, " in told(few)
    for count, name in ((8, registry.facts("regularizer", shipped[0])["title"]), (9, " 1")):
        left = SimpleNamespace(study={"regularizers": shipped[count:]})
        assert f"leaves out {count} (" in told(left)
        assert name in told(left)


@pytest.mark.parametrize(
    ("better", "naive", "strong"),
    [
        ("lower", 2.0, True),
        ("lower", 1.5, False),
        ("lower", 1.0, False),
        ("higher", 1.0, True),
        ("higher", 1.5, False),
        ("higher", 2.0, False),
    ],
)
def test_a_score_is_bold_where_it_beats_the_naive_one(better, naive, strong):
    facts = {
        "title": "A", "headline": "x", "metrics": {"x": {"label": "X", "better": better}},
        "naive_best": "guess", "naive": {"guess": {"test": {"x": naive}}},
        "published": [
            {"metric": "x", "model": "GRU", "value": 1.25, "reference": "Who 2001"},
            {"metric": "y", "model": "GRU", "value": 9.5, "reference": "Who 2001"},
        ],
    }  # fmt: skip
    rows = [("best", "none", 1.5), ("final", "none", 7.0), ("best", "l2", 8.0)]
    frame = pd.DataFrame(rows, columns=["criterion", "regularizer", "score"])
    results = SimpleNamespace(
        read=lambda name: frame.assign(benchmark="a", cell="gru"),
        benchmarks={"a": facts, "b": facts | {"published": []}},
        cells=["gru"],
        title=lambda kind, name: name.upper(),
    )
    (row, other) = shown_setup.naive(results).rows
    told = "GRU: 1.25 (Who 2001)"
    assert [c.text for c in row] == ["A", "X", "guess", told, f"{naive:.2f}", "1.50"]
    assert row[-1].strong == strong
    assert [c.text for c in other][3:] == ["–", f"{naive:.2f}", "–"]
