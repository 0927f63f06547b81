"""What `rnnreg explain` and `rnnreg list regularizers` say, and the page that says the same."""

import shutil

import pytest

from rnnreg.analysis import explain
from rnnreg.analysis.report import readme
from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.study import described, registry

RENEW = "renew them: python -m rnnreg readme"
UNTOLD = {"none"}  # what has no equation
README = (registry.ROOT / "README.md").read_text(encoding="utf-8")
SHIPPED = registry.shipped("regularizer")
ACROSS = """\
regularizer,effect,seeds_low,seeds_high,verdict,criterion,scope
dropout,5.94,1.71,9.9,better,best,all
dropout,0.7,-0.3,1.7,cannot tell,best,NLP
dropout,-1.3,-2.0,-0.5,worse,best,cell: lstm
dropout,2.0,,,untested,final,all
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder of regularizers with one of somebody's own, and a project that has a study."""
    folder = tmp_path / "regularizers"
    folder.mkdir()
    for name in ("dropout.py", "l2.py", "l2_input.py", "dropout_l2.py", "shipped.txt"):
        shutil.copy(registry.FOLDERS["regularizer"] / name, folder)
    monkeypatch.setitem(registry.FOLDERS, "regularizer", folder)
    monkeypatch.setattr(explain, "PUBLISHED", tmp_path / "published")
    monkeypatch.setattr(explain, "SPEED", tmp_path / "speed")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/first").mkdir(parents=True)
    (tmp_path / "results/first/across.csv").write_text(ACROSS)
    return folder


def test_the_page_is_fresh():
    written = (registry.ROOT / explain.PAGE).read_text(encoding="utf-8")
    assert written == explain.page(), RENEW


def test_the_list_in_the_readme_is_fresh():
    assert explain.table() in README, RENEW


@pytest.mark.parametrize("name", [n for n in SHIPPED if n not in UNTOLD])
def test_each_has_an_equation_a_text_and_a_place_in_the_page(name):
    found = explain.sections(name, {})
    assert {"Equation", "What it does", "When it suits", "Paper", "Strength"} <= set(found)
    assert ">>>" not in found["What it does"][0]
    assert f"({explain.PAGE}#{name})" in README


def test_explain_tells_it_all(mine, capsys):
    main(["explain", "dropout"])
    told = capsys.readouterr().out
    assert told.startswith("dropout (dropout; masks)\n\nEquation\n  - `mask`: 1 / (1 - strength)")
    assert "What it does\n  Drops inputs of each layer and of the output matrix, anew at" in told
    assert "When it suits\n  Any cell and any task." in told
    assert "Paper\n  Zaremba, Sutskever and Vinyals 2014, arXiv:1409.2329, section 3.2." in told
    assert "Strength\n  From 0 to 0.99; off at 0; searched from 0 to 0.7 on a linear scale;" in told
    assert (
        "- first, at the best check: all +5.9% (95% interval +1.7 to +9.9: better); "
        "NLP +0.7% (95% interval −0.3 to +1.7: cannot tell) "
        "- first, after the last step: all +2.0%"
    ) in " ".join(told.split())
    assert "lstm" not in told, "one cell is no standing"


def test_what_no_study_has_and_what_a_machine_measured(mine, capsys):
    (mine.parent / "speed/one").mkdir(parents=True)
    (mine.parent / "speed/one/machine.txt").write_text("A processor, one core\n")
    lines = "cell,regularizer,ratio\nlstm,l2,1.021\nlstm,l2,1.2\ngru,l2,1.1\ngru,l1,9\n"
    (mine.parent / "speed/one/cost.csv").write_text(lines)
    main(["explain", "l2"])
    told = capsys.readouterr().out
    assert "Where it stands\n  In no study that is compared here." in told
    assert (
        "Cost\n  - a training step against one of none: lstm 1.02 to 1.20, gru 1.10 (A processor, "
        "one core)\n"
    ) in told


def test_a_study_without_comparisons_says_nothing_and_a_damaged_one_is_named(mine, capsys):
    for name, text in {"alone": "\n", "first": ACROSS.replace("scope", "scpoe")}.items():
        (mine.parent / "results" / name).mkdir(exist_ok=True)
        (mine.parent / "results" / name / "across.csv").write_text(text)
    assert main(["explain", "dropout"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("rnnreg: results/first/across.csv: cannot be read (")
    assert told.endswith(". Remedy: python -m rnnreg compare results/first\n")


def test_a_combination_has_the_equations_of_its_parts(mine):
    found = explain.sections("dropout_l2", {})
    assert found["Equation"][0].startswith("- `dropout: mask`: 1 / (1 - strength) or 0")
    assert found["Equation"][0].endswith("- `l2: penalty`: Strength x sum w^2.")
    assert found["Parts at strength 1"] == ["- dropout 0.1\n- l2 0.001"]


def test_reasons_and_departures_are_read_off_the_file(mine):
    text = (mine / "l2.py").read_text().replace("    strengths", UNSUITED + "    strengths")
    (mine / "l2.py").write_text(text)
    assert described.unsuited("l2") == ["it needs a ... that is wide", "not of an Elman"]
    assert described.unsuited("dropout_l2") == described.unsuited("l2")
    found = explain.sections("l2", {})
    (told,) = found["When it suits"]
    assert told.replace("\n", " ") == (
        "Some rows are left out, with one of these reasons: it needs a ... that is wide; not of an "
        "Elman."
    )
    assert found["Paper"][1] == "Unlike the paper, whose factor is one half, this has none."
    assert "suits" not in found["Equation"][0]


UNSUITED = '''\
    # Unlike the paper, whose factor is one half,
    # this has none.

    @classmethod
    def suits(cls, network, task):
        """Why not."""
        if network.tied:
            return f"it needs a {network} that is wide"
        return "" if network.cell.gates > 1 or task == "any" else "not of an Elman"

'''


def test_the_list_goes_by_group_and_its_columns_are_straight(mine, capsys):
    own = (mine / "l2.py").read_text().replace('    group = "penalties"\n', "")
    (mine / "mine_with_a_name_that_is_long.py").write_text(own)
    bare = own.replace("    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)\n", "")
    (mine / "bare.py").write_text(bare.replace('    title = "L2"\n', ""))
    main(["list", "regularizers"])
    told = capsys.readouterr().out
    heads = [line for line in told.splitlines() if not line.startswith(" ")]
    assert heads == [f"regularizers, {g}:" for g in ("penalties", "masks", "combinations", "own")]
    starts = {line[:32].rstrip() for line in told.splitlines() if line.startswith("  ")}
    assert all(line[:32].endswith(" ") for line in told.splitlines() if line.startswith("  "))
    assert starts == {"", "  l2", "  l2_input", "  dropout", "  dropout_l2", "  bare",
                      "  mine_with_a_name_that_is_long"}  # fmt: skip
    assert "no title in its file\n" in told
    assert "strengths: not there, or computed; a study reads them" in told


def test_an_unknown_name_has_its_nearest_match(mine, capsys):
    assert main(["explain", "dropuot"]) == 2
    assert "unknown 'dropuot'; did you mean 'dropout'?" in capsys.readouterr().err


def test_readme_writes_what_needs_no_study(mine, tmp_path):
    marks = "".join(f"<!-- {n}: begin -->\nold\n<!-- {n}: end -->\n" for n in ("speed", "findings"))
    (tmp_path / "README.md").write_text(marks)
    with pytest.raises(UserError, match="the marks <!-- regularizers: begin --> and"):
        readme.update(None, tmp_path)
    (tmp_path / "README.md").write_text(
        marks + "<!-- regularizers: begin -->\nold\n<!-- regularizers: end -->\n"
    )
    readme.update(None, tmp_path)
    written = (tmp_path / "README.md").read_text()
    assert "<!-- findings: begin -->\nold\n" in written
    assert "| masks | [dropout](docs/regularizers.md#dropout) (Zaremba et al. 2014) |" in written
    assert (tmp_path / explain.PAGE).read_text() == explain.page()
