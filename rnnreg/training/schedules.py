"""Schedules: the learning rate as a share of its first value.

Three of them go by numbers of the budget, and are each paper's own: after `hold` epochs the rate of
"exponential" is divided by `factor` from epoch to epoch; that of "plateau" is divided by `factor`
whenever more than `patience` checks in a row have not improved on the best validation loss; that
of "range_test" is multiplied by `factor` from step to step.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from rnnreg.data.benchmark import Budget
from rnnreg.errors import UserError

# The share at a step, from the budget, the step (from 0) and the steps of an epoch.
SCHEDULES: dict[str, Callable[[Budget, int, int], float]] = {
    "constant": lambda budget, step, epoch: 1.0,
    "linear": lambda budget, step, epoch: 1 - step / budget.steps,
    "cosine": lambda budget, step, epoch: (1 + math.cos(math.pi * (step / budget.steps))) / 2,
    "exponential": lambda budget, step, epoch: (
        budget.factor ** -max(step // epoch + 1 - budget.hold, 0)
    ),
    "plateau": lambda budget, step, epoch: 1.0,  # moves at checks: see `drops`
    "range_test": lambda budget, step, epoch: budget.factor**step,  # see rates.py
}
OWN = {  # numbers they go by
    "exponential": ("factor", "hold"), "plateau": ("factor", "patience"), "range_test": ("factor",)
}  # fmt: skip


def check(where: str, budget: Budget) -> None:
    """UserError where a schedule lacks its factor, or a number is given that it does not go by."""
    own = OWN.get(budget.schedule, ())
    for key in ("factor", "hold", "patience"):
        if getattr(budget, key) != getattr(Budget, key) and key not in own:
            users = " and ".join(name for name, keys in OWN.items() if key in keys)
            raise UserError(
                f"{where}: budget: {key}: given {getattr(budget, key)}, but the schedule "
                f"'{budget.schedule}' does not go by it. Remedy: leave it out, or take {users}."
            )
    if own and not 1 < budget.factor < math.inf:
        raise UserError(
            f"{where}: budget: factor: given {budget.factor}, allowed are numbers above 1: what "
            f"the schedule '{budget.schedule}' "
            f"{'multiplies' if budget.schedule == 'range_test' else 'divides'} the rate by."
        )
    if budget.schedule == "range_test" and budget.steps * math.log10(budget.factor) > 30:
        raise UserError(
            f"{where}: budget: factor: given {budget.factor}, which makes the rate 1e30 times as "
            f"large, or more, in {budget.steps} steps. Remedy: a factor nearer to 1."
        )


def drops(losses: Tensor, patience: int) -> Tensor:
    """How often a plateau was met in losses (checks, M), oldest first: (M,).

    As torch.optim.lr_scheduler.ReduceLROnPlateau counts with a threshold of 0. NaN is no
    improvement.

    >>> drops(torch.tensor([[3.0], [3.5], [2.0], [2.0], [2.5]]), 0)
    tensor([3])
    >>> drops(torch.tensor([[3.0], [3.5], [2.0], [2.0], [2.5]]), 1)
    tensor([1])
    """
    best = torch.full_like(losses[0], math.inf)
    waited = torch.zeros_like(best, dtype=torch.int64)
    found = torch.zeros_like(waited)
    for loss in losses:
        waited = (waited + 1).where(~(loss < best), 0)
        best = torch.fmin(best, loss)
        dropped = waited > patience
        found += dropped
        waited = waited.where(~dropped, 0)
    return found
