"""What is asked of a model: from its output to a loss (M,) and to metrics in the field's units.

A task is a frozen dataclass of facts. Losses are means over the targets of one member, in nats a
target or in squared standard deviations, so clip, learning rate and penalty mean the same for all.
Evaluation adds up `totals` over batches and turns them into metrics once.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:  # not imported where only facts are asked for: it takes torch two seconds
    from torch import Tensor

Totals = dict[str, "Tensor"]  # each (M, ...), added up over batches; "targets" counts


@dataclass(frozen=True)
class Task(ABC):
    """Facts of a task, its loss and its metrics.

    output   (M, T, B, V) where `every_step`, else (M, B, V)
    y        the targets: see each task
    weight   1.0 where a target counts, 0.0 where it is padding or missing; None: all count
    """

    every_step: ClassVar[bool]  # the output matrix reads every step, or the last one of a sequence
    compared: ClassVar[str] = "loss"  # the scale of comparisons across benchmarks
    labels: ClassVar[dict[str, tuple[str, str]]]  # metric -> (label with unit, what is better)

    @property
    @abstractmethod
    def headline(self) -> str:
        """The metric shown first."""

    @abstractmethod
    def each(self, output: Tensor, y: Tensor) -> Tensor:
        """The loss of each target, (M, ...), summed over what makes up one target."""

    @abstractmethod
    def outputs(self, inputs: int, classes: int) -> int:
        """V, from D (or the size of the vocabulary) and the number of classes."""

    def columns(self, inputs: int) -> tuple[int, ...]:
        """The columns of D inputs whose later rows are the targets."""
        return ()

    def loss(self, output: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean loss over each member's targets, (M,)."""
        return mean_over_targets(self.each(output, y), weight)

    def totals(self, output: Tensor, y: Tensor, weight: Tensor | None = None) -> Totals:
        """Sums over the targets of a batch, in double precision."""
        import torch

        each = self.each(output, y)
        if weight is None:
            targets = torch.full_like(each.flatten(1)[:, 0], each[0].numel(), dtype=torch.float64)
        else:
            weight = weight.expand_as(each)
            targets = _sum(weight)
        found = {"loss": _sum(each, weight), "targets": targets}
        return {**found, **self.more_totals(output, y, weight)}

    def more_totals(self, output: Tensor, y: Tensor, weight: Tensor | None) -> Totals:
        """Sums that a metric needs beside the loss."""
        return {}

    def metrics(self, totals: Totals) -> dict[str, Tensor]:
        """Metrics, each (M,); always with "loss"."""
        return {"loss": totals["loss"] / totals["targets"]}


@dataclass(frozen=True)
class LanguageModel(Task):
    """Predict the next symbol; the state is carried from window to window. y (M, T, B)."""

    level: str  # "character" or "word"
    window: int  # T of truncated back-propagation

    every_step = True
    labels = {
        "bits_per_character": ("bits per character", "lower"),
        "perplexity": ("perplexity", "lower"),
    }

    @property
    def headline(self) -> str:
        return "perplexity" if self.level == "word" else "bits_per_character"

    def outputs(self, inputs: int, classes: int) -> int:
        return inputs

    def each(self, output: Tensor, y: Tensor) -> Tensor:
        from rnnreg.kernels.native.losses import cross_entropy

        return cross_entropy(output, y)

    def metrics(self, totals: Totals) -> dict[str, Tensor]:
        loss = totals["loss"] / totals["targets"]
        metric = loss.exp() if self.level == "word" else loss / math.log(2)
        return {"loss": loss, self.headline: metric}


@dataclass(frozen=True)
class Classification(Task):
    """Name the class of a whole sequence, read off its last step. y (M, B)."""

    metric: str = "accuracy"  # or "macro_f1": the one shown first

    every_step = False
    compared = "error"
    labels = {
        "accuracy": ("accuracy", "higher"),
        "error": ("error rate", "lower"),
        "macro_f1": ("macro-averaged F1", "higher"),
    }

    @property
    def headline(self) -> str:
        return self.metric

    def outputs(self, inputs: int, classes: int) -> int:
        return classes

    def each(self, output: Tensor, y: Tensor) -> Tensor:
        from rnnreg.kernels.native.losses import cross_entropy

        return cross_entropy(output, y)

    def more_totals(self, output: Tensor, y: Tensor, weight: Tensor) -> Totals:
        import torch

        members, classes = output.shape[0], output.shape[-1]
        cell = y * classes + output.argmax(-1)  # (M, B): true class x predicted class
        confusion = torch.zeros(members, classes * classes, dtype=torch.float64, device=y.device)
        counts = torch.ones_like(cell) if weight is None else weight
        confusion.scatter_add_(1, cell, counts.double())
        return {"confusion": confusion.view(members, classes, classes)}

    def metrics(self, totals: Totals) -> dict[str, Tensor]:
        confusion = totals["confusion"]
        hits = confusion.diagonal(dim1=1, dim2=2)  # (M, classes)
        named = confusion.sum(1) + confusion.sum(2)  # predicted + true
        accuracy = hits.sum(1) / totals["targets"]
        return {
            "loss": totals["loss"] / totals["targets"],
            "accuracy": accuracy,
            "error": 1 - accuracy,
            "macro_f1": (2 * hits / named.clamp(min=1)).mean(1),
        }


@dataclass(frozen=True)
class Forecast(Task):
    """Predict the next `horizon` rows of a series from the last `context`. y (M, B, horizon, V)."""

    context: int  # T
    horizon: int
    season: int  # rows a season, for the seasonal naive forecast
    targets: tuple[int, ...] | None = None  # the columns predicted; None: all
    # Each window, inputs and targets, less its last known row (NLinear, Zeng et al. 2023, "Are
    # Transformers Effective for Time Series Forecasting?"), for series whose level drifts away from
    # that of train. Errors stay what they are: both terms of the difference move alike.
    anchored: bool = False
    gap: int = 0  # rows between the last one known and the first one predicted
    # What 1 of each target is in standard deviations of train, the unit of all scores, where
    # members predict in another unit (rnnreg/training/scaling.py).
    unit: tuple[float, ...] = ()

    every_step = False
    labels = {
        "mse": ("MSE, standardised", "lower"),
        "mae": ("MAE, standardised", "lower"),
    }

    @property
    def headline(self) -> str:
        return "mse"

    def outputs(self, inputs: int, classes: int) -> int:
        return self.horizon * len(self.columns(inputs))

    @property
    def rows(self) -> int:
        """Of a window, from the first one known to the last one predicted."""
        return self.context + self.gap + self.horizon

    def columns(self, inputs: int) -> tuple[int, ...]:
        return tuple(range(inputs)) if self.targets is None else self.targets

    def each(self, output: Tensor, y: Tensor) -> Tensor:
        return (output.view(y.shape) - y).square()

    def totals(self, output: Tensor, y: Tensor, weight: Tensor | None = None) -> Totals:
        if self.unit:
            output, y = self._standard(output.view(y.shape)), self._standard(y)
        return super().totals(output, y, weight)

    def _standard(self, values: Tensor) -> Tensor:
        """Targets (..., V) in standard deviations, less a constant."""
        import torch

        return torch.stack([values[..., i] * one for i, one in enumerate(self.unit)], dim=-1)

    def more_totals(self, output: Tensor, y: Tensor, weight: Tensor) -> Totals:
        return {"absolute": _sum((output.view(y.shape) - y).abs(), weight)}

    def metrics(self, totals: Totals) -> dict[str, Tensor]:
        loss = totals["loss"] / totals["targets"]
        return {"loss": loss, "mse": loss, "mae": totals["absolute"] / totals["targets"]}


@dataclass(frozen=True)
class Transduction(Task):
    """Write one sequence of symbols for another: an encoder reads, a decoder writes. y (M, S, B).

    Symbol 0 ends a target. In training, and for every loss, the decoder reads the true symbol
    before each target (teacher forcing); accuracies are of what it writes by itself, always its
    most probable symbol (greedy decoding), over the S steps that the longest target has.
    """

    every_step = True
    labels = {
        "exact_match": ("exact match", "higher"),
        "token_accuracy": ("accuracy of symbols", "higher"),
    }

    @property
    def headline(self) -> str:
        return "exact_match"

    def outputs(self, inputs: int, classes: int) -> int:
        return inputs

    def each(self, output: Tensor, y: Tensor) -> Tensor:
        from rnnreg.kernels.native.losses import cross_entropy

        return cross_entropy(output, y)

    def written(self, found: Tensor, y: Tensor, weight: Tensor) -> Totals:
        """Sums over what was decoded (M, S, B): right symbols, and sequences without a wrong one.

        >>> import torch
        >>> y = torch.tensor([[[3, 1], [0, 2], [0, 0]]])  # targets 3 and 1 2, each with its end
        >>> weight = torch.tensor([[[1.0, 1.0], [1.0, 1.0], [0.0, 1.0]]])
        >>> found = torch.tensor([[[3, 1], [0, 1], [5, 0]]])
        >>> {n: t.tolist() for n, t in Transduction().written(found, y, weight).items()}
        {'right': [4.0], 'exact': [1.0], 'sequences': [2.0]}
        """
        right = (found == y) & (weight > 0)
        exact = (right | (weight == 0)).all(1)  # (M, B)
        return {
            "right": _sum(right.float()),
            "exact": _sum(exact.float()),
            "sequences": _sum(exact.float() * 0 + 1),
        }

    def metrics(self, totals: Totals) -> dict[str, Tensor]:
        return {
            "loss": totals["loss"] / totals["targets"],
            "exact_match": totals["exact"] / totals["sequences"],
            "token_accuracy": totals["right"] / totals["targets"],
        }


@dataclass(frozen=True)
class Polyphony(Task):
    """Predict which of V keys sound next, each on its own. y (M, T, B, V) of 0 and 1."""

    every_step = True
    labels = {"nll": ("NLL per frame (nats)", "lower")}

    @property
    def headline(self) -> str:
        return "nll"

    def outputs(self, inputs: int, classes: int) -> int:
        return inputs

    def each(self, output: Tensor, y: Tensor) -> Tensor:
        from rnnreg.kernels.native.losses import binary_cross_entropy

        return binary_cross_entropy(output, y)

    def metrics(self, totals: Totals) -> dict[str, Tensor]:
        loss = totals["loss"] / totals["targets"]
        return {"loss": loss, "nll": loss}


def mean_over_targets(each: Tensor, weight: Tensor | None) -> Tensor:
    """The mean of the losses of the targets that count, (M, ...) -> (M,)."""
    if weight is None:
        return each.flatten(1).mean(1)
    weight = weight.expand_as(each)  # one column may stand for all targets
    return (each * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)


def _sum(values: Tensor, weight: Tensor | None = None) -> Tensor:
    weighted = values if weight is None else values * weight
    return weighted.double().flatten(1).sum(1)
