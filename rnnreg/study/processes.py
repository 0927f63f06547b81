"""Work shared by processes of this machine: each takes the next that nobody has taken."""

import math
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable

from rnnreg.errors import UserError
from rnnreg.study import killed, progress, stop

LONGEST = 1000  # bytes of a reason
NOT_BEGUN = "not begun"
Free = Callable[[str], bool]
Work = Callable[[str], str]  # does what a name says; why it failed, or ""


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_turn(names: list[str], free: Free, work: Work) -> dict[str, str]:
    """Do all, those that are free first; what failed, and why."""
    left, failed = list(names), {}
    while left:
        left.remove(name := next(filter(free, left), left[0]))
        if why := work(name):
            failed[name] = why
    return failed


def shared(names: list[str], free: Free, work: Work, count: int) -> dict[str, str]:
    """Do all in so many processes, forked from this one; what failed, and why.

    A process that is killed costs what it was at: the others do the rest. A signal that asks this
    process to stop goes on to them, and is raised when they have ended.
    """
    context, watch = multiprocessing.get_context("fork"), killed.Watch()
    taken = context.Array("i", len(names))  # the process at it, from 1; 0: nobody; -1: done
    told = [context.RawArray("c", LONGEST) for _ in names]

    def take(number: int) -> int | None:
        while left := [i for i, owner in enumerate(taken[:]) if owner == 0]:
            at = next((i for i in left if free(names[i])), left[0])
            with taken.get_lock():  # held for a moment: one who dies with it stops all others
                if taken[at] == 0:
                    taken[at] = number
                    return at
        return None

    def each(number: int) -> None:
        os.setpgrp()  # a terminal's signals come through the first process, once
        progress.EVERY = math.inf  # several lines of progress would write over each other
        at = None
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, stop.SIGNALS)
            while (at := take(number)) is not None:
                told[at].value = work(names[at]).encode()[: LONGEST - 1]
                taken[at] = -1
        except stop.Interrupted as signalled:
            name = "" if at is None else f"{names[at]}: "
            print(f"rnnreg: {name}{signalled}.", file=sys.stderr, flush=True)
            os._exit(128 + signalled.number)

    several = [context.Process(target=each, args=(n + 1,)) for n in range(min(count, len(names)))]
    sys.stdout.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, stop.SIGNALS)  # none is lost in the middle of a fork
    for process in several:
        process.start()
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stop.SIGNALS)
        for process in several:
            process.join()
    except stop.Interrupted:
        _end(several)
        raise
    found = {name: why.value.decode(errors="ignore") for name, why in zip(names, told, strict=True)}
    for name, owner in zip(names, taken, strict=True):
        if owner >= 0:
            found[name] = _ended(several[owner - 1].exitcode, watch) if owner else NOT_BEGUN
    return {name: why for name, why in found.items() if why}


def _end(several: list[multiprocessing.Process]) -> None:
    """Ask all to stop, and wait; each further signal asks them again."""
    for process in several:
        process.terminate()
    try:
        for process in several:
            process.join()
    except stop.Interrupted:
        _end(several)


def _ended(status: int, watch: killed.Watch) -> str:
    """How a process ended in the middle of its work."""
    return watch.why(-status) if status < 0 else f"its process ended with status {status}"


def each(
    command: str,
    what: str,
    names: list[str],
    run: Callable[[str], object],
    all_of: Callable[[list[str], Work], dict[str, str]] | None = None,
) -> None:
    """Run for every name, whatever becomes of the others; then tell all that failed."""

    def work(name: str) -> str:
        try:
            print(f"{name}: {run(name)}", flush=True)
            return ""
        except Exception as error:
            if len(names) == 1:
                raise
            if not isinstance(error, UserError):  # a fault in somebody's plug-in: show where
                traceback.print_exc()
            print(f"{name}: failed. {str(error) or type(error).__name__}", file=sys.stderr)
            return why_of(error)

    failed = all_of(names, work) if all_of else in_turn(names, lambda name: True, work)
    if failed:
        raise UserError(
            f"{command}: {len(failed)} of {len(names)} {what} failed, the others are done:"
            + "".join(f"\n  {name}: {why}" for name, why in failed.items())
        )


def why_of(error: Exception) -> str:
    """What an error says, in one line."""
    told = str(error) or type(error).__name__
    return " ".join(line.strip() for line in told.splitlines()[:2])
