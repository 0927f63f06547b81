"""A process that the system kills can say nothing: another one tells what happened."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from rnnreg.study import killed, lock, registry, status
from rnnreg.study import study as studies

CHILD = """
import os, signal, sys, time
from rnnreg.study import killed, stop
status = killed.in_child(lambda process, why: print(process, why, flush=True))
if status is None:
    print(os.getpid(), flush=True)
    held = bytearray(300 << 20)
    {}
sys.exit(status)
"""
AT_THE_FORK = """
import os, signal
fork = os.fork
def signalled():
    child = fork()
    if child:
        os.kill(os.getpid(), signal.SIGTERM)
    return child
os.fork = signalled
"""
SAVES = """
    with stop.later() as came:
        print("heard", flush=True)
        while not came:
            time.sleep(0.01)
        time.sleep(0.5)
    sys.exit(len(came))
"""


def begun(work: str, before: str = "") -> subprocess.Popen:
    """A command whose child works; its process is the first line."""
    return subprocess.Popen(
        [sys.executable, "-c", before + CHILD.format(work.strip())],
        cwd=registry.ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_what_became_of_a_child_that_kills_itself_is_told_with_what_it_held():
    process = begun("os.kill(os.getpid(), signal.SIGKILL)")
    child, told = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 128 + signal.SIGKILL
    assert told.startswith(f"{child} killed by signal 9 (SIGKILL), ")
    held = float(told.partition(" It held ")[2].partition(" GiB")[0])
    assert 300 / 1024 < held < 1


def test_a_child_that_ends_by_itself_is_not_told_of():
    process = begun("sys.exit(7)")
    (_,) = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 7


def test_a_signal_to_the_one_that_waits_reaches_the_child_once():
    """A signal to both is one request to stop, not two, the second of which loses steps."""
    process = begun(SAVES)
    child = int(process.stdout.readline())
    assert process.stdout.readline() == "heard\n"
    os.kill(child, signal.SIGTERM)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 1
    process.stdout.close()


def test_a_signal_in_the_middle_of_the_fork_reaches_the_child():
    process = begun("time.sleep(60)", AT_THE_FORK)
    assert process.wait(30) == 128 + signal.SIGTERM
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell a child")
def test_a_child_whose_parent_alone_is_killed_stops():
    """Else it would go on, with the lock of its row, and nobody would wait for it."""
    process = begun(SAVES.replace("sys.exit(len(came))", 'print("saved", len(came), flush=True)'))
    child = int(process.stdout.readline())
    assert process.stdout.readline() == "heard\n"
    process.kill()
    try:
        assert process.communicate(timeout=30)[0] == "saved 1\n"
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def test_why(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    assert killed.why(9, 3.25 * 2**30) == (
        "killed by signal 9 (SIGKILL), most likely for want of memory. It held 3.2 GiB at the "
        "most. What it saved is kept. Remedy: fewer at once (snakemake --cores 1, or rnnreg train "
        "--jobs 1), or a smaller population (in the study fewer seeds or trials, or a smaller "
        "batch); then the same command again."
    )
    assert killed.why(9, ran_out=True).startswith(
        "killed by signal 9 (SIGKILL), for the system ran out of memory. What it"
    )
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert "Remedy: more memory for a job (mem_mb in the profile), or" in killed.why(9)
    assert "by signal 11 (SIGSEGV), a fault in compiled code. What" in killed.why(11)
    assert "by signal 24 (SIGXCPU). What it saved is kept." in killed.why(24)


@pytest.mark.parametrize(("after", "told"), [("oom_kill 4", "ran out"), ("oom_kill 3", "likely")])
def test_a_system_that_has_killed_for_memory_since_is_believed(after, told, tmp_path, monkeypatch):
    monkeypatch.setattr(killed, "COUNTS", counts := tmp_path / "vmstat")
    counts.write_text("pgfault 7\noom_kill 3\n")
    watch = killed.Watch()
    counts.write_text(f"pgfault 9\n{after}\n")
    assert told in watch.why(9)
    counts.unlink()
    assert "likely" in killed.Watch().why(9), "where the system does not say"


def test_a_row_that_is_killed_with_what_watched_it_is_told_by_its_lock(tmp_path, monkeypatch):
    """As a batch system kills a job: the lock that it leaves is free, and newer than the run."""
    monkeypatch.chdir(tmp_path)
    study = studies.read("quick")
    first, second = study.rows[:2]
    since = time.time() - 5
    pid = os.fork()
    if pid == 0:
        lock.take(study.lock(first))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    mine = lock.take(study.lock(second))
    assert status.reasons(study, time.time() + 60, {}) == "", "of a run before"
    told = status.reasons(study, since, {})
    lock.give_back(study.lock(second), mine)
    assert told.startswith(f"failed: {first.name}: killed with its whole job, for want of memory")
    assert "mem_mb" in told
    assert second.name not in told, "it is at work"
    assert not study.lock(first).exists()
    assert status.state(study, first).word == "failed"


def test_the_row_that_a_process_was_at_is_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = studies.read("quick")
    row = study.rows[1]
    file = study.lock(row)
    file.parent.mkdir(parents=True)
    file.write_text(lock.owner(123456789))
    assert killed.note(study, study.rows, 987654321, "why") == ""
    assert killed.note(study, study.rows, 123456789, "why") == row.name
    assert study.failed(row).read_text() == "why\n"
    assert killed.note(study, study.rows, 123456789, "why") == "", "once"
    assert not list(Path("results").rglob("*.lock"))
