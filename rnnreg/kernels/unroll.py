"""The time loop of one layer: which of them computes it, and that the fast ones do so rightly.

`unroll` chooses by cell, device and precision alone; never by timing, so that equal runs take equal
paths. "native" is a compiled loop for a CPU in single precision, for the cells that it knows;
"fused" is the loop of a GPU, for every cell; "plain" defines the result and is for all else, and
for normalised layers on a GPU. The vendor's kernel takes no part: on a CPU the native loop is
faster, masked or not, and on a GPU it runs one member at a time.
"""

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from rnnreg.cells.base import Cell, State
from rnnreg.errors import out_of_memory
from rnnreg.kernels import fused
from rnnreg.kernels.native import normalise as native_norm
from rnnreg.kernels.native import recurrence as native
from rnnreg.kernels.normalise import Norm, parameters, statistics_shape
from rnnreg.kernels.plain import Masks, plain, plain_normalised

__all__ = ["Masks", "path", "plain", "plain_normalised", "unroll", "unroll_normalised"]


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
    if device.type == "cpu" and native.knows(cell) and _agrees(cell, normalised):
        return "native"
    if normalised:
        return "plain"
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
    given = x, weights, state, masks, norm
    if path(cell, x.device, norm.kind) == "native" and native_norm.takes(*given):
        shape = statistics_shape(norm.kind, cell, weights["recurrent"].shape[-1], norm.steps)
        return native_norm.unroll(cell.name, *given, None if norm.kind == "layer" else shape)
    return plain_normalised(cell, *given)


@cache
def _agrees(cell: type[Cell], normalised: str | None = None) -> bool:
    """Whether the compiled loop computes what the cell's file says, tried once on a small case."""
    norm = None if normalised is None else Norm(normalised)

    def loop(cell, *given):
        if norm is None:
            return native.unroll(cell.name, *given)
        return native_norm.unroll(cell.name, *given, norm, None)[:2]

    masks = Masks(update=0.5, carry=(0.75,) * cell.states, cell=0.5)
    same = _same(cell, loop, masks, torch.device("cpu"), norm)
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


def _same(
    cell: type[Cell], loop: Callable, masks: Masks, device: torch.device, norm: Norm | None = None
) -> bool:
    """Whether a loop equals the plain one in values and gradients, on a small case.

    In single precision, whatever that of training is.
    """
    products = torch.backends.cuda.matmul
    lower, products.allow_tf32 = products.allow_tf32, False
    try:
        with torch.autocast(device.type, enabled=False), torch.enable_grad():
            return _same_in_single_precision(cell, loop, masks, device, norm)
    finally:
        products.allow_tf32 = lower


def _same_in_single_precision(cell, loop, masks, device, norm) -> bool:
    gates = cell.gates * 5
    shapes = {"x": (2, 2, 3, 4), "input": (2, gates, 4), "recurrent": (2, gates, 5)}
    shapes |= {"bias": (2, gates), "recurrent_bias": (2, 5 * cell.recurrent_biases)}
    shapes |= {f"state{i}": (2, 3, 5) for i in range(cell.states)}
    definition = plain
    if norm is not None:
        shapes |= {n: (2, *s) for n, s in parameters(norm.kind, cell, 5).items()}
        definition = lambda *given: plain_normalised(*given, norm)[:2]  # noqa: E731
    results = []
    for own in (definition, loop):
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
