"""Statistics across benchmarks: data sets are the unit, cells are averaged.

R regularizers, D data sets, C cells, N seeds.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from rnnreg.analysis.statistics.inference import (
    FEWEST_TO_TEST,
    LEVEL,
    Array,
    holm,
)


def interquartile_mean(runs: Array) -> Array:
    """Mean of the middle half of all runs, (..., runs) -> (...): a quarter is cut off at each end.

    Agarwal et al. 2021: runs are pooled over data sets (and cells) and seeds. Quarters are rounded
    down.

    >>> float(interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])))
    2.0
    """
    n = np.shape(runs)[-1]
    return np.sort(runs, axis=-1)[..., n // 4 : n - n // 4].mean(-1)


def family_interval(value: Array, families: list[str]) -> tuple[Array, Array]:
    """95% interval of the mean for new data sets of these kinds: (R, D) -> two (R,).

    The data sets of a family are not independent: the error is that of clustered data,
    sum over families of (sum of residuals)^2 x F / (F - 1) / D^2 (Liang and Zeger 1986), with
    Student's t of F - 1 degrees of freedom. NaN below six families: too few to speak for others.
    """
    kinds = list(dict.fromkeys(families))
    count, mean = len(kinds), value.mean(1)
    if count < FEWEST_TO_TEST:
        return np.full(len(value), np.nan), np.full(len(value), np.nan)
    rest = value - mean[:, None]
    sums = np.stack([rest[:, [f == kind for f in families]].sum(1) for kind in kinds])
    error = np.sqrt((sums**2).sum(0) * count / (count - 1)) / value.shape[1]
    half = stats.t.ppf((1 + LEVEL) / 2, count - 1) * error
    return mean - half, mean + half


@dataclass(frozen=True)
class Ranking:
    """Ranks over families of data sets (Demsar 2006): 1 is best, ties share their mean rank."""

    mean_rank: Array  # (R,)
    families: int
    friedman_p: float  # NaN: no test
    critical_difference: float  # Nemenyi's, at 0.05
    nemenyi_p: Array  # (R, R)
    wilcoxon_p: Array  # (R, R), Holm over all pairs
    control_p: Array  # (R,), Wilcoxon against the first regularizer, Holm over the others


def ranking(value: Array, tested: bool = True) -> Ranking:
    """Rank regularizers by value (R, families), lower is better.

    Friedman's test; Nemenyi's critical difference q x sqrt(R (R + 1) / 6 families), q from the
    studentized range over sqrt(2) (Demsar 2006), and beside it Wilcoxon's
    signed-rank test with Holm's correction (Benavoli et al. 2016 show why: a mean rank depends on
    who else is ranked). No test below six families, nor where `tested` is false; Friedman's not
    below three regularizers.
    """
    count, families = value.shape
    ranks = stats.rankdata(value, axis=0).mean(1)
    none, pairs = np.full((count, count), np.nan), np.full((count, count), np.nan)
    if not tested or families < FEWEST_TO_TEST or count < 2:
        blank = float("nan")
        return Ranking(ranks, families, blank, blank, none, pairs, np.full(count, np.nan))
    equal = np.ptp(value, axis=0).max() == 0
    friedman = 1.0 if equal else float("nan")
    if count > 2 and not equal:
        friedman = float(stats.friedmanchisquare(*value).pvalue)
    scale = np.sqrt(count * (count + 1) / (6 * families))
    difference = np.sqrt(2) * np.abs(ranks[:, None] - ranks) / scale
    upper, nemenyi = np.triu_indices(count, 1), np.eye(count)
    nemenyi[upper] = stats.studentized_range.sf(difference[upper], count, np.inf)
    nemenyi = np.maximum(nemenyi, nemenyi.T)
    critical = stats.studentized_range.ppf(LEVEL, count, np.inf) / np.sqrt(2) * scale
    raw = {
        pair: _wilcoxon(value[pair[0]] - value[pair[1]]) for pair in combinations(range(count), 2)
    }
    np.fill_diagonal(pairs, 1.0)
    for (i, j), p in zip(raw, holm(list(raw.values())), strict=True):
        pairs[i, j] = pairs[j, i] = p
    control = np.array([np.nan, *holm([raw[0, j] for j in range(1, count)])])
    return Ranking(ranks, families, friedman, float(critical), nemenyi, pairs, control)


def _wilcoxon(difference: Array) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; 1 where nothing differs."""
    if not np.any(difference):
        return 1.0
    return float(stats.wilcoxon(difference).pvalue)


def profile(effect: Array, thresholds: Array) -> tuple[Array, Array, Array]:
    """Share of runs with an effect of at least each threshold: (R, S, N), (K,) -> three (R, K).

    The performance profile of Agarwal et al. 2021 (there: share above) with the 95% interval of a
    bootstrap that draws the seeds of each stratum anew. A stratum's count of hits is then
    binomial, so the law of the share is computed, not drawn: a product of characteristic
    functions. N - 1 of N seeds are drawn (Rao and Wu 1988): drawing N makes it too short.

    >>> share, low, high = profile(np.array([[[1.0, 3.0]]]), np.array([0.0, 2.0, 4.0]))
    >>> share.tolist(), low.tolist(), high.tolist()
    ([[1.0, 0.5, 0.0]], [[1.0, 0.0, 0.0]], [[1.0, 1.0, 0.0]])
    """
    reached = effect[..., None] >= thresholds  # (R, S, N, K)
    share, (strata, n) = reached.mean((1, 2)), effect.shape[1:]
    if n < 2:
        return share, share * np.nan, share * np.nan
    most = strata * (n - 1)
    turn = np.exp(-2j * np.pi * np.arange(most + 1) / (most + 1))
    law = np.ones((*share.shape, most + 1), dtype=complex)
    for stratum in range(strata):
        hit = reached[:, stratum].mean(1)[..., None]  # (R, K, 1)
        law *= (1 - hit + hit * turn) ** (n - 1)
    below = np.fft.ifft(law).real.cumsum(-1)
    ends = [(below < q - 1e-12).sum(-1) / most for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]
    return share, *ends
