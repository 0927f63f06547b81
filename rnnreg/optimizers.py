"""Optimizers with a member axis: pure functions of parameters and gradients, one state a member."""

import torch
from torch import Tensor

from rnnreg.native import optimizers as native

Params = dict[str, Tensor]


class SGD:
    """w - rate x gradient."""

    def __init__(self, params: Params):
        pass

    def keep(self, index: Tensor) -> None:
        """Go on with some of the members."""

    def __call__(self, params: Params, grads: Params, rate: float) -> Params:
        moved = torch._foreach_sub(list(params.values()), list(grads.values()), alpha=rate)
        return dict(zip(params, moved, strict=True))


class Adam:
    """Kingma and Ba 2015, Adam, ICLR (arXiv:1412.6980), algorithm 1, with its default constants."""

    FIRST, SECOND, EPSILON = 0.9, 0.999, 1e-8

    def __init__(self, params: Params):
        self.mean = [torch.zeros_like(p) for p in params.values()]
        self.square = [torch.zeros_like(p) for p in params.values()]
        self.steps = 0

    def keep(self, index: Tensor) -> None:
        """Go on with some of the members."""
        self.mean = [m[index] for m in self.mean]
        self.square = [s[index] for s in self.square]

    def __call__(self, params: Params, grads: Params, rate: float) -> Params:
        self.steps += 1
        root = (1 - self.SECOND**self.steps) ** 0.5
        size = rate / (1 - self.FIRST**self.steps)
        before, gradient = list(params.values()), list(grads.values())
        constants = (1 - self.FIRST, self.SECOND, 1 - self.SECOND, root, self.EPSILON, size)
        if native.takes([*before, *gradient, *self.mean]):
            each = zip(before, gradient, self.mean, self.square, strict=True)
            return dict(zip(params, (native.adam(*own, *constants) for own in each), strict=True))
        torch._foreach_lerp_(self.mean, gradient, 1 - self.FIRST)
        torch._foreach_mul_(self.square, self.SECOND)
        torch._foreach_addcmul_(self.square, gradient, gradient, 1 - self.SECOND)
        below = torch._foreach_sqrt(self.square)
        torch._foreach_div_(below, root)
        torch._foreach_add_(below, self.EPSILON)
        moved = torch._foreach_addcdiv(before, self.mean, below, -size)
        return dict(zip(params, moved, strict=True))


OPTIMIZERS = {"adam": Adam, "sgd": SGD}
