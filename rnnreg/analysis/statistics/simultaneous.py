"""Comparisons told together: max-t intervals of a family, and comparisons with its best.

R regularizers, S strata (a data set and cell each), N seeds.

The largest of several t-values has a law of its own, which depends on how the comparisons are
correlated: all of them share `none`. Romano and Wolf 2005 draw it from the data, by flipping the
signs of paired differences. Here it is computed, from the same correlation: a normal law, bounded
by pairs along a spanning tree (Hunter 1976, Worsley 1982), with Student's tails. For one comparison
that is Student's interval; nothing is drawn, so no result depends on a seed of the analysis.

Coverage in simulation of seven comparisons, nominal 0.95, with 6, 8 and 10 seeds, normal or
heavy-tailed (t, 3) differences: 0.93 to 0.97, and of drawn sign flips 0.94 to 0.97, in one stratum
and in eight; of strongly skewed differences (exponential) in one stratum 0.93 and 0.92. Widths are
those of the flips within 8%. One comparison over 1 to 56 strata: Satterthwaite's t covers 0.94
to 0.96, a percentile bootstrap 0.86 to 0.94. tests/test_analysis_coverage.py repeats most
of it, and report/coverage.csv holds one such run.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.optimize import brentq
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.special import ndtr

from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST, LEVEL, Array, Estimate, estimate

MARGIN = 1.0  # percent: an effect that lies within it on both sides is nil
NODES, WEIGHTS = np.polynomial.legendre.leggauss(32)


@dataclass(frozen=True)
class Told:
    """Effects of one family in percent, positive is better, each (R,).

    low, high         simultaneous 95% interval
    low_90, high_90   90% interval of each alone: that of two one-sided tests at 5%
    p                 of each, corrected for the family; below 0.05 where the interval excludes zero
    """

    effect: Array
    low: Array
    high: Array
    low_90: Array
    high_90: Array
    p: Array
    seeds: int

    @property
    def verdicts(self) -> list[str]:
        """better | worse | nil | cannot tell; untested below six seeds. See `verdict`."""
        if self.seeds < FEWEST_TO_TEST:
            return ["untested"] * len(self.effect)
        parts = self.low, self.high, self.low_90, self.high_90
        return [verdict(*map(float, values)) for values in zip(*parts, strict=True)]


def verdict(low: float, high: float, low_90: float, high_90: float) -> str:
    """The one rule by which an effect in percent is called anything.

    better, worse  the simultaneous interval lies above, or below, zero
    nil            the 90% interval lies within the margin: two one-sided tests (Schuirmann 1987)
    cannot tell    neither

    >>> verdict(0.5, 3.5, 0.8, 3.2), verdict(-0.9, 1.1, -0.6, 0.8)
    ('better', 'nil')
    >>> verdict(-0.5, 4.5, 0.2, 3.8), verdict(-3.5, -0.5, -3.2, -0.8)
    ('cannot tell', 'worse')
    """
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "nil" if low_90 > -MARGIN and high_90 < MARGIN else "cannot tell"


def percent(log_ratio: Array) -> Array:
    """Relative improvement in percent: 100 x (1 - exp(log ratio)).

    >>> float(percent(np.log(0.9)).round(6))
    10.0
    """
    return -100 * np.expm1(log_ratio) + 0.0  # never -0


def told(gain: Array, unit: Callable = percent) -> Told:
    """What a family shows, from the logarithms of `none` over each at the same seed, (R, S, N).

    unit   of effects: from minus a gain to percent
    """
    found, together = estimate(gain), correlation(gain)
    half, one = _half(found, together, 2), found.half(0.9)
    ends = [found.mean - half, found.mean + half, found.mean - one, found.mean + one]
    effect, low, high, low_90, high_90 = (unit(-v) for v in (found.mean, *ends))
    p = (
        adjusted(found, together)
        if gain.shape[-1] >= FEWEST_TO_TEST
        else np.full(len(gain), np.nan)
    )
    return Told(effect, low, high, low_90, high_90, p, gain.shape[-1])


def _half(found: Estimate, correlation: Array, sides: int) -> Array:
    """Half the width of simultaneous intervals (R,): the law's quantile, with Student's tails."""
    return stats.t.isf(stats.norm.sf(quantile(correlation, sides)), found.freedom) * found.error


def adjusted(found: Estimate, correlation: Array) -> Array:
    """p of each comparison, corrected for all of them, (R,)."""
    pairs = tree(correlation, 2)
    p = [exceeds(z, len(correlation), pairs, 2) for z in stats.norm.isf(found.p / 2)]
    return np.clip(p, found.p, 1.0)


def correlation(gain: Array) -> Array:
    """Correlation of the estimates of R comparisons that share their seeds, (R, S, N) -> (R, R).

    >>> correlation(np.array([[[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.0]]])).round(6).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    rest = (gain - gain.mean(-1, keepdims=True)).reshape(len(gain), -1)
    size = np.linalg.norm(rest, axis=1)
    unit = np.divide(rest, size[:, None], out=np.zeros_like(rest), where=size[:, None] > 0)
    found = unit @ unit.T
    np.fill_diagonal(found, 1.0)  # also of differences that are all equal
    return found


def quantile(correlation: Array, sides: int) -> float:
    """What the largest of R correlated standard normal numbers exceeds with at most 5%.

    sides   2: the largest of their sizes

    >>> round(quantile(np.eye(1), 2), 4), round(quantile(np.ones((7, 7)), 2), 4)
    (1.96, 1.96)
    """
    pairs, count = tree(correlation, sides), len(correlation)
    return float(brentq(lambda z: exceeds(z, count, pairs, sides) - (1 - LEVEL), 0.5, 9, xtol=1e-9))


def exceeds(z: float, count: int, pairs: Array, sides: int) -> float:
    """The most that the probability can be that one of `count` normal numbers exceeds z.

    The sum of each alone, minus the joint probabilities of the pairs of a tree (Hunter 1976),
    given by their correlations.
    """
    joint = _joint(z, pairs) if sides == 1 else 2 * (_joint(z, pairs) + _joint(z, -pairs))
    return float(sides * count * ndtr(-z) - joint.sum())


def tree(correlation: Array, sides: int) -> Array:
    """Correlations along the spanning tree on which they are largest, (R, R) -> (R - 1,)."""
    strength = np.abs(correlation) if sides == 2 else correlation
    first, second = minimum_spanning_tree(2.0 - strength).nonzero()  # weights of 1 to 3
    return correlation[first, second].clip(-1, 1)


def _joint(z: float, correlation: Array) -> Array:
    """The probability that both of two standard normal numbers exceed z > 0.

    sf(z)^2 + integral from 0 to asin(correlation) of exp(-z^2 / (1 + sin)) / (2 pi): the
    derivative of the bivariate normal by its correlation, integrated.
    """
    top = np.arcsin(correlation)
    angle = top[:, None] * (NODES + 1) / 2
    return ndtr(-z) ** 2 + np.exp(-(z**2) / (1 + np.sin(angle))) @ WEIGHTS * top / 4 / np.pi


def against_best(gain: Array) -> tuple[Array, Array]:
    """Each against the best of the others, gain (R, S, N) -> ends in percent, two (R,).

    95% intervals, simultaneous, that contain zero (Edwards and Hsu 1983, from intervals against
    each as the control): one whose upper end is zero is shown not to be the best, one whose lower
    end is zero is shown to be it.
    """
    count = len(gain)
    if gain.shape[-1] < 2:
        return np.full(count, np.nan), np.full(count, np.nan)
    ends = np.full((2, count, count), np.nan)  # gain of the row over the column
    for i in range(count):
        others = [j for j in range(count) if j != i]
        over = gain[i] - gain[others]
        found = estimate(over)
        half = _half(found, correlation(over), 1)
        ends[1, i, others] = found.mean + half
        ends[0, others, i] = -found.mean - half  # the others over i, by i's critical value
    upper = np.nanmin(ends[1], axis=1)
    may = np.flatnonzero(upper >= 0)  # the candidates
    lower = np.zeros(count)
    for i in range(count):
        rivals = may[may != i]
        lower[i] = min(0.0, ends[0, i, rivals].min()) if rivals.size else 0.0
    return percent(-lower), percent(-np.maximum(upper, 0))
