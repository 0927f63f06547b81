"""Combinations that a study makes: what it may ask for, and what a row of one is."""

import json
import textwrap
from dataclasses import replace
from math import inf

import pytest
import synthetic
import torch
from toys import setting

from rnnreg.analysis.collect import collect
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.regularizers._checks import attributes
from rnnreg.regularizers._combination import of_row
from rnnreg.study import combine, registry, status, study
from rnnreg.training import row as training
from rnnreg.training.population import Population

STUDY = """
title: Together
benchmarks: [elnino]
cells: [lstm]
regularizers: [none, dropout, l2]
seeds: {evaluation: 3}
combine: {dropout+l2: {dropout: 0.1, l2: 1e-3}}
"""
NAME, RATIOS = "dropout+l2", {"dropout": 0.1, "l2": 1e-3}


@pytest.fixture
def read(tmp_path):
    def _read(text: str = STUDY) -> study.Study:
        file = tmp_path / "together.yaml"
        file.write_text(textwrap.dedent(text))
        return study.read(str(file))

    return _read


def test_a_combination_is_a_row(read):
    asked = read()
    assert asked.regularizers == ["none", "dropout", "l2", NAME]
    row = asked.row("elnino", "lstm", NAME)
    assert row.ratios == RATIOS
    assert str(asked.records(row)) == "results/together/records/elnino/lstm/dropout+l2.jsonl"
    assert row.search.strength == (0.25, 4.0)
    assert row.search.scale == "log"
    assert row.facts["title"] == "dropout + L2"
    assert row.facts["doc"] == "dropout and L2 together."
    listed = read(STUDY.replace("[none, dropout,", f"[{NAME}, none, dropout,"))
    assert listed.regularizers == [NAME, "none", "dropout", "l2"], "where the list has it"


def test_a_study_gives_it_strengths(read):
    searched = read(STUDY + "strengths: {dropout+l2: [0.5, 2]}")
    assert searched.row("elnino", "lstm", NAME).search.strength == (0.5, 2.0)
    grid = STUDY.replace("{evaluation: 3}", "{tuning: 1, evaluation: 3}")
    assert read(grid).row("elnino", "lstm", NAME).strengths == (0.25, 0.5, 1.0, 2.0, 4.0)
    one = read(grid + "strengths: {dropout+l2: [1]}").row("elnino", "lstm", NAME)
    assert one.strengths == (1.0,)


RANGES = [
    ({"l1": 1e-5, "l2": 1e-3}, (0.0, inf), (0.25, 4.0)),
    ({"dropout": 0.5, "l2": 1e-3}, (0.0, 1.98), (0.25, 1.97802)),
    ({"clip_norm": 1.0, "early_stopping": 2.0}, (0.0, 2.0), (0.25, 1.998)),
    ({"layer_norm": 1.0, "dropout": 0.3}, (0.0, 3.3), (0.25, 3.2967)),
    ({"layer_norm": 1.0, "weight_tying": 1.0}, (1.0, 1.0), (1.0,)),
]


@pytest.mark.parametrize(("ratios", "allowed", "searched"), RANGES)
def test_its_range_is_that_of_its_parts(ratios, allowed, searched):
    facts = combine.facts("some", ratios)
    assert facts["range"] == pytest.approx(allowed)
    assert facts["searched"] == pytest.approx(searched)
    kind = of_row("some", ratios)
    attributes(kind)
    for strength in (*searched, *facts["strengths"]):
        for part in kind(torch.tensor([strength])).parts:
            assert type(part).range[0] <= float(part.strength) <= type(part).range[1]


FAULTS = {
    "dropout": "combine: dropout: given {'dropout': 0.1}, expected two parts or more with their "
    "strengths, as in {dropout: 0.1, l2: 1e-3}.",
    "dropuot+l2": "combine: dropuot+l2: unknown 'dropuot'; did you mean 'dropout'? Known: ",
    "none+l2": "combine: none+l2: unknown 'none'",
    "both": "combine: both: its parts are dropout, l2. Remedy: call it dropout+l2.",
    "dropout+l1": "combine: dropout+l1: dropout: given 1.5, allowed are numbers from 0.0 to 0.99.",
    "l1+l2": "combine: l1+l2: l1: given 0, expected a number above 0 at which it is not off. "
    "Remedy: leave it out, or give the strength that it has at strength 1 of the combination.",
    "l2+clip_norm": "combine: l2+clip_norm: clip_norm: given inf, expected a number above 0",
    "l1+dropout_l2": "combine: l1+dropout_l2: dropout_l2: is a combination itself. Remedy: name "
    "its parts, dropout: 0.1, l2: 0.001.",
    "sam+r_drop": "combine: sam+r_drop: sam and r_drop both ask for a second pass. Remedy: combine "
    "one of them.",
    "l2+dropout": "combine: l2+dropout: dropout: given 'much', expected a number from 0.0 to 0.99.",
}
PARTS = {
    "dropout": "{dropout: 0.1}",
    "dropuot+l2": "{dropuot: 0.1, l2: 1}",
    "none+l2": "{none: 0, l2: 1}",
    "both": "{dropout: 0.1, l2: 1e-3}",
    "dropout+l1": "{dropout: 1.5, l1: 1}",
    "l1+l2": "{l1: 0, l2: 1}",
    "l2+clip_norm": "{l2: 1, clip_norm: .inf}",
    "l1+dropout_l2": "{l1: 1, dropout_l2: 1}",
    "sam+r_drop": "{sam: 0.05, r_drop: 1}",
    "l2+dropout": "{l2: 1, dropout: much}",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told(read, name):
    with pytest.raises(UserError) as caught:
        read(STUDY.replace("{dropout+l2: {dropout: 0.1, l2: 1e-3}}", f"{{{name}: {PARTS[name]}}}"))
    assert f"together.yaml: {FAULTS[name]}" in str(caught.value)


def test_by_hand_there_is_none(capsys):
    assert main(["train", "elnino", "lstm", NAME]) == 2
    assert capsys.readouterr().err == (
        "rnnreg: dropout+l2: a combination is what a study makes of dropout and l2. Remedy: "
        "--study, with a study that has it under `combine`.\n"
    )


def test_two_normalised_networks_are_one_too_many():
    kind = of_row("layer_norm+batch_norm", {"layer_norm": 1.0, "batch_norm": 1.0})
    with pytest.raises(UserError, match=r"layer and .*: a network is normalised in one way"):
        kind.network(setting("series").network)


def trained(job, strength):
    population = Population(job, [strength, strength], [1, 2])
    population.run()
    return population


def test_it_trains_as_the_file_that_names_the_same_parts():
    ours = trained(replace(setting("labels"), regularizer=of_row(NAME, RATIOS)), 2.0)
    file = trained(setting("labels", regularizer="dropout_l2"), 2.0)
    none = trained(setting("labels"), 0.0)
    assert all(torch.equal(ours.final[n], p) for n, p in file.final.items())
    assert not all(torch.equal(ours.final[n], p) for n, p in none.final.items())
    off = trained(replace(setting("labels"), regularizer=of_row(NAME, RATIOS)), 0.0)
    assert all(torch.equal(off.final[n], p) for n, p in none.final.items())


def test_a_part_with_one_strength_keeps_it():
    ratios = {"layer_norm": 1.0, "dropout": 0.2}
    kind = of_row("layer_norm+dropout", ratios)
    norm, dropout = kind(torch.tensor([0.5, 2.0])).parts
    assert norm.strength.tolist() == [1.0, 1.0]
    assert dropout.strength.tolist() == pytest.approx([0.1, 0.4])
    assert kind.network(setting("series").network).norm == "layer"


def test_what_its_parts_say_of_scoring_and_clipping():
    ratios = {"l2": 1e-5, "clip_norm": 1.0, "early_stopping": 5.0}
    kind, facts = of_row("all", ratios), combine.facts("all", ratios)
    assert kind.clips
    assert facts["clips"]
    assert kind(torch.tensor([1.0])).scored_at == kind.scored_at == facts["scored_at"] == "best"
    plain = of_row(NAME, RATIOS)
    assert (plain.clips, plain.scored_at) == (False, "last")
    assert combine.facts("some", {"sam": 0.05, "l2": 1e-3})["second"] == "weights"


def test_a_record_holds_the_strengths_of_the_parts():
    ratios = {"dropout": 0.1, "clip_norm": 5.0}
    assert training._parts(of_row("some", ratios), 2.0) == {"dropout": 0.2, "clip_norm": 2.5}
    assert training._parts(of_row("some", ratios), 0.0) == {"dropout": 0.0}
    assert training._parts(registry.load("regularizer", "l2"), 0.1) == {}


def test_a_fingerprint_sees_the_parts_and_their_ratios(read, tmp_path, monkeypatch):
    row = read().row("elnino", "lstm", NAME)
    other = replace(row, ratios={**RATIOS, "l2": 2e-3})
    assert other.fingerprint != row.fingerprint
    assert replace(row, strengths=(7.0,)).fingerprint == row.fingerprint
    assert replace(row, ratios=dict(reversed(RATIOS.items()))).fingerprint != row.fingerprint
    before = {name: read().row("elnino", "lstm", name).fingerprint for name in ("none", NAME)}
    folder = tmp_path / "regularizers"
    folder.mkdir()
    for file in registry.FOLDERS["regularizer"].iterdir():
        if file.is_file():
            (folder / file.name).write_text(file.read_text())
    monkeypatch.setitem(registry.FOLDERS, "regularizer", folder)
    l2 = folder / "l2.py"
    l2.write_text(l2.read_text().replace("w.square()", "w.abs()"))
    assert read().row("elnino", "lstm", NAME).fingerprint != before[NAME]
    assert read().row("elnino", "lstm", "none").fingerprint == before["none"]


def test_its_row_does_not_suit_where_a_part_does_not(monkeypatch):
    job = setting("series")
    monkeypatch.setattr(training, "setting", lambda *_: job)
    ratios = {"word_dropout": 0.1, "l2": 1e-3}
    row = study.Row("toy", "gru", "word_dropout+l2", (1.0,), (0,), (1000,), ratios=ratios)
    assert training.unsuited(row, {}, {}) == "word dropout: it needs inputs that are symbols"


def test_it_stands_in_status_and_tables(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    asked = synthetic.study("made", ("elnino",), ("gru",), ("none", "dropout", "l2"), 2, 6)
    (row,) = (replace(r, regularizer=NAME, ratios=RATIOS) for r in asked.rows if "l2" in r.name)
    asked = replace(asked, rows=(*asked.rows, row))
    synthetic.write(tmp_path, asked)
    table, finished = status.table(asked)
    assert finished, table
    folder = collect(asked)
    described = json.loads((folder / "study.json").read_text())
    assert described["regularizers"][NAME]["title"] == "dropout + l2"
    assert described["regularizers"][NAME]["shipped"] is False
    assert described["cells"]["gru"]["title"] == "gru"
    results = load(compare(folder))
    assert set(results.read("comparisons")["regularizer"]) == {"none", "dropout", "l2", NAME}
