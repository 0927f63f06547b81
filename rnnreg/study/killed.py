"""What is told of a process that was killed: it says nothing itself, one that waits for it does."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from rnnreg.study import lock, records, stop
from rnnreg.study.study import Row, Study

FAULTS = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
COUNTS = Path("/proc/vmstat")  # of Linux: how often it has killed for want of memory, among others
TOGETHER = (  # told of a job that ended with no word from anybody
    "killed with its whole job, for want of memory or time, or with its node. What it saved is "
    "kept. Remedy: more memory or time for a job (mem_mb, runtime in the profile), or fewer rows "
    "at once (--cores); then the same command again."
)
PR_SET_PDEATHSIG = 1  # of linux/prctl.h: which signal a process gets when its parent has ended
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes; of what a system tells of its processes
GIB = 2**30


def why(number: int, held: float = 0, ran_out: bool = False) -> str:
    """What a signal that ends a process at once says, in one line, with a remedy.

    `held` is the most memory that it had, in bytes, and `ran_out` whether the system has killed for
    want of memory since it began.
    """
    name = signal.Signals(number).name
    if number != signal.SIGKILL:
        fault = ", a fault in compiled code" if number in FAULTS else ""
        return (
            f"ended by signal {number} ({name}){fault}. What it saved is kept. Remedy: the same "
            "command again; where it ends so each time, please open an issue."
        )
    most = f" It held {held / GIB:.2g} GiB at the most." if held else ""
    memory = "for the system ran out of memory" if ran_out else "most likely for want of memory"
    remedy = (
        "more memory for a job (mem_mb in the profile)"
        if "SLURM_JOB_ID" in os.environ
        else "fewer at once (snakemake --cores 1, or rnnreg train --jobs 1)"
    )
    return (
        f"killed by signal 9 ({name}), {memory}.{most} What it saved is kept. Remedy: {remedy}, or "
        "a smaller population (in the study fewer seeds or trials, or a smaller batch); then the "
        "same command again."
    )


class Watch:
    """Tells of the children of this process that a signal has ended."""

    def __init__(self):
        self.before = _killed_for_memory()

    def why(self, number: int) -> str:
        """Why the child that a signal has ended did so; what is told of memory is the largest's."""
        held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT
        return why(number, held, _killed_for_memory() > self.before)


def _killed_for_memory() -> int:
    """How many processes this system has killed for want of memory; 0 where it does not say."""
    lines = COUNTS.read_text().splitlines() if COUNTS.is_file() else ()
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def in_child(tell: Callable[[int, str], None]) -> int | None:
    """Go on in a child of this process: None there. Here the exit status, once it has ended.

    Where a signal has ended it, `tell` is given its number as a process, and why. Signals that ask
    this process to stop go on to the child; where it is killed, the child is asked to stop (Linux).
    """
    watch, own = Watch(), os.getpid()
    signal.pthread_sigmask(signal.SIG_BLOCK, stop.SIGNALS)  # none is lost in the middle of a fork
    child = os.fork()
    if child == 0:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != own:  # killed before that
                signal.raise_signal(signal.SIGTERM)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop.SIGNALS)
        return None
    with stop.passed_on(child):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop.SIGNALS)
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    if -code not in stop.SIGNALS:
        tell(child, watch.why(-code))
    return 128 - code


def note(study: Study, rows: Iterable[Row], process: int, told: str) -> str:
    """Note as failed the row that a process of this machine was killed at; its name, or ""."""
    for row in rows:
        if lock.left(study.lock(row), process):
            records.write_text(study.failed(row), told + "\n")
            return row.name
    return ""


def look(study: Study, since: float) -> None:
    """Note as failed the rows whose processes were killed since a moment, with what watched them.

    A batch system does that to a job; a row that ends in another way takes its lock with it.
    """
    for row in study.rows:
        file = study.lock(row)
        if file.exists() and file.stat().st_mtime > since and lock.left(file):
            records.write_text(study.failed(row), f"{TOGETHER}\n")
