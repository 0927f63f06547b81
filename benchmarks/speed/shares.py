"""Where the time of a row goes: the network, and what a step and a check do around it.

A row is steps x step + checks x check, as in rows.py. Each part is timed where the population calls
it, and what is called within a part is taken off that part; what has no name here is "optimizer":
clipping, norms, tallies, Python. "network" is the embedding, the recurrence, the output matrix and
the loss, forward and backward.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import torch

from rnnreg.data import prepared
from rnnreg.study import study
from rnnreg.training.population import Population
from rnnreg.training.setting import Setting, setting

PARTS = ["batching", "masks", "network", "optimizer", "evaluation"]
STRENGTHS = {"none": 0.0, "recurrent_dropout": 0.25}
MEMBERS = list(range(8))
ROUNDS, STEPS = 5, 20  # that are timed, and steps a round; the round in the middle counts


class Stopwatch:
    """Processor seconds of named parts."""

    def __init__(self):
        self.seconds: Counter[str] = Counter()
        self.within = [0.0]  # for each part that runs: seconds of the parts within it

    def __call__(self, part: str, function: Callable) -> Callable:
        """The function, timed as this part."""

        def timed(*given, **named):
            self.within.append(0.0)
            start = time.process_time()
            found = function(*given, **named)
            taken = time.process_time() - start
            self.seconds[part] += taken - self.within.pop()
            self.within[-1] += taken
            return found

        return timed


def shares(job: Setting, strength: float) -> dict[str, float]:
    """Seconds a member of each part of a row, from rounds of some steps and a check."""
    population = Population(job, [strength] * len(MEMBERS), MEMBERS)
    for _ in range(4):
        population.step()
    rounds = []
    for number in range(ROUNDS):
        watch = Stopwatch()
        with _watched(population, watch):
            for _ in range(STEPS):
                watch("optimizer", population.step)()
        watch("evaluation", population.check)(number)
        times = dict.fromkeys(PARTS, job.budget.steps / STEPS) | {"evaluation": job.budget.checks}
        rounds.append({p: watch.seconds[p] * n / len(MEMBERS) for p, n in times.items()})
    return sorted(rounds, key=lambda parts: sum(parts.values()))[ROUNDS // 2]


def _watched(population: Population, watch: Stopwatch) -> ExitStack:
    """As long as it is open, the parts of the population's steps are timed."""
    parts = [
        ("batching", population.batches, ("pick", "batch")),
        ("masks", population.reg, ("mask", "weights")),
        ("network", population, ("forward",)),
        ("network", type(population.task), ("loss",)),
        ("network", torch.autograd, ("grad",)),
    ]
    stack = ExitStack()
    for part, owner, names in parts:
        for name in names:
            stack.enter_context(patch.object(owner, name, watch(part, getattr(owner, name))))
    return stack


def jobs(cells: list[str]) -> Iterator[tuple[study.Row, Setting]]:
    """The rows of the standard study that are measured."""
    for row in study.read("standard").rows:
        if row.cell in cells and row.regularizer in STRENGTHS:
            yield row, setting(row, *prepared.read(row.benchmark, Path("data/prepared")))
