"""What `rnnreg explain` and `rnnreg list regularizers` say, and the page that says the same."""

import json
import re
import shutil

import numpy as np
import pandas as pd
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
regularizer,effect,seeds_low,seeds_high,verdict,benchmarks,criterion,scope
dropout,5.94,1.71,9.9,better,3,best,all
dropout,0.7,-0.3,1.7,cannot tell,1,best,NLP
dropout,-1.3,-2.0,-0.5,worse,3,best,cell: lstm
dropout,2.0,,,untested,3,final,all
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


def test_no_symbol_is_taken_for_a_tag():
    assert "by &lt;unk> with probability" in " ".join(explain.page().split())
    assert "by <unk> with probability" in " ".join(explain.terminal("word_dropout").split())


def test_the_list_in_the_readme_is_fresh():
    assert explain.table() in README, RENEW


@pytest.mark.parametrize("name", [n for n in SHIPPED if n not in UNTOLD])
def test_each_has_an_equation_a_text_and_a_place_in_the_page(name):
    found = explain.sections(name, {})
    assert {"Equation", "What it does", "When it suits", "Paper", "Strength"} <= set(found)
    assert ">>>" not in found["What it does"][0]
    assert found["When it suits"][0].startswith("Suits "), (
        "when does its paper show it to help? Say so in a paragraph of the class's docstring that "
        "starts with Suits"
    )
    for hook, line in described.equations(name).items():
        assert re.search("[=<>]", line), (
            f"no equation, with =, < or > in it, in the first line of {hook}'s docstring: {line}"
        )
    assert f"({explain.PAGE}#{name})" in README


def test_explain_tells_it_all(mine, capsys):
    main(["explain", "dropout"])
    told = capsys.readouterr().out
    assert told.startswith("dropout (dropout; masks)\n\nEquation\n  - `mask`: mask = 1 / (1 -")
    assert "What it does\n  Drops inputs of each layer and of the output matrix, anew at" in told
    assert "  It runs with any cell and on any task." in told
    assert "Paper\n  Zaremba, Sutskever and Vinyals 2014, arXiv:1409.2329, section 3.2." in told
    assert "Strength\n  From 0 to 0.99; off at 0; searched from 0 to 0.7 on a linear scale;" in told
    assert (
        "- first, at the best check: all 3 data sets +5.9% (95% interval +1.7 to +9.9: better); "
        "NLP (1 data set) +0.7% (95% interval −0.3 to +1.7: cannot tell) "
        "- first, after the last step: all 3 data sets +2.0%"
    ) in " ".join(told.split())
    assert "lstm" not in told, "one cell is no standing"


def test_what_no_study_has_and_what_a_machine_measured(mine, capsys):
    (mine.parent / "speed/one").mkdir(parents=True)
    (mine.parent / "speed/one/machine.txt").write_text("A processor, one core\n")
    lines = "cell,regularizer,ratio\nlstm,l2,1.021\nlstm,l2,1.2\ngru,l2,1.1\ngru,l1,9\n"
    (mine.parent / "speed/one/cost.csv").write_text(lines)
    main(["explain", "l2"])
    told = capsys.readouterr().out
    assert (
        "Where it stands\n  No figure: the studies compared here do not have it, or it does" in told
    )
    assert (
        "Cost\n  - a training step against one of none: lstm 1.02 to 1.20, gru 1.10 (A processor, "
        "one core)\n"
    ) in told
    main(["explain", "l2_input"])
    assert "Cost\n  Not timed: no table of costs has it." in capsys.readouterr().out


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
    assert found["Equation"][0].startswith("- `dropout: mask`: mask = 1 / (1 - strength) with")
    assert found["Equation"][0].endswith("- `l2: penalty`: penalty = strength x sum w^2.")
    assert found["Parts at strength 1"] == ["- dropout 0.1\n- l2 0.001"]


def test_reasons_and_departures_are_read_off_the_file(mine):
    text = (mine / "l2.py").read_text().replace("    strengths", UNSUITED + "    strengths")
    (mine / "l2.py").write_text(text)
    assert described.unsuited("l2") == ["it needs a ... that is wide", "not of an Elman"]
    assert described.unsuited("dropout_l2") == described.unsuited("l2")
    found = explain.sections("l2", {})
    told = found["When it suits"][-1]
    assert told.replace("\n", " ") == (
        "Some rows are left out, with one of these reasons: it needs a ... that is wide; not of an "
        "Elman."
    )
    assert found["Paper"][1] == "Unlike the paper, whose factor is one half, this has none."
    assert "suits" not in found["Equation"][0]


def test_what_it_helps_with_stands_where_one_looks_for_it(mine):
    text = (mine / "l2.py").read_text()
    bare = re.sub(r"\n    Suits .*?\n\n", "\n", text, flags=re.S)
    (mine / "l2.py").write_text(bare)
    assert explain.sections("l2", {})["When it suits"] == ["It runs with any cell and on any task."]
    helps = "    Suits texts that are short,\n    in the paper.\n\n    >>> import torch"
    (mine / "l2.py").write_text(bare.replace("    >>> import torch", helps, 1))
    found = explain.sections("l2", {})
    assert found["When it suits"][0] == "Suits texts that are short, in the paper."
    assert "Suits" not in found["What it does"][0]


def test_a_study_that_is_here_as_it_is_published_is_told_once(mine):
    own = explain.PUBLISHED / "first"
    own.mkdir(parents=True)
    (own / "across.csv").write_text(ACROSS)
    told = explain.terminal("dropout")
    assert told.count("all 3 data sets +5.9%") == 1
    assert "- first, published, at the best check: " in told
    (own / "across.csv").write_text(ACROSS.replace("5.94", "6.94"))
    told = explain.terminal("dropout")
    assert "- first, at the best check: all 3 data sets +5.9%" in told
    assert "- first, published, at the best check: all 3 data sets +6.9%" in told


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


def test_the_page_names_the_data_sets_and_cells_of_each_published_study(mine):
    own = explain.PUBLISHED / "one"
    for row in ("a/gru/l2.jsonl", "b/gru/l2.jsonl", "b/lstm/l2.jsonl"):
        (own / "records" / row).parent.mkdir(parents=True, exist_ok=True)
        (own / "records" / row).touch()
    (own / "across.csv").write_text(ACROSS)
    (explain.PUBLISHED / "two/records").mkdir(parents=True)  # with nothing compared yet
    found = explain.page()
    assert "The studies are\n\n- one: 2 data sets, a and b; gru and lstm\n\n## " in found
    assert "- one, published, at the best check: all 3 data sets +5.9%" in found


@pytest.mark.parametrize("study", ["quick", "regularizers"])
def test_a_published_table_is_that_of_its_records(study):
    """Of one data set: 1 - the geometric mean of the ratios to none over cells and seeds."""
    folder = explain.PUBLISHED / study
    across = pd.read_csv(folder / "across.csv")
    series = across.query("criterion == 'best' and scope == 'time series'").set_index(
        "regularizer"
    )["effect"]
    cells = sorted((folder / "records/us_macro").iterdir())
    for name in {"none", "dropout", "l2", "zoneout"}:
        logs = [[_logs(cell / f"{n}.jsonl") for n in (name, "none")] for cell in cells]
        gain = np.mean(logs, axis=(0, 2))
        assert series[name] == pytest.approx(100 * (1 - np.exp(gain[0] - gain[1])), abs=1e-6)
    rows = folder.glob("records/*/*/*.jsonl")
    trained = {f.stem for f in rows if b'"unsuited"' not in f.read_bytes()[:12]}
    assert trained == set(across["regularizer"])


def _logs(file):
    """Logarithms of the test losses, a seed each: of the trial whose fresh seeds validate best."""
    members = pd.DataFrame(map(json.loads, file.read_text().splitlines()))
    best = members["scores"].str["best"]
    members["chosen"] = best.str["validation"].str["loss"]
    tuned = members[members["phase"] == "tune"]
    fresh = tuned[tuned["seed"] > tuned["seed"].min()]  # seeds or folds; all trials have the first
    trial = fresh.groupby("trial")["chosen"].mean().idxmin()
    of_it = members[(members["phase"] == "evaluate") & (members["trial"] == trial)]
    return np.log(best[of_it.sort_values("seed").index].str["test"].str["loss"].astype(float))


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
