"""The compiled time loop of a layer, with its gradients, as one function of tensors."""

import ctypes
from ctypes import c_int, c_int64, c_void_p
from dataclasses import dataclass

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library


@dataclass(frozen=True)
class Kernel:
    """What the source knows of one cell: facts of its class, and how much it keeps."""

    index: int  # in `with` of recurrence.cpp
    gates: int
    states: int
    recurrent_biases: int
    kept: int  # floats a unit and step for the backward pass


KERNELS = {
    "elman_tanh": Kernel(0, gates=1, states=1, recurrent_biases=0, kept=1),
    "elman_relu": Kernel(1, gates=1, states=1, recurrent_biases=0, kept=1),
    "gru": Kernel(2, gates=3, states=1, recurrent_biases=1, kept=4),
    "lstm": Kernel(3, gates=4, states=2, recurrent_biases=0, kept=5),
    "elman_sigmoid": Kernel(4, gates=1, states=1, recurrent_biases=0, kept=1),
    "gru_tanh": Kernel(5, gates=3, states=1, recurrent_biases=1, kept=4),
}


class _Mask(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("member", c_int64), ("time", c_int64)]


class _Layer(ctypes.Structure):  # field by field the struct in layer.h
    _fields_ = [
        *((n, c_int64) for n in ("members", "steps", "batch", "inputs", "hidden")),
        *((n, c_void_p) for n in ("x", "input", "recurrent", "bias", "recurrent_bias")),
        ("x_member", c_int64),
        ("drop", _Mask),
        ("update", _Mask),
        ("cell", _Mask),
        ("carry", _Mask * 2),
        ("drop_x", _Mask),
        ("states", c_void_p * 2),
        ("state_time", c_int64 * 2),
        ("kept", c_void_p),
        ("dropped", c_void_p),
        ("doutput", c_void_p),
        ("doutput_member", c_int64),
        ("doutput_time", c_int64),
        ("dstates", c_void_p * 2),
        *((n, c_void_p) for n in ("dx", "dinput", "drecurrent", "dbias", "drecurrent_bias")),
    ]


def knows(cell) -> bool:
    """Whether there is a compiled loop for a cell with these gates, states and biases."""
    kernel = KERNELS.get(cell.name)
    if kernel is None or library() is None:
        return False
    facts = (kernel.gates, kernel.states, kernel.recurrent_biases)
    return facts == (cell.gates, cell.states, cell.recurrent_biases)


def takes(x: Tensor, weights: dict[str, Tensor], state, masks) -> bool:
    """Whether all is single precision on a CPU, and no gradient of a mask or of h is asked for."""
    if masks.probe is not None:
        return False
    given = (masks.input, masks.recurrent, masks.update, *masks.carry, masks.cell)
    given = [m for m in given if isinstance(m, Tensor)]
    tensors = [x, *weights.values(), *state, *given]
    fit = all(t.dtype == torch.float32 and t.device.type == "cpu" for t in tensors)
    return fit and x.numel() > 0 and not any(m.requires_grad for m in given)


def unroll(name: str, x: Tensor, weights: dict[str, Tensor], state, masks):
    """As `kernels.unroll.unroll`, for a cell that it `knows` and arguments that it `takes`."""
    w = [weights.get(n) for n in ("input", "recurrent", "bias", "recurrent_bias")]
    output, *last = Recurrence.apply(name, masks, x, *w, *state)
    return output, tuple(last)


class Recurrence(torch.autograd.Function):
    """The whole loop with its gradients."""

    @staticmethod
    def forward(ctx, name, masks, x, *weights_and_state):
        weights, state = weights_and_state[:4], weights_and_state[4:]
        layer, keep = layer_of(masks, x, *weights)
        return run_forward(ctx, Loop(name, layer, keep), x, state)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, doutput, *dlast):
        dx, grads, dstates = run_backward(ctx, ctx.needs_input_grad[2], doutput, dlast)
        return None, None, dx, *grads, *dstates


@dataclass
class Loop:
    """What one call of the compiled loop is given, and the tensors that its pointers lead to."""

    name: str
    layer: _Layer
    keep: dict
    kind: int = 0  # in `with` of recurrence.cpp: which normalisation, if any
    norm: ctypes.Structure | None = None

    def call(self, function: str) -> None:
        """Run it forward or backward."""
        norm = None if self.norm is None else ctypes.byref(self.norm)
        given = c_int(KERNELS[self.name].index), c_int(self.kind), ctypes.byref(self.layer), norm
        if getattr(library(), function)(*given):
            raise MemoryError("the time loop found no working memory")


def run_forward(ctx, loop: Loop, x: Tensor, state) -> tuple[Tensor, ...]:
    """h of all steps and the last state; what gradients need is kept in the context."""
    members, steps, batch, _ = x.shape
    layer, keep, hidden = loop.layer, loop.keep, loop.layer.hidden
    training = any(ctx.needs_input_grad)
    # The states of all steps: h is the output, c is kept for gradients alone.
    rows = [steps + 1, steps + 1 if training else 1][: len(state)]
    states = [x.new_empty(members, n, batch, hidden) for n in rows]
    for i, (s, buffer) in enumerate(zip(state, states, strict=True)):
        buffer[:, 0] = s
        layer.states[i] = buffer.data_ptr()
        layer.state_time[i] = batch * hidden if buffer.shape[1] > 1 else 0
    if training:
        keep["kept"] = x.new_empty(members, steps, batch, KERNELS[loop.name].kept, wide(hidden))
        layer.kept = keep["kept"].data_ptr()
        ctx.loop, ctx.states = loop, states
        ctx.set_materialize_grads(False)
    loop.call("rnnreg_forward")
    return states[0][:, 1:], *(s[:, -1].clone() for s in states)


def run_backward(ctx, to_x: bool, doutput: Tensor | None, dlast):
    """Gradients of x, or None, of each of the four weights, or None, and of the state."""
    layer = ctx.loop.layer
    x, *weights = ctx.loop.keep["given"]
    if doutput is not None:
        if not doutput[0, 0].is_contiguous():
            doutput = doutput.contiguous()
        layer.doutput = doutput.data_ptr()
        layer.doutput_member, layer.doutput_time = doutput.stride()[:2]
    else:
        layer.doutput = None
    like = ctx.states[0][:, 0]
    dstates = [
        torch.zeros_like(like, memory_format=torch.contiguous_format)
        if d is None
        else d.clone(memory_format=torch.contiguous_format)
        for d in dlast
    ]
    for i, d in enumerate(dstates):
        layer.dstates[i] = d.data_ptr()
    dx = torch.empty(x.shape) if to_x else None
    grads = [torch.empty(w.shape) if w is not None else None for w in weights]
    names = ("dx", "dinput", "drecurrent", "dbias", "drecurrent_bias")
    for n, g in zip(names, (dx, *grads), strict=True):
        setattr(layer, n, None if g is None else g.data_ptr())
    ctx.loop.call("rnnreg_backward")
    return dx, grads, dstates


def wide(units: int) -> int:
    """Units padded to whole vectors."""
    lanes = library().rnnreg_lanes()
    return -(-units // lanes) * lanes


def layer_of(masks, x, *weights):
    """The struct, and the tensors that it points to."""
    members, steps, batch, inputs = x.shape
    hidden = weights[1].shape[-1]
    if not x[0].is_contiguous():
        x = x.contiguous()
    given = [x, *(w if w is None else w.contiguous() for w in weights)]
    layer = _Layer(
        members, steps, batch, inputs, hidden, *(w if w is None else w.data_ptr() for w in given)
    )
    layer.x_member = x.stride(0)
    shape, held = (members, steps, batch, hidden), []
    layer.drop = _mask(masks.recurrent, shape, held)
    layer.update = _mask(masks.update, shape, held)
    layer.cell = _mask(masks.cell, shape, held)
    for i, carry in enumerate(masks.carry):
        layer.carry[i] = _mask(carry, shape, held)
    layer.drop_x = _mask(masks.input, x.shape, held)
    return layer, {"given": given, "masks": held}


def _mask(mask, shape: tuple[int, ...], held: list) -> _Mask:
    if not isinstance(mask, Tensor):
        if mask == 1.0:
            return _Mask(None, 0, 0)
        mask = torch.full((1, 1, 1, 1), mask)
    if mask.shape[2:] != shape[2:] or not mask[0, 0].is_contiguous():
        mask = mask.expand(*mask.shape[:2], *shape[2:]).contiguous()
    held.append(mask)
    member, time = (mask.stride(i) if mask.shape[i] > 1 else 0 for i in (0, 1))
    return _Mask(mask.data_ptr(), member, time)
