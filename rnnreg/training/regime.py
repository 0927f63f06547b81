"""Whether there is something to regularize: how a benchmark trains with no regularizer.

A benchmark over-fits where, at the best check of its best learning rate, of RATES over the range
that the study searches, validation loss less training loss, both in evaluation, is at least GAP of
the validation loss, the lower end of the interval over seeds is above LOW, and the best check of
the first 70% of the steps is within LATE of the best of all. For a series validation is not what
comes after train, which may differ for other reasons, but a fold of blocks inside it that is left
out of training; the training loss there is that of the models, one a fold, that have trained on it.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnreg.data import folds
from rnnreg.data.benchmark import OVER_FITS, Arrays
from rnnreg.data.checks import size
from rnnreg.errors import UserError
from rnnreg.study import regimes
from rnnreg.study.regimes import GAP, LATE, LOW, late_gain
from rnnreg.study.search import Search
from rnnreg.study.study import Row, Study
from rnnreg.tasks import Forecast, LanguageModel
from rnnreg.training.capture import populate
from rnnreg.training.population import Population
from rnnreg.training.setting import Setting, setting

RATES = 7  # at equal ratios, from end to end
CELLS = ("gru", "lstm")
CHOOSING, SEEDS = (2000, 2001), (3000, 3001, 3002, 3003, 3004)  # of no study
FOLDS, BLOCKS = len(SEEDS), 4  # of the training targets of a series; blocks a fold
T = 2.776  # quantile 0.975 of Student's t with four degrees of freedom


class TooShortError(UserError):
    """A series whose folds would have no window."""


def measure(row: Row, facts: dict, splits: dict[str, Arrays], device: str = "cpu") -> dict:
    """One line of the table, for a benchmark and cell without regularization."""
    job = setting(row, facts, splits, device)
    series = isinstance(job.benchmark.task, Forecast)
    blocks = most_blocks(row.benchmark, job.benchmark.task, splits["train"]) if series else 0
    first = fold(job.benchmark.task, splits, 0, blocks) if series else splits
    rate = _best_rate(replace(job, splits=first) if series else job, rates(row))
    found = by_folds(job, rate, blocks) if series else _by_seeds(job, rate)
    losses, gaps = found.losses, found.gaps
    best = np.nanmin(losses, axis=0)
    mean, half = gaps.mean(), T * gaps.std(ddof=1) / math.sqrt(len(gaps))
    late = late_gain(losses).mean()
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
        "best_check": (np.nanargmin(losses, axis=0) + 1).mean() / len(losses),
        "last_over_best": (losses[-1] / best).mean(),
        "passes": passes(job),
        "targets_a_weight": size(job.benchmark.task, splits["train"]) / parameters,
        "learning_rate": rate,
        "steps": job.budget.steps,
        "hidden": job.network.hidden,
    }


@dataclass(frozen=True)
class Found:
    """Validation losses of all checks (checks, 5), and the gap at the best check of each (5,)."""

    losses: np.ndarray
    gaps: np.ndarray


def _by_seeds(job: Setting, rate: float) -> Found:
    population = _trained(job, rate, SEEDS)
    losses = population.curves.loss.cpu().numpy()
    best = np.nanmin(losses, axis=0)
    return Found(losses, (best - _loss(population, "sample")) / best)


def by_folds(job: Setting, rate: float, blocks: int = BLOCKS) -> Found:
    """One model a fold: its loss there against that of the models that have trained on it."""
    task, splits, curves = job.benchmark.task, job.splits, []
    scores = np.empty((FOLDS, FOLDS))  # model, fold
    for left_out, seed in enumerate(SEEDS):
        own = replace(job, splits=fold(task, splits, left_out, blocks))
        population = _trained(own, rate, [seed])
        curves.append(population.curves.loss.cpu().numpy()[:, 0])
        for number in range(FOLDS):
            scores[left_out, number] = _loss(population, f"fold {number}")[0]
    out = scores.diagonal()
    trained_on = (scores.sum(0) - out) / (FOLDS - 1)
    return Found(np.stack(curves, axis=1), (out - trained_on) / out)


def _trained(job: Setting, rate: float, seeds: Sequence[int]) -> Population:
    population = populate(job, [0.0] * len(seeds), list(seeds), [rate] * len(seeds))
    population.run()
    return population


def _loss(population: Population, split: str) -> np.ndarray:
    """Of each member's weights of the best check, (M,)."""
    return population.evaluate(population.best, population.reg, split)["loss"].cpu().numpy()


def passes(job: Setting) -> float:
    """How often training goes over the training split."""
    task, train = job.benchmark.task, job.splits["train"]
    a_step = job.budget.batch * (task.window if isinstance(task, LanguageModel) else 1)
    if isinstance(task, LanguageModel | Forecast):
        return job.budget.steps * a_step / len(train.get("starts", range(size(task, train))))
    return job.budget.steps * a_step / len(train["length"])


def most_blocks(name: str, task: Forecast, train: Arrays) -> int:
    """BLOCKS, or as many as leave each fold a window and training, too; else TooShortError."""
    for blocks in range(BLOCKS, 0, -1):
        ahead = folds.in_blocks(task, train, FOLDS, blocks)
        parts = [f(train, ahead, n) for n in range(FOLDS) for f in (folds.inside, folds.outside)]
        if all(len(part["starts"]) for part in parts):
            return blocks
    raise TooShortError(
        f"{name}: {len(train['series'])} rows in training are too few to leave out {FOLDS} folds, "
        f"each with a window of {task.horizon} rows to predict. Remedy: a larger part of the "
        "training split, or leave it out: its gap is then not measured."
    )


def fold(
    task: Forecast, splits: dict[str, Arrays], left_out: int, blocks: int = BLOCKS
) -> dict[str, Arrays]:
    """Splits of a series whose training targets lack one fold, on which it is validated.

    A fold is so many blocks of rows, evenly spread; "fold 0" and so on are the windows whose
    targets are all inside it. No row of the fold that is left out is a target in training. It may
    be an input: as in validation, the past is known.
    """
    train = splits["train"]
    ahead = folds.in_blocks(task, train, FOLDS, blocks)
    whole = {f"fold {number}": folds.inside(train, ahead, number) for number in range(FOLDS)}
    kept = folds.outside(train, ahead, left_out)
    return {**splits, **whole, "train": kept, "validation": whole[f"fold {left_out}"]}


def rates(row: Row) -> list[float]:
    """Learning rates over the range that a row is searched in, or that searches have by default.

    >>> rates(Row("toy", "gru", "none", (0.0,), (0,), (1000,)))
    [0.0003, 0.000646, 0.00139, 0.003, 0.00646, 0.0139, 0.03]
    """
    low, high = (row.search or Search()).learning_rate
    each = (float(f"{rate:.3g}") for rate in np.geomspace(low, high, RATES))
    return list(dict.fromkeys(each))


def _best_rate(job: Setting, among: list[float]) -> float:
    """The learning rate with the lowest mean loss of two seeds at their best checks."""
    pairs = [(rate, seed) for rate in among for seed in CHOOSING]
    each, seeds = map(list, zip(*pairs, strict=True))
    population = populate(job, [0.0] * len(pairs), seeds, each)
    population.run()
    best = population.curves.best_loss.nan_to_num(nan=math.inf)
    best = best.where(~population.curves.diverged, math.inf).tolist()
    losses = {rate: [] for rate in among}
    for (rate, _), loss in zip(pairs, best, strict=True):
        losses[rate].append(loss)
    return min(among, key=lambda rate: statistics.fmean(losses[rate]))


def measure_all(
    study: Study,
    benchmarks: list[str],
    read: Callable[[str], tuple[dict, dict]],
    device: str = "cpu",
    tell: Callable[[str], None] = print,
) -> None:
    """Measure benchmarks of a study, at its budgets; write the table after each cell.

    One that is too short to be measured is told, and the others go on.
    """
    for benchmark in benchmarks:
        own = next(row for row in study.rows if row.benchmark == benchmark)
        for cell in CELLS:
            row = replace(own, cell=cell, regularizer="none")
            given = read(benchmark)
            try:
                line = measure(row, *given, device)
            except TooShortError as error:
                tell(str(error))
                break
            regimes.put(line)
            tell(
                f"{benchmark} {cell}: {line['measured']} (declared: {line['declared']}), gap "
                f"{line['gap']:.3f} [{line['gap_low']:.3f}, {line['gap_high']:.3f}], late gain "
                f"{line['late_gain']:.3f}, best check at {line['best_check']:.0%}"
            )
