"""Signals that ask a process to stop: at once, or at the next moment at which nothing is lost."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TOGETHER = 0.3  # seconds in which a signal that comes again is the same one: sent to a whole group
# of processes, it reaches a process both by itself and by the one that passes it on


class Interrupted(KeyboardInterrupt):
    """A signal has asked this process to stop; `number` is the signal's."""

    def __init__(self, number: int, told: str = "what was finished is kept"):
        super().__init__(f"stopped by {signal.Signals(number).name}; {told}")
        self.number = number


@contextmanager
def at_once(ends: bool = False) -> Iterator[None]:
    """A signal raises Interrupted where the process is.

    Where the process `ends` with that, further signals are ignored: it tells why, undisturbed.
    """
    with _heard(_raise, ends):
        yield


@contextmanager
def later() -> Iterator[list[int]]:
    """A signal is put into the list that this gives; a second one raises Interrupted at once."""
    came: list[int] = []

    def note(number, frame):
        if came:
            _raise(number, frame)
        came.append(number)

    with _heard(note):
        yield came


@contextmanager
def afterwards() -> Iterator[None]:
    """A signal comes when this is through: code within would lose what a handler raises."""
    came: list[int] = []
    try:
        with _heard(lambda number, frame: came.append(number)):
            yield
    finally:
        for number in came:
            signal.raise_signal(number)


def once() -> None:
    """From now on SIGINT interrupts this process once: further ones are for those it waits for.

    Snakemake that is interrupted again, while its jobs save themselves, ends in tracebacks.
    """

    def interrupt(number, frame):
        signal.signal(signal.SIGINT, lambda number, frame: None)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interrupt)


@contextmanager
def passed_on(process: int) -> Iterator[None]:
    """A signal goes on to another process."""

    def send(number, frame):
        with suppress(ProcessLookupError):
            os.kill(process, number)

    with _heard(send):
        yield


def _raise(number, frame):
    raise Interrupted(number)


@contextmanager
def _heard(handler: Callable, ends: bool = False) -> Iterator[None]:
    """Signals go to a handler, but for those that the process was told to ignore (nohup).

    Once Interrupted has been raised, they are ignored where the process `ends`.
    """
    heard: dict[int, float] = {}  # when each came

    def once(number, frame):
        now = time.monotonic()
        if now - heard.get(number, -math.inf) > TOGETHER:
            heard[number] = now
            handler(number, frame)

    if threading.current_thread() is not threading.main_thread():  # Python gives it no signals
        yield
        return
    before = {s: signal.getsignal(s) for s in SIGNALS}
    own = [s for s, old in before.items() if old is not signal.SIG_IGN and old is not None]
    for s in own:
        signal.signal(s, once)
    try:
        yield
    except Interrupted:
        if ends:
            before = dict.fromkeys(own, signal.SIG_IGN)
        raise
    finally:
        for s in own:
            signal.signal(s, before[s])
