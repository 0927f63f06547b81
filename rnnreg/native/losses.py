"""Cross-entropy by compiled code: one pass over the logits, and one back."""

from ctypes import c_int64, c_void_p

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.native.build import library


def cross_entropy(output: Tensor, y: Tensor) -> Tensor:
    """-log softmax(output)[y] of each target, in nats: output (..., V), y (...)."""
    fit = output.dtype == torch.float32 and output.device.type == "cpu" and output.numel() > 0
    if fit and library() is not None:
        return _CrossEntropy.apply(output, y)
    return F.cross_entropy(output.flatten(0, -2), y.flatten(), reduction="none").view(y.shape)


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


def _rows(output: Tensor) -> tuple[c_int64, c_int64]:
    classes = output.shape[-1]
    return c_int64(output.numel() // classes), c_int64(classes)


def _pointers(*tensors: Tensor) -> list[c_void_p]:
    return [c_void_p(t.data_ptr()) for t in tensors]
