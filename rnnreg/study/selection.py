"""Which setting a row is evaluated at. Training and analysis both ask here.

A setting is a learning rate (None: that of the budget) and a strength.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Literal

from rnnreg.study.records import Record

Criterion = Literal["best", "final"]
CRITERIA: tuple[Criterion, ...] = ("best", "final")
Setting = tuple[float | None, float]


def choose(records: Iterable[Record], criterion: Criterion) -> Setting:
    """The setting with the lowest mean validation loss over the tuning seeds.

    In a race, whose survivors were trained on more seeds than the others, one of the survivors, by
    the seeds that the others lack. Penalties are not in that loss; a member that diverged counts at
    the naive score that its record carries; a loss that is missing or not a number counts as
    infinite. Ties go to the setting that comes first in the records: grids are written from weak
    to strong. Records of the evaluation phase are left out, but where nothing was tuned and they
    have one setting: that. ValueError where there is no choice to be made.
    """
    records = list(records)
    losses = _losses(records, criterion)
    settled = {record.tuned for record in records}
    if not losses and len(settled) == 1:
        return settled.pop()
    most = max((len(own) for own in losses.values()), default=0)
    shared = {seed for own in losses.values() if len(own) < most for seed in own}
    deciding = {
        setting: [loss for seed, loss in own.items() if seed not in shared]
        for setting, own in losses.items()
        if len(own) == most
    }
    if not all(deciding.values()):
        raise ValueError("settings of one search were not tuned on one set of seeds")
    return min(deciding, key=lambda setting: math.fsum(deciding[setting]) / len(deciding[setting]))


def survivors(records: Iterable[Record], count: int) -> list[Setting]:
    """The settings that go on from the first round of a race: as many as `count`, best first.

    Both criteria share them: the best of one, the best of the other, the second of one, and so on,
    each setting once.
    """
    ranked = [_ranked(records, criterion) for criterion in CRITERIA]
    return list(dict.fromkeys(chain.from_iterable(zip(*ranked, strict=True))))[:count]


def worse(after: Iterable[Record], before: Iterable[Record]) -> bool:
    """Whether the mean validation loss of one setting is above that of another, by both criteria.

    Of records of tuning, of one setting each.
    """
    means = []
    for records in (list(after), list(before)):
        found = [_losses(records, criterion) for criterion in CRITERIA]
        means.append([math.fsum(own.values()) / len(own) for (own,) in map(dict.values, found)])
    return all(a > b for a, b in zip(*means, strict=True))


def _ranked(records: Iterable[Record], criterion: Criterion) -> Sequence[Setting]:
    losses = _losses(records, criterion)
    return sorted(losses, key=lambda setting: math.fsum(losses[setting].values()))


def _losses(records: Iterable[Record], criterion: Criterion) -> dict[Setting, dict[int, float]]:
    """Setting -> tuning seed -> validation loss."""
    losses: dict[Setting, dict[int, float]] = {}
    for record in records:
        if record.phase == "tune":
            loss = record.scores[criterion]["validation"]["loss"]
            losses.setdefault(record.tuned, {})[record.seed] = _finite(loss)
    return losses


def _finite(loss: float | None) -> float:
    return math.inf if loss is None or math.isnan(loss) else loss
