"""A cell is its gates, its states and a pointwise step; the recurrent product is in `unroll`."""

from abc import ABC, abstractmethod
from inspect import getattr_static, signature
from typing import ClassVar

from torch import Tensor

from rnnreg.errors import UserError

State = tuple[Tensor, ...]  # each (M, B, H); the first is h, the output


class Cell(ABC):
    """One recurrent cell, written once for M members.

    With W (G x H, D) and R (G x H, H), step t computes

        x = W input_t + b          for all t at once, before the loop
        r = R (h x mask)           in the loop; the last `recurrent_biases` gates add a bias here
        state = step(x, r, state, update)

    `update` multiplies the candidate: the one gate's output that is new content. A cell with a cell
    state c says so by `cell_state`; its step takes two more arguments, a mask that multiplies the
    new c and a function through which h reads it: step(x, r, state, update, mask, norm).
    Gates are ordered as in torch.nn, so weights can be exchanged with it.
    """

    title: ClassVar[str]
    source: ClassVar[str]  # paper and equation
    gates: ClassVar[int]
    states: ClassVar[int] = 1
    recurrent_biases: ClassVar[int] = 0  # how many of the last gates have a bias inside r too
    first_bias: ClassVar[tuple[float, ...]] = ()  # initial bias a gate; () is zero for all
    cell_state: ClassVar[bool] = False  # whether the last state is a c that h is read from
    together: ClassVar[tuple[int, ...]] = ()  # gates that layer normalisation joins; () is all

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.name = cls.__module__.rpartition(".")[2]
        takes = list(signature(cls.step).parameters)
        if not isinstance(getattr_static(cls, "step"), staticmethod):
            raise UserError(
                f"rnnreg/cells/{cls.name}.py: {cls.__name__}: step takes ({', '.join(takes)}). "
                "Remedy: @staticmethod above it, and no self: it computes from what it is given."
            )
        if cls.cell_state and len(takes) < 6:
            raise UserError(
                f"rnnreg/cells/{cls.name}.py: {cls.__name__}: step takes ({', '.join(takes)}); "
                "with cell_state = True it must take (x, r, state, update, mask, norm). Remedy: "
                "see rnnreg/cells/lstm.py."
            )

    @staticmethod
    @abstractmethod
    def step(x: Tensor, r: Tensor, state: State, update: Tensor | float) -> State:
        """The next state from x, r (M, B, G x H), state and update (M, B, H)."""
