"""What a row fixes for its members: its names and numbers, resolved and checked."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rnnreg.cells.base import Cell
from rnnreg.data.benchmark import Benchmark, Budget
from rnnreg.errors import UserError
from rnnreg.network import Network
from rnnreg.regularizers import Chain, Regularizer, _checks
from rnnreg.regularizers._combination import of_row
from rnnreg.study import registry
from rnnreg.study.study import Row
from rnnreg.study.variants import applied, base
from rnnreg.tasks import Task
from rnnreg.trace import Data
from rnnreg.training import scaling, schedules
from rnnreg.training.build import build
from rnnreg.training.noisy import noisy
from rnnreg.training.objectives import of as losses
from rnnreg.training.optimizers import OPTIMIZERS
from rnnreg.training.start import Start

PRECISIONS = ("float32", "tf32", "bfloat16")  # of matrix products on a GPU


@dataclass(frozen=True)
class Setting:
    """All that a row fixes for its members."""

    benchmark: type[Benchmark]
    cell: type[Cell]
    regularizer: type[Regularizer]
    budget: Budget
    network: Network
    splits: dict[str, dict[str, np.ndarray]]
    facts: dict  # of the prepared data
    device: torch.device
    start: Start | None = None  # where the members start, if another row's weights are that

    def regularizers(self, strength: Tensor) -> Regularizer:
        """The regularizer; after it the benchmark's own clip, unless the row clips itself."""
        own = self.regularizer(strength)
        if self.regularizer.clips or math.isinf(self.benchmark.base_clip):
            return own
        clip = registry.load("regularizer", "clip_norm")
        return Chain(own, clip(torch.full_like(strength, self.benchmark.base_clip)))

    @property
    def naive(self) -> dict[str, dict[str, float]]:
        """The scores of the best naive baseline: {"validation" | "test": metrics}."""
        return self.facts["naive"][self.facts["naive_best"]]


def setting(
    row: Row, facts: dict, splits: dict, device: str = "cpu", start: Start | None = None
) -> Setting:
    """Resolve a row's names and numbers; `start` is what it takes of another row's weights."""
    benchmark = applied(registry.load("benchmark", base(row.benchmark)), row.variant)
    cell = registry.load("cell", row.cell)
    budget = replace(benchmark.budget, **row.budget)
    where = f"benchmarks/{benchmark.name}.py (or the study)"
    _check_budget(where, budget, benchmark.task)
    regularizer = of_row(row.regularizer, row.ratios)
    network = build(where, benchmark.model, cell, facts, benchmark.task)
    _checks.attributes(regularizer)
    network = _checks.network(regularizer, network)
    if benchmark.noisy:
        made = noisy(benchmark.task, splits["test"], facts["symbols"], benchmark.noisy)
        splits = {**splits, "noisy": made}
    if own := scaling.scaling(where, budget.scaling, benchmark, facts, splits["train"]):
        benchmark, splits = scaling.applied(own, benchmark, splits)
    made = benchmark, cell, regularizer, budget, network, splits, facts, torch.device(device)
    return Setting(*made, start)


def _check_budget(where: str, budget: Budget, task: Task) -> None:
    allowed = {
        "optimizer": OPTIMIZERS,
        "schedule": schedules.SCHEDULES,
        "precision": PRECISIONS,
        "loss": ("", *losses(task)),
        "scaling": scaling.SCALINGS,
    }
    for key, known in allowed.items():
        if getattr(budget, key) not in known:
            given = f"given '{getattr(budget, key)}', allowed are {', '.join(known)}"
            raise UserError(f"{where}: budget: {key}: {given}.")
    if budget.checks > budget.steps:
        raise UserError(
            f"{where}: budget: checks: given {budget.checks}, allowed is at most one a step, "
            f"{budget.steps}."
        )
    schedules.check(where, budget)
    if budget.summed and not task.every_step:
        raise UserError(
            f"{where}: budget: summed: given true, but the task has one target a sequence, and "
            "nothing to sum over time. Remedy: leave it out."
        )


def known(setting: Setting) -> Data:
    """What a regularizer may know of the training split."""
    if not setting.network.symbols:
        return Data(0, None, setting.benchmark.task.columns(setting.network.inputs))
    train, symbols = setting.splits["train"], setting.network.inputs
    counts = np.bincount(train["tokens" if "tokens" in train else "x"], minlength=symbols)
    return Data(symbols, torch.as_tensor(counts, device=setting.device))
