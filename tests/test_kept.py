"""Finished work is kept: members not asked for, rows of another study, and how far a study is."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import synthetic
from test_workflow import BENCHMARK

from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.study import owner, records, registry, status
from rnnreg.study import study as studies

STUDY = """
title: Tiny
benchmarks: [wave]
cells: [gru]
regularizers: [none, l2]
seeds: {tuning: 1, evaluation: 3}
strengths: {l2: [1e-4, 1e-2]}
"""
FEWER = STUDY.replace("evaluation: 3", "evaluation: 1").replace("[1e-4, 1e-2]", "[1e-4]")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a benchmark of one's own, prepared."""
    folder = tmp_path_factory.mktemp("wave")
    (folder / "wave.py").write_text(BENCHMARK)
    with pytest.MonkeyPatch.context() as patch:
        _enter(folder, patch)
        assert main(["download", "wave"]) == 0
        assert main(["prepare", "wave"]) == 0
    return folder


def _enter(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setitem(registry.FOLDERS, "benchmark", folder)
    registry.load.cache_clear()
    (folder / "shipped.txt").write_text("")


@pytest.fixture
def run(prepared, tmp_path, monkeypatch):
    """Write a study and run a command on it."""
    _enter(prepared, monkeypatch)
    (tmp_path / "data").symlink_to(prepared / "data")
    monkeypatch.chdir(tmp_path)

    def _run(text, *arguments, file="tiny.yaml"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
        return main([a.format(file=file) for a in arguments])

    yield _run
    registry.load.cache_clear()


def lines(study="tiny", row="l2"):
    return set(Path(f"results/{study}/records/wave/gru/{row}.jsonl").read_text().splitlines())


TRAIN = ("train", "--study", "{file}", "--missing", "--jobs", "1")


def test_members_that_are_not_asked_for_are_kept_and_not_counted(run):
    assert run(STUDY, *TRAIN) == 0
    before = lines()
    assert run(FEWER, *TRAIN) == 0
    assert lines() >= before, "fewer seeds and strengths delete nothing"
    assert run(FEWER, "collect", "{file}") == 0
    counted = pd.read_parquet("results/tiny/members.parquet").query("regularizer == 'l2'")
    assert set(counted["seed"]) == {0, 1000}
    assert set(counted["strength"]) == {1e-4}
    kept = lines()
    assert run(STUDY, *TRAIN) == 0
    assert lines() == kept, "and back again trains nothing"


def test_rows_by_hand_keep_what_other_strengths_made(run):
    by_hand = ("train", "wave", "gru", "l2", "--seeds", "1", "--tuning-seeds", "1", "--strengths")
    assert run(STUDY, *by_hand, "1e-4") == 0
    before = lines("by_hand")
    assert run(STUDY, *by_hand, "1e-2") == 0
    assert lines("by_hand") > before


@pytest.fixture
def beside(run, capsys):
    """Whether `none` stands beside l2: trained before, its records changed, then l2 asked for."""

    def _beside(change, *options):
        shown = ("train", "wave", "gru", "none", "--seeds=1", "--tuning-seeds=1")
        assert run(STUDY, *shown) == 0
        file = Path("results/by_hand/records/wave/gru/none.jsonl")
        records.write(file, [change(r) for r in records.read(file)])
        capsys.readouterr()
        assert run(STUDY, *(s.replace("none", "l2") for s in shown), *options) == 0
        file.unlink()
        return ", none " in capsys.readouterr().out

    return _beside


def test_none_stands_beside_a_row_where_it_was_trained_as_asked(beside):
    assert beside(lambda record: record, "--strengths=1e-3")
    assert not beside(lambda record: replace(record, fingerprint="0" * 16)), "by other code"
    assert not beside(lambda record: replace(record, data_hash="0" * 16)), "on other data"
    assert not beside(lambda record: record, "--seeds=2"), "one seed is missing"


def test_what_other_code_made_is_not_kept(run):
    assert run(STUDY, *TRAIN) == 0
    before = lines()
    assert run(STUDY + "budgets: {wave: {steps: 6}}\n", *TRAIN) == 0
    assert not lines() & before


def test_a_results_folder_belongs_to_one_study_file(run, capsys):
    assert run(STUDY, *TRAIN) == 0
    before = lines()
    for command in (TRAIN, ("collect", "{file}"), ("status", "{file}")):
        assert run(FEWER, *command, file="mine/tiny.yaml") == 2
        told = capsys.readouterr().err
        assert "results/tiny: holds the results of tiny.yaml" in told
        assert "Remedy: rename mine/tiny.yaml" in told
    assert lines() == before
    Path("tiny.yaml").rename("other.yaml")
    assert run(FEWER, *TRAIN, file="mine/tiny.yaml") == 0, "the owner is gone"


def test_a_workflow_in_a_folder_that_cannot_be_written_is_told_where_to_go(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    owner.check_workplace()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError) as told:
        owner.check_workplace()
    assert f"{tmp_path}: this user cannot write here" in str(told.value)
    assert f"snakemake --snakefile {registry.ROOT / 'Snakefile'}" in str(told.value)


@pytest.fixture
def small(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), ("gru",), ("none", "l2"), 2, 3)
    synthetic.write(tmp_path, study)
    return study


def test_status_counts_the_members_asked_for(small):
    text, finished = status.table(small)
    assert finished
    assert "left: 0.0 core-minutes" in text
    asked = {row.name: len(records.read(small.records(row))) for row in small.rows}
    total = sum(asked.values())
    assert f" {total}/{total} " in text
    for more in ({"tuning": 3, "evaluation": 3}, {"tuning": 2, "evaluation": 4}):
        wider = synthetic.study("small", ("elnino",), ("gru",), ("none", "l2"), **more)
        text, finished = status.table(wider)
        assert not finished, "seeds were raised"
        for row in wider.rows:
            found = status.state(wider, row)
            assert found.word == "waiting"
            assert found.there < found.asked
    fewer = synthetic.study("small", ("elnino",), ("gru",), ("none", "l2"), 2, 2)
    assert status.table(fewer)[1], "kept members are not counted"
    row = fewer.rows[1]
    assert status.state(fewer, row).asked < asked[row.name]


def test_a_row_that_is_done_is_read_again_only_when_its_file_changes(small, monkeypatch):
    read, reads = records.read, []

    def counted(file, *others):
        reads.append(file)
        return read(file, *others)

    monkeypatch.setattr(records, "read", counted)
    seen = {}
    first, second = (small.records(row) for row in small.rows)
    text, finished = status.table(small, seen)
    assert finished
    assert reads == [first, second]
    assert status.table(small, seen)[0].splitlines()[1:] == text.splitlines()[1:]
    assert reads == [first, second]
    second.write_bytes(second.read_bytes().splitlines(keepends=True)[0])
    os.utime(second, (0, 0))
    assert not status.table(small, seen)[1]
    assert reads == [first, second, second]


def test_status_names_what_other_code_made(small):
    file = registry.path("regularizer", "l2")
    file.write_text(file.read_text() + "    clips = True\n")
    assert [status.state(small, row).word for row in small.rows] == ["done", "stale"]


def test_status_tells_rows_at_work_from_rows_that_were_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    some = studies.read("smoke")
    first, second, third = some.rows[:3]
    for row in (first, second):
        records.write(some.unfinished(row), [])
    long_ago = time.time() - 3600
    os.utime(some.unfinished(second), (long_ago, long_ago))
    found = [status.state(some, row).word for row in (first, second, third)]
    assert found == ["running", "interrupted", "waiting"]
    text, finished = status.table(some)
    assert not finished
    assert "left: not known" in text


def test_a_finished_row_is_done_while_others_of_its_job_train(small):
    row = small.rows[0]
    made = records.read(small.records(row))
    for file in (small.unfinished(row), small.records(row)):  # as training writes, in that order
        records.write(file, made)
    assert status.state(small, row).word == "done"
    records.write(small.unfinished(row), made)
    assert status.state(small, row).word == "running", "more seeds, of a row that was done"


def test_a_report_is_collected_anew_or_refused(run, tmp_path, capsys, monkeypatch):
    """After a change of the study file, and after training what it lacks."""
    from rnnreg import cli
    from rnnreg.analysis.report import report

    for name in ("compare", "draw"):
        monkeypatch.setattr(cli, name, lambda given: None)
    monkeypatch.setattr(report, "report", lambda folder: "the one that was there")
    folder, asked = Path("results/tiny"), ("report", "results/tiny")
    assert run(FEWER, *TRAIN) == 0
    assert run(FEWER, "collect", "{file}") == 0
    assert len(pd.read_parquet(folder / "members.parquet")) == 4
    capsys.readouterr()
    assert run(STUDY, *asked) == 2
    told = capsys.readouterr()
    assert "The report" not in told.out, "the old one is not shown"
    assert "missing" in told.err
    assert "\nRemedy: python -m rnnreg train --study tiny.yaml" in told.err
    assert run(STUDY, *TRAIN) == 0
    assert run(STUDY, *asked) == 0
    assert len(pd.read_parquet(folder / "members.parquet")) > 4
    (tmp_path / "tiny.yaml").unlink()
    assert main(list(asked)) == 0, "nothing to go by: the tables stay as they are"


@pytest.mark.parametrize("name", ["study.json", "members.parquet"])
def test_a_damaged_collection_is_told_with_the_command_that_renews_it(run, name):
    from rnnreg.analysis.results import load

    folder = Path("results/tiny")
    assert run(FEWER, *TRAIN) == 0
    assert run(FEWER, "collect", "{file}") == 0
    (folder / name).write_bytes(b"{half")
    with pytest.raises(UserError, match=rf"{name}: cannot be read .*python -m rnnreg collect tiny"):
        load(folder)
