"""A row that makes no sense is left out, with its reason, from training to the report."""

import json
from dataclasses import replace

import pytest
import synthetic
from toys import setting

from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures import draw as figures
from rnnreg.analysis.figures import style
from rnnreg.analysis.report import findings, shown, shown_setup
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.study import records, registry, status
from rnnreg.study.study import Row
from rnnreg.training import row as training

NAMES = ("none", "dropout", "early_stopping", "l2")
REASON = "the embedding has another width than the output matrix"


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A generated study in which l2 makes no sense on one data set."""
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("made", ("elnino", "trec"), ("gru", "lstm"), NAMES, 2, 6)
    synthetic.write(tmp_path, study)
    for row in study.rows:
        if row.benchmark == "trec" and row.regularizer == "l2":
            records.write_unsuited(tmp_path / study.records(row), row.fingerprint, REASON)
    return study


def test_it_is_left_out_of_everything(study):
    folder = collect(study)
    found = json.loads((folder / "study.json").read_text())
    assert found["unsuited"] == {"trec/gru/l2": REASON, "trec/lstm/l2": REASON}
    assert len(found["rows"]) == len(study.rows) - 2
    results = load(compare(folder))
    shown.write(results)
    with style.drawing():
        assert all(function(results) for function in figures.STUDY)
        assert all(function(results, "trec") for function in figures.BENCHMARK)
    assert not len(results.read("comparisons").query("benchmark == 'trec' and regularizer == 'l2'"))
    assert len(results.read("comparisons").query("benchmark == 'elnino' and regularizer == 'l2'"))
    assert len(findings.findings(results)) == 5
    said = "Left out, where a dash stands in tables: "
    assert shown_setup.left_out(results) == f"{said}l2 on Trec ({REASON})."
    places = ("trec/gru", "elnino/gru", "elnino/lstm")
    unsuited = {f"{place}/{name}": REASON for name in ("l2", "dropout") for place in places}
    more = replace(results, study=results.study | {"unsuited": unsuited})
    where = "Trec with gru and Elnino"
    assert shown_setup.left_out(more) == f"{said}l2 and dropout on {where} ({REASON})."


def test_it_is_done(study):
    row = next(r for r in study.rows if r.name == "trec/gru/l2")
    assert status.state(study, row) == status.State("done", 0, 0, 0.0)


def test_a_reason_of_other_code_is_none(study, tmp_path):
    row = next(r for r in study.rows if r.name == "trec/gru/l2")
    assert records.unsuited(study.records(row), "another") == ""
    assert records.read(study.records(row)) == []


def test_training_asks_the_regularizer(monkeypatch):
    job = setting("labels")
    monkeypatch.setattr(training, "setting", lambda *_: job)
    kind = type("Kind", (registry.load("regularizer", "l2"),), {})
    kind.suits = classmethod(lambda cls, network, task: f"H = {network.hidden}")
    monkeypatch.setattr(registry, "load", lambda *_: kind)
    row = Row("toy", "gru", "l2", (0.1,), (0,), (1000,))
    assert training.unsuited(row, {}, {}) == "H = 10"
    kind.suits = classmethod(lambda cls, network, task: "")
    assert training.unsuited(replace(row, cell="lstm"), {}, {}) == ""
