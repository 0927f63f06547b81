"""Sums of squares over units by compiled code: one pass over activations, and one back."""

from ctypes import c_float, c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library

LEAST = 1e-15  # of a norm: below it has no gradient


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


def norm_changes(h: Tensor) -> Tensor:
    """(|h(t)| - |h(t - 1)|)^2 of L2 norms over units: (M, T - 1, B) of h (M, T, B, units).

    The gradient at zero is zero.
    """
    if _takes(h) and h.shape[1] > 1:
        return _NormChanges.apply(h)
    norms = h.square().sum(-1).clamp(min=LEAST**2).sqrt()
    return (norms[:, 1:] - norms[:, :-1]).square()


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
        h, d, dh = _dense(h), d.contiguous(), torch.empty(h.shape)
        sizes = map(c_int64, h.shape)
        library().rnnreg_changes_back(*sizes, *_members(h), _pointer(d), _pointer(dh))
        return dh


class _NormChanges(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h):
        norms = _sums(h, None).clamp_(min=LEAST**2).sqrt_()
        ctx.save_for_backward(h, norms)
        return (norms[:, 1:] - norms[:, :-1]).square_()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d):
        h, norms = ctx.saved_tensors
        h, d, dh = _dense(h), d.contiguous(), torch.empty(h.shape)
        given = *map(c_int64, h.shape), *_members(h), c_float(LEAST)
        more = norms, d, torch.empty_like(norms), dh
        library().rnnreg_norm_changes_back(*given, *map(_pointer, more))
        return dh


def _sums(a: Tensor, b: Tensor | None) -> Tensor:
    a, b, out = _dense(a), _dense(b), torch.empty(a.shape[:-1])
    library().rnnreg_squares(*_sizes(a), *_members(a), *_members(b), _pointer(out))
    return out


def _slopes(a: Tensor, b: Tensor | None, d: Tensor) -> tuple[Tensor, Tensor | None]:
    a, b, d = _dense(a), _dense(b), d.contiguous()
    da, db = torch.empty(a.shape), None if b is None else torch.empty(b.shape)
    given = *_members(a), *_members(b), *map(_pointer, (d, da, db))
    library().rnnreg_squares_back(*_sizes(a), *given)
    return da, db


def _dense(a: Tensor | None) -> Tensor | None:
    """A tensor whose members are dense, wherever each lies: h without its first step, say."""
    return a if a is None or a[0].is_contiguous() else a.contiguous()


def _sizes(a: Tensor) -> tuple[c_int64, c_int64, c_int64]:
    """Members, rows of each, and units."""
    return tuple(map(c_int64, (len(a), a[0].numel() // a.shape[-1], a.shape[-1])))


def _members(a: Tensor | None) -> tuple[c_void_p, c_int64]:
    """Where the first member lies, and how far the next one is."""
    return _pointer(a), c_int64(0 if a is None else a.stride(0))


def _pointer(a: Tensor | None) -> c_void_p:
    return c_void_p(None if a is None else a.data_ptr())
