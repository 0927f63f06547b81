"""Scores in the unit of the data, and how much a regularizer gains over none on the test part."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rnnreg.analysis.statistics.inference import mean_interval
from rnnreg.analysis.statistics.simultaneous import told
from rnnreg.study.record import Metrics, Record

Split = dict[str, Metrics]


@dataclass(frozen=True)
class Measure:
    """What is shown of a score.

    name     of the metric, with its unit
    of       metrics of rnnreg.tasks -> the number that is shown
    lower    whether less is better
    scale    what effects in percent are of: the squared error, nats, the error rate
    """

    name: str
    of: Callable[[Metrics], float]
    lower: bool
    scale: str


def measure(facts: dict, units: Sequence[str]) -> Measure:
    """The one for a benchmark's data."""
    if facts["task"] == "Forecast":
        scale = facts["scale"]
        if len(scale) == 1:
            name = f"RMSE (unit of {units[0]})" if units else "RMSE (unit of the data)"
            return Measure(name, lambda m: math.sqrt(m["mse"]) * scale[0], True, "squared error")
        name = "RMSE (standard deviations, all columns)"
        return Measure(name, lambda m: math.sqrt(m["mse"]), True, "squared error")
    if facts["task"] == "Classification":
        return Measure("accuracy (%)", lambda m: 100 * m["accuracy"], False, "error rate")
    metric = facts["headline"]
    return Measure(
        facts["metrics"][metric]["label"], lambda m: m[metric], True, "loss in nats a symbol"
    )


def tested(records: Sequence[Record]) -> list[Metrics]:
    """The test metrics of each member, in the order of seeds."""
    return [r.scores["best"]["test"] for r in sorted(records, key=lambda r: r.seed)]


def gain(facts: dict, shown: Measure, none: Sequence[Record], own: Sequence[Record]) -> dict:
    """What a regularizer gains over none on the test part, paired by seed.

    effect, low, high        relative improvement in percent on the study's scale of comparison (see
                             `Measure.scale`), positive is better, with its 95% interval
    verdict                  better | worse | nil | cannot tell | untested, by the study's rule
    difference, *_low, *_high  of the metric that is shown, in its unit, own minus none
    """
    logs = [np.array([_log(facts, m) for m in tested(some)]) for some in (none, own)]
    found = told((logs[0] - logs[1])[None, None])
    a, b = (np.array([shown.of(m) for m in tested(some)]) for some in (none, own))
    mean, low, high = mean_interval(b - a)
    return {
        "effect": float(found.effect[0]),
        "low": float(found.low[0]),
        "high": float(found.high[0]),
        "verdict": found.verdicts[0],
        "difference": float(mean),
        "difference_low": float(low),
        "difference_high": float(high),
        "seeds": len(a),
    }


def _log(facts: dict, metrics: Metrics) -> float:
    """The logarithm of the loss, or of the error rate, as `Results.scores` takes it."""
    value = metrics[facts["compared"]]
    if facts["compared"] == "error":
        n = facts["sizes"]["test"]
        value = (value * n + 0.5) / (n + 1)
    return math.log(max(value, 1e-12))
