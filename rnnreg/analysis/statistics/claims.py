"""What articles claim, held against the study `claims`: effects with intervals, and verdicts.

An effect is of one data set: the mean over seeds of differences between two rows that share them,
with an interval (Student 1908) that holds for all data sets of the claim at once (Bonferroni).
A claim that something is more, or less,

    holds           where every interval lies on the side of zero that is claimed, and reaches a
                    margin there
    does not hold   where none reaches the margin
    is open         otherwise

and one that two are the same holds where every interval lies within the margin on both sides, does
not hold where every interval leaves out zero, and is open otherwise.
"""

import math

import numpy as np
import pandas as pd

from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST, LEVEL, estimate
from rnnreg.analysis.statistics.measures import MEASURES, Measure
from rnnreg.study.claims import STUDY, Claim, read

HOLDS, NOT, OPEN = "holds", "does not hold", "open"


def claims(results: Results) -> pd.DataFrame:
    """A line a claim and data set; none in any other study than that of the claims.

    effect, low, high   percent where `ratio`, else points; less than zero where the row has less
    shown               what that interval says: yes, no, or open
    verdict             of the claim, on each of its lines; mean, mean_low, mean_high: over its data
                        sets, of equal weight
    """
    columns = ["number", "claim", "article", "tested", "expected", "place", "ratio", "margin",
               "seeds", "effect", "low", "high", "shown", "verdict", "mean", "mean_low",
               "mean_high"]  # fmt: skip
    if results.study["name"] != STUDY:
        return pd.DataFrame(columns=columns)
    lines = [line for claim in read() for line in _lines(results, claim)]
    return pd.DataFrame(lines, columns=columns)


def _lines(results: Results, claim: Claim) -> list[dict]:
    measure = MEASURES[claim.measure]
    values = [_differences(results, claim, place) for place in claim.on]
    level = 1 - (1 - LEVEL) / len(values)
    margin = math.log1p(measure.margin / 100) if measure.ratio else measure.margin
    found = [_interval(x[None], level) for x in values]
    shown = [_shown(claim.expected, low, high, margin) for _, low, high in found]
    fewest = min(map(len, values))
    whole = _interval(np.stack([x[:fewest] for x in values]), LEVEL)
    unit = _percent if measure.ratio else float
    common = {
        "number": claim.number,
        "claim": claim.claim,
        "article": claim.article,
        "tested": measure.tested,
        "expected": claim.expected,
        "ratio": measure.ratio,
        "margin": measure.margin,
        "verdict": verdict(shown),
        **dict(zip(("mean", "mean_low", "mean_high"), map(unit, whole), strict=True)),
    }
    return [
        common
        | {"place": place, "seeds": len(x), "shown": word}
        | dict(zip(("effect", "low", "high"), map(unit, ends), strict=True))
        for place, x, ends, word in zip(claim.on, values, found, shown, strict=True)
    ]


def verdict(shown: list[str]) -> str:
    """Of a claim, from what its data sets show.

    >>> verdict(["yes", "yes"]), verdict(["no", "no"]), verdict(["yes", "no"])
    ('holds', 'does not hold', 'open')
    """
    if all(word == "yes" for word in shown):
        return HOLDS
    return NOT if all(word == "no" for word in shown) else OPEN


def _shown(expected: str, low: float, high: float, margin: float) -> str:
    """What one interval says of a claim.

    >>> [_shown("more", *ends, 2.0) for ends in ((1, 5), (-4, 1.5), (0.1, 0.5), (-1, 5))]
    ['yes', 'no', 'no', 'open']
    >>> [_shown("same", *ends, 2.0) for ends in ((-1, 1.5), (1, 5), (-1, 5))]
    ['yes', 'no', 'open']
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return "open"
    if expected == "same":
        yes, no = -margin < low and high < margin, low > 0 or high < 0
    else:
        low, high = (low, high) if expected == "more" else (-high, -low)
        no = high < margin
        yes = low > 0 and not no
    return "yes" if yes else "no" if no else "open"


def _percent(value: float) -> float:
    return 100 * math.expm1(value)


def _interval(x: np.ndarray, level: float) -> tuple[float, float, float]:
    """Mean over data sets (rows of x) and its interval; no ends below six seeds."""
    if x.shape[1] < FEWEST_TO_TEST:
        return math.nan, math.nan, math.nan
    found = estimate(x)
    half = found.half(level)
    return float(found.mean), float(found.mean - half), float(found.mean + half)


def _differences(results: Results, claim: Claim, place: str) -> np.ndarray:
    """A number a seed: a logarithm of a ratio, or points; seeds without one are left out."""
    measure, rows = MEASURES[claim.measure], claim.rows(place)
    if not claim.than:
        found = measure.pairs(results, rows["of"])
    else:
        found = _of_pair(results, measure, rows["of"], rows["than"])
        if claim.beyond_of:
            found = found - _of_pair(results, measure, rows["beyond_of"], rows["beyond_than"])
    return found[np.isfinite(found)]


def _of_pair(results: Results, measure: Measure, of: list[str], than: list[str]) -> np.ndarray:
    one, other = measure.pairs(results, of[0], than[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(one / other) if measure.ratio else 100 * (one - other)
