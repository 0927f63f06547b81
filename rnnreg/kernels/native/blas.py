"""The time loop of one model whose weights outgrow the fast caches: products by torch's BLAS.

A step is one product and the compiled gates of `pointwise.cpp`, each way; the input product and the
gradients of weights are one product each, over all T.
"""

import ctypes
from ctypes import c_int, c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library
from rnnreg.kernels.native.recurrence import KERNELS, layer_of, wide


class _Step(ctypes.Structure):  # field by field the struct in pointwise.cpp
    _fields_ = [(n, c_void_p) for n in ("x", "r", "dx", "dr", "dback")]


class Products(torch.autograd.Function):
    """The whole loop with its gradients."""

    @staticmethod
    def forward(ctx, name, masks, x, *weights_and_state):
        weights, state = weights_and_state[:4], weights_and_state[4:]
        layer, keep = layer_of(masks, x, *weights)
        training = any(ctx.needs_input_grad)
        states = _states(layer, state, training, KERNELS[name].kept, keep, x)
        read = _read(layer, keep, states, masks)
        _ahead(name, layer, keep["given"], read)
        if training:
            ctx.name, ctx.layer, ctx.keep, ctx.states, ctx.read = name, layer, keep, states, read
            ctx.drop = masks.recurrent
            ctx.set_materialize_grads(False)
        return states[0][1:][None], *(s[-1:].clone() for s in states)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, doutput, *dlast):
        layer, (x, wx, wh, _, inner) = ctx.layer, ctx.keep["given"]
        dx, dr, dstates = _back(ctx, doutput, dlast, wh[0])
        drop = ctx.drop[0, 0] if isinstance(ctx.drop, Tensor) else ctx.drop
        dstates[0][0] += dstates.pop() * drop
        dx, dr = dx.flatten(0, 1), dr.flatten(0, 1)
        dinput = dinner = None
        if ctx.needs_input_grad[2]:
            dinput = (dx @ wx[0]).view(x.shape)
        if inner is not None:
            dinner = dr[:, -inner.shape[1] :].sum(0)[None]
        dwx = (x[0].flatten(0, 1).t() @ dx).t()  # so that few inputs are not a slow product
        dwh = dr.t() @ ctx.read[: layer.steps].flatten(0, 1)
        return None, None, dinput, dwx[None], dwh[None], dx.sum(0)[None], dinner, *dstates


def _states(layer, state, training: bool, kept: int, keep: dict, x: Tensor) -> list[Tensor]:
    """Memory for the states of all steps, (T + 1, B, H), and for what gradients need."""
    steps, batch, hidden = layer.steps, layer.batch, layer.hidden
    rows = [steps + 1, steps + 1 if training else 1][: len(state)]
    states = [x.new_empty(n, batch, hidden) for n in rows]
    for i, (s, buffer) in enumerate(zip(state, states, strict=True)):
        buffer[0] = s[0]
        layer.states[i] = buffer.data_ptr()
        layer.state_time[i] = batch * hidden if len(buffer) > 1 else 0
    if training:
        keep["kept"] = x.new_empty(steps, batch, kept, wide(hidden))
        layer.kept = keep["kept"].data_ptr()
    return states


def _read(layer, keep: dict, states: list[Tensor], masks) -> Tensor:
    """What the recurrent product reads at each step, (T or more, B, H): h, or h x mask."""
    if not layer.drop.data:
        return states[0]
    keep["dropped"] = torch.empty_like(states[0])
    drop = masks.recurrent
    keep["dropped"][0] = states[0][0] * (drop[0, 0] if isinstance(drop, Tensor) else drop)
    layer.dropped = keep["dropped"].data_ptr()
    return keep["dropped"]


def _ahead(name: str, layer, given: list[Tensor], read: Tensor) -> None:
    x, wx, wh, bias, inner = given
    before = torch.addmm(bias[0], x[0].flatten(0, 1), wx[0].t())
    before = before.view(layer.steps, layer.batch, -1)
    recurrent, r = wh[0].t(), torch.empty_like(before[0])
    if inner is not None:
        inner = torch.nn.functional.pad(inner[0], (len(bias[0]) - len(inner[0]), 0))
    gates, cell, size = library().rnnreg_gates, c_int(KERNELS[name].index), r.numel() * 4
    step, start = _Step(r=r.data_ptr()), before.data_ptr()
    pointers = ctypes.byref(layer), ctypes.byref(step)
    for t, h in enumerate(read.unbind()[: layer.steps]):
        if inner is None:
            torch.mm(h, recurrent, out=r)
        else:
            torch.addmm(inner, h, recurrent, out=r)
        step.x = start + t * size
        gates(cell, *pointers, c_int64(t), c_int(0))


def _back(ctx, doutput: Tensor | None, dlast, wh: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Gradients of x and r of all steps, (T, B, GH), of the states, and of what was read first."""
    layer, like = ctx.layer, ctx.states[0][0]
    batch, hidden = like.shape
    layer.doutput = None
    if doutput is not None:
        if not doutput[0, 0].is_contiguous():
            doutput = doutput.contiguous()
        layer.doutput, layer.doutput_time = doutput.data_ptr(), doutput.stride(1)
    dstates = [like.new_zeros(batch, wide(hidden)) for _ in range(len(dlast) + 1)]
    for i, d in enumerate(dlast):
        layer.dstates[i] = dstates[i].data_ptr()
        if d is not None:
            dstates[i][:, :hidden] = d[0]
    dx = like.new_empty(layer.steps, batch, len(wh))
    dr = dx if ctx.keep["given"][4] is None else torch.empty_like(dx)
    dback = dstates[-1][:, :hidden]
    gates, cell, size = library().rnnreg_gates, c_int(KERNELS[ctx.name].index), dx[0].numel() * 4
    step = _Step()
    pointers, starts = (ctypes.byref(layer), ctypes.byref(step)), (dx.data_ptr(), dr.data_ptr())
    for t, now in reversed(list(enumerate(dr.unbind()))):
        step.dx, step.dr = (s + t * size for s in starts)
        gates(cell, *pointers, c_int64(t), c_int(1))
        torch.mm(now, wh, out=dback)
        step.dback = dstates[-1].data_ptr()
    return dx, dr, [d[:, :hidden][None] for d in dstates[:-1]] + [dback]
