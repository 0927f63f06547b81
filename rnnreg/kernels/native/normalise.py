"""The compiled time loop with normalised pre-activations."""

import ctypes
from ctypes import c_int64, c_void_p
from dataclasses import replace

import torch
from torch import Tensor

from rnnreg.kernels.native import recurrence
from rnnreg.kernels.native.build import library

KINDS = {"layer": 1, "batch": 2, "sequence": 3}  # Kind of normalise.h
GAINS = ("input_gain", "recurrent_gain", "cell_gain", "cell_bias")


class _Norm(ctypes.Structure):  # field by field the struct in normalise.h
    _fields_ = [
        *((n, c_void_p) for n in GAINS),
        ("share", c_void_p),
        ("share_member", c_int64),
        ("statistics", c_void_p),
        ("seen", c_void_p),
        ("statistics_steps", c_int64),
        ("units", c_int64),
        ("hats", c_void_p),
        ("scales", c_void_p),
        *((f"d{n}", c_void_p) for n in GAINS),
    ]


def takes(x: Tensor, weights: dict[str, Tensor], state, masks, norm) -> bool:
    """As `recurrence.takes`, and whether no gradient of the statistics is asked for."""
    given = norm.statistics
    fit = given is None or (given.dtype == torch.float32 and not given.requires_grad)
    return fit and recurrence.takes(x, weights, state, masks)


def unroll(name: str, x: Tensor, weights: dict[str, Tensor], state, masks, norm, shape):
    """As `kernels.unroll.unroll_normalised`; `shape` is `normalise.statistics_shape`, or None."""
    w = [weights.get(n) for n in ("input", "recurrent", "bias", "recurrent_bias", *GAINS)]
    x, masks = masks.of_inputs(x), replace(masks, input=1.0)
    seen = None
    if shape is not None and norm.statistics is None:
        seen = x.new_full((len(x), *shape), torch.nan)
    output, *last = Normalised.apply(name, masks, norm, seen, x, *w, *state)
    return output, tuple(last), seen


class Normalised(torch.autograd.Function):
    """The whole loop with its gradients."""

    @staticmethod
    def forward(ctx, name, masks, norm, seen, x, *given):
        weights, gains, state = given[:4], given[4:8], given[8:]
        layer, keep = recurrence.layer_of(masks, x, *weights)
        kind = KINDS[norm.kind]
        loop = recurrence.Loop(name, layer, keep, kind, _Norm())
        gains = keep["gains"] = [g if g is None else g.contiguous() for g in gains]
        for n, g in zip(GAINS, gains, strict=True):
            setattr(loop.norm, n, None if g is None else g.data_ptr())
        counts = _count(loop, norm, seen, x)
        if any(ctx.needs_input_grad):
            _keep_hats(loop, x)
        found = recurrence.run_forward(ctx, loop, x, state)
        if seen is not None and norm.length is not None:
            steps = counts.shape[1] if norm.kind == "batch" else 1
            nothing = counts.flatten(2 if norm.kind == "batch" else 1).sum(-1) == 0
            nothing = nothing.view(-1, steps)[:, : seen.shape[1], None, None]
            seen[:, :steps].masked_fill_(nothing, torch.nan)
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, doutput, *dlast):
        keep, norm = ctx.loop.keep, ctx.loop.norm
        dgains = [None if g is None else torch.empty(g.shape) for g in keep["gains"]]
        for n, g in zip(GAINS, dgains, strict=True):
            setattr(norm, f"d{n}", None if g is None else g.data_ptr())
        to_x = ctx.needs_input_grad[4]
        dx, grads, dstates = recurrence.run_backward(ctx, to_x, doutput, dlast)
        return None, None, None, None, dx, *grads, *dgains, *dstates


def _count(loop, norm, seen: Tensor | None, x: Tensor) -> Tensor | None:
    """What each row counts in the means of a batch, (M or 1, T, B); puts statistics in place."""
    if norm.kind == "layer":
        return None
    steps, batch = x.shape[1:3]
    counts = x.new_ones(1, steps, batch)
    if norm.length is not None:
        counts = (torch.arange(steps)[:, None] < norm.length[:, None]).to(x.dtype)
    over = (1, 2) if norm.kind == "sequence" else 2
    counts = counts / counts.sum(over, keepdim=True).clamp(min=1)
    there = seen if norm.statistics is None else norm.statistics.contiguous()
    loop.keep["counts"] = counts, there
    loop.norm.share = counts.data_ptr()
    loop.norm.share_member = counts.stride(0) if len(counts) > 1 else 0
    if there is not None:
        field = "seen" if norm.statistics is None else "statistics"
        setattr(loop.norm, field, there.data_ptr())
        loop.norm.statistics_steps, loop.norm.units = there.shape[1], there.shape[3]
    return counts


def _keep_hats(loop, x: Tensor) -> None:
    """Memory for what gradients need of every step; sizes as in Hats of normalise.h."""
    floats, scales = c_int64(), c_int64()
    sizes = ctypes.c_int(recurrence.KERNELS[loop.name].index), ctypes.c_int(loop.kind)
    counts = c_int64(x.shape[2]), c_int64(loop.layer.hidden)
    library().rnnreg_hats(*sizes, *counts, ctypes.byref(floats), ctypes.byref(scales))
    hats = x.new_empty(*x.shape[:2], floats.value)
    scale = x.new_empty(*x.shape[:2], scales.value)
    loop.keep["hats"] = hats, scale
    loop.norm.hats, loop.norm.scales = hats.data_ptr(), scale.data_ptr()
