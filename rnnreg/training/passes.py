"""The gradients of a training step, from the one or two passes that a regularizer asks for."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from rnnreg.kernels.noise import Noise
from rnnreg.regularizers.base import Regularizer
from rnnreg.tasks import Task
from rnnreg.trace import Params, Trace
from rnnreg.training.objectives import Objective

Run = Callable[[Params, Noise, Tensor | None], Trace]  # weights, noise, what is added to the inputs


def differentiate(
    reg: Regularizer,
    task: Task | Objective,
    run: Run,
    params: Params,
    noise: Noise,
    summed: bool = False,
) -> tuple[Tensor, Params, Trace]:
    """Loss without penalty (M,), gradients by name, and the trace of the first pass.

    The loss is the mean over targets. What the gradients are of is that, or, `summed`, the sum over
    a sequence's time steps, averaged over the sequences of the batch; a penalty is added to either.
    """
    if reg.second == "draws":
        return _twice(reg, task, run, params, noise, summed)
    if reg.second == "inputs":
        return _moved_inputs(reg, task, run, params, noise, summed)
    if reg.second == "held":
        return _held_out(reg, task, run, params, noise, summed)
    loss, grads, trace = _once(reg, task, run, params, noise, summed)
    if reg.second == "weights":
        step = reg.ascend(grads, noise)
        there = {n: (p.detach() + step[n]).requires_grad_() for n, p in params.items()}
        _, grads, _ = _once(reg, task, run, there, noise, summed)
    return loss, grads, trace


def _once(reg, task, run, params, noise, summed):
    weights = reg.weights(params, noise)
    trace = run(weights, noise, None)
    loss = _loss(task, trace)
    return loss.detach(), _grads(_penalized(reg, loss, weights, trace, summed), params), trace


def _twice(reg, task, run, params, noise, summed):
    other = noise.apart("twin")
    weights = reg.weights(params, noise)
    twin = run(reg.weights(params, other), other, None)
    trace = replace(run(weights, noise, None), twin=twin)
    loss = (_loss(task, trace) + _loss(task, twin)) / 2
    return loss.detach(), _grads(_penalized(reg, loss, weights, trace, summed), params), trace


def _moved_inputs(reg, task, run, params, noise, summed):
    weights = reg.weights(params, noise)
    at = torch.zeros((), device=noise.seeds.device).requires_grad_()
    trace = run(weights, noise, at)
    loss = _loss(task, trace)
    penalized = _penalized(reg, loss, weights, trace, summed)
    first, (inputs,) = _grads(penalized, params, [trace.inputs])
    moved = reg.ascend({"inputs": inputs}, noise)["inputs"]
    weights = reg.weights(params, noise)
    second = run(weights, noise, moved)
    after = _grads(_penalized(reg, _loss(task, second), weights, second, summed), params)
    return loss.detach(), {n: (g + after[n]) / 2 for n, g in first.items()}, trace


def _held_out(reg, task, run, params, noise, summed):
    weights = reg.weights(params, noise)
    trace = run(weights, noise, None)
    held, some = _part(trace, trace.batch.held)
    trace, most = _part(trace, ~trace.batch.held)
    loss = _loss(task, trace) * most
    beside = torch.autograd.grad(
        (_loss(task, held) * some).sum(), [*params.values()], retain_graph=True,
        materialize_grads=True,
    )  # fmt: skip
    grads = _grads(_penalized(reg, loss, weights, trace, summed), params)
    with torch.no_grad():
        grads = reg.adapt(grads, dict(zip(params, beside, strict=True)), params)
    return loss.detach(), grads, trace


def _part(trace: Trace, chosen: Tensor) -> tuple[Trace, Tensor]:
    """The same trace whose targets are those of the chosen sequences (M, B), and who has any (M,).

    A member without any keeps all targets, so that its loss is a number.
    """
    batch = trace.batch
    if trace.output.ndim == 4:  # a target at every step
        counts = chosen[:, None].expand(-1, trace.output.shape[1], -1)
    else:
        counts = chosen.view(*chosen.shape, *(1 for _ in batch.y.shape[2:]))
    whole = torch.ones_like(counts, dtype=torch.float32) if batch.weight is None else batch.weight
    weight = whole * counts
    some = weight.flatten(1).sum(1) > 0
    weight = torch.where(some.view(-1, *(1 for _ in weight.shape[1:])), weight, whole)
    return replace(trace, batch=replace(batch, weight=weight)), some.float()


def _loss(task: Task | Objective, trace: Trace) -> Tensor:
    return task.loss(trace.output, trace.batch.y, trace.batch.weight)


def _penalized(
    reg: Regularizer, loss: Tensor, weights: Params, trace: Trace, summed: bool
) -> Tensor:
    if summed:
        loss = loss * _targets(trace)
    return loss + reg.penalty(weights, trace) if reg.uses("penalty") else loss


def _targets(trace: Trace) -> Tensor | int:
    """How many targets a sequence of the batch has, on average over its sequences: (M,), or T."""
    weight = trace.batch.weight
    return trace.output.shape[1] if weight is None else weight.flatten(1).sum(1) / weight.shape[2]


def _grads(loss: Tensor, params: Params, more: list[Tensor] | None = None):
    """Gradients by name, zero where a parameter takes no part; and those of `more` tensors."""
    # The sum, never the mean: a member's gradient is then independent of M.
    asked = [*params.values(), *(more or [])]
    found = torch.autograd.grad(loss.sum(), asked, materialize_grads=True)
    grads = dict(zip(params, found[: len(params)], strict=True))
    return grads if more is None else (grads, found[len(params) :])
