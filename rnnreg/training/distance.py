"""How far the gradient of a trained model reaches: its norm at h, some steps before the end."""

from functools import partial

import torch
from torch import Tensor

from rnnreg.regularizers.base import Regularizer
from rnnreg.tasks import Task
from rnnreg.trace import Batch, Trace
from rnnreg.training.model import forward
from rnnreg.training.population import Population

SEQUENCES = 8  # of the training data, the same for all members
STEPS = 32  # of a sequence at the most, where there is a target at every step


def gradient_by_distance(population: Population, reg: Regularizer) -> Tensor:
    """|dL/dh(T - k)| of the final weights, at k = 0, 1, 2, 4, ... below T: (M, distances).

    L is the loss of a sequence's last target, without penalty, in evaluation: weights and masks
    have their expected values. h are those of all layers at one step together, and T is the
    sequence's own length; each norm is a mean over the sequences that are so long. It falls to
    zero where gradients vanish, and grows where they explode (Bengio, Simard and Frasconi 1994,
    Learning long-term dependencies with gradient descent is difficult, IEEE Trans. Neural
    Networks 5(2); Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063). Not measured, and empty,
    where there is a decoder, whose targets have steps of their own.
    """
    network, task = population.setting.network, population.task
    if network.decoder:
        return torch.zeros(len(population.strengths), 0)
    key, index = population.batches.portions("sample")[0]
    batch = _some(population.batches.batch("sample", key, index), task)
    noise = population.noise.expected()
    weights = {n: w.detach() for n, w in reg.weights(population.final, noise).items()}
    members = len(weights["output_bias"])
    steps, sequences = batch.x.shape[1:3]
    shapes = [(members, steps, sequences, network.width(i)) for i in range(network.layers)]
    probes = [weights["output_bias"].new_zeros(s).requires_grad_() for s in shapes]
    mask = partial(reg.mask, noise=noise)
    shift = partial(reg.shift, noise=noise, weights=weights) if reg.uses("shift") else None
    with torch.enable_grad():
        trace = forward(network, weights, batch, mask, shift=shift, probes=probes)
        loss = _of_last(task, trace)
    grads = torch.autograd.grad(loss.sum(), probes)
    norms = sum(g.double().square().sum(-1) for g in grads).sqrt()  # (M, T, B)
    ends = _ends(batch)
    apart = distances(max(int(ends.max()) + 1, 1))
    return torch.stack([_mean_at(norms, ends - k) for k in apart], dim=1)


def distances(steps: int) -> list[int]:
    """Steps from the end at which the norm is measured.

    >>> distances(9)
    [0, 1, 2, 4, 8]
    """
    return [0] + [1 << i for i in range((steps - 1).bit_length())]


def _some(batch: Batch, task: Task) -> Batch:
    """A few of the sequences, evenly spread; of long ones that have a target at every step, the
    first steps."""
    every = max(batch.x.shape[2] // SEQUENCES, 1)

    def few(t: Tensor | None, axis: int) -> Tensor | None:
        if t is None:
            return None
        t = t[:, :STEPS] if axis == 2 and task.every_step else t
        return t[(slice(None),) * axis + (slice(None, SEQUENCES * every, every),)]

    at = 2 if task.every_step else 1
    weight = few(batch.weight, at)
    return Batch(few(batch.x, 2), few(batch.y, at), weight, few(batch.length, 1))


def _ends(batch: Batch) -> Tensor:
    """The last step of each sequence, (1, B); -1 of one without any."""
    if batch.length is not None:
        return batch.length - 1
    if batch.weight is not None and batch.weight.shape[:3] == batch.x.shape[:3]:
        return batch.weight.sum(1).long() - 1
    return torch.full(batch.x[:, 0, :].shape[:2], batch.x.shape[1] - 1, device=batch.x.device)


def _of_last(task: Task, trace: Trace) -> Tensor:
    """The loss of each member's last targets, summed over sequences: (M,)."""
    batch, weight = trace.batch, trace.batch.weight
    members, sequences = len(trace.output), batch.x.shape[2]
    y = batch.y.expand(members, *batch.y.shape[1:])
    if task.every_step:
        time = torch.arange(batch.x.shape[1], device=batch.x.device)[:, None]
        weight = (time == _ends(batch)[:, None]).float()
    if weight is not None:
        weight = weight.expand(members, *weight.shape[1:])
    return sequences * task.loss(trace.output, y, weight)


def _mean_at(norms: Tensor, step: Tensor) -> Tensor:
    """Mean of norms (M, T, B) over the sequences, at a step of each (1, B): (M,)."""
    there = (step >= 0).double()
    at = step.clamp(min=0).expand(len(norms), 1, -1)
    return (norms.gather(1, at)[:, 0] * there).sum(1) / there.sum(1)
