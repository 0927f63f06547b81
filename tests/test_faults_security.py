"""What SECURITY.md promises: nothing that is read is run, and what data says is shown as text."""

import ast
from html.parser import HTMLParser
from pathlib import Path

import pytest
import synthetic
from test_study import GOOD, own, write  # noqa: F401

from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures.draw import draw
from rnnreg.analysis.report import shown
from rnnreg.analysis.report.report import report
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.cli import main
from rnnreg.study import registry, status
from rnnreg.study import study as studies

FILES = [*(registry.ROOT / "rnnreg").rglob("*.py"), *(registry.ROOT / "benchmarks").glob("*.py")]
CALLS = {"eval", "exec", "compile", "__import__"}  # by their bare name
METHODS = {("os", "system"), ("os", "popen"), ("torch", "load"), ("np", "load"), ("numpy", "load"),
           ("pd", "read_pickle"), ("pd", "eval"), ("tarfile", "open")}  # fmt: skip
MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
TITLE = "</script><script>alert(1)</script><img src=x onerror=alert(1)><!--<script>${`#`}"


def dangerous(tree: ast.Module) -> list[str]:
    """What in a file could run what it reads."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
            found += MODULES & {name.partition(".")[0] for name in names}
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in CALLS:
            found.append(called.id)
        if isinstance(called, ast.Attribute):
            owner = getattr(called.value, "id", "")
            found += [f"{owner}.{called.attr}"] * ((owner, called.attr) in METHODS)
            of_text = getattr(called.value, "attr", "") == "str"  # pandas' .str.extract
            unpacks = called.attr in ("extract", "extractall", "unpack_archive")
            found += [called.attr] * (unpacks and not of_text)
        for keyword in node.keywords:
            if keyword.arg in ("shell", "allow_pickle", "trust_remote_code"):
                value = getattr(keyword.value, "value", True)
                found += [f"{keyword.arg}=True"] * bool(value)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(registry.ROOT)))
def test_no_pickle_no_eval_no_shell(file):
    assert not dangerous(ast.parse(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "eval('1')",
        "import os; os.system('ls')",
        "np.load(f)",
        "np.lib.format.read_array(f, allow_pickle=True)",
        "subprocess.run(c, shell=True)",
        "archive.extractall()",
    ],
)
def test_the_look_sees_what_is_dangerous(code):
    assert dangerous(ast.parse(code))


def test_a_file_of_a_strangers_is_not_run_before_it_trains(own, write, tmp_path, capsys):  # noqa: F811
    """`list`, a study that has it, its rows and its status read the syntax tree alone."""
    ran = tmp_path / "ran"
    for folder in registry.FOLDERS.values():
        with (folder / "own.py").open("a") as file:
            file.write(f"\nfrom pathlib import Path\nPath({str(ran)!r}).touch()\n")
    assert main(["list"]) == 0
    assert capsys.readouterr().out.count("\n  own ") == len(registry.FOLDERS)
    study = studies.read(write(GOOD + "mine: true\n"))
    rows = [row for row in study.rows if {"own"} & {row.benchmark, row.cell, row.regularizer}]
    assert len({row.fingerprint for row in rows}) == len(rows) > 0
    assert "own" in status.table(study)[0]
    assert not ran.exists()
    registry.load.cache_clear()
    registry.load("benchmark", "own")
    assert ran.exists(), "this look sees it"


def test_every_name_in_a_shell_of_the_workflow_is_quoted():
    """`{name:q}` but for a number: names of rows, studies and paths never reach a shell bare."""
    text = (registry.ROOT / "Snakefile").read_text(encoding="utf-8")
    blocks = text.split("    shell:\n")[1:]
    shells = [block.partition("\n\n")[0] for block in blocks]
    places = [part.partition("}")[0] for shell in shells for part in shell.split("{")[1:]]
    assert len(places) > 10
    assert {place for place in places if not place.endswith(":q")} == {"threads"}


class Tags(HTMLParser):
    """Scripts that a browser would run, and attributes that run something."""

    def __init__(self, text: str):
        super().__init__()
        self.scripts, self.handlers, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.handlers += [name for name in given if name.startswith("on")]
        self.inside = tag == "script" and given.get("type") != "application/json"
        self.scripts += [""] if self.inside else []

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data

    def handle_endtag(self, tag):
        self.inside = False


@pytest.mark.slow
def test_a_title_that_is_a_script_is_text_in_the_whole_report(tmp_path, monkeypatch):
    facts = synthetic.facts
    hostile = ("title", "licence", "citation", "setting")
    monkeypatch.setattr(synthetic, "facts", lambda b: facts(b) | dict.fromkeys(hostile, TITLE))
    synthetic.use(monkeypatch, tmp_path)
    for name in ("regularizers/l2.py", "cells/gru.py"):
        (file,) = tmp_path.rglob(name)
        file.write_text(file.read_text().replace("title = ''", f"title = {TITLE!r}"))
    study = synthetic.study("made", ("elnino", "trec"), ("gru", "lstm"), ("none", "l2"), 2, 6)
    study = type(study)(**{**vars(study), "title": TITLE})
    synthetic.write(tmp_path, study)
    folder = collect(study)
    shown.write(load(compare(folder)))
    draw(folder)
    report(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    seen = Tags(text)
    shipped = (registry.PACKAGE.parent / "report/page.js").read_text(encoding="utf-8").strip()
    assert [script.strip() for script in seen.scripts] == [shipped]
    assert not seen.handlers
    assert "alert(1)" in text
    assert Path(folder / "report.pdf").stat().st_size
