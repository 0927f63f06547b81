"""Members trained in several processes, a task each: some members of one row."""

import signal
import threading
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

import numpy as np

from rnnreg.data.benchmark import Arrays
from rnnreg.errors import UserError
from rnnreg.study.protocol import Member
from rnnreg.study.record import Record
from rnnreg.study.study import Row
from rnnreg.tasks import Forecast
from rnnreg.trying.place import Place

Task = tuple[Row, list[Member]]
Made = tuple[list[Record], list[list[float]]]  # and of a forecast the test MSE of each column


class Workers:
    """Trains tasks: here, or in `jobs` processes. A context manager."""

    def __init__(self, jobs: int, place: Place, data: tuple[dict, dict], device: str):
        self.jobs, self.given, self.pool = jobs, (place, data, device), None

    def __enter__(self) -> "Workers":
        if self.jobs > 1:
            self._start()
        return self

    def _start(self) -> None:
        self.pool = ProcessPoolExecutor(
            self.jobs, get_context("spawn"), _begin, self.given, max_tasks_per_child=None
        )

    def __exit__(self, *_) -> None:
        if self.pool:
            self.pool.shutdown(cancel_futures=True)

    def map(self, tasks: Iterable[Task]) -> Iterator[tuple[Row, Made]]:
        """Each task's row and what was made of it, as they are done.

        Where a process is killed, half as many do what is left. UserError where one alone is.
        """
        if not self.pool:
            for row, members in tasks:
                yield row, train(row, members, *self.given)
            return
        left = list(tasks)
        while left:
            waiting = {}
            try:
                with _unheard():
                    for task in left:
                        waiting[self.pool.submit(_work, *task)] = task
                for done in as_completed(waiting):
                    made = done.result()
                    left.remove(waiting[done])
                    yield waiting[done][0], made
            except BrokenProcessPool:
                self._fewer()
            finally:
                for future in waiting:
                    future.cancel()

    def _fewer(self) -> None:
        """Half as many processes, after one was killed, most likely for want of memory."""
        told = "a process was killed from outside, most likely for want of memory"
        if self.jobs == 1:
            raise UserError(
                f"try: {told}. Remedy: fewer rows or columns of the file, or a machine with more."
            )
        self.jobs //= 2
        warnings.warn(f"{told}; {self.jobs} at once go on (--jobs {self.jobs}).", stacklevel=2)
        self.pool.shutdown()
        self._start()


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes that start now do not hear SIGINT: the one that asked for them does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def train(row: Row, members: list[Member], place: Place, data: tuple[dict, dict], device: str):
    """The records of these members, all of one phase; and of each the test MSE a column."""
    from rnnreg.training.row import records, trained
    from rnnreg.training.setting import setting

    facts, splits = data
    phase = members[0][0]
    job = setting(row, facts, {**splits, **columns_of(splits, facts, phase)}, device)
    given = [m[2] for m in members], [m[3] for m in members], [m[1] for m in members]
    made, each = [], []
    for population in trained(job, *given):
        made += records(row, job, population, phase)
        if phase == "evaluate":
            each += _by_column(population, job.splits)
    return made, each


def columns_of(splits: dict[str, Arrays], facts: dict, phase: str = "evaluate") -> dict:
    """The test split of a forecast once for each column that is predicted, others not counted."""
    count = len(facts.get("scale", []))
    if phase != "evaluate" or count < 2 or facts["task"] != Forecast.__name__:
        return {}
    test = splits["test"]
    seen = test.get("observed", np.ones((len(test["series"]), 1), np.float32))
    seen = np.broadcast_to(seen, (len(seen), count)).astype(np.float32)
    return {f"test {v}": {**test, "observed": seen * np.eye(count)[v]} for v in range(count)}


def _by_column(population, splits: dict) -> list[list[float]]:
    names = [name for name in splits if name.startswith("test ")]
    found = [population.evaluate(population.best, population.reg, name)["mse"] for name in names]
    members = range(len(population.strengths))
    return [[float(values[m]) for values in found] for m in members]


def _begin(place: Place, data: tuple[dict, dict], device: str) -> None:
    """What a process of its own needs once."""
    import torch

    from rnnreg.kernels.native.build import keep_freed_memory
    from rnnreg.study import registry

    keep_freed_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    registry.FOLDERS["benchmark"] = place.benchmarks
    _work.given = place, data, device


def _work(row: Row, members: list[Member]) -> Made:
    return train(row, members, *_work.given)
