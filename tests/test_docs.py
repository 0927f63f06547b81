"""The pages of docs/: what they show runs, and the site has all of them."""

import re
import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch
import yaml
from toys import setting

import rnnreg
from rnnreg.errors import UserError
from rnnreg.regularizers._checks import attributes
from rnnreg.study import registry, study
from rnnreg.training.population import Population

NAME = re.compile(r"`([\w/]+)`")
DOCS = registry.PACKAGE.parent / "docs"
BLOCK = re.compile(r"```(python|yaml)\n(.*?)```", re.DOTALL)


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [code for language, code in BLOCK.findall(text) if language == kind]


@pytest.mark.parametrize("code", blocks("model.md", "python"))
def test_examples_of_models_run(code):
    found = {}
    exec(compile(code, "model.md", "exec"), found)
    assert torch.isfinite(found["score"] if "score" in found else found["output"]).all()


def test_regularizers_for_studies_alone_are_those_that_a_loop_of_ones_own_refuses():
    text = (DOCS / "model.md").read_text(encoding="utf-8")
    (told,) = re.findall(r"\nFor studies alone .*?\n\n", text, re.DOTALL)
    refused, model = set(), rnnreg.nn.LSTM(2, 3)
    for name in registry.shipped("regularizer"):
        strength = registry.load("regularizer", name).strengths[-1]
        optimizer = torch.optim.SGD(model.parameters())
        try:
            rnnreg.regularize(model, name, strength, optimizer, steps=2)
        except UserError as error:
            if "only a study" in str(error) or "the network itself" in str(error):
                refused.add(name)
    assert set(NAME.findall(told)) == refused


def test_the_regularizer_trains_and_its_off_is_none(monkeypatch):
    (code,) = blocks("extend.md", "python")
    module = ModuleType("rnnreg.regularizers.hidden_l2")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, "hidden_l2.py", "exec"), vars(module))
    attributes(module.HiddenL2)
    job = replace(setting("labels"), regularizer=module.HiddenL2)
    runs = [Population(job, [strength], [1]) for strength in (module.HiddenL2.off, 1.0)]
    runs.append(Population(setting("labels"), [0.0], [1]))
    for population in runs:
        population.run()
    off, strong, none = (p.final["output"] for p in runs)
    assert off.equal(none)
    assert not strong.equal(none)


@pytest.mark.parametrize(("page", "rows"), [("index.md", 8), ("training.md", 12)])
def test_the_study_is_one(page, rows, tmp_path, monkeypatch):
    text, *more = blocks(page, "yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "first.yaml").write_text(text, encoding="utf-8")
    assert len(study.read("first.yaml").rows) == rows
    for axes in more:
        kept = text.partition("axes:")[0]
        (tmp_path / "first.yaml").write_text(kept + axes, encoding="utf-8")
        assert len(study.read("first.yaml").benchmarks) == 2


def test_the_table_of_studies_is_true():
    page = (DOCS / "index.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 4]
    told = {name: line.rsplit("|", 2)[1].strip() for line in lines for name in NAME.findall(line)}
    folder = DOCS.parent / "benchmarks/studies"
    shipped = {
        file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml")
    }
    assert shipped <= set(told)
    for name in shipped:
        there = any((DOCS.parent / "results/published" / study.read(name).name).rglob("*.jsonl"))
        words = ("yes", "in part") if there else ("no", "not yet", "in part")
        assert told[name] in words, name


def test_the_site_has_every_page():
    told = yaml.safe_load((DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"))

    def pages(entry) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [p for e in (entry if isinstance(entry, list) else entry.values()) for p in pages(e)]

    files = [f for f in DOCS.rglob("*.*") if f.suffix in (".md", ".py")]
    there = {str(f.relative_to(DOCS)) for f in files} - {told["exclude_docs"]}
    assert set(pages(told["nav"])) == there
