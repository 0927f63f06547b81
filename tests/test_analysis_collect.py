"""Collect takes what the study asks for, made by this code from this data, and nothing else."""

import dataclasses
import json
import re
from pathlib import Path

import pandas as pd
import pytest
import synthetic

from rnnreg.analysis.collect import collect
from rnnreg.analysis.results import load
from rnnreg.errors import UserError
from rnnreg.study import records, regimes, registry
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
    for benchmark in ("elnino", "trec"):
        regimes.put({"benchmark": benchmark, "cell": "gru", "gap": 0.2})
    results = load(collect(small))
    assert len(results.members) == sum(len(records.read(small.records(r))) for r in small.rows)
    member = results.members.iloc[0]
    first = records.read(small.records(small.rows[0]))[0]
    assert member["best_validation_loss"] == first.scores["best"]["validation"]["loss"]
    assert list(member["validation_loss"]) == pytest.approx(first.validation_loss)
    assert results.benchmarks["elnino"] == synthetic.facts("elnino")
    assert results.study["regularizers"]["l2"]["title"] == "l2"
    assert results.regularizers == ["none", "l2"]
    assert results.study["regime"] == [{"benchmark": "elnino", "cell": "gru", "gap": "0.2"}]


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


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        (("gru",), "elnino/gru/l2; all at once"),
        (("gru", "lstm"), "elnino/gru/l2, elnino/lstm/none, elnino/lstm/l2; all at once"),
        (
            synthetic.CELLS,
            "elnino/elman_tanh/l2, elnino/elman_relu/none, elnino/elman_relu/l2 and 4 others; all "
            "at once",
        ),
    ],
)
def test_of_many_rows_that_lack_records_three_are_named(lacking, told, tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), synthetic.CELLS, ("none", "l2"), 1, 1)
    synthetic.write(tmp_path, study)
    for row in study.rows:
        if row.cell in lacking:
            study.records(row).unlink()
    first = f"elnino/{lacking[0]}/none"
    with pytest.raises(UserError) as said:
        collect(study)
    assert f"none.jsonl: {first}: no records" in str(said.value)
    assert f"\nThe same holds for {told}: python -m rnnreg train --study small --missing" in str(
        said.value
    )


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


def signed(made):
    """A line with a hash that does not tell its edit."""
    return json.dumps(records._signed(made)).encode()


def edited(score):
    """A fault of a line: its score."""

    def edit(line):
        made = json.loads(line)
        made["scores"]["final"]["test"]["loss"] = score
        return signed(made)

    return edit


def without(*keys):
    def edit(line):
        made = json.loads(line)
        inner = made
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]
        return signed(made)

    return edit


def said(**values):
    return lambda line: signed({**json.loads(line), **values})


TESTED = "the score 'final, test, loss' is "
FAULTS = {
    "null": (edited(None), TESTED + "None"),
    "NaN": (edited(float("nan")), "not a record (NaN is no number of JSON)"),
    "inf": (edited(float("inf")), "not a record (Infinity is no number of JSON)"),
    "too large": (lambda line: edited(1)(line).replace(b'"loss": 1,', b'"loss": 1e999,'), "is inf"),
    "negative": (edited(-1), TESTED + "-1"),
    "a text": (edited("0.3"), TESTED + "'0.3'"),
    "true": (edited(True), TESTED + "True"),
    "no score": (without("scores", "final", "test"), "there is no score 'final, test'"),
    "no scores": (without("scores"), "not a record of this version ('scores' is missing)"),
    "no loss": (
        without("scores", "best", "validation", "loss"),
        "there is no score 'best, validation, loss'",
    ),
    "an edit": (
        lambda line: line.replace(b'"seconds": ', b'"seconds": 1'),
        "edited since it was written: its content has another hash, or none",
    ),
    "no hash": (
        lambda line: json.dumps({**json.loads(line), "content": ""}).encode(),
        "edited since it was written: its content has another hash, or none",
    ),
    "the end is lost": (
        lambda line: re.sub(rb'"start": "", "content": "\w{3}', b'"start": "', line),
        "edited since it was written: its content has another hash, or none",
    ),
    "another cell": (said(cell="gru"), "a record of elnino/gru/l2, in the file of elnino/lstm/l2"),
    "another phase": (said(phase="test"), "phase is 'test', allowed are 'tune' and 'evaluate'"),
    "a tuning member with a test score": (
        said(phase="tune"),
        "a tuning member has a score on test",
    ),
    "a seed that is a text": (said(seed="1"), "seed is '1'"),
    "a field of a later version": (said(colour=1), "a record of another version (it has 'colour')"),
    "a list": (lambda line: b"[]", "not a record"),
    "half a line": (lambda line: line[:100], "not a record ("),
    "deep": (lambda line: b"[" * 100_000, "not a record ("),
    "latin-1": (lambda line: line.replace(b"l2", b"l\xe92"), "not UTF-8"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_line_that_cannot_be_used_is_refused_by_name_and_costs_itself_alone(small, case):
    edit, why = FAULTS[case]
    row = small.row("elnino", "lstm", "l2")
    file = small.records(row)
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*lines[:-1], edit(lines[-1])]))
    with pytest.raises(UserError) as told:
        collect(small)
    assert f"{file}:{len(lines)}: {row.name}: " in str(told.value)
    assert why in str(told.value)
    assert COMMAND in str(told.value)
    with pytest.warns(UserWarning, match="This line is left out, the others are used") as warned:
        kept = records.read(file, row.name, records.warn)
    assert f"{file}:{len(lines)}: " in str(warned[0].message)
    assert len(kept) == len(lines) - 1


def test_a_duplicate_is_refused_by_name(small):
    row = small.row("elnino", "lstm", "l2")
    file = small.records(row)
    records.write(file, [*records.read(file), records.read(file)[2]])
    count = len(file.read_text().splitlines())
    with pytest.raises(UserError, match=rf"l2\.jsonl:{count}: .*the member of line 3 again"):
        collect(small)


def test_a_file_that_may_not_be_read_is_told(small, monkeypatch):
    def closed(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", closed)
    with pytest.raises(UserError, match=r"none\.jsonl: cannot be read \(Permission denied\)"):
        collect(small)


def test_records_from_before_the_newest_fields_are_read(small):
    file = small.records(small.rows[0])
    before = records.read(file)
    new = ("learning_rate", "trial", "gradient_by_distance", "parts", "input_norms", "start")
    new = (*new, "content")
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    older = [{k: v for k, v in line.items() if k not in new} for line in lines]
    file.write_text("".join(json.dumps(line) + "\n" for line in older))
    assert records.read(file) == before
    assert before[0].rate == before[0].setting["learning_rate"]
    assert before[0].member == ("tune", None, before[0].strength, 0)
