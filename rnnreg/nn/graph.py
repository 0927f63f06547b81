"""A fast loop as a part of somebody else's graph.

No memory of it outlives the graph, what is changed in place is found, and gradients of gradients
come from the plain loop.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Loop = tuple[type[torch.autograd.Function], tuple]  # and what it is given before the tensors


def run(loop: Loop | None, exact: Callable, tensors: list[Tensor | None]) -> tuple[Tensor, ...]:
    """What a fast loop makes of tensors, or, where there is none, the plain one: `exact`."""
    if loop is None:
        return exact(*tensors)
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors):
        return _Node.apply(loop, exact, *tensors)
    function, given = loop
    return function.forward(_Kept([False] * len(tensors), given), *given, *tensors)


class _Kept:
    """Stands in for autograd's context: what a fast loop keeps for its gradients."""

    def __init__(self, needs: list[bool], given: tuple):
        self.needs_input_grad = (*(False for _ in given), *needs)

    def set_materialize_grads(self, value: bool) -> None:
        """It gets None for a gradient that is zero, always."""

    def save_for_backward(self, *tensors: Tensor) -> None:
        self.saved_tensors = tensors


class _Node(torch.autograd.Function):
    """What the fast loop keeps hangs on a tensor that autograd saves, and so frees."""

    @staticmethod
    def forward(ctx, loop, exact, *tensors):
        function, given = loop
        held = torch.empty(0)
        held.kept = _Kept(ctx.needs_input_grad[2:], given)
        found = function.forward(held.kept, *given, *tensors)
        held.output, held.version = found[0], found[0]._version
        ctx.loop, ctx.exact = loop, exact
        ctx.save_for_backward(held, *tensors)
        ctx.set_materialize_grads(False)
        return found[0].detach(), *found[1:]

    @staticmethod
    def backward(ctx, *gradients):
        held, *tensors = ctx.saved_tensors
        if torch.is_grad_enabled() or not hasattr(held, "kept"):  # what was saved may be a copy
            return None, None, *_again(ctx.exact, tensors, gradients)
        if held.output._version != held.version:
            raise RuntimeError(
                "the output of a layer of rnnreg.nn was changed in place before its gradient was "
                "computed. Remedy: change a copy, as in output.clone()."
            )
        function, given = ctx.loop
        return None, None, *function.backward(held.kept, *gradients)[len(given) :]


def _again(exact: Callable, tensors, gradients) -> list[Tensor | None]:
    """Gradients of the tensors by the plain loop; they have gradients where that is asked for."""
    further = torch.is_grad_enabled()
    with torch.enable_grad():
        found = exact(*tensors)
    there = [(f, g) for f, g in zip(found, gradients, strict=True) if g is not None]
    asked = [t for t in tensors if t is not None and t.requires_grad]
    outputs, given = zip(*there, strict=True)
    grads = torch.autograd.grad(outputs, asked, given, create_graph=further, allow_unused=True)
    found = iter(grads)
    return [next(found) if t is not None and t.requires_grad else None for t in tensors]
