"""Comparisons told together: max-t intervals of a family, and comparisons with its best.

R regularizers, S strata (a data set and cell each), N seeds.

The largest of several t-values has a law of its own, which depends on how the comparisons are
correlated: all of them share `none`. Romano and Wolf 2005 take it from the data, by flipping the
signs of paired differences. Here it is the normal limit of those flips, which has the same
correlation: for one comparison it is Student's interval, and it needs no draws, where six seeds
allow 32 flips that differ.

Coverage in simulation, seven comparisons, nominal 0.95, 6 to 10 seeds, normal or heavy-tailed
(t, 3) differences: 0.94 to 0.96 in one stratum, 0.94 to 0.97 over 4 to 56 strata; exact flips 0.95
to 0.96 and 0.94 to 0.96. Strongly skewed differences (exponential): both 0.91 to 0.93 in one
stratum, 0.94 to 0.97 over several. One comparison: Satterthwaite's t 0.94 to 0.96 throughout, a
percentile bootstrap 0.86 to 0.94. tests/test_analysis_coverage.py repeats it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats
from scipy.stats import qmc

from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST, LEVEL, Array, Estimate, estimate

POINTS = 2**15
SEED = 0
MARGIN = 1.0  # percent: an effect that lies within it on both sides is nil
ACCURACY = 0.005  # of the half width: seven times what the integration moves an end by


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
        parts = self.effect, self.low, self.high, self.low_90, self.high_90
        return [verdict(*map(float, values)) for values in zip(*parts, strict=True)]


def verdict(effect: float, low: float, high: float, low_90: float, high_90: float) -> str:
    """The one rule by which an effect in percent is called anything.

    better, worse  the simultaneous interval lies above, or below, zero, by more than the accuracy
                   of its ends
    nil            the 90% interval lies within the margin: two one-sided tests (Schuirmann 1987)
    cannot tell    neither

    >>> verdict(2.0, 0.5, 3.5, 0.8, 3.2), verdict(0.1, -0.9, 1.1, -0.6, 0.8)
    ('better', 'nil')
    >>> verdict(2.0, -0.5, 4.5, 0.2, 3.8), verdict(2.0, 0.001, 4.0, 0.5, 3.5)
    ('cannot tell', 'cannot tell')
    """
    if low > ACCURACY * (effect - low):
        return "better"
    if high < -ACCURACY * (high - effect):
        return "worse"
    return "nil" if low_90 > -MARGIN and high_90 < MARGIN else "cannot tell"


def percent(log_ratio: Array) -> Array:
    """Relative improvement in percent: 100 x (1 - exp(log ratio)).

    >>> float(percent(np.log(0.9)).round(6))
    10.0
    """
    return -100 * np.expm1(log_ratio) + 0.0  # never -0


def told(gain: Array, unit: Callable = percent, seed: int = SEED) -> Told:
    """What a family shows, from the logarithms of `none` over each at the same seed, (R, S, N).

    unit   of effects: from minus a gain to percent
    seed   scrambles the points of the integration; a result must not depend on it
    """
    found, law = estimate(gain), largest(correlation(gain), 2, seed)
    half, one = _half(found, law), found.half(0.9)
    ends = [found.mean - half, found.mean + half, found.mean - one, found.mean + one]
    effect, low, high, low_90, high_90 = (unit(-v) for v in (found.mean, *ends))
    p = adjusted(found, law) if gain.shape[-1] >= FEWEST_TO_TEST else np.full(len(gain), np.nan)
    return Told(effect, low, high, low_90, high_90, p, gain.shape[-1])


def _half(found: Estimate, law: Array) -> Array:
    """Half the width of simultaneous intervals (R,): the law's quantile, with Student's tails."""
    return stats.t.ppf(stats.norm.cdf(np.quantile(law, LEVEL)), found.freedom) * found.error


def adjusted(found: Estimate, law: Array) -> Array:
    """p of each comparison, (R,), given the law of the largest of all."""
    z = stats.norm.isf(found.p / 2)
    reached = 1 - np.searchsorted(np.sort(law), z) / len(law)
    return np.clip(reached, found.p, np.minimum(1, len(z) * found.p))


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


def largest(correlation: Array, sides: int, seed: int = SEED) -> Array:
    """The largest of R correlated standard normal numbers, or of their sizes, at POINTS points."""
    if len(correlation) == 1:  # no integration: the quantiles are exact
        return stats.norm.isf((np.arange(POINTS) + 0.5) / POINTS / sides)[::-1]
    values, vectors = np.linalg.eigh(correlation)
    normal = _points(len(correlation), seed) @ (vectors * np.sqrt(np.clip(values, 0, None))).T
    return (np.abs(normal) if sides == 2 else normal).max(1)


@cache
def _points(count: int, seed: int) -> Array:
    """Standard normal numbers (POINTS, count) from a Sobol sequence: even, not random."""
    uniform = qmc.Sobol(count, scramble=True, rng=seed).random(POINTS)
    return stats.norm.ppf(np.clip(uniform, 1e-9, 1 - 1e-9))


def against_best(gain: Array, seed: int = SEED) -> tuple[Array, Array]:
    """Each against the best of the others, gain (R, S, N) -> ends in percent, two (R,).

    95% intervals, simultaneous, that contain zero (Edwards and Hsu 1983, from intervals against
    each as the control): one whose upper end is zero is shown not to be
    the best, one whose lower end is zero is shown to be it.
    """
    count = len(gain)
    if gain.shape[-1] < 2:
        return np.full(count, np.nan), np.full(count, np.nan)
    ends = np.full((2, count, count), np.nan)  # gain of the row over the column
    for i in range(count):
        others = [j for j in range(count) if j != i]
        over = gain[i] - gain[others]
        found = estimate(over)
        half = _half(found, largest(correlation(over), 1, seed))
        ends[1, i, others] = found.mean + half
        ends[0, others, i] = -found.mean - half  # the others over i, by i's critical value
    upper = np.nanmin(ends[1], axis=1)
    may = np.flatnonzero(upper >= 0)  # the candidates
    lower = np.zeros(count)
    for i in range(count):
        rivals = may[may != i]
        lower[i] = min(0.0, ends[0, i, rivals].min()) if rivals.size else 0.0
    return percent(-lower), percent(-np.maximum(upper, 0))
