"""Studies: what they resolve to, what a fingerprint sees, and what a user is told."""

import random
import shutil
import subprocess
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from rnnreg.errors import UserError
from rnnreg.study import registry, schema, study

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
    regularizers = [r for r in registry.shipped("regularizer") if r != "l1"]
    assert len(found.rows) == 2 * len(regularizers)
    row = found.row("elnino", "gru", "l2")
    assert row.strengths == (1e-3, 0.1), "1e-3 is text to YAML 1.1, and a number here"
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


EIGHT = {
    "none", "l1", "l2", "dropout", "recurrent_dropout", "early_stopping", "clip_norm", "clip_value",
}  # fmt: skip
OWN = """
from rnnreg.{0} import {1}
class Own({1}):
    title = "own"
    source = "mine"
    group = "time series"
    strengths = (1.0,)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A project in which somebody has put a benchmark, a cell and a regularizer of their own."""
    bases = {
        "benchmark": ("data", "Benchmark"),
        "cell": ("cells.base", "Cell"),
        "regularizer": ("regularizers", "Regularizer"),
    }
    for kind, base in bases.items():
        folder = shutil.copytree(
            registry.FOLDERS[kind], tmp_path / kind, ignore=shutil.ignore_patterns("__pycache__")
        )
        monkeypatch.setitem(registry.FOLDERS, kind, folder)
        (folder / "own.py").write_text(OWN.format(*base))


def test_a_file_of_ones_own_is_in_no_study_that_does_not_ask(own, write):
    for name in ("standard", "large"):
        rows = study.read(name).rows
        assert {r.regularizer for r in rows} == EIGHT
        assert "own" not in {n for r in rows for n in (r.benchmark, r.cell)}
    words = {r.benchmark for r in study.read("large").rows}
    rest = {r.benchmark.partition("@")[0] for r in study.read("standard").rows}
    papers = {r.benchmark.partition("@")[0] for r in study.read("papers").rows}
    pairs = {r.benchmark.partition("@")[0] for r in study.read("transduction").rows}
    small = {r.benchmark for r in study.read("smoke").rows}
    assert words | rest | papers | pairs | small == set(registry.shipped("benchmark"))
    assert not words & rest
    asked = study.read(write(GOOD.replace("[lstm, gru]", "[own]"))).rows
    assert {r.cell for r in asked} == {"own"}, "a study may name it"


def test_the_quick_study_takes_ones_own_regularizers_and_cells(own):
    quick = study.read("quick")
    few = {"weight_averaging", "zoneout"}  # of the others
    assert set(quick.regularizers) == {*EIGHT, *few, "own"}
    assert "own" in {r.cell for r in quick.rows}
    assert "own" not in quick.benchmarks


def test_mine(own, write):
    for mine, found in (("true", {"own"}), ("false", set()), ("[regularizers]", set())):
        rows = study.read(write(GOOD + f"mine: {mine}\n")).rows
        assert {r.benchmark for r in rows} == {"elnino", *found}
        assert ("own" in {r.regularizer for r in rows}) == (mine != "false")
    rows = study.read(write(GOOD.replace("[l1]", "[l1, own]") + "mine: true\n")).rows
    assert "own" not in {n for r in rows for n in (r.benchmark, r.cell, r.regularizer)}


@pytest.mark.parametrize("name", ["my-own", "$(touch pwned)", "2nd", "a b"])
def test_a_file_whose_name_a_command_would_take_apart(own, write, name):
    file = registry.FOLDERS["cell"] / "own.py"
    file.rename(file.with_name(f"{name}.py"))
    with pytest.raises(UserError) as told:
        study.read(write(GOOD + "mine: true\n"))
    assert f"{name}.py: '{name}' stands in paths, commands and tables." in str(told.value)
    assert "Remedy: rename the file" in str(told.value)


def test_a_group_stands_for_its_members(own, write):
    text = GOOD.replace("benchmarks: [elnino]", "benchmarks: [elnino, time series, trec]")
    chosen = study.read(write(text.replace("[l1]", "[etth1]"))).benchmarks
    assert chosen[0] == "elnino"
    assert set(chosen) == {*registry.groups("benchmark")["time series"], "trec"} - {"etth1"}
    assert "own" not in chosen


def test_what_ships_is_listed():
    """Every file that git knows in the folders of plug-ins is in the folder's list."""
    tracked = None
    if shutil.which("git") and (registry.ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", *map(str, registry.FOLDERS.values())]
        said = subprocess.run(command, cwd=registry.ROOT, capture_output=True, text=True)
        tracked = {registry.ROOT / name for name in said.stdout.split("\0")}
    for kind, folder in registry.FOLDERS.items():
        listed = (folder / "shipped.txt").read_text().splitlines()
        assert listed == sorted(set(listed))
        assert registry.shipped(kind) == listed, "each has its file"
        for name in registry.names(kind) if tracked else ():
            told = f"a committed {name} ships: list it in {registry.short(folder)}/shipped.txt"
            assert name in listed or folder / f"{name}.py" not in tracked, told


BAD = {
    "an unknown benchmark": (
        ("[elnino]", "[elnnio]"),
        "benchmarks[0]: unknown 'elnnio'; did you mean 'elnino'? Known: ",
    ),
    "an unknown regularizer": (
        ("regularizers: all", "regularizers: [none, dropuot]"),
        "regularizers[1]: unknown 'dropuot'; did you mean 'dropout'? Known: ",
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
    "an unknown list of one's own": (
        ("title: Small", "title: Small\nmine: [cell]"),
        "mine[0]: unknown 'cell'; did you mean 'cells'? Known: benchmarks, cells, regularizers",
    ),
    "not YAML": (("[elnino]", "[elnino"), "not valid YAML"),
    "too many seeds": (
        ("evaluation: 3", "evaluation: 1000000000000"),
        "seeds: evaluation: given 1000000000000, allowed are whole numbers from 1 to 1000.",
    ),
    "seeds of 2^63": (
        ("evaluation: 3", f"evaluation: {1 << 63}"),
        "line 7: a whole number of more than 18 digits.",
    ),
    "a number of 5,000 digits": (
        ("evaluation: 3", f"evaluation: {'9' * 5000}"),
        "line 7: a whole number of more than 18 digits.",
    ),
    "a strength of 10^400": (("0.1]", "1e400]"), "line 8: 1e400: the number is too large."),
    "a strength that is true": (
        ("0.1]", "true]"),
        "strengths: l2[1]: given True, expected a number from 0.0 to inf.",
    ),
    "a strength twice": (
        ("0.1]", "0.001]"),
        "strengths: l2[1]: 0.001 is listed twice; list it once",
    ),
    "a strength that is nan": (("0.1]", ".nan]"), "l2[1]: given nan, allowed are numbers from"),
    "a rate that is nan": (
        ("steps: 50", "learning_rate: .nan"),
        "budgets: elnino: learning_rate: given nan, allowed are numbers above 0.",
    ),
    "a rate without end": (
        ("steps: 50", "learning_rate: .inf"),
        "budgets: elnino: learning_rate: given inf, allowed are numbers above 0.",
    ),
    "an octal number": (
        ("steps: 50", "steps: 010"),
        "budgets: elnino: steps: given '010' (str), expected a whole number.",
    ),
    "a sexagesimal number": (
        ("steps: 50", "steps: 1:30"),
        "budgets: elnino: steps: given '1:30' (str), expected a whole number.",
    ),
    "an octal strength": (("0.1]", "010]"), "l2[1]: given '010', expected a number from"),
    "a date": (
        ("steps: 50", "steps: 2020-99-99"),
        "budgets: elnino: steps: given '2020-99-99' (str), expected a whole number.",
    ),
    "a key twice": (
        ("title: Small", "title: Small\ntitle: Large"),
        "line 3: the key 'title' is given twice; give it once.",
    ),
    "an inner key twice": (
        ("steps: 50,", "steps: 50, steps: 60,"),
        "line 9: the key 'steps' is given twice; give it once.",
    ),
    "a tag": (("steps: 50", "steps: !!int x"), "line 9: a tag (!), an anchor (&) or an alias (*)"),
    "a tag of nothing": (("steps: 50", "steps: !!int ''"), "line 9: a tag (!), an anchor (&)"),
    "an object of Python": (
        ("title: Small", "title: !!python/object/apply:os.getcwd []"),
        "line 2: a tag (!), an anchor (&) or an alias (*)",
    ),
    "an anchor": (("[lstm, gru]", "&a [lstm, gru]"), "line 4: a tag (!), an anchor (&)"),
    "deep nesting": (("[elnino]", "[" * 3000), "lists or mappings nested too deep."),
    "a key that is a list": (("title: Small", "? [a]\n: b"), "not valid YAML"),
    "a NUL": (("Small", "Sm\0all"), "not valid YAML"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_is_told_in_one_message(write, case):
    (old, new), message = BAD[case]
    assert old in GOOD
    with pytest.raises(UserError) as caught:
        study.read(write(GOOD.replace(old, new)))
    assert message in str(caught.value)
    assert "small.yaml" in str(caught.value), "the file is named"


PIECES = [
    *"[]{}:'\"?|>#%\n\t", "- ", "  ", "~", "1e9", "-1", ".nan", "true", "!!set", "&a", "*a", "all",
    "[[1]]", "{a: {b: 1}}", "<<", "\x85", "é", "10" * 30, "[null]", "[{}]", "1.5", "mine: true\n",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(150))
def test_a_study_with_slips_of_the_pen_is_read_or_refused(write, seed):
    """One to four pieces are put in, taken out, or doubled: no other exception than UserError."""
    draw, text = random.Random(seed), GOOD + "mine: [cells]\njob: cell\nmirror: /x\n"
    for _ in range(draw.randint(1, 4)):
        at, other = draw.randrange(len(text)), draw.randrange(len(text))
        piece = draw.choice([draw.choice(PIECES), "", text[other : other + draw.randint(1, 20)]])
        text = text[:at] + piece + text[at + draw.choice([0, draw.randint(1, 8)]) :]
    with suppress(UserError):
        study.read(write(text))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            GOOD.replace("Small", "Sm\xe4ll").encode("latin-1"),
            "not UTF-8 text (at byte 10). Remedy:",
        ),
        (GOOD.encode("utf-16"), "not UTF-8 text (at byte 0). Remedy: save the file as UTF-8."),
        (GOOD.encode("utf-16-le"), "not valid YAML"),
        (b"", "given None, expected a mapping with keys title, "),
    ],
)
def test_text_that_is_no_study(tmp_path, data, message):
    file = tmp_path / "small.yaml"
    file.write_bytes(data)
    with pytest.raises(UserError) as caught:
        study.read(str(file))
    assert message in str(caught.value)
    assert "small.yaml" in str(caught.value)


def test_a_study_with_a_byte_order_mark_and_windows_lines(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert study.read(str(file)).title == "Small"


def test_a_study_that_may_not_be_read(write, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UserError, match=r"small\.yaml: cannot be read \(Permission denied\)\. Rem"):
        study.read(write(GOOD))


@pytest.mark.parametrize(
    "name", ["a{b}", ".", "..", ".a", "a;b", "$(b)", "it's", "a\nb", "-a", "a "]
)
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    file = tmp_path / f"{name}.yaml"
    file.write_text(GOOD)
    with pytest.raises(UserError, match=r"cannot name a study(.|\n)*Allowed are letters, digits"):
        study.read(str(file))


@pytest.mark.parametrize("name", ["published", "by_hand"])
def test_a_name_that_is_taken_is_refused(tmp_path, name):
    file = tmp_path / f"{name}.yaml"
    file.write_text(GOOD)
    with pytest.raises(UserError, match=rf"{name}\.yaml: results/{name} is for .*rename the study"):
        study.read(str(file))


@pytest.mark.parametrize("name", ["a", "5", "wiki-2.1", "my study", "größer_1"])
def test_names_of_studies(tmp_path, name):
    file = tmp_path / f"{name}.yaml"
    file.write_text(GOOD)
    assert study.read(str(file)).name == name


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


def test_a_fingerprint_of_a_combination_sees_its_parts(plugins):
    (plugins / "both.py").write_text(
        "from rnnreg.regularizers import Combination\nclass Both(Combination):\n"
        "    strengths = (1.0,)\n    ratios = {'l1': 1e-3, 'dropout': 0.1}\n"
    )
    before, l2 = fingerprint("both"), fingerprint("l2")
    part = plugins / "dropout.py"
    part.write_text(part.read_text().replace('"between"', '"update"'))
    assert fingerprint("both") != before
    assert fingerprint("l2") == l2


DERIVED = """
from rnnreg.regularizers.l2 import L2
class Mine(L2):
    strengths = (1.0,)
"""


def test_a_class_derived_from_another_regularizer(plugins):
    (plugins / "mine.py").write_text(DERIVED)
    with pytest.raises(UserError) as caught:
        registry.facts("regularizer", "mine")
    assert str(caught.value).endswith(
        "found none: Mine derives from L2. Remedy: derive it from Regularizer itself, and name L2 "
        "in a Combination, or write what it changes anew."
    )


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


@pytest.mark.parametrize(
    ("strengths", "told"),
    [
        ("(0.1)", "mine.py: strengths: given 0.1, expected a list of at least one number."),
        ("tuple(range(3))", "mine.py: strengths: not there, or computed; a study reads them"),
        ("(0.1, 0.1)", "mine.py: strengths[1]: 0.1 is listed twice; list it once."),
        ("(0.1, -1)", "mine.py: strengths[1]: given -1.0, allowed are numbers from 0.0 to inf."),
    ],
)
def test_a_grid_in_a_file_that_is_none(plugins, strengths, told):
    text = TWO.partition("class B")[0].replace("(1.0,)", strengths)
    (plugins / "mine.py").write_text(text)
    with pytest.raises(UserError) as caught:
        schema.grid("small.yaml: strengths", "mine", None)
    assert told in str(caught.value)


def test_a_file_that_is_no_python(plugins):
    (plugins / "mine.py").write_text("class (")
    with pytest.raises(UserError, match=r"mine\.py:1: not valid Python"):
        registry.facts("regularizer", "mine")


def test_facts_read_infinity(plugins):
    assert registry.facts("regularizer", "clip_norm")["off"] == float("inf")
