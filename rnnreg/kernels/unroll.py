"""The time loop of one layer: the plain one, which defines the result, and the fast ones.

`unroll` chooses by cell, device and precision alone; never by timing, so that equal runs take equal
paths. "native" is a compiled loop for a CPU in single precision, for the cells that it knows;
"fused" is the loop of a GPU, for every cell; "plain" is for all else. The vendor's kernel takes no
part: on a CPU the native loop is faster, masked or not, and on a GPU it runs one member at a time.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.cells.base import Cell, State
from rnnreg.errors import out_of_memory
from rnnreg.kernels import fused
from rnnreg.kernels.native import recurrence as native
from rnnreg.kernels.normalise import Norm, Normaliser

VECTOR = 32  # single-precision numbers that a CPU takes at once, twice over

Mask = Tensor | float  # (M, T or 1, B, H), or a number that holds everywhere; 1.0 is no mask


@dataclass(frozen=True)
class Masks:
    """The masks of one layer's recurrence, and how much of each new state is taken (zoneout)."""

    recurrent: Mask = 1.0  # on h before the recurrent product
    update: Mask = 1.0  # on the candidate
    carry: tuple[Mask, ...] = ()  # a state each: lerp(old, new, carry); () takes all of the new
    cell: Mask = 1.0  # on the new c, for cells that have one


def unroll(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks
) -> tuple[Tensor, State]:
    """Run one layer over all T steps.

    x         (M, T, B, D)
    weights   input (M, GH, D), recurrent (M, GH, H), bias (M, GH), and, for a cell that has
              them, recurrent_bias (M, recurrent_biases x H)
    state     (M, B, H) each
    returns   h at every step (M, T, B, H), and the state after the last
    """
    taken = path(cell, x.device)
    if taken == "native" and native.takes(x, weights, state, masks):
        return native.unroll(cell.name, x, weights, state, masks)
    if taken == "fused" and fused.takes(masks):
        return fused.unroll(cell, x, weights, state, masks, fused.compiled(cell))
    return plain(cell, x, weights, state, masks)


def path(cell: type[Cell], device: torch.device, normalised: str | None = None) -> str:
    """How a device computes a cell's recurrence, as records name it: native, fused or plain.

    `normalised` is the kind of a `Norm`.
    """
    if normalised:
        return "plain"
    if device.type == "cpu" and native.knows(cell) and _agrees(cell):
        return "native"
    if device.type == "cuda" and _compiles(cell, torch.device(device.type)):
        return "fused"
    return "plain"


def unroll_normalised(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks, norm: Norm
) -> tuple[Tensor, State, Tensor | None]:
    """As `unroll`, with normalised pre-activations; `weights` hold the gains too.

    returns   also the statistics of the batch, (M, *normalise.statistics_shape), without gradient;
              None where `norm` gives them, or has none
    """
    return plain_normalised(cell, x, weights, state, masks, norm)


def plain(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks
) -> tuple[Tensor, State]:
    """The definition: one step after another, in the words of the cell."""
    return plain_normalised(cell, x, weights, state, masks, None)[:2]


def plain_normalised(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks,
    norm: Norm | None,
) -> tuple[Tensor, State, Tensor | None]:  # fmt: skip
    """The definition of `unroll_normalised`, and, where `norm` is None, of `unroll`."""
    steps, batch = x.shape[1:3]
    hidden = weights["recurrent"].shape[-1]
    if x.device.type == "cpu":
        x, state, masks, norm = _in_whole_vectors(x, state, masks, norm, hidden)
    own = x.dtype  # of all but products, whose precision may be lower
    normal = None if norm is None else Normaliser(norm, cell, weights)
    before = _from_inputs(x, weights, normal)
    recurrent = weights["recurrent"].mT  # (M, H, GH)
    bias = weights.get("recurrent_bias")  # of the last gates
    if bias is not None:
        bias = F.pad(bias, (cell.gates * hidden - bias.shape[1], 0))[:, None]
    outputs = []
    for t in range(steps):
        h = state[0] * at(masks.recurrent, t)
        if normal is not None:
            r = normal.recurrent(torch.bmm(h, recurrent).to(own), t)
            r = r if bias is None else r + bias
        else:
            r = torch.bmm(h, recurrent) if bias is None else torch.baddbmm(bias, h, recurrent)
        given = before[:, t], r.to(own), state, at(masks.update, t)
        if cell.cell_state:
            read = () if normal is None else (partial(normal.cell, t=t),)
            given = *given, at(masks.cell, t), *read
        new = cell.step(*given)
        if masks.carry:
            pairs = zip(state, new, masks.carry, strict=True)
            new = tuple(lerp(old, n, at(carry, t)) for old, n, carry in pairs)
        state = new
        outputs.append(state[0])
    output = torch.stack(outputs, dim=1)[:, :, :batch]
    seen = None if normal is None else normal.statistics()
    return output, tuple(s[:, :batch] for s in state), seen


def _from_inputs(x: Tensor, weights: dict[str, Tensor], normal: Normaliser | None) -> Tensor:
    """W input_t + b of all steps, (M, T, B, GH), normalised before the bias."""
    bias, flat, w = weights["bias"][:, None], x.flatten(1, 2), weights["input"].mT
    if normal is None:
        return torch.baddbmm(bias, flat, w).view(*x.shape[:3], -1).to(x.dtype)
    product = torch.bmm(flat, w).view(*x.shape[:3], -1).to(x.dtype)
    return normal.input(product) + bias[:, None]


def lerp(old: Tensor, new: Tensor, carry: Mask) -> Tensor:
    """old + carry x (new - old): exactly `old` where carry is 0, and `new` where it is 1."""
    carry = carry.to(new.dtype) if isinstance(carry, Tensor) else carry
    return torch.lerp(old, new, carry)


def _in_whole_vectors(x: Tensor, state: State, masks: Masks, norm: Norm | None, hidden: int):
    """The same with more sequences, copies of the last, so that a member fills whole vectors.

    A CPU computes the last few entries of a tensor by other code than those before, and sigmoid is
    rounded differently there. Whether a member's entries are among them must not depend on how many
    members there are.
    """
    batch, every = x.shape[2], VECTOR // math.gcd(VECTOR, hidden)
    whole = -(-batch // every) * every
    if whole == batch:
        return x, state, masks, norm
    rows = torch.arange(whole).clamp(max=batch - 1)

    def more(values):
        if not isinstance(values, Tensor) or values.shape[-2] != batch or batch == 1:
            return values
        return values[..., rows, :]

    if norm is not None:
        length = torch.full((1, batch), x.shape[1]) if norm.length is None else norm.length
        norm = replace(norm, length=F.pad(length, (0, whole - batch)))  # copies do not count
    carry = tuple(map(more, masks.carry))
    masks = Masks(more(masks.recurrent), more(masks.update), carry, more(masks.cell))
    return x[:, :, rows], tuple(s[:, rows] for s in state), masks, norm


def at(mask: Mask, t: int) -> Mask:
    """A mask at step t: (M, B, H), or the number that it is."""
    if isinstance(mask, float):
        return mask
    return mask[:, t if mask.shape[1] > 1 else 0]


@cache
def _agrees(cell: type[Cell]) -> bool:
    """Whether the compiled loop computes what the cell's file says, tried once on a small case."""

    def loop(cell, *given):
        return native.unroll(cell.name, *given)

    masks = Masks(update=0.5, carry=(0.75,) * cell.states, cell=0.5)
    same = _same(cell, loop, masks, torch.device("cpu"))
    if not same:
        warnings.warn(
            f"rnnreg/cells/{cell.name}.py no longer says what the compiled loop computes, "
            "so it takes the plain loop, several times slower. Remedy: change the two alike.",
            stacklevel=2,
        )
    return same


@cache
def _compiles(cell: type[Cell], device: torch.device) -> bool:
    """Whether torch compiles the cell's step for a device, and rightly; tried on a small case."""
    try:
        kernels = fused.compiled(cell)
        same = _same(cell, lambda *given: fused.unroll(*given, kernels), Masks(), device)
        why = "its results differ from the plain loop's"
    except Exception as error:  # whatever a compiler for some device throws
        if out_of_memory(error):
            raise
        told = str(error).strip().partition("\n")[0].rstrip(".")
        same, why = False, f"{type(error).__name__}: {told}"
    if not same:
        warnings.warn(
            f"torch.compile fails on rnnreg/cells/{cell.name}.py for {device}, so it takes the "
            f"plain loop, several times slower: {why}. Remedy: torch.compile needs Triton.",
            stacklevel=2,
        )
    return same


def _same(cell: type[Cell], loop: Callable, masks: Masks, device: torch.device) -> bool:
    """Whether a loop equals the plain one in values and gradients, on a small case.

    In single precision, whatever that of training is.
    """
    products = torch.backends.cuda.matmul
    lower, products.allow_tf32 = products.allow_tf32, False
    try:
        with torch.autocast(device.type, enabled=False), torch.enable_grad():
            return _same_in_single_precision(cell, loop, masks, device)
    finally:
        products.allow_tf32 = lower


def _same_in_single_precision(cell, loop, masks, device) -> bool:
    gates = cell.gates * 5
    shapes = {"x": (2, 2, 3, 4), "input": (2, gates, 4), "recurrent": (2, gates, 5)}
    shapes |= {"bias": (2, gates), "recurrent_bias": (2, 5 * cell.recurrent_biases)}
    shapes |= {f"state{i}": (2, 3, 5) for i in range(cell.states)}
    results = []
    for own in (plain, loop):
        given = {
            n: torch.linspace(-1, 1.5, torch.Size(s).numel(), device=device)
            for n, s in shapes.items()
            if s[-1]
        }
        given = {n: v.view(shapes[n]).cos().requires_grad_() for n, v in given.items()}
        state = tuple(v for n, v in given.items() if n.startswith("state"))
        output, last = own(cell, given["x"], given, state, masks)
        total = output.square().sum() + sum(s.sum() for s in last)
        results.append([output, *torch.autograd.grad(total, list(given.values()))])
    return all(torch.allclose(a, b, rtol=1e-3, atol=1e-4) for a, b in zip(*results, strict=True))
