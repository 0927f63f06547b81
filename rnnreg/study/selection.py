"""Which strength a row is evaluated at. Training and analysis both ask here."""

import math
from collections.abc import Iterable
from typing import Literal

from rnnreg.study.records import Record

Criterion = Literal["best", "final"]


def choose(records: Iterable[Record], criterion: Criterion) -> float:
    """The strength with the lowest mean validation loss over the tuning seeds.

    Penalties are not in that loss; a member that diverged counts at the naive score that its
    record carries; a loss that is missing or not a number counts as infinite. Ties go to the
    strength that comes first in the records: grids are written from weak to strong. Records of
    the evaluation phase are left out. ValueError where no tuning record is given.
    """
    losses: dict[float, list[float]] = {}
    for record in records:
        if record.phase == "tune":
            loss = record.scores[criterion]["validation"]["loss"]
            losses.setdefault(record.strength, []).append(_finite(loss))
    return min(losses, key=lambda strength: math.fsum(losses[strength]) / len(losses[strength]))


def _finite(loss: float | None) -> float:
    return math.inf if loss is None or math.isnan(loss) else loss
