"""A network that can over-fit, from `none` alone: there is something to regularize.

Steps and the part of the training data follow from the seconds that a member may take; then sizes
are tried upwards, each at four learning rates, and of those that over-fit the one with the lowest
validation loss is taken. What over-fits is what `rnnreg.training.regime` calls so, on one seed; a
series too short for its folds does where the last check is as much worse than the best.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import numpy as np

from rnnreg.data.benchmark import Budget, Splits
from rnnreg.data.checks import size
from rnnreg.data.part import whole_train
from rnnreg.errors import UserError
from rnnreg.study import registry
from rnnreg.study.regimes import GAP, LATE, late_gain
from rnnreg.tasks import Classification, Forecast, LanguageModel, Task
from rnnreg.training.capture import populate
from rnnreg.training.estimate import seconds_a_member
from rnnreg.training.regime import FOLDS, by_folds, fold
from rnnreg.training.setting import Setting, setting
from rnnreg.trying.place import Place, none_row
from rnnreg.trying.understood import Sizes, Understood, embedding

HIDDEN = (16, 32, 64, 128)
RATES = (1e-3, 3e-3, 1e-2, 3e-2)
SEED = 2000  # of no study
STEPS = (100, 400, 800)  # fewest, as a rule, most
PASSES = 20  # over the training data, so that it can be learned by heart
LEAST = {Forecast: 1_000, Classification: 500, LanguageModel: 5_000}  # of train that are read
FEWEST_CHECKS = 4
CHECKED = {Forecast: 1_000, Classification: 500, LanguageModel: 4_000}  # targets of a check


@dataclass(frozen=True)
class Sized:
    """One size as it trained; gap and late gain as in `rnnreg.training.regime`."""

    hidden: int
    steps: int
    loss: float  # on validation, at the best check of the best rate
    gap: float
    late: float
    seconds: float  # a member
    over_fits: bool
    told: str = ""  # the gap in words


def begin(task: Task, splits: dict) -> Sizes:
    """Sizes to start from."""
    targets = size(task, splits["train"])
    batch = 32 if not isinstance(task, LanguageModel) and targets >= 1_000 else 16
    most = CHECKED[type(task)]
    checked = most if size(task, splits["validation"]) > most else 0
    return Sizes(batch=min(batch, max(targets, 1)), steps=STEPS[1], validated=checked)


def find(
    place: Place,
    understood: Understood,
    cell: str,
    data: tuple[dict, dict],
    seconds: float,
    device: str,
    until: float,
    tell: Callable[[str], None],
    most_steps: int = STEPS[2],
) -> tuple[Sizes, list[Sized], tuple[dict, dict]]:
    """Sizes of which a member takes `seconds`, what was tried, and the data that they train on.

    No further size is begun after `until`, a time of time.monotonic.
    """
    task = registry.load("benchmark", place.name).task
    sizes = begin(task, data[1])
    sizes = replace(sizes, steps=min(sizes.steps, most_steps), checks=min(20, most_steps))
    row = none_row(place.name, cell, sizes, _model(HIDDEN[1], data[0]))
    each = seconds_a_member(row, *data, device)
    steps = int(np.clip(sizes.steps * seconds / each, STEPS[0], STEPS[2]))
    sizes = replace(sizes, steps=min(steps, most_steps))
    sizes = replace(sizes, train=_part(task, understood.splits, sizes))
    if sizes.train:
        data = place.prepare(understood, sizes)
    sizes = _checked(place, cell, sizes, data, device)
    tried: list[Sized] = []
    for hidden in HIDDEN:
        row = none_row(place.name, cell, sizes, _model(hidden, data[0]))
        begun = time.monotonic()
        found = _tried(setting(row, *data, device), task)
        tried.append(found)
        tell(_told(found))
        spent = time.monotonic() - begun
        if time.monotonic() + 2 * spent > until or 1.5 * found.seconds > seconds:
            break
        if len(tried) > 1 and found.over_fits and found.loss > 0.99 * tried[-2].loss:
            break  # a larger one is no better
    best = chosen(tried)
    return replace(sizes, hidden=best.hidden, steps=best.steps), tried, data


def _checked(place: Place, cell: str, sizes: Sizes, data: tuple[dict, dict], device: str) -> Sizes:
    """With so few checks that at the first of them no two rates count as diverged.

    A member does with ten times the naive loss, which one that has hardly trained may have where
    the naive forecast is good. UserError where no network comes as near as that.
    """
    facts = data[0]
    losses = {name: scores["validation"]["loss"] for name, scores in facts["naive"].items()}
    best = facts["naive_best"]
    if Budget.diverged * losses[best] > max(losses.values()):
        return sizes
    while True:
        row = none_row(place.name, cell, sizes, _model(HIDDEN[0], facts))
        population = populate(setting(row, *data, device), *_at_all_rates())
        population.run()
        diverged = population.curves.diverged
        if int(diverged.sum()) < 2:
            return sizes
        if sizes.checks == FEWEST_CHECKS and not diverged.all():
            return sizes
        if sizes.checks == FEWEST_CHECKS:
            raise UserError(
                f"{place.name}: no network comes within ten times the validation loss of the naive "
                f"score '{best}', {losses[best]:.3g}: it has little to learn beside that. Remedy: "
                "forecast by that; or more --minutes, in which a network trains longer."
            )
        sizes = replace(sizes, checks=max(sizes.checks // 2, FEWEST_CHECKS))


def _at_all_rates() -> tuple[list[float], list[int], list[float]]:
    """Strengths, seeds and rates of a population of none."""
    return [0.0] * len(RATES), [SEED] * len(RATES), list(RATES)


def chosen(tried: list[Sized]) -> Sized:
    """Of those that over-fit (else of all) the one with the lowest loss; the smallest within 1%."""
    some = [t for t in tried if t.over_fits] or tried
    least = min(t.loss for t in some)
    return next(t for t in some if t.loss <= 1.01 * least)


def _model(hidden: int, facts: dict) -> dict:
    return {"hidden": hidden, **({"embedding": embedding(hidden)} if facts["symbols"] else {})}


def _part(task: Task, splits: Splits, sizes: Sizes) -> int:
    """How much of the training data is passed over often enough; 0: all of it."""
    seen = sizes.steps * sizes.batch // PASSES
    if isinstance(task, LanguageModel):
        seen *= task.window
    if isinstance(task, Forecast):
        seen += task.rows - 1
    seen = max(seen, LEAST[type(task)])
    return 0 if seen >= whole_train(task, splits) else seen


def _tried(job: Setting, task: Task) -> Sized:
    """One size at all rates; the best rate counts."""
    begun = time.monotonic()
    folds = _folded(job, task)
    population = populate(replace(job, splits=folds) if folds else job, *_at_all_rates())
    population.run()
    seconds = (time.monotonic() - begun) / len(RATES)
    curves = population.curves
    best = np.where(curves.diverged.cpu().numpy(), np.inf, curves.best_loss.cpu().numpy())
    m = int(np.nan_to_num(best, nan=np.inf).argmin())
    losses, told = curves.loss[:, m : m + 1].cpu().numpy(), "on training data {}"
    if folds:
        found = by_folds(job, RATES[m])  # one model a fold: some are harder than others
        losses, gap = found.losses, float(found.gaps.mean())
    elif isinstance(task, Forecast):  # what comes after train may differ from it for other reasons
        gap, told = float(1 - best[m] / losses[-1, 0]), "at the best check {}"
    else:
        trained = population.evaluate(population.best, population.reg, "sample")["loss"][m]
        gap = 1 - float(trained) / float(best[m])
    told = told.format(f"{abs(gap):.0%} {'less' if gap >= 0 else 'more'}")
    late, loss = float(late_gain(losses).mean()), float(np.nanmin(losses, axis=0).mean())
    fits = bool(np.isfinite(best[m]) and gap >= GAP and late < LATE)
    return Sized(job.network.hidden, job.budget.steps, loss, gap, late, seconds, fits, told)


def _folded(job: Setting, task: Task) -> dict:
    """Splits of a series by folds inside train; {} of other data, and where folds are too small."""
    if not isinstance(task, Forecast):
        return {}
    found = fold(task, job.splits, 0)
    parts = [found["train"], *(found[f"fold {n}"] for n in range(FOLDS))]
    return found if all(len(part["starts"]) for part in parts) else {}


def _told(found: Sized) -> str:
    verdict = "over-fits" if found.over_fits else "does not over-fit"
    return (
        f"{found.hidden} units: {verdict} (validation loss {found.loss:.4g}, {found.told}), "
        f"{found.seconds:.2g} s a model"
    )


def as_facts(tried: list[Sized]) -> list[dict]:
    """What was tried, as JSON has it."""
    return [asdict(t) for t in tried]
