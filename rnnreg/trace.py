"""What goes into a forward pass and what comes out of it: what regularizers and tasks read."""

from dataclasses import dataclass

from torch import Tensor

from rnnreg.cells.base import State

Params = dict[str, Tensor]  # name -> (M, ...)


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of M members, or of one that stands for all in evaluation (M = 1).

    x        (M, T, B) symbols, or (M, T, B, D)
    y        targets, see the task
    weight   which targets count; None: all
    length   (M, B) where sequences are padded on the right; None: all are T long
    fresh    the state starts from zero; else it is carried on from the batch before
    """

    x: Tensor
    y: Tensor
    weight: Tensor | None = None
    length: Tensor | None = None
    fresh: bool = True


@dataclass(frozen=True)
class Trace:
    """What a forward pass computed.

    output   (M, T, B, V) or (M, B, V)
    state    the state after the last step, a tuple a layer
    hidden   h of every layer at every step, (M, T, B, H), before the mask above it
    read     what the output matrix read, after its mask: (M, T, B, H) or (M, B, H)
    """

    output: Tensor
    state: list[State]
    hidden: list[Tensor]
    read: Tensor
