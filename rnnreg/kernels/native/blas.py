"""The time loop of one model whose weights outgrow the fast caches: products by torch's BLAS.

A step is one product and the compiled gates of `pointwise.cpp`, each way; the input product and
the gradients of inputs and weights are one product each a block of steps. What lies between them is
kept for a block alone: of all T it would be fresh memory in each call, whose pages cost more than
the traffic, and out of the caches when the products read it.
"""

import ctypes
from ctypes import c_int, c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library
from rnnreg.kernels.native.recurrence import KERNELS, layer_of, wide

ROWS = 1024  # of a block, at least: a product of so many is at the speed of arithmetic


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
        dstates = _dstates(layer, ctx.states[0][0], dlast)
        dinput = x.new_empty(x.shape) if ctx.needs_input_grad[2] else None
        # Transposed, so that few inputs are not a slow product.
        dwx, dwh = x.new_zeros(x.shape[-1], len(wx[0])), torch.zeros_like(wh[0])
        dbias = dwx.new_zeros(len(wx[0]))
        dinner = None if inner is None else torch.zeros_like(inner)
        for first, last, dx, dr in _back(ctx, doutput, wh[0], dstates):
            dx, dr = dx.flatten(0, 1), dr.flatten(0, 1)
            if dinput is not None:
                torch.mm(dx, wx[0], out=dinput[0, first:last].flatten(0, 1))
            if inner is not None:
                dinner[0] += dr[:, -inner.shape[1] :].sum(0)
            dwx.addmm_(x[0, first:last].flatten(0, 1).t(), dx)
            dwh.addmm_(dr.t(), ctx.read[first:last].flatten(0, 1))
            dbias += dx.sum(0)
        drop = ctx.drop[0, 0] if isinstance(ctx.drop, Tensor) else ctx.drop
        *dstates, dback = (d[:, : layer.hidden] for d in dstates)
        dstates[0] += dback * drop
        found = dwx.t()[None], dwh[None], dbias[None], dinner, *(d[None] for d in dstates)
        return None, None, dinput, *found


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
    recurrent, r = wh[0].t(), x.new_empty(layer.batch, len(wh[0]))
    before = r.new_empty(_block(layer), *r.shape)
    if inner is not None:
        inner = torch.nn.functional.pad(inner[0], (len(bias[0]) - len(inner[0]), 0))
    gates, cell, size = library().rnnreg_gates, c_int(KERNELS[name].index), r.numel() * 4
    step, start = _Step(r=r.data_ptr()), before.data_ptr()
    pointers = ctypes.byref(layer), ctypes.byref(step)
    for t, h in enumerate(read.unbind()[: layer.steps]):
        now = t % len(before)
        if now == 0:
            block = x[0, t : t + len(before)].flatten(0, 1)
            torch.addmm(bias[0], block, wx[0].t(), out=before.flatten(0, 1)[: len(block)])
        if inner is None:
            torch.mm(h, recurrent, out=r)
        else:
            torch.addmm(inner, h, recurrent, out=r)
        step.x = start + now * size
        gates(cell, *pointers, c_int64(t), c_int(0))


def _block(layer) -> int:
    """Steps of a block."""
    return min(layer.steps, -(-ROWS // layer.batch))


def _dstates(layer, like: Tensor, dlast) -> list[Tensor]:
    """Memory for gradients of the states, with those of the last, and of what was read."""
    batch, hidden = like.shape
    dstates = [like.new_zeros(batch, wide(hidden)) for _ in range(len(dlast) + 1)]
    for i, d in enumerate(dlast):
        layer.dstates[i] = dstates[i].data_ptr()
        if d is not None:
            dstates[i][:, :hidden] = d[0]
    return dstates


def _back(ctx, doutput: Tensor | None, wh: Tensor, dstates: list[Tensor]):
    """Block by block, from the last: its steps, and gradients of x and r, (steps, B, GH).

    They are in the same memory for all blocks. Leaves gradients of the first states in `dstates`.
    """
    layer = ctx.layer
    layer.doutput = None
    if doutput is not None:
        if not doutput[0, 0].is_contiguous():
            doutput = doutput.contiguous()
        layer.doutput, layer.doutput_time = doutput.data_ptr(), doutput.stride(1)
    dx = wh.new_empty(_block(layer), layer.batch, len(wh))
    dr = dx if ctx.keep["given"][4] is None else torch.empty_like(dx)
    dback = dstates[-1][:, : layer.hidden]
    gates, cell, size = library().rnnreg_gates, c_int(KERNELS[ctx.name].index), dx[0].numel() * 4
    step = _Step()
    pointers, starts = (ctypes.byref(layer), ctypes.byref(step)), (dx.data_ptr(), dr.data_ptr())
    by_step = dr.unbind()
    for last in range(layer.steps, 0, -len(dx)):
        first = max(0, last - len(dx))
        for t in reversed(range(first, last)):
            step.dx, step.dr = (s + (t - first) * size for s in starts)
            gates(cell, *pointers, c_int64(t), c_int(1))
            torch.mm(by_step[t - first], wh, out=dback)
            step.dback = dstates[-1].data_ptr()
        yield first, last, dx[: last - first], dr[: last - first]
