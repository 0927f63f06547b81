"""What a regularizer costs: the time of a training step of its row against that of none.

Whole steps of populations, as in training: batch, masks, network, penalty, gradients, optimizer,
averages. Data are made here. Each regularizer has the middle strength of its grid. Those that make
no sense for a forecast are timed on labelled sequences of its size, where they make sense there.
"""

import statistics
from collections.abc import Iterator
from dataclasses import replace
from math import inf

import numpy as np
import timing
import torch
from contenders import Case

from rnnreg.data.benchmark import Benchmark, Budget
from rnnreg.network import Network
from rnnreg.study import registry
from rnnreg.tasks import Classification, Forecast, LanguageModel
from rnnreg.training.population import Population
from rnnreg.training.setting import Setting

CELLS = ["lstm", "gru", "elman_tanh"]
SYMBOLS, HORIZON, CLASSES = 100, 24, 10
STEPS = 10_000  # more than are timed
REFERENCE, TOGETHER = "none", 5
SIZES = ["cell", "batch", "steps", "inputs", "hidden"]


class Series(Benchmark):
    """Columns of noise, forecast."""

    task = Forecast(context=96, horizon=HORIZON, season=24)
    budget = Budget(steps=STEPS, batch=32, checks=1)

    def prepare(self, raw):
        raise NotImplementedError("there is nothing to prepare: the arrays are made here")


class Text(Series):
    """Symbols of noise, predicted one by one."""

    task = LanguageModel("character", window=35)
    budget = Budget(steps=STEPS, batch=20, checks=1)


class Labels(Series):
    """Sequences of noise, told apart."""

    task = Classification()


CASES = [Case("", 32, 96, 7, 64), Case("", 20, 35, 128, 128)]  # Series and Labels, Text


def benchmarks(case: Case) -> list[type[Benchmark]]:
    """Whose rows are timed at a size: the second where the first makes no sense."""
    return [Series, Labels] if case.batch == Series.budget.batch else [Text]


def setting(case: Case, regularizer: str, benchmark: type[Benchmark]) -> Setting | str:
    """A row of one layer, or why it makes no sense."""
    kind, cell = registry.load("regularizer", regularizer), registry.load("cell", case.cell)
    noise = np.random.default_rng(0)
    if benchmark is Text:
        arrays = {"tokens": noise.integers(0, SYMBOLS, 50_000).astype(np.int32)}
        network = Network(cell, SYMBOLS, SYMBOLS, case.hidden, 1, case.inputs, symbols=True)
    else:
        values = noise.normal(size=(5_000, case.inputs)).astype(np.float32)
        arrays, outputs = {"series": values}, HORIZON * case.inputs
        if benchmark is Labels:
            length = np.full(len(values) // case.steps, case.steps, np.int32)
            labels = noise.integers(0, CLASSES, len(length)).astype(np.int32)
            arrays = {"x": values[: length.sum()], "length": length, "y": labels}
            outputs = CLASSES
        network = Network(cell, case.inputs, outputs, case.hidden, every_step=False)
    if reason := kind.suits(network, benchmark.task):
        return reason
    splits = dict.fromkeys(("train", "validation", "test"), arrays)
    device, network = torch.device("cpu"), kind.network(network)
    return Setting(benchmark, cell, kind, benchmark.budget, network, splits, {}, device)


def measure(repeats: int, names: list[str]) -> Iterator[dict]:
    """A line a cell, size and regularizer: milliseconds a member, and the ratio to none.

    A few at a time beside none, so that what they are held against is measured at their side; the
    ratio is the median over rounds.
    """
    told = set()  # none is told once a size
    for case in (replace(case, cell=cell) for cell in CELLS for case in CASES):
        for benchmark, several in _suited(case, [n for n in names if n != REFERENCE]):
            beside = [REFERENCE, *several]
            steps = {name: population(case, name, benchmark).step for name in beside}
            times = timing.rounds(steps, repeats, inf)
            for name in beside[case in told :]:
                pairs = zip(times[name], times[REFERENCE], strict=True)
                yield {
                    **{key: getattr(case, key) for key in (*SIZES, "members")},
                    "regularizer": name,
                    "group": registry.load("regularizer", name).group,
                    "median": statistics.median(times[name]) / case.members,
                    "ratio": statistics.median(a / b for a, b in pairs),
                }
            told.add(case)


def _suited(case: Case, names: list[str]) -> Iterator[tuple[type[Benchmark], list[str]]]:
    """A few names at a time, with the benchmark that they are timed on at a size."""
    for benchmark in benchmarks(case):
        own = [n for n in names if isinstance(setting(case, n, benchmark), Setting)]
        names = [n for n in names if n not in own]
        for first in range(0, len(own), TOGETHER):
            yield benchmark, own[first : first + TOGETHER]


def population(case: Case, name: str, benchmark: type[Benchmark]) -> Population:
    """The members of a row, at the middle strength of its regularizer's grid."""
    job = setting(case, name, benchmark)
    grid = job.regularizer.strengths
    seeds = list(range(case.members))
    return Population(job, [grid[len(grid) // 2]] * len(seeds), seeds)
