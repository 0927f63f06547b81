"""Four small tasks with data made here, one of each kind; for tests of the core."""

from dataclasses import replace

import numpy as np
import torch

from rnnreg.data.benchmark import Benchmark, Budget, Model
from rnnreg.network import Network
from rnnreg.regularizers.base import HOOKS
from rnnreg.study import registry
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony
from rnnreg.training.build import build
from rnnreg.training.setting import Setting

SYMBOLS, CLASSES, SERIES, KEYS = 7, 3, 2, 12
LONGEST = 40  # steps of a sequence


class Language(Benchmark):
    """Characters of a random walk around a ring."""

    task = LanguageModel("character", window=12)
    model = Model(hidden=10, layers=2, embedding=5)
    budget = Budget(steps=12, batch=4, learning_rate=1e-2, checks=4)

    def prepare(self, raw):
        raise NotImplementedError("there is nothing to prepare: the arrays are made here")


class Labels(Language):
    """Which symbol came first; sequences of 3 to 40 symbols."""

    task = Classification()


class Series(Language):
    """Two sines."""

    task = Forecast(context=12, horizon=3, season=6)


class Music(Language):
    """Random chords of twelve keys."""

    task = Polyphony()


class Vectors(Language):
    """Which column was larger at first; sequences of 3 to 40 pairs of numbers."""

    task = Classification()


TASKS = {"language": Language, "labels": Labels, "series": Series, "music": Music}
KINDS = {**TASKS, "vectors": Vectors}  # the last for what suits no other


def arrays(kind: str, size: int, seed: int) -> dict[str, np.ndarray]:
    """A split of one kind of task."""
    rng = np.random.default_rng(seed)
    if kind == "language":
        return {"tokens": (np.cumsum(rng.integers(0, 3, 10 * size)) % SYMBOLS).astype(np.int32)}
    if kind == "series":
        time = np.arange(3 * size)[:, None]
        noise = rng.normal(0, 0.1, (len(time), SERIES))
        return {"series": (np.sin(time * [0.3, 0.7]) + noise).astype(np.float32)}
    length = rng.integers(3, LONGEST, size).astype(np.int32)
    if kind == "music":
        return {"x": (rng.random((length.sum(), KEYS)) < 0.2).astype(np.uint8), "length": length}
    starts = np.concatenate([[0], np.cumsum(length)[:-1]])
    if kind == "vectors":
        x = rng.normal(size=(length.sum(), SERIES)).astype(np.float32)
        return {"x": x, "length": length, "y": x[starts].argmax(1).astype(np.int32)}
    x = rng.integers(0, SYMBOLS, length.sum()).astype(np.int32)
    first = x[starts]
    return {"x": x, "length": length, "y": (first % CLASSES).astype(np.int32)}


ENDS = {  # inputs, outputs, symbols
    "language": (SYMBOLS, SYMBOLS, SYMBOLS),
    "labels": (SYMBOLS, CLASSES, SYMBOLS),
    "series": (SERIES, 3 * SERIES, 0),
    "music": (KEYS, KEYS, 0),
    "vectors": (SERIES, SERIES, 0),
}


def one_of_each_kind() -> list[str]:
    """One regularizer for each set of hooks, second pass and tying that some regularizer has.

    One that suits every network and task where there is, else the first by name.
    """
    network = Network(registry.load("cell", "lstm"), 7, 7, 5, embedding=5, symbols=True)
    classes = {n: registry.load("regularizer", n) for n in registry.names("regularizer")}

    def kind(cls) -> tuple:
        own = (hook for hook in HOOKS if hook in vars(cls) and hook != "suits")
        return cls.second, *sorted(own), hasattr(cls, "ratios"), cls.network(network).tied

    found = {}
    for name in sorted(classes, key=lambda n: ("suits" in vars(classes[n]), n)):
        found.setdefault(kind(classes[name]), name)
    return list(found.values())


def suited(regularizer: str, *kinds: str, cell: str = "lstm") -> list[str]:
    """The kinds of task, of these or of TASKS, that a regularizer makes sense for with a cell.

    Where it makes sense for none of these, the first of all that it does for, if any.
    """
    cls = registry.load("regularizer", regularizer)

    def suits(kind: str) -> bool:
        return not cls.suits(setting(kind, cell, regularizer).network, KINDS[kind].task)

    return [*filter(suits, kinds or TASKS)] or [*filter(suits, KINDS)][:1]


def setting(
    kind="labels", cell="lstm", regularizer="none", model: Model | None = None, **budget
) -> Setting:
    """A row on a toy task, without files."""
    benchmark = KINDS[kind]
    inputs, outputs, symbols = ENDS[kind]
    splits = {n: arrays(kind, 40, i) for i, n in enumerate(("train", "validation", "test"))}
    score = {"loss": 10.0, benchmark.task.headline: 10.0}
    facts = {
        "inputs": inputs,
        "outputs": outputs,
        "symbols": symbols,
        "naive": {"toy": {"validation": score, "test": score}},
        "naive_best": "toy",
        "data_hash": "toy",
        "headline": benchmark.task.headline,
    }
    made = registry.load("cell", cell)
    network = build("toys", model or benchmark.model, made, facts, benchmark.task)
    kind = registry.load("regularizer", regularizer)
    if kind.suits(network, benchmark.task):  # weight tying, say
        network = replace(network, embedding=network.hidden)
    network = kind.network(network)
    return Setting(
        benchmark,
        registry.load("cell", cell),
        registry.load("regularizer", regularizer),
        Budget(**{**vars(benchmark.budget), **budget}),
        network,
        splits,
        facts,
        torch.device("cpu"),
    )
