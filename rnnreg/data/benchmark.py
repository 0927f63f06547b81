"""What one file in benchmarks/ describes: a data set, its task, its model and its budget."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import ClassVar

import numpy as np

from rnnreg.data.sources import Source
from rnnreg.errors import UserError
from rnnreg.study.sizes import Model
from rnnreg.tasks import Task

Arrays = dict[str, np.ndarray]
OVER_FITS = "over-fits"
LATER = ("loss", "scaling", "diverged")  # fields of a budget that older records have not


@dataclass(frozen=True)
class Budget:
    """How long and how a member trains; a search has its own range of learning rates."""

    steps: int
    batch: int
    learning_rate: float = 1e-3
    checks: int = 20  # validation checks, evenly spaced
    validated: int = 0  # symbols, sequences or windows of a check, evenly spread; 0: all there are
    optimizer: str = "adam"  # or "sgd", "momentum", "rmsprop", "adagrad"
    schedule: str = "constant"  # or "cosine", "linear", to zero; those of training/schedules.py
    hold: int = 0  # "exponential": epochs at the learning rate
    factor: float = 1.0  # that it is divided by: in each later epoch; at each plateau
    patience: int = 0  # "plateau": checks without improvement that are not one yet
    summed: bool = False  # the training loss is summed over time steps, not averaged
    columns: int = 32  # that evaluation cuts a text into; 1: one pass
    precision: str = "float32"  # of products on a GPU; or "tf32", "bfloat16". A CPU has float32
    loss: str = ""  # that is trained on; "": the task's own. See rnnreg/training/objectives.py
    scaling: str = "standard"  # of numbers; or "minmax", "raw". See rnnreg/training/scaling.py
    diverged: float = 10.0  # times the naive validation loss: one above that has diverged

    def told(self) -> dict[str, object]:
        """Its fields by name, without those of LATER that have the usual value."""
        return {n: v for n, v in vars(self).items() if n not in LATER or v != getattr(Budget, n)}


@dataclass(frozen=True)
class Splits:
    """Prepared data: {"train" | "validation" | "test": arrays}, in the layout that the task names.

    `symbols` is the size of the vocabulary where inputs are symbols, `classes` the number of
    classes where there are any. `counts` are the facts that `prepare` asserted or found (tokens,
    rows, sequences, duplicates between splits, ...); they go to the report as they are. `targets`
    holds the positions, in one common source, of what each split predicts: they must not overlap.
    Leave it out where the splits are files of their own. `scale` holds, where the columns that are
    predicted were standardised, what each was divided by: the unit of the data. `decoding` is what
    turns the arrays back into symbols, classes and units; see `rnnreg.data.decoding`.
    """

    train: Arrays
    validation: Arrays
    test: Arrays
    symbols: int = 0
    classes: int = 0
    counts: dict[str, object] = field(default_factory=dict)
    targets: dict[str, Sequence[int]] = field(default_factory=dict)
    scale: Sequence[float] = ()
    decoding: dict[str, object] = field(default_factory=dict)

    def items(self) -> list[tuple[str, Arrays]]:
        return [("train", self.train), ("validation", self.validation), ("test", self.test)]


class Benchmark(ABC):
    """A data set with everything that is fixed about its use.

    A subclass states the facts as class attributes and implements `prepare`; it needs no other
    edit anywhere. `prepare` must be deterministic: the same raw files give the same bytes.
    """

    title: ClassVar[str]
    group: ClassVar[str]  # "NLP" or "time series"
    family: ClassVar[str] = ""  # benchmarks that share data share a family; default: its own name
    licence: ClassVar[str]
    citation: ClassVar[str]
    sources: ClassVar[tuple[Source, ...]] = ()
    task: ClassVar[Task]
    model: ClassVar[Model]
    budget: ClassVar[Budget]
    train: ClassVar[int] = 0  # symbols, rows or sequences of the training split in use; 0: all
    regime: ClassVar[str] = OVER_FITS  # or why it cannot be made to over-fit: it is a control
    base_clip: ClassVar[float] = inf  # clip of the gradient's norm that holds for every row
    noisy: ClassVar[float] = 0.0  # of further scores on test; see training/noisy.py
    published: ClassVar[tuple[dict, ...]] = ()  # results from papers on the same split

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.name = cls.__module__.rpartition(".")[2]

    @abstractmethod
    def prepare(self, raw: Mapping[str, Path]) -> Splits:
        """Turn raw files, by their names in `sources`, into arrays. Statistics from train alone."""


def expect(benchmark: str, what: str, given: object, expected: object) -> None:
    """UserError where data is not what the benchmark's file promises."""
    if given != expected:
        raise UserError(
            f"benchmarks/{benchmark}.py: {what}: found {given}, expected {expected}. Remedy: "
            f"delete data/raw/{benchmark} and run: python -m rnnreg download {benchmark}. If that "
            "does not help, the data is not what the file was written for, and it must say so."
        )
