"""The time loop of a GPU: a step is one batched product and one fused pointwise kernel, each way.

The pointwise part is the cell's own `step` and its vector-Jacobian product, compiled by torch, so
no cell is written twice. The input product and all gradients of weights are one product each, over
all T.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.cells.base import Cell, State

Kernels = tuple[Callable, Callable]  # a step ahead, and a step back


def unroll(cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks, kernels):
    """As `rnnreg.kernels.unroll.unroll`; `kernels` are `compiled(cell)`, or `pointwise(cell)`."""
    w = [weights.get(n) for n in ("input", "recurrent", "bias", "recurrent_bias")]
    masks = masks if cell.cell_state else replace(masks, cell=1.0)
    x, device, half = masks.of_inputs(x), x.device.type, torch.bfloat16
    precision = half if torch.is_autocast_enabled(device) else None
    with torch.autocast(device, half, enabled=False):
        output, *last = Recurrence.apply(kernels, precision, masks, x, *w, *state)
    return output, tuple(last)


def takes(masks) -> bool:
    """Whether no gradient of a mask, or of h, is asked for."""
    given = (masks.recurrent, masks.update, *masks.carry, masks.cell)
    return masks.probe is None and not any(isinstance(m, Tensor) and m.requires_grad for m in given)


@cache
def compiled(cell: type[Cell]) -> Kernels:
    """The kernels of a cell, each one launch for all that they do."""
    return tuple(map(_compiled, pointwise(cell)))


def _compiled(kernel: Callable) -> Callable:
    fast = torch.compile(kernel, fullgraph=True, dynamic=True)

    def run(*given):
        # Of all cells together: masks there or not, sizes of one. Autograd has its own thread.
        config = torch._dynamo.config
        config.recompile_limit = config.accumulated_recompile_limit = 4096
        return fast(*given)

    return run


def pointwise(cell: type[Cell]) -> Kernels:
    """What a step computes beside its product, as functions of tensors of one time step.

    x and the states have the precision of the weights; r, and what they return for a product, that
    of products.

    x, r (M, B, GH), bias (M, 1, GH) of r; the masks `update`, `on_c`, `carry` and `drop` as
    in Masks, or None; state and its gradient d (M, B, H) each; `drop` is of h before the product
    that follows.
    """

    def step(x, r, bias, update, on_c, carry, state):
        r = r.to(x.dtype) if bias is None else r.to(x.dtype) + bias
        extra = () if on_c is None else (on_c,)
        new = cell.step(x, r, state, 1.0 if update is None else update, *extra)
        pairs = zip(state, new, carry, strict=True) if carry else ()
        return tuple(torch.lerp(old, n, part.to(n.dtype)) for old, n, part in pairs) or new

    def ahead(x, r, bias, update, on_c, carry, drop, dtype, *state):
        new = step(x, r, bias, update, on_c, carry, state)
        h = new[0] if drop is None else new[0] * drop
        return h.to(dtype), *new

    def back(x, r, bias, update, on_c, carry, drop, doutput, dh, d, *state):
        """Gradients of x, r and the state, from those of the output, of the product's h, and d."""
        dh = dh.to(d[0].dtype)
        total = d[0] + doutput + (dh if drop is None else dh * drop)
        own = bias, update, on_c, carry
        _, pull = torch.func.vjp(lambda x, r, *s: step(x, r, *own, s), x, r, *state)
        return pull((total, *d[1:]))

    return ahead, back


class Recurrence(torch.autograd.Function):
    """The whole loop with its gradients; `unroll` says what its arguments are."""

    @staticmethod
    def forward(ctx, kernels, dtype, masks, x, wx, wh, bias, inner, *state):
        members, steps, batch, _ = x.shape
        training = any(ctx.needs_input_grad)
        own, dtype = x.dtype, dtype or x.dtype
        update, on_c, drop = (_every(m, x) for m in (masks.update, masks.cell, masks.recurrent))
        masks = update, on_c, tuple(_always(m, x) for m in masks.carry), drop
        if inner is not None:
            ctx.inner_size = inner.shape[1]
            inner = F.pad(inner, (wh.shape[1] - inner.shape[1], 0))[:, None]
        wx, wh, given = wx.to(dtype), wh.to(dtype), x.to(dtype)
        before = torch.baddbmm(bias[:, None].to(dtype), given.flatten(1, 2), wx.mT)
        before = before.view(members, steps, batch, -1).to(own)
        state = tuple(s.clone() for s in state)  # apart: what is one tensor twice compiles anew
        first = state[0] if drop is None else state[0] * _at(drop, 0)
        read, states, products = [first.to(dtype)], [state], []
        for t in range(steps):
            product = torch.bmm(read[-1], wh.mT)
            now = _now(masks, t, steps)
            h, *new = kernels[0](_at(before, t), product, inner, *now, dtype, *states[-1])
            products.append(product if training else None)
            read.append(h)
            states.append(tuple(new))
        ctx.kernels, ctx.masks, ctx.inner = kernels, masks, inner
        ctx.kept = before, products, read, states
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(given, wx, wh)
        return torch.stack([s[0] for s in states[1:]], dim=1), *(s.clone() for s in states[-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, doutput, *dlast):
        given, wx, wh = ctx.saved_tensors
        before, products, read, states = ctx.kept
        masks, drop = ctx.masks, ctx.masks[-1]
        steps, own = len(products), before.dtype
        zero, dh = (torch.zeros_like(states[0][0]) for _ in range(2))
        d = tuple(torch.zeros_like(zero) if g is None else g.clone() for g in dlast)
        dx, dr = [None] * steps, [None] * steps
        for t in reversed(range(steps)):
            now = _now(masks, t, steps)
            reach = zero if doutput is None else _at(doutput, t), dh, tuple(d)
            dx[t], dr[t], *d = ctx.kernels[1](
                _at(before, t), products[t], ctx.inner, *now, *reach, *states[t]
            )
            dh = torch.bmm(dr[t], wh)
        dh = dh.to(own)
        d = [d[0] + (dh if drop is None else dh * _at(drop, 0)), *d[1:]]
        dx, dr = (torch.stack(g, dim=1).flatten(1, 2) for g in (dx, dr))  # (M, T B, GH)
        dbias, low = dx.sum(1), dx.to(wx.dtype)
        dwx = torch.bmm(low.mT, given.flatten(1, 2)).to(own)
        dwh = torch.bmm(dr.mT, torch.stack(read[:-1], dim=1).flatten(1, 2)).to(own)
        dinput = dinner = None
        if ctx.needs_input_grad[3]:
            dinput = torch.bmm(low, wx).view(given.shape).to(own)
        if ctx.inner is not None:
            dinner = dr.to(own).sum(1)[:, -ctx.inner_size :]
        return None, None, None, dinput, dwx, dwh, dbias, dinner, *d


def _every(mask, like: Tensor) -> Tensor | None:
    """A mask as a tensor; None where it is the number one."""
    return None if isinstance(mask, float) and mask == 1.0 else _always(mask, like)


def _always(mask, like: Tensor) -> Tensor:
    return mask if isinstance(mask, Tensor) else like.new_full((1, 1, 1, 1), mask)


def _now(masks, t: int, steps: int):
    """Of the masks of a layer those that the kernels of step t are given."""
    update, on_c, carry, drop = masks
    following = min(t + 1, steps - 1)
    return _at(update, t), _at(on_c, t), tuple(_at(c, t) for c in carry), _at(drop, following)


def _at(values: Tensor | None, t: int) -> Tensor | None:
    """values (M, T or 1, ...) at step t; not as a view, whose base would be compiled into it."""
    return None if values is None else values[:, t if values.shape[1] > 1 else 0].data
