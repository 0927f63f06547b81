"""Sums of squares over units by compiled code: one pass over activations, and one back."""

from collections.abc import Iterable
from ctypes import c_int64, c_void_p
from itertools import repeat

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library


def squares(a: Tensor) -> Tensor:
    """Sum over units of a^2: (M, ...) of a (M, ..., units)."""
    return _Squares.apply(a) if _takes(a) else a.square().sum(-1)


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Sum over units of (a - b)^2: (M, ...) of a and b (M, ..., units)."""
    return _Distances.apply(a, b) if _takes(a) and _takes(b) else (a - b).square().sum(-1)


def changes(h: Tensor) -> Tensor:
    """Sum over units of (h(t) - h(t - 1))^2: (M, T - 1, B) of h (M, T, B, units)."""
    if _takes(h) and h.shape[1] > 1:
        return _Changes.apply(h)
    return (h[:, 1:] - h[:, :-1]).square().sum(-1)


def _takes(a: Tensor) -> bool:
    fit = a.dtype == torch.float32 and a.device.type == "cpu" and a.numel() > 0
    return fit and library() is not None


class _Squares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return _sums(a, None)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d):
        return _slopes(*ctx.saved_tensors, None, d)[0]


class _Distances(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return _sums(a, b)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d):
        return _slopes(*ctx.saved_tensors, d)


class _Changes(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h):
        ctx.save_for_backward(h)
        return _sums(h[:, 1:], h[:, :-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d):
        (h,) = ctx.saved_tensors
        dh = torch.empty(h.shape)
        for own, given, to in zip(_dense(h), d.contiguous(), dh, strict=True):
            library().rnnreg_changes_back(*map(c_int64, own.shape), *_pointers(own, given, to))
        return dh


def _sums(a: Tensor, b: Tensor | None) -> Tensor:
    out = torch.empty(a.shape[:-1])
    for own, other, to in _members(a, b, out):
        library().rnnreg_squares(*_rows(own), *_pointers(own, other, to))
    return out


def _slopes(a: Tensor, b: Tensor | None, d: Tensor) -> tuple[Tensor, Tensor | None]:
    da, db = torch.empty(a.shape), None if b is None else torch.empty(b.shape)
    less = repeat(None, len(a)) if db is None else db
    for own, other, given, to, db_own in _members(a, b, d.contiguous(), da, less):
        library().rnnreg_squares_back(*_rows(own), *_pointers(own, other, given, to, db_own))
    return da, db


def _members(a: Tensor, b: Tensor | None, *more: Iterable) -> Iterable[tuple[Tensor, ...]]:
    """What belongs to each member, dense."""
    other = repeat(None, len(a)) if b is None else _dense(b)
    return zip(_dense(a), other, *more, strict=True)


def _dense(a: Tensor) -> Tensor:
    """A tensor whose members are dense, wherever each lies: h without its first step, say."""
    return a if a[0].is_contiguous() else a.contiguous()


def _rows(a: Tensor) -> tuple[c_int64, c_int64]:
    return c_int64(a.numel() // a.shape[-1]), c_int64(a.shape[-1])


def _pointers(*tensors: Tensor | None) -> list[c_void_p]:
    return [c_void_p(None if t is None else t.data_ptr()) for t in tensors]
