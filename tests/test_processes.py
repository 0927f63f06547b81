"""`train --missing` uses all cores: rows in several processes, each row once."""

import os
import signal
import time
from pathlib import Path

import pytest
from test_checkpoint import but_time
from test_kept import STUDY, TRAIN, prepared, run  # noqa: F401

from rnnreg import train
from rnnreg.errors import UserError
from rnnreg.study import processes, records, stop
from rnnreg.study import study as studies
from rnnreg.training.population import Population

NAMES = list("abcdefgh")


def noted(folder, slow=0.05):
    """Work that notes by whom it is done."""

    def work(name):
        (folder / f"{name}.{os.getpid()}").touch()
        time.sleep(slow)
        return "no b" if name == "b" else ""

    return work


def test_each_is_done_once_by_several(tmp_path):
    work = noted(tmp_path)

    def together(name):
        """The first three wait for each other."""
        why, end = work(name), time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        return why

    assert processes.shared(NAMES, lambda name: True, together, 3) == {"b": "no b"}
    done = sorted(f.name.split(".") for f in tmp_path.iterdir())
    assert [name for name, _ in done] == NAMES
    assert len({pid for _, pid in done} - {str(os.getpid())}) == 3


def test_what_is_free_comes_first(tmp_path):
    began = []
    processes.in_turn(NAMES, lambda name: name > "c", lambda name: began.append(name) or "")
    assert began == list("defghabc")


def test_a_process_that_is_killed_costs_what_it_was_at(tmp_path):
    work = noted(tmp_path)

    def deadly(name):
        if name == "a":
            os.kill(os.getpid(), signal.SIGKILL)
        return work(name)

    failed = processes.shared(NAMES, lambda name: True, deadly, 2)
    assert failed.keys() == {"a", "b"}
    assert failed["b"] == "no b"
    assert failed["a"].startswith(
        "killed by signal 9 (SIGKILL), most likely for want of memory. It "
    )
    assert "Remedy: fewer at once" in failed["a"]
    assert len(list(tmp_path.iterdir())) == 7


def test_a_process_that_is_killed_while_it_picks_stops_no_other(tmp_path):
    def free(name):
        marker = tmp_path / "picked"
        if name == "c" and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    (tmp_path / "done").mkdir()
    assert processes.shared(NAMES, free, noted(tmp_path / "done"), 3) == {"b": "no b"}
    assert len(list((tmp_path / "done").iterdir())) == 8


def test_a_second_signal_goes_on_to_all(tmp_path):
    """The first asks a row to save itself, the second to stop at once."""

    def slow(name):
        with stop.later():
            (tmp_path / name).touch()
            time.sleep(60)
        return ""

    pid = os.fork()
    if pid == 0:
        with stop.at_once():
            try:
                processes.shared(NAMES, lambda name: True, slow, 2)
            except stop.Interrupted as signalled:
                os._exit(128 + signalled.number)
        os._exit(1)
    end = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    began = time.monotonic()
    for _ in range(2):
        os.kill(pid, signal.SIGTERM)
        time.sleep(0.5)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGTERM
    assert time.monotonic() - began < 30


def test_a_signal_to_the_first_goes_on_to_all(tmp_path):
    def first():
        with stop.at_once():
            try:
                processes.shared(NAMES, lambda name: True, noted(tmp_path, 60), 2)
            except stop.Interrupted as signalled:
                os._exit(128 + signalled.number)

    pid = os.fork()
    if pid == 0:
        first()
        os._exit(1)
    end = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(pid, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 128 + signal.SIGTERM
    for file in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.suffix[1:]), 0)
    assert len(list(tmp_path.iterdir())) == 2


def rows():
    study = studies.read("tiny.yaml")
    return {row.name: but_time(records.read(study.records(row))) for row in study.rows}


def test_records_are_those_of_one_process(run, capfd, monkeypatch):  # noqa: F811
    assert run(STUDY, *TRAIN) == 0
    alone = rows()
    Path("results").rename("before")
    monkeypatch.setattr(processes, "cores", lambda: 2)
    began, train = [], Population.run
    monkeypatch.setattr(Population, "run", lambda *given: began.append(1) or train(*given))
    assert run(STUDY, *TRAIN[:-2]) == 0
    assert rows() == alone
    assert not began, "this process has trained none"
    assert capfd.readouterr().out.count(" -> ") == 4


def test_a_row_whose_process_is_killed_has_failed_and_says_why(run, capsys, monkeypatch):  # noqa: F811
    train = Population.run

    def deadly(population, *given):
        if population.setting.regularizer.name == "l2":
            os.kill(os.getpid(), signal.SIGKILL)
        return train(population, *given)

    monkeypatch.setattr(Population, "run", deadly)
    assert run(STUDY, *TRAIN[:-1], "2") == 2
    assert "\n  wave/gru/l2: killed by signal 9 (SIGKILL)" in capsys.readouterr().err
    assert run(STUDY, "status", "{file}") == 0
    assert "failed: wave/gru/l2: killed by signal 9 (SIGKILL)" in capsys.readouterr().out
    monkeypatch.setattr(Population, "run", train)
    assert run(STUDY, "retry", "{file}") == 0
    assert rows()["wave/gru/l2"]
    assert not list(Path("results").rglob("*.failed"))


def test_jobs_on_a_gpu_are_refused():
    class Given:
        jobs, threads = 2, 1

    with pytest.raises(UserError, match="--jobs 2: on cuda rows train one after another"):
        train._jobs(Given, "cuda")
    Given.jobs = None
    assert train._jobs(Given, "cuda") == 1
    assert train._jobs(Given, "cpu") == processes.cores()
