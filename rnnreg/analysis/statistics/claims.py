"""What articles claim, held against the study `claims`: effects with intervals, and verdicts.

An effect is of one data set: the mean over seeds of differences between two rows that share them,
with an interval (Student 1908) that holds for all data sets of the claim at once (Bonferroni).
A claim that something is more, or less,

    holds           where every interval lies on the side of zero that is claimed, and reaches a
                    margin there
    does not hold   where none reaches the margin
    is open         otherwise

one that two are the same holds where every interval lies within the margin on both sides, does not
hold where every interval leaves out zero, and is open otherwise; and one that something is no more
holds where every interval lies below the margin, does not hold where every one lies above it, and
is open otherwise.

A data set where a regularizer of gradients changed none, in no step of any seed, tested nothing: it
is left out, and a claim with fewer than two data sets more is open.
"""

import json
import math

import numpy as np
import pandas as pd

from rnnreg.analysis.results import KEYS, Results
from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST, LEVEL, estimate
from rnnreg.analysis.statistics.measures import MEASURES, Measure, of_row
from rnnreg.study.claims import STUDY, Claim, read

HOLDS, NOT, OPEN = "holds", "does not hold", "open"
LEFT_OUT = "left out"
FEWEST_SETS = 2  # that a verdict rests on


def claims(results: Results) -> pd.DataFrame:
    """A line a claim and data set; none in any other study than that of the claims.

    effect, low, high   percent where `ratio`, else points; less than zero where the row has less
    shown               what that interval says: yes, no, or open; or that the data set is left out
    verdict             of the claim, on each of its lines; mean, mean_low, mean_high: over its data
                        sets that are not left out, of equal weight
    strengths           chosen for the row and for the one that it is held against, in words; empty
                        where there was no choice, or where all of the grid counts
    rates               learning rates of both
    """
    columns = ["number", "claim", "article", "tested", "expected", "place", "ratio", "margin",
               "seeds", "effect", "low", "high", "shown", "verdict", "mean", "mean_low",
               "mean_high", "strengths", "rates"]  # fmt: skip
    if results.study["name"] != STUDY:
        return pd.DataFrame(columns=columns)
    lines = [line for claim in read() for line in _lines(results, claim)]
    return pd.DataFrame(lines, columns=columns)


def _lines(results: Results, claim: Claim) -> list[dict]:
    measure = MEASURES[claim.measure]
    values = [_differences(results, claim, place) for place in claim.on]
    idle = [any(_idle(results, row) for row in _compared(claim, place)) for place in claim.on]
    level = 1 - (1 - LEVEL) / len(values)
    margin = math.log1p(measure.margin / 100) if measure.ratio else measure.margin
    found = [_interval(x[None], level) for x in values]
    shown = [
        LEFT_OUT if out else _shown(claim.expected, low, high, margin)
        for out, (_, low, high) in zip(idle, found, strict=True)
    ]
    kept = [x for x, out in zip(values, idle, strict=True) if not out]
    fewest = min(map(len, kept), default=0)
    whole = [math.nan] * 3
    if kept:
        whole = _interval(np.stack([x[:fewest] for x in kept]), LEVEL)
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
        | settings(results, _compared(claim, place), measure.at)
        for place, x, ends, word in zip(claim.on, values, found, shown, strict=True)
    ]


def _compared(claim: Claim, place: str) -> list[str]:
    """All rows of a claim on a data set."""
    return [row for rows in claim.rows(place).values() for row in rows]


def _idle(results: Results, row: str) -> bool:
    """Whether a row's regularizer acts on gradients, and changed none in any seed."""
    members = of_row(results.evaluated("final"), row)
    return results.group(row.split("/")[2]) == "gradients" and not members["clipped"].any()


def settings(results: Results, rows: list[str], at: str) -> dict[str, str]:
    """The strengths that a criterion chose for some rows, and their learning rates, in words.

    A strength says so where it is the lowest or the highest of its grid. Without a criterion there
    was no choice.
    """
    lines = {"/".join(r[k] for k in KEYS): r for r in results.study["rows"]}
    chosen, rates = [], []
    for row in rows:
        grid = lines[row]["strengths"]
        if at and len(grid) > 1:
            strength = grid[lines[row]["chosen"][at]]
            end = {min(grid): ", lowest", max(grid): ", highest"}.get(strength, "")
            chosen.append(f"{row.split('/')[2]} {strength:g}{end}")
        members = of_row(results.evaluated("final"), row)
        rates += [f"{json.loads(s)['learning_rate']:g}" for s in members["setting"][:1]]
    return {"strengths": "; ".join(chosen), "rates": ", ".join(dict.fromkeys(rates))}


def verdict(shown: list[str]) -> str:
    """Of a claim, from what its data sets show.

    >>> verdict(["yes", "yes"]), verdict(["no", "no"]), verdict(["yes", "no"])
    ('holds', 'does not hold', 'open')
    >>> verdict(["yes", "left out", "yes"]), verdict(["yes", "left out"])
    ('holds', 'open')
    """
    shown = [word for word in shown if word != LEFT_OUT]
    if len(shown) < FEWEST_SETS:
        return OPEN
    if all(word == "yes" for word in shown):
        return HOLDS
    return NOT if all(word == "no" for word in shown) else OPEN


def _shown(expected: str, low: float, high: float, margin: float) -> str:
    """What one interval says of a claim.

    >>> [_shown("more", *ends, 2.0) for ends in ((1, 5), (-4, 1.5), (0.1, 0.5), (-1, 5))]
    ['yes', 'no', 'no', 'open']
    >>> [_shown("same", *ends, 2.0) for ends in ((-1, 1.5), (1, 5), (-1, 5))]
    ['yes', 'no', 'open']
    >>> [_shown("no more", *ends, 2.0) for ends in ((-9, 1.5), (3, 5), (1, 5))]
    ['yes', 'no', 'open']
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return "open"
    if expected == "same":
        yes, no = -margin < low and high < margin, low > 0 or high < 0
    elif expected == "no more":
        yes, no = high < margin, low > margin
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
