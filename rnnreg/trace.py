"""What goes into a forward pass and what comes out of it: what regularizers and tasks read."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from rnnreg.cells.base import State

Params = dict[str, Tensor]  # name -> (M, ...)


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of M members, or of one that stands for all in evaluation (M = 1).

    x        (M, T, B) symbols, or (M, T, B, D)
    y        targets, see the task; a transduction's have S steps of their own, (M, S, B)
    weight   which targets count; None: all
    length   (M, B) where sequences are padded on the right; None: all are T long
    fresh    the state starts from zero; else it is carried on from the batch before
    held     (M, B) which sequences are held out of training, where a regularizer asks for some
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    length: Tensor | None = None
    fresh: bool = True
    held: Tensor | None = None

    @property
    def within(self) -> Tensor | None:
        """(M or 1, T, B): 1.0 for each step of a sequence, 0.0 for padding; None: no padding."""
        if self.length is None:
            return None
        time = torch.arange(self.x.shape[1], device=self.x.device)[:, None]
        return (time < self.length[:, None]).float()


@dataclass(frozen=True)
class Data:
    """What a regularizer's `batch` may know of the training split.

    symbols   the size of the vocabulary, 0 where inputs are real vectors; its last is <unk>
    counts    (symbols,) how often each one stands in the training split
    columns   the columns of the inputs whose later rows are the targets; none but in forecasting
    """

    symbols: int
    counts: Tensor | None
    columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Trace:
    """What a forward pass computed.

    output   (M, T, B, V) or (M, B, V); of a decoder (M, S, B, V)
    state    the state after the last step, a tuple a layer
    hidden   h of every layer at every step, (M, T, B, H), before the mask above it; where there is
             a decoder, those of the encoder
    read     what the output matrix read, after its mask: (M, T, B, H) or (M, B, H)
    batch    the inputs and targets
    inputs   of the first layer before its mask, (M, T, B, D)
    seen     the statistics of this batch, by the names of network.statistics(); in training alone
    twin     the trace of the second pass, where a regularizer asks for one with other draws
    start    the weights that came from another row, (1, ...) by name, where training began
    """

    output: Tensor
    state: list[State]
    hidden: list[Tensor]
    read: Tensor
    batch: Batch
    inputs: Tensor
    seen: Params = field(default_factory=dict)
    twin: "Trace | None" = None
    start: Params = field(default_factory=dict)

    @property
    def counts(self) -> Tensor | None:
        """(M or 1, T, B): 1.0 for each step that counts, 0.0 for padding; None: all count."""
        if self.batch.length is not None:
            return self.batch.within
        return self.batch.weight if self.output.ndim == 4 else None

    def mean(self, x: Tensor) -> Tensor:
        """Each member's mean over the steps that count, (M,), of x (M, T, B) or (M, T, B, units).

        Of fewer steps than T they are the last ones: of h[1:] - h[:-1], say.
        """
        each = x.mean(3) if x.ndim == 4 else x
        counts = self.counts
        if counts is None:
            return each.flatten(1).mean(1)
        counts = counts[:, -each.shape[1] :].expand_as(each)
        return (each * counts).flatten(1).sum(1) / counts.flatten(1).sum(1)

    def target_mean(self, x: Tensor) -> Tensor:
        """Each member's mean over the targets that count, (M,), of x (M, T, B) or (M, B)."""
        if self.output.ndim != 4:
            return x.flatten(1).mean(1)
        if self.batch.length is None:
            return self.mean(x)
        weight = self.batch.weight.expand_as(x)  # of an encoder's inputs and a decoder's targets
        return (x * weight).flatten(1).sum(1) / weight.flatten(1).sum(1)
