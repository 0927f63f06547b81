"""Collect takes what the study asks for, made by this code from this data, and nothing else."""

import dataclasses
import json

import pandas as pd
import pytest
import synthetic

from rnnreg.analysis.collect import collect
from rnnreg.analysis.results import load
from rnnreg.errors import UserError
from rnnreg.study import records, registry
from rnnreg.study.study import Study

COMMAND = "python -m rnnreg train --study small elnino lstm l2"


@pytest.fixture
def small(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), ("gru", "lstm"), ("none", "l2"), 2, 3)
    synthetic.write(tmp_path, study)
    return study


def change(study: Study, **values):
    """Change the last record of row elnino/lstm/l2."""
    file = study.records(study.row("elnino", "lstm", "l2"))
    members = records.read(file)
    records.write(file, [*members[:-1], dataclasses.replace(members[-1], **values)])


def test_one_line_a_member_and_the_facts_beside_them(small):
    results = load(collect(small))
    assert len(results.members) == sum(len(records.read(small.records(r))) for r in small.rows)
    member = results.members.iloc[0]
    first = records.read(small.records(small.rows[0]))[0]
    assert member["best_validation_loss"] == first.scores["best"]["validation"]["loss"]
    assert list(member["validation_loss"]) == pytest.approx(first.validation_loss)
    assert results.benchmarks["elnino"] == synthetic.facts("elnino")
    assert results.study["regularizers"]["l2"]["title"] == "l2"
    assert results.regularizers == ["none", "l2"]


def test_infinite_strengths_come_back(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), ("gru",), ("none", "clip_value"), 1, 1)
    synthetic.write(tmp_path, study)
    results = load(collect(study))
    assert float("inf") in results.rows["strengths"].iloc[1]
    json.loads((results.folder / "study.json").read_text(), parse_constant=pytest.fail)


def test_code_changed(small):
    change(small, fingerprint="0" * 16)
    with pytest.raises(UserError) as told:
        collect(small)
    assert "elnino/lstm/l2: code changed" in str(told.value)
    assert COMMAND in str(told.value)


def test_code_changed_by_an_edit_of_the_file(small):
    file = registry.path("regularizer", "l2")
    file.write_text(file.read_text() + "    # a comment changes nothing\n")
    collect(small)
    file.write_text(file.read_text() + "    clips = True\n")
    with pytest.raises(UserError, match=r"elnino/gru/l2: code changed(.|\n)*elnino/lstm/l2"):
        collect(small)


def test_data_changed(small):
    change(small, data_hash="0" * 16)
    with pytest.raises(UserError, match="elnino/lstm/l2: data changed: 1 members"):
        collect(small)


def test_members_missing(small):
    file = small.records(small.row("elnino", "lstm", "l2"))
    records.write(file, records.read(file)[:-1])
    with pytest.raises(UserError) as told:
        collect(small)
    assert "1 members missing (first: evaluate" in str(told.value)
    assert COMMAND in str(told.value)


def test_file_missing_and_others_are_counted(small):
    for row in small.rows:
        small.records(row).unlink()
    with pytest.raises(UserError, match="no records") as told:
        collect(small)
    assert "The same holds for elnino/gru/l2" in str(told.value)
    assert "--missing" in str(told.value)


def test_prepared_facts_missing(small, tmp_path):
    (tmp_path / "data/prepared/elnino.json").unlink()
    with pytest.raises(UserError, match="python -m rnnreg prepare elnino"):
        collect(small)


def test_what_the_study_no_longer_asks_for_is_left_out(small):
    fewer = synthetic.study("small", ("elnino",), ("gru", "lstm"), ("none", "l2"), 2, 2)
    results = load(collect(fewer))
    assert set(results.members["seed"]) == {0, 1, 1000, 1001}
    assert isinstance(results.members, pd.DataFrame)


def test_an_uncollected_folder_names_the_remedy(tmp_path):
    with pytest.raises(UserError, match="python -m rnnreg collect nowhere"):
        load(tmp_path / "nowhere")
