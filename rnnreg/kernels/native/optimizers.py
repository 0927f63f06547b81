"""Adam's step and sums of squares by compiled code: one pass over each parameter."""

from ctypes import Array, c_float, c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library


def takes(tensors: list[Tensor]) -> bool:
    """Whether all are single precision on a CPU, and there is compiled code."""
    fit = all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
    return fit and library() is not None


def adam(params, gradient, mean, square, size: Tensor, *constants: float) -> Tensor:
    """A step, as `rnnreg_adam` says, of the size (M,) of each member.

    Parameters, means and squares move in place, and are contiguous. Returns the sum of squares of
    each member's gradient, (M,) in double precision.
    """
    gradient, members = [g.contiguous() for g in gradient], len(params[0])
    out = torch.empty(members, dtype=torch.float64)
    pointers = [_pointers(t) for t in (params, gradient, mean, square)]
    counts = c_int64(members), c_int64(len(params)), _counts(params, max(members, 1))
    ends, numbers = (c_void_p(t.data_ptr()) for t in (out, size)), map(c_float, constants)
    library().rnnreg_adam(*counts, *pointers, *ends, *numbers)
    return out


def sum_of_squares(tensors: list[Tensor]) -> Tensor:
    """Of each member's entries of all, (M,) in double precision; M never changes the order."""
    if not takes(tensors):
        squares = [t.double().square().flatten(1).sum(1) for t in tensors]
        return sum(squares[1:], squares[0])
    tensors, members = [t.contiguous() for t in tensors], len(tensors[0])
    out = torch.empty(members, dtype=torch.float64)
    given = (_counts(tensors, max(members, 1)), _pointers(tensors), c_void_p(out.data_ptr()))
    library().rnnreg_sum_of_squares(c_int64(members), c_int64(len(tensors)), *given)
    return out


def _pointers(tensors: list[Tensor]) -> Array:
    return (c_void_p * len(tensors))(*(t.data_ptr() for t in tensors))


def _counts(tensors: list[Tensor], members: int) -> Array:
    return (c_int64 * len(tensors))(*(t.numel() // members for t in tensors))
