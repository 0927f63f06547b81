"""Whether there is something to regularize: how a benchmark trains with no regularizer.

A benchmark over-fits where, at the best check of its best learning rate, validation loss less
training loss, both in evaluation, is at least GAP of the validation loss, the lower end of the
interval over seeds is above LOW, and the best check of the first 70% of the steps is within LATE
of the best of all. For a series validation is not what comes after train, which may differ for
other reasons, but blocks of targets inside it that are left out of training.
"""

import math
import statistics
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rnnreg.data.benchmark import OVER_FITS, Arrays
from rnnreg.data.checks import size
from rnnreg.study import regimes
from rnnreg.study.study import Row, Study
from rnnreg.tasks import Forecast, LanguageModel
from rnnreg.training.capture import populate
from rnnreg.training.population import Setting, setting

GAP, LOW, LATE, EARLY = 0.10, 0.05, 0.01, 0.7
RATES = tuple(float(f"{rate:.3g}") for rate in np.geomspace(3e-4, 3e-2, 7))
CELLS = ("gru", "lstm")
CHOOSING, MEASURING = (2000, 2001), (3000, 3001, 3002, 3003, 3004)  # seeds of no study
BLOCKS, SHARE = 4, 0.2  # of the training targets of a series, left out in so many blocks
T = 2.776  # quantile 0.975 of Student's t with four degrees of freedom


def measure(row: Row, facts: dict, splits: dict[str, Arrays], device: str = "cpu") -> dict:
    """One line of the table, for a benchmark and cell without regularization."""
    job = setting(row, facts, splits, device)
    if isinstance(job.benchmark.task, Forecast):
        job = replace(job, splits={**splits, **inside(job.benchmark.task, splits["train"])})
    rate = _best_rate(job)
    population = populate(job, [0.0] * len(MEASURING), list(MEASURING), [rate] * len(MEASURING))
    population.run()
    curves, losses = population.curves, population.curves.loss.cpu().numpy()  # (checks, M)
    trained = population.evaluate(population.best, population.reg, "sample")["loss"].cpu().numpy()
    best = np.nanmin(losses, axis=0)
    gaps = (best - trained) / best
    mean, half = gaps.mean(), T * gaps.std(ddof=1) / math.sqrt(len(gaps))
    early = np.nanmin(losses[: int(EARLY * len(losses))], axis=0)
    late = ((early - best) / early).mean()
    parameters = sum(map(math.prod, job.network.shapes().values()))
    fits = mean >= GAP and mean - half > LOW and late < LATE
    return {
        "benchmark": row.benchmark,
        "cell": row.cell,
        "declared": OVER_FITS if job.benchmark.regime == OVER_FITS else "control",
        "measured": OVER_FITS if fits else "does not",
        "gap": mean,
        "gap_low": mean - half,
        "gap_high": mean + half,
        "late_gain": late,
        "best_check": float((curves.best_check.double() + 1).mean()) / len(losses),
        "last_over_best": float((losses[-1] / best).mean()),
        "passes": passes(job),
        "targets_a_weight": size(job.benchmark.task, splits["train"]) / parameters,
        "learning_rate": rate,
        "steps": job.budget.steps,
        "hidden": job.network.hidden,
    }


def passes(job: Setting) -> float:
    """How often training goes over the training split."""
    task, train = job.benchmark.task, job.splits["train"]
    a_step = job.budget.batch * (task.window if isinstance(task, LanguageModel) else 1)
    if isinstance(task, LanguageModel | Forecast):
        return job.budget.steps * a_step / len(train.get("starts", range(size(task, train))))
    return job.budget.steps * a_step / len(train["length"])


def inside(task: Forecast, train: Arrays) -> dict[str, Arrays]:
    """Train without some blocks of its targets, and validation on them alone.

    No row of a block is a target in training. It may be an input: as in validation, the past is
    known.
    """
    rows = len(train["series"])
    first = np.arange(rows - task.context - task.horizon + 1)
    length = max(2 * task.horizon, round(SHARE * (rows - task.context) / BLOCKS))
    space = (rows - task.context) / BLOCKS
    held = np.zeros(rows, bool)
    for block in range(BLOCKS):
        begin = task.context + round(block * space + (space - length) / 2)
        held[max(begin, task.context) : begin + length] = True
    ahead = first[:, None] + task.context + np.arange(task.horizon)
    out = held[ahead]
    return {
        "train": {**train, "starts": first[~out.any(1)]},
        "validation": {**train, "starts": first[out.all(1)]},
    }


def _best_rate(job: Setting) -> float:
    """The learning rate with the lowest mean loss at the best check."""
    pairs = [(rate, seed) for rate in RATES for seed in CHOOSING]
    rates, seeds = map(list, zip(*pairs, strict=True))
    population = populate(job, [0.0] * len(pairs), seeds, rates)
    population.run()
    best = population.curves.best_loss.nan_to_num(nan=math.inf)
    best = best.where(~population.curves.diverged, math.inf).tolist()
    losses = {rate: [] for rate in RATES}
    for (rate, _), loss in zip(pairs, best, strict=True):
        losses[rate].append(loss)
    return min(RATES, key=lambda rate: statistics.fmean(losses[rate]))


def measure_all(
    study: Study,
    benchmarks: list[str],
    read: Callable[[str], tuple[dict, dict]],
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> None:
    """Measure benchmarks of a study, at its budgets; write the table after each cell."""
    for benchmark in benchmarks:
        own = next(row for row in study.rows if row.benchmark == benchmark)
        for cell in CELLS:
            line = measure(replace(own, cell=cell, regularizer="none"), *read(benchmark), device)
            regimes.put(line)
            tell(
                f"{benchmark} {cell}: {line['measured']} (declared: {line['declared']}), gap "
                f"{line['gap']:.3f} [{line['gap_low']:.3f}, {line['gap_high']:.3f}], late gain "
                f"{line['late_gain']:.3f}, best check at {line['best_check']:.0%}"
            )
