"""Training losses beside a task's own: what `loss` of a budget names.

The first of a task is its own. Whatever a member is trained on, it is validated and scored by the
task's own loss. Penalties are added to either.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from rnnreg.tasks import (
    Classification,
    Forecast,
    LanguageModel,
    Polyphony,
    Task,
    Transduction,
    mean_over_targets,
)  # fmt: skip

Each = Callable[[Tensor, Tensor], Tensor]  # output and targets -> the loss of each target


def absolute(output: Tensor, y: Tensor) -> Tensor:
    """|output - y|, each column and row ahead a target of its own."""
    return (output.view(y.shape) - y).abs()


def huber(output: Tensor, y: Tensor) -> Tensor:
    """e^2 / 2 where |e| < 1, else |e| - 1/2, of the error e (Huber 1964; torch.nn.HuberLoss)."""
    return F.huber_loss(output.view(y.shape), y, reduction="none")


def of_probabilities(output: Tensor, y: Tensor) -> Tensor:
    """Sum over classes of (p - t)^2, p the softmax and t 1 for the true class, else 0 (Brier 1950).

    >>> import torch
    >>> of_probabilities(torch.tensor([[[0.0, 0.0]]]), torch.tensor([[1]]))
    tensor([[0.5000]])
    """
    p = output.softmax(-1)
    return p.square().sum(-1) + 1 - 2 * p.gather(-1, y[..., None])[..., 0]


def of_keys(output: Tensor, y: Tensor) -> Tensor:
    """Sum over keys of (p - y)^2, p the sigmoid."""
    return (output.sigmoid() - y).square().sum(-1)


LOSSES: dict[type[Task], dict[str, Each | None]] = {
    Forecast: {"squared": None, "absolute": absolute, "huber": huber},
    Classification: {"cross_entropy": None, "squared": of_probabilities},
    LanguageModel: {"cross_entropy": None, "squared": of_probabilities},
    Transduction: {"cross_entropy": None, "squared": of_probabilities},
    Polyphony: {"cross_entropy": None, "squared": of_keys},
}


def of(task: Task) -> dict[str, Each | None]:
    """The losses that a task, or one made from it, has by name."""
    return next(own for kind, own in LOSSES.items() if isinstance(task, kind))


@dataclass(frozen=True)
class Objective:
    """A training loss in place of a task's own; it is asked as a task is."""

    each: Each

    def loss(self, output: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean loss over each member's targets, (M,)."""
        return mean_over_targets(self.each(output, y), weight)


def objective(task: Task, name: str) -> Task | Objective:
    """What a budget's `loss` trains on; "" is the task's own."""
    each = of(task)[name] if name else None
    return Objective(each) if each else task
