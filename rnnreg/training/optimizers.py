"""Optimizers with a member axis: one state a member. Parameters and state move in place."""

import torch
from torch import Tensor

from rnnreg.kernels.native import optimizers as native
from rnnreg.regularizers.base import norms
from rnnreg.trace import Params

Number = float | Tensor  # a tensor has no dimensions, and is on the device


class SGD:
    """w - rate x gradient."""

    def __init__(self, params: Params):
        self.moments: list[Tensor] = []

    def keep(self, index: Tensor) -> None:
        """Go on with some of the members."""

    @staticmethod
    def numbers(rate: float, step: int) -> tuple[float, ...]:
        """What a step, counted from one, multiplies with."""
        return (rate,)

    def __call__(self, params: Params, grads: Params, rate: Number) -> Tensor:
        """Take a step; returns the L2 norm of each member's gradient, (M,)."""
        change = torch._foreach_mul(list(grads.values()), rate)
        torch._foreach_sub_(list(params.values()), change)
        return norms(grads)


class Adam:
    """Kingma and Ba 2015, Adam, ICLR (arXiv:1412.6980), algorithm 1, with its default constants."""

    FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, params: Params):
        self.moments = [torch.zeros_like(p) for _ in range(2) for p in params.values()]

    def keep(self, index: Tensor) -> None:
        """Go on with some of the members."""
        self.moments = [m[index] for m in self.moments]

    @classmethod
    def numbers(cls, rate: float, step: int) -> tuple[float, ...]:
        """What a step, counted from one, multiplies and divides with: the two corrections."""
        return rate / (1 - cls.FIRST**step), (1 - cls.SECOND**step) ** 0.5

    def __call__(self, params: Params, grads: Params, size: Number, root: Number) -> Tensor:
        """Take a step; returns the L2 norm of each member's gradient, (M,)."""
        own, gradient = list(params.values()), list(grads.values())
        mean, square = self.moments[: len(own)], self.moments[len(own) :]
        if native.takes([*own, *gradient, *mean]) and all(p.is_contiguous() for p in own):
            constants = (1 - self.FIRST, self.SECOND, 1 - self.SECOND, root, self.EPSILON, size)
            return native.adam(own, gradient, mean, square, *constants).sqrt().float()
        torch._foreach_lerp_(mean, gradient, 1 - self.FIRST)
        torch._foreach_mul_(square, self.SECOND)
        torch._foreach_addcmul_(square, gradient, gradient, 1 - self.SECOND)
        below = torch._foreach_sqrt(square)
        torch._foreach_div_(below, root)
        torch._foreach_add_(below, self.EPSILON)
        change = torch._foreach_div(mean, below)
        torch._foreach_mul_(change, size)
        torch._foreach_sub_(own, change)
        return norms(grads)


OPTIMIZERS = {"adam": Adam, "sgd": SGD}
