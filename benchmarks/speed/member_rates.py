"""What a learning rate of its own for each member costs: a training step against one rate for all.

Whole steps of populations as in training, and the optimizer's part of them alone. With one rate the
optimizer is the same code, to which all members are one: a rate is read once and not for each.
"""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import inf

import cost
import numpy as np
import timing
import torch
from contenders import Case

from rnnreg.trace import Params
from rnnreg.training.optimizers import OPTIMIZERS
from rnnreg.training.population import Population

NAMES = ["adam", "sgd"]
RATES = 1e-4, 1e-2


class OneRate:
    """An optimizer that takes the first member's rate for all."""

    def __init__(self, params: Params, name: str):
        self.own = OPTIMIZERS[name](as_one(params))
        self.moments, self.numbers = self.own.moments, self.own.numbers

    def __call__(self, params: Params, grads: Params, rate: torch.Tensor, *numbers) -> torch.Tensor:
        """Take a step; returns the norm of the gradient of all members, for each of them."""
        norm = self.own(as_one(params), as_one(grads), rate[:1], *numbers)
        return norm.expand(len(rate))


def as_one(params: Params) -> Params:
    """Of (M, ...) each as (1, M x ...), which shares its memory where it is contiguous."""
    return {name: p.reshape(1, -1) for name, p in params.items()}


def measure(repeats: int) -> Iterator[dict]:
    """A line a cell, size and optimizer: the median over rounds of the ratio, whole and alone."""
    for case in (replace(case, cell=cell) for cell in cost.CELLS for case in cost.CASES):
        for name in NAMES:
            several = {one: population(case, name, one) for one in (True, False)}
            steps = timing.rounds({one: p.step for one, p in several.items()}, repeats, inf)
            updates = {one: update(several[one], name, one) for one in several}
            alone = timing.rounds(updates, 10 * repeats, inf)
            yield {
                **{key: getattr(case, key) for key in (*cost.SIZES, "members")},
                "optimizer": name,
                "step": statistics.median(steps[False]) / case.members,
                "step_ratio": ratio(steps),
                "update": statistics.median(alone[False]) / case.members,
                "update_ratio": ratio(alone),
            }


def population(case: Case, name: str, one: bool) -> Population:
    """Members without regularization, each at its own rate or all at one."""
    job = cost.setting(case, "none", cost.benchmarks(case)[0])
    job = replace(job, budget=replace(job.budget, optimizer=name))
    count = case.members
    made = Population(job, [0.0] * count, list(range(count)), np.geomspace(*RATES, count).tolist())
    if one:
        made.optimizer = OneRate(made.params, name)
    return made


def update(members: Population, name: str, one: bool) -> Callable:
    """The optimizer's part of a step, on copies of the weights, which it moves."""
    params = {n: p.detach().clone() for n, p in members.params.items()}
    grads = {n: torch.randn_like(p) for n, p in params.items()}
    rate = members.rate
    if one:
        params, grads, rate = as_one(params), as_one(grads), rate[:1]
    optimizer = OPTIMIZERS[name](params)
    return partial(optimizer, params, grads, rate, *optimizer.numbers(cost.STEPS))


def ratio(times: dict[bool, list[float]]) -> float:
    """A rate each against one for all: the median over rounds."""
    return statistics.median(a / b for a, b in zip(times[False], times[True], strict=True))
