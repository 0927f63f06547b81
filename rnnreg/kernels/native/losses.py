"""Cross-entropy and divergence by compiled code: one pass over the logits, and one back."""

from ctypes import c_int64, c_void_p

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.kernels.native.build import library


def cross_entropy(output: Tensor, y: Tensor) -> Tensor:
    """-log softmax(output)[y] of each target, in nats: output (..., V), y (...)."""
    if _takes(output):
        return _CrossEntropy.apply(output, y)
    return F.cross_entropy(output.flatten(0, -2), y.flatten(), reduction="none").view(y.shape)


def binary_cross_entropy(output: Tensor, y: Tensor) -> Tensor:
    """Of sigmoid(output), summed over keys, in nats: output and y of 0 and 1 (..., V)."""
    if _takes(output) and y.dtype == torch.float32:
        return _BinaryCrossEntropy.apply(output, y)
    return F.binary_cross_entropy_with_logits(output, y, reduction="none").sum(-1)


def divergence(a: Tensor, b: Tensor) -> Tensor:
    """KL(p || q) + KL(q || p) in nats, p and q the softmax of a and b: (...) of (..., V)."""
    if _takes(a) and _takes(b):
        return _Divergence.apply(a, b)
    p, q = F.log_softmax(a, -1), F.log_softmax(b, -1)
    return ((p.exp() - q.exp()) * (p - q)).sum(-1)


def _takes(output: Tensor) -> bool:
    fit = output.dtype == torch.float32 and output.device.type == "cpu" and output.numel() > 0
    return fit and library() is not None


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, output, y):
        output, y = output.contiguous(), y.contiguous()
        loss, total = torch.empty(y.shape), torch.empty(y.shape)
        if library().rnnreg_cross_entropy(*_rows(output), *_pointers(output, y, loss, total)):
            raise IndexError(f"targets from {y.min()} to {y.max()} for {output.shape[-1]} classes")
        ctx.save_for_backward(output, y, total)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dloss):
        output, y, total = ctx.saved_tensors
        dloss, doutput = dloss.contiguous(), torch.empty(output.shape)
        given = _pointers(output, y, total, dloss, doutput)
        library().rnnreg_cross_entropy_back(*_rows(output), *given)
        return doutput, None


class _BinaryCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, output, y):
        output, y = output.contiguous(), y.contiguous()
        loss = torch.empty(output.shape[:-1])
        library().rnnreg_binary_cross_entropy(*_rows(output), *_pointers(output, y, loss))
        ctx.save_for_backward(output, y)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dloss):
        output, y = ctx.saved_tensors
        dloss, doutput = dloss.contiguous(), torch.empty(output.shape)
        given = _pointers(output, y, dloss, doutput)
        library().rnnreg_binary_cross_entropy_back(*_rows(output), *given)
        return doutput, None


class _Divergence(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        a, b = a.contiguous(), b.contiguous()
        apart, totals = (torch.empty(*a.shape[:-1], 2) for _ in range(2))
        library().rnnreg_divergences(*_rows(a), *_pointers(a, b, apart, totals))
        ctx.save_for_backward(a, b, apart, totals)
        return apart.sum(-1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d):
        a, *given = ctx.saved_tensors
        d, da, db = d.contiguous(), torch.empty(a.shape), torch.empty(a.shape)
        library().rnnreg_divergences_back(*_rows(a), *_pointers(a, *given, d, da, db))
        return da, db


def _rows(output: Tensor) -> tuple[c_int64, c_int64]:
    classes = output.shape[-1]
    return c_int64(output.numel() // classes), c_int64(classes)


def _pointers(*tensors: Tensor) -> list[c_void_p]:
    return [c_void_p(t.data_ptr()) for t in tensors]
