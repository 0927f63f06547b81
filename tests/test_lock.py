"""Who is at work on a row or a workflow: held by a living process, free after any death."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_kept import STUDY, TRAIN, prepared, run  # noqa: F401

from rnnreg import train
from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.study import cluster, lock, records
from rnnreg.training import row as training


def child(work, *given):
    """A process that does something and then waits to be killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work(*given)
            os.write(writer, b".")
            signal.pause()
        finally:  # what fails here must not go on as a second run of the tests
            os._exit(1)
    os.close(writer)
    assert os.read(reader, 1), "it has failed"
    return pid


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_a_lock_is_free_once_its_owner_is_dead(tmp_path):
    file = tmp_path / "lock"
    owner = child(lock.take, file)
    assert lock.take(file) is None
    assert lock.held(file)
    assert lock.holder(file).startswith(f"process {owner} on ")
    kill(owner)
    assert not lock.held(file)
    opened = lock.take(file)
    assert opened is not None
    lock.give_back(file, opened)
    assert not file.exists()


def test_a_lock_that_is_given_back_or_just_begun_is_not_one_of_a_killed_owner(
    tmp_path, monkeypatch
):
    file, flock = tmp_path / "lock", lock.fcntl.flock
    file.touch()
    assert not lock.left(file), "opened by one who has yet to write its name"
    assert file.exists()
    file.write_text(lock.owner(123456789))

    def ends(opened, how):
        file.unlink(missing_ok=True)
        flock(opened, how)

    with monkeypatch.context() as patch:
        patch.setattr(lock.fcntl, "flock", ends)
        assert not lock.left(file), "its owner has ended in the meantime"
    file.write_text(lock.owner(123456789))
    assert lock.left(file)
    assert not file.exists()


def test_a_workflow_that_was_killed_leaves_no_lock_to_the_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    owner = child(lock.hold_workflow, "tiny")
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir()
    for name, study in (("0.output", "tiny"), ("1.output", "other")):
        (locks / f"{name}.lock").write_text(f"results/{study}/members.parquet\n")
    with pytest.raises(UserError) as told:
        lock.hold_workflow("tiny")
    assert f"{tmp_path}: process {owner} on " in str(told.value)
    assert "is at work on the study tiny here. Remedy: wait for it" in str(told.value)
    assert len(list(locks.iterdir())) == 2, "the owner is alive"
    kill(owner)
    kill(child(lock.hold_workflow, "tiny"))
    assert [f.name for f in locks.iterdir()] == ["1.output.lock"], "the other study's stays"


def test_a_killed_workflow_is_told_from_one_that_ended(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    killed = tmp_path / "killed"

    def held(study):
        if lock.hold_workflow(study):
            killed.touch()

    kill(child(held, "tiny"))
    assert not killed.exists(), "the first"
    owner = child(lock.hold_workflow, "other")
    kill(child(held, "tiny"))
    assert not killed.exists(), "jobs in the queue may be those of the other study"
    kill(owner)
    kill(child(held, "tiny"))
    assert killed.exists()


def test_two_studies_that_make_the_same_data_are_told_of_each_other(tmp_path, monkeypatch):
    """Snakemake would say that the folder cannot be locked, of a dead owner, too."""
    monkeypatch.chdir(tmp_path)
    data = ["data/prepared/elnino.npz", "data/raw/elnino/sources.json"]
    owner = child(lock.hold_workflow, "other", data)
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir()
    (locks / "0.output.lock").write_text("\n".join([*data, "results/other/members.parquet"]))
    with pytest.raises(UserError) as told:
        lock.hold_workflow("tiny", data)
    assert f": process {owner} on " in str(told.value)
    assert "at work on the study other here and makes data/prepared/elnino.npz, " in str(told.value)
    (locks / "0.input.lock").write_text("data/prepared/trec.npz\nresults/other/members.parquet")
    kill(child(lock.hold_workflow, "tiny", ["data/prepared/trec.npz"]))
    assert list(locks.iterdir()), "its owner is alive"
    kill(owner)
    kill(child(lock.hold_workflow, "tiny", data))
    assert not list(locks.iterdir())
    assert (tmp_path / ".snakemake/rnnreg other.lock").exists(), "it was killed"


QUEUE = """#!/bin/sh
case "$0" in
*scancel) echo "$@" >> {folder}/cancelled; rm {folder}/queue;;
*) test "$*" = "--me --noheader --format=%i|%j|%Z" && cat {folder}/queue 2> /dev/null;;
esac
exit 0
"""


def test_jobs_of_a_killed_head_are_cancelled_and_nobody_elses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert cluster.cancel_left() == [], "no Slurm here"
    (tmp_path / "bin").mkdir()
    for name in ("squeue", "scancel"):
        file = tmp_path / "bin" / name
        file.write_text(QUEUE.format(folder=tmp_path))
        file.chmod(0o755)
    assert cluster.cancel_left() == [], "an empty queue"
    head = "0b9e7c5a-3f1d-4c7e-9a52-1f0c2d3e4b5a"
    listed = [
        f"11|{head}|{tmp_path}", f"12|mine_{head}|{tmp_path}", f"13|{head}|{tmp_path}/elsewhere",
        f"14|interactive|{tmp_path}", "a word of the site's own",
    ]  # fmt: skip
    (tmp_path / "queue").write_text("\n".join(listed) + "\n")
    assert cluster.cancel_left() == ["11", "12"]
    assert (tmp_path / "cancelled").read_text() == "11 12\n"


ENDED = """#!/bin/sh
test "$2 $3" = "--noheader --format=%i|%j|%T|%e|%k|%Z" || exit 1
test "$4" = "--states=OUT_OF_MEMORY,TIMEOUT,NODE_FAIL" && cat {folder}/queue
"""


def test_what_slurm_says_of_jobs_that_it_ended_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "squeue").write_text(ENDED.format(folder=tmp_path))
    (tmp_path / "squeue").chmod(0o755)
    head = "0b9e7c5a-3f1d-4c7e-9a52-1f0c2d3e4b5a"
    since = time.mktime((2026, 11, 30, 2, 0, 0, 0, 0, -1))
    listed = [
        f"11|{head}|OUT_OF_MEMORY|2026-11-30T02:00:05|rule_trec_train|{tmp_path}",
        f"12|{head}|OUT_OF_MEMORY|2026-11-30T01:59:58|rule_of_a_run_before|{tmp_path}",
        f"13|{head}|TIMEOUT|2026-11-30T02:00:05|rule_elsewhere|{tmp_path}/a|b",
        f"14|mine|TIMEOUT|2026-11-30T02:00:05|rule_of_something_else|{tmp_path}",
        f"15|{head}|TIMEOUT|2026-11-30T02:00:06|rule_etth1_train|{tmp_path}",
    ]
    (tmp_path / "queue").write_text("\n".join(listed) + "\n")
    assert cluster.ended(since) == [
        "Slurm: job 11 (rule_trec_train) ended as OUT_OF_MEMORY. Remedy: more memory for a job: "
        "mem_mb in the profile.",
        "Slurm: job 15 (rule_etth1_train) ended as TIMEOUT. Remedy: more time for a row or a cell: "
        "runtime in the profile; it goes on where it was.",
    ]


def test_locks_of_plain_snakemake_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    left = tmp_path / ".snakemake/locks/0.output.lock"
    left.write_text("results/tiny/members.parquet\n")
    kill(child(lock.hold_workflow, "tiny"))
    assert left.exists(), "nobody of ours was there before"


def test_missing_twice_at_once_trains_every_row_once(run, tmp_path, monkeypatch):  # noqa: F811
    train, steps = training.train, tmp_path / "begun"

    def noted(row, facts, splits, known, *given, **more):
        with steps.open("a") as file:
            file.write(f"{row.name} {len(known)}\n")
        return train(row, facts, splits, known, *given, **more)

    monkeypatch.setattr(training, "train", noted)
    Path("tiny.yaml").write_text(STUDY)  # once: `run` would empty it while the other reads
    command = [argument.format(file="tiny.yaml") for argument in TRAIN]
    other = os.fork()
    if other == 0:
        os._exit(main(command))
    assert main(command) == 0
    assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0
    begun = steps.read_text().splitlines()
    for name in ("wave/gru/none", "wave/gru/l2"):
        assert begun.count(f"{name} 0") == 1, begun
    assert not list(Path("results").rglob("*.lock"))
    assert not list(Path("results").rglob("*.partial"))


def test_a_row_in_training_elsewhere_is_left_to_the_end(run, capsys):  # noqa: F811
    owner = child(lock.take, Path("results/tiny/records/wave/gru/.none.jsonl.lock"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.time, "sleep", lambda seconds: kill(owner))
        assert run(STUDY, *TRAIN) == 0
    told = capsys.readouterr()
    rows = [line.partition(":")[0] for line in told.out.splitlines() if line.startswith("wave")]
    assert rows == ["wave/gru/l2", "wave/gru/none"]
    assert f"rnnreg: wave/gru/none: process {owner} on " in told.err
    assert "trains it; waiting." in told.err


def test_a_failed_row_says_why_until_it_is_trained_again(run, capsys, monkeypatch):  # noqa: F811
    train = training.train

    def broken(row, *given, **more):
        if row.regularizer == "l2":
            raise RuntimeError("not mended yet")
        return train(row, *given, **more)

    monkeypatch.setattr(training, "train", broken)
    assert run(STUDY, *TRAIN) == 2
    log = Path("results/tiny/logs/wave/gru/l2.log")
    records.write_text(log, "what the job said\n")
    capsys.readouterr()
    assert run(STUDY, "status", "{file}") == 0
    told = capsys.readouterr().out
    assert (
        "failed: wave/gru/l2: not mended yet\n  more: cat results/tiny/logs/wave/gru/l2.log" in told
    )
    assert "again: python -m rnnreg retry tiny.yaml" in told
    monkeypatch.setattr(training, "train", train)
    assert run(STUDY, "retry", "{file}") == 0
    assert capsys.readouterr().out.startswith("wave/gru/l2: strength")
    assert run(STUDY, "retry", "{file}") == 0
    assert capsys.readouterr().out == "tiny: no row has failed.\n"
    assert run(STUDY, "status", "{file}") == 0
    assert "failed:" not in capsys.readouterr().out


def test_a_full_disk_is_told_before_training(run, capsys, monkeypatch):  # noqa: F811
    write = Path.write_bytes

    def full(self, data):
        if len(data) > 1 << 16:
            raise OSError(28, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(training, "train", lambda *given, **more: pytest.fail("it trains"))
    assert run(STUDY, *TRAIN) == 2
    assert "cannot write (No space left on device). Remedy: free space" in capsys.readouterr().err


@pytest.mark.parametrize("log", ["job.log", "/dev/full"])
def test_a_fault_shows_beside_its_log(log, tmp_path):
    command = [sys.executable, "-m", "rnnreg", "--log", log, "train", "elnino", "ltsm", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode in (2, 120)
    assert "rnnreg: cell: unknown 'ltsm'; did you mean 'lstm'?" in done.stderr
    if log == "job.log":
        assert (tmp_path / log).read_text() == done.stderr


def test_run_becomes_snakemake(monkeypatch):
    given = []
    monkeypatch.setattr(os, "execv", lambda *command: given.extend(command[1][1:]))
    assert main(["run", "quick", "--cores", "2"]) == 0
    assert given[:2] == ["-m", "snakemake"]
    assert given[4:] == ["--config", "study=quick", "--cores", "all", "--cores", "2"]
    with pytest.raises(SystemExit):
        main(["run"])


def test_a_file_system_without_locks_is_told_and_trains(tmp_path, monkeypatch):
    def none(opened, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", none)
    with pytest.warns(UserWarning, match=r"no locks \(No locks available\), so nothing keeps two"):
        opened = lock.take(tmp_path / "lock")
    assert not lock.left(tmp_path / "lock"), "its owner may be at work"
    lock.give_back(tmp_path / "lock", opened)
