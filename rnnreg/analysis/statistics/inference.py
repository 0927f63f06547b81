"""Intervals, tests and estimators on plain arrays; seeds or units along the last axis."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats
from statsmodels.stats.power import TTestPower

Array = np.ndarray
LEVEL = 0.95
FEWEST_TO_TEST = 6  # below, a paired t-test rests on its assumption alone
RESAMPLES = 50_000


def mean_interval(x: Array) -> tuple[Array, Array, Array]:
    """Mean and its 95% interval, x (..., n) -> three arrays (...).

    mean +- t(n - 1, 0.975) x s / sqrt(n) (Student 1908). One value has no interval (NaN);
    equal values have one of width zero.

    >>> [round(float(v), 3) for v in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    x = np.asarray(x, dtype=float)
    found = estimate(x[..., None, :])
    half = found.half(LEVEL)
    return found.mean, found.mean - half, found.mean + half


@dataclass(frozen=True)
class Estimate:
    """Means over strata with their standard errors and degrees of freedom, each (...)."""

    mean: Array
    error: Array
    freedom: Array

    def half(self, level: float) -> Array:
        """Half the width of a two-sided interval for one mean; NaN for one seed."""
        return stats.t.ppf((1 + level) / 2, self.freedom) * self.error

    @property
    def p(self) -> Array:
        """Two-sided p of each mean being zero: 1 where all is zero, 0 where all is equal."""
        constant = self.error == 0
        t = np.divide(self.mean, self.error, out=np.zeros_like(self.mean), where=~constant)
        p = 2 * stats.t.sf(np.abs(t), self.freedom)
        return np.where(constant, np.where(self.mean == 0, 1.0, 0.0), p)


def estimate(x: Array) -> Estimate:
    """The mean over strata of equal weight, x (..., strata, n) -> (...).

    Each stratum (a data set and cell, say) has n seeds of its own. The squared error is
    sum s^2 / n / strata^2, and its degrees of freedom are Satterthwaite's (1946):
    (sum v)^2 / sum (v^2 / (n - 1)). For one stratum that is Student's t.

    >>> found = estimate(np.array([[1.0, 3.0], [2.0, 4.0]]))
    >>> float(found.mean), round(float(found.error), 4), float(found.freedom)
    (2.5, 0.7071, 2.0)
    """
    x = np.asarray(x, dtype=float)
    strata, n = x.shape[-2:]
    mean = x.mean((-2, -1))
    if n < 2:
        none = np.full(mean.shape, np.nan)
        return Estimate(mean, none, none)
    variance = np.where(np.ptp(x, axis=-1) == 0, 0.0, x.var(-1, ddof=1)) / n / strata**2
    total, spread = variance.sum(-1), (variance**2).sum(-1) / (n - 1)
    most = np.full(mean.shape, float(strata * (n - 1)))
    freedom = np.divide(total**2, spread, out=most, where=spread > 0)
    return Estimate(mean, np.sqrt(total), freedom)


def paired_p(difference: Array) -> Array:
    """Two-sided p of the paired t-test (Student 1908), difference (..., n) -> (...).

    NaN below six pairs: no test is made. Differences that are all zero have p = 1; all equal and
    not zero, p = 0.

    >>> round(float(paired_p(np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0]))), 4)
    0.0028
    """
    difference = np.asarray(difference, dtype=float)
    if difference.shape[-1] < FEWEST_TO_TEST:
        return np.full(difference.shape[:-1], np.nan)
    return estimate(difference[..., None, :]).p


def holm(p: Array) -> Array:
    """Step-down adjusted p (Holm 1979), p (k,) -> (k,). NaN, a test not made, stays uncounted.

    >>> holm(np.array([0.01, 0.04, np.nan, 0.03])).tolist()
    [0.03, 0.06, nan, 0.06]
    """
    p = np.asarray(p, dtype=float)
    adjusted, made = np.full(p.shape, np.nan), ~np.isnan(p)
    order = np.argsort(p[made])
    times = np.arange(len(order), 0, -1)  # the smallest by all, the largest by one
    stepped = np.minimum(np.maximum.accumulate(p[made][order] * times), 1)
    adjusted[np.flatnonzero(made)[order]] = stepped
    return adjusted


def probability_of_improvement(better: Array) -> Array:
    """P(A > B) over pairs, better (..., n) = how much A is better -> (...); a tie counts one half.

    Bouthillier et al. 2021 hold it against 0.75, which takes 29 pairs for both errors to stay at
    5%: (2 x 1.645)^2 / (6 x 0.25^2), rounded up. With fewer it is a description.

    >>> float(probability_of_improvement(np.array([0.3, -0.1, 0.0, 0.2])))
    0.625
    """
    better = np.asarray(better)
    return (better > 0).mean(-1) + 0.5 * (better == 0).mean(-1)


def smallest_detectable(difference: Array, tests: int = 1) -> Array:
    """The true mean difference that a paired t-test finds with power 0.8, (..., n) -> (...).

    Standard deviation of the differences x d, where d solves power(d, n, 0.05 / tests) = 0.8
    by the noncentral t distribution (Cohen 1988). Dividing by the number of tests is
    Holm's first and hardest step. NaN for one pair.

    >>> round(float(smallest_detectable(np.array([0.0, 1.0] * 4))), 3)
    0.618
    """
    difference = np.asarray(difference, dtype=float)
    n = difference.shape[-1]
    if n < 2:
        return np.full(difference.shape[:-1], np.nan)
    return difference.std(-1, ddof=1) * _standardized_effect(n, 0.05 / max(tests, 1))


@cache
def _standardized_effect(n: int, alpha: float) -> float:
    return float(np.atleast_1d(TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8))[0])


def choice_stability(losses: Array, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """The share of bootstrap resamples of the tuning seeds that choose the same strength.

    losses (strengths, seeds): validation losses, in the order of the grid. NaN where there is one
    seed, or one strength: nothing can vary. Up to six seeds all n^n resamples count, once each.

    >>> choice_stability(np.array([[1.0, 1.1], [2.0, 2.1]]))
    1.0
    """
    strengths, seeds = losses.shape
    if seeds < 2 or strengths < 2:
        return float("nan")
    losses = np.nan_to_num(losses, nan=np.inf)
    if seeds**seeds <= resamples:
        draws = np.indices((seeds,) * seeds).reshape(seeds, -1).T
    else:
        draws = np.random.default_rng(seed).integers(seeds, size=(resamples, seeds))
    chosen = losses[:, draws].mean(-1).argmin(0)  # (resamples,)
    return float((chosen == losses.mean(-1).argmin()).mean())
