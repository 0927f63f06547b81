"""Intervals, tests and estimators on plain arrays; seeds or units along the last axis."""

from functools import cache
from math import comb

import numpy as np
from scipy import stats
from statsmodels.stats.power import TTestPower

Array = np.ndarray
LEVEL = 0.95
FEWEST_TO_TEST = 6  # below, a paired t-test rests on its assumption alone
FEWEST_FOR_BCA = 20  # below, BCa covers too little: 84% at n = 5, 89% at n = 10 for a nominal 95%
RESAMPLES = 2000


def mean_interval(x: Array, seed: int = 0) -> tuple[Array, Array, Array]:
    """Mean and its 95% interval, x (..., n) -> three arrays (...).

    mean +- t(n - 1, 0.975) x s / sqrt(n) up to n = 19 (Student 1908); bias-corrected and
    accelerated bootstrap from n = 20 (Efron 1987). One value has no interval (NaN);
    equal values have one of width zero.

    >>> [round(float(v), 3) for v in mean_interval(np.array([1.0, 2.0, 3.0]))]
    [2.0, -0.484, 4.484]
    """
    x = np.asarray(x, dtype=float)
    n = x.shape[-1]
    mean = x.mean(-1)
    if n == 1:
        return mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)
    if n >= FEWEST_FOR_BCA:
        return (mean, *_bca(x, seed))
    half = _students_quantile(n - 1) * x.std(-1, ddof=1) / np.sqrt(n)
    return mean, mean - half, mean + half


@cache
def _students_quantile(freedom: int) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, freedom))


def _bca(x: Array, seed: int) -> tuple[Array, Array]:
    low, high = np.empty(x.shape[:-1]), np.empty(x.shape[:-1])
    for index in np.ndindex(x.shape[:-1]):
        values = x[index]
        if np.ptp(values) == 0:
            low[index] = high[index] = values[0]
            continue
        found = stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=RESAMPLES,
            method="BCa",
            confidence_level=LEVEL,
            rng=seed,
        )
        low[index], high[index] = found.confidence_interval
    return low, high


def paired_p(difference: Array) -> Array:
    """Two-sided p of the paired t-test (Student 1908), difference (..., n) -> (...).

    NaN below six pairs: no test is made. Differences that are all zero have p = 1; all equal and
    not zero, p = 0.

    >>> round(float(paired_p(np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0]))), 4)
    0.0028
    """
    difference = np.asarray(difference, dtype=float)
    n = difference.shape[-1]
    mean, spread = difference.mean(-1), difference.std(-1, ddof=1) if n > 1 else np.nan
    if n < FEWEST_TO_TEST:
        return np.full(mean.shape, np.nan)
    constant = np.ptp(difference, axis=-1) == 0
    t = np.divide(mean * np.sqrt(n), spread, out=np.zeros_like(mean), where=~constant)
    return np.where(constant, (mean == 0).astype(float), 2 * stats.t.sf(np.abs(t), n - 1))


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


def expected_best(losses: Array) -> Array:
    """Expected lowest of k losses drawn from n: (..., n) -> (..., n), for k = 1 ... n.

    sum_i C(n - i, k - 1) / C(n, k) x loss_(i), over the sorted losses. The unbiased estimator of
    Tang et al. 2020; that of Dodge et al. 2019 draws with putting back and is biased.

    >>> expected_best(np.array([3.0, 1.0, 2.0])).round(3).tolist()
    [2.0, 1.333, 1.0]
    """
    ordered = np.sort(np.asarray(losses, dtype=float), axis=-1)
    n = ordered.shape[-1]
    weight = [[comb(n - i, k - 1) / comb(n, k) for k in range(1, n + 1)] for i in range(1, n + 1)]
    return ordered @ np.array(weight)


def choice_stability(losses: Array, seed: int = 0, resamples: int = RESAMPLES) -> float:
    """The share of bootstrap resamples of the tuning seeds that choose the same strength.

    losses (strengths, seeds): validation losses, in the order of the grid. NaN where there is one
    seed, or one strength: nothing can vary.

    >>> choice_stability(np.array([[1.0, 1.1], [2.0, 2.1]]))
    1.0
    """
    strengths, seeds = losses.shape
    if seeds < 2 or strengths < 2:
        return float("nan")
    losses = np.nan_to_num(losses, nan=np.inf)
    draws = np.random.default_rng(seed).integers(seeds, size=(resamples, seeds))
    chosen = losses[:, draws].mean(-1).argmin(0)  # (resamples,)
    return float((chosen == losses.mean(-1).argmin()).mean())
