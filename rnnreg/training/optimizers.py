"""Optimizers with a member axis: one state a member. Parameters and state move in place."""

from collections.abc import Iterable

import torch
from torch import Tensor

from rnnreg.kernels.native import optimizers as native
from rnnreg.regularizers.base import norms, spread
from rnnreg.trace import Params

Number = float | Tensor  # a tensor has no dimensions, and is on the device


class SGD:
    """w - rate x gradient."""

    def __init__(self, params: Params):
        self.moments: list[Tensor] = []

    @staticmethod
    def numbers(step: int) -> tuple[float, ...]:
        """What a step, counted from one, needs beside its rate: nothing."""
        return ()

    def __call__(self, params: Params, grads: Params, rate: Tensor) -> Tensor:
        """Take a step at rates (M,); returns the L2 norm of each member's gradient, (M,)."""
        _descend(params.values(), grads.values(), rate)
        return norms(grads)


class Adam:
    """Kingma and Ba 2015, Adam, ICLR (arXiv:1412.6980), algorithm 1, with its default constants."""

    FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, params: Params):
        self.moments = [torch.zeros_like(p) for _ in range(2) for p in params.values()]

    @classmethod
    def numbers(cls, step: int) -> tuple[float, ...]:
        """What a step, counted from one, multiplies and divides with: the two corrections."""
        return 1 / (1 - cls.FIRST**step), (1 - cls.SECOND**step) ** 0.5

    def __call__(
        self, params: Params, grads: Params, rate: Tensor, correction: Number, root: Number
    ) -> Tensor:
        """Take a step at rates (M,); returns the L2 norm of each member's gradient, (M,)."""
        size = rate * correction
        own, gradient = list(params.values()), list(grads.values())
        mean, square = self.moments[: len(own)], self.moments[len(own) :]
        if native.takes([*own, *gradient, *mean, size]) and all(p.is_contiguous() for p in own):
            constants = (1 - self.FIRST, self.SECOND, 1 - self.SECOND, root, self.EPSILON)
            return native.adam(own, gradient, mean, square, size, *constants).sqrt().float()
        torch._foreach_lerp_(mean, gradient, 1 - self.FIRST)
        torch._foreach_mul_(square, self.SECOND)
        torch._foreach_addcmul_(square, gradient, gradient, 1 - self.SECOND)
        below = torch._foreach_sqrt(square)
        torch._foreach_div_(below, root)
        torch._foreach_add_(below, self.EPSILON)
        _descend(own, torch._foreach_div(mean, below), size)
        return norms(grads)


class Momentum:
    """w - rate x velocity, with velocity = 0.9 velocity + gradient (Polyak 1964)."""

    MOMENTUM = 0.9

    def __init__(self, params: Params):
        self.moments = [torch.zeros_like(p) for p in params.values()]

    numbers = staticmethod(SGD.numbers)

    def __call__(self, params: Params, grads: Params, rate: Tensor) -> Tensor:
        """Take a step at rates (M,); returns the L2 norm of each member's gradient, (M,)."""
        torch._foreach_mul_(self.moments, self.MOMENTUM)
        torch._foreach_add_(self.moments, list(grads.values()))
        _descend(params.values(), self.moments, rate)
        return norms(grads)


class RMSProp:
    """w - rate x gradient / (root of a running mean of its square + 1e-8).

    Tieleman and Hinton 2012, Lecture 6.5 - RMSProp, COURSERA: the mean keeps 0.9 of what it was.
    """

    KEPT, EPSILON = 0.9, 1e-8

    def __init__(self, params: Params):
        self.moments = [torch.zeros_like(p) for p in params.values()]

    numbers = staticmethod(SGD.numbers)

    def __call__(self, params: Params, grads: Params, rate: Tensor) -> Tensor:
        """Take a step at rates (M,); returns the L2 norm of each member's gradient, (M,)."""
        gradient = list(grads.values())
        torch._foreach_mul_(self.moments, self.KEPT)
        torch._foreach_addcmul_(self.moments, gradient, gradient, 1 - self.KEPT)
        _divided(params, gradient, self.moments, rate, self.EPSILON)
        return norms(grads)


class Adagrad:
    """w - rate x gradient / (root of the sum of all its squares + 1e-10).

    Duchi, Hazan and Singer 2011, Adaptive Subgradient Methods, JMLR 12.
    """

    EPSILON = 1e-10

    def __init__(self, params: Params):
        self.moments = [torch.zeros_like(p) for p in params.values()]

    numbers = staticmethod(SGD.numbers)

    def __call__(self, params: Params, grads: Params, rate: Tensor) -> Tensor:
        """Take a step at rates (M,); returns the L2 norm of each member's gradient, (M,)."""
        gradient = list(grads.values())
        torch._foreach_addcmul_(self.moments, gradient, gradient, 1)
        _divided(params, gradient, self.moments, rate, self.EPSILON)
        return norms(grads)


def _divided(
    params: Params, gradient: list[Tensor], squares: list[Tensor], rate: Tensor, epsilon: float
) -> None:
    """Params -= rate (M,) x gradient / (root of squares + epsilon)."""
    below = torch._foreach_sqrt(squares)
    torch._foreach_add_(below, epsilon)
    _descend(params.values(), torch._foreach_div(gradient, below), rate)


def _descend(params: Iterable[Tensor], directions: Iterable[Tensor], size: Tensor) -> None:
    """Params -= size (M,) x directions."""
    for p, direction in zip(params, directions, strict=True):
        p.addcmul_(direction, spread(size, p.ndim), value=-1)


OPTIMIZERS = {
    "adam": Adam,
    "sgd": SGD,
    "momentum": Momentum,
    "rmsprop": RMSProp,
    "adagrad": Adagrad,
}
