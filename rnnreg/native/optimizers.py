"""Adam's step and sums of squares by compiled code: one pass over each parameter."""

from ctypes import c_float, c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.native.build import library


def takes(tensors: list[Tensor]) -> bool:
    """Whether all are single precision on a CPU, and there is compiled code."""
    fit = all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
    return fit and library() is not None


def adam(p, gradient, mean, square, *constants: float) -> Tensor:
    """The parameter after a step, as `rnnreg_adam` says; mean and square move on in place."""
    moved, gradient = torch.empty(p.shape), gradient.contiguous()
    tensors = (p.contiguous(), gradient, mean, square, moved)
    pointers = [c_void_p(t.data_ptr()) for t in tensors]
    numbers = [c_float(n) for n in constants]
    library().rnnreg_adam(c_int64(p.numel()), *pointers, *numbers)
    return moved


def sum_of_squares(values: Tensor) -> Tensor:
    """Of each member's entries, (M,) in double precision; M never changes the order."""
    if not takes([values]):
        return values.double().square().flatten(1).sum(1)
    values, members = values.contiguous(), len(values)
    out = torch.zeros(members, dtype=torch.float64)
    count = c_int64(values.numel() // max(members, 1))
    given = [c_void_p(t.data_ptr()) for t in (values, out)]
    library().rnnreg_sum_of_squares(c_int64(members), count, *given)
    return out
