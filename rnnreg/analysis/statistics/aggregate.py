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
    RESAMPLES,
    Array,
    holm,
    mean_interval,
)


def interquartile_mean(x: Array) -> Array:
    """Mean of the middle half, (..., D) -> (...): a quarter, rounded down, is cut off at each end.

    Agarwal et al. 2021. Of up to three values nothing is cut: it is the mean.

    >>> float(interquartile_mean(np.array([0.0, 1.0, 3.0, 100.0])))
    2.0
    """
    n = np.shape(x)[-1]
    return np.sort(x, axis=-1)[..., n // 4 : n - n // 4].mean(-1)


def seed_interval(log_ratio: Array, seed: int = 0) -> tuple[Array, Array]:
    """95% interval of the interquartile mean for new seeds: (R, D, C, N) -> two (R,).

    Stratified percentile bootstrap (Agarwal et al. 2021): the seeds of each data set and cell are
    drawn anew, the data sets stay. Unlike there, N - 1 of N seeds are drawn (Rao and Wu 1988):
    drawing N makes the interval too short by sqrt((N - 1) / N). One data set and cell alone has
    too few values for it: there it is `mean_interval`, as within a benchmark. NaN for one seed.
    """
    regularizers, *shape, n = log_ratio.shape
    if n == 1:
        return np.full(regularizers, np.nan), np.full(regularizers, np.nan)
    if shape == [1, 1]:
        return mean_interval(log_ratio[:, 0, 0], seed)[1:]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES // 100):  # in pieces, so that memory stays small
        times = rng.multinomial(n - 1, np.full(n, 1 / n), size=(100, *shape)) / (n - 1)
        values = np.einsum("bdcn,rdcn->brd", times, log_ratio, optimize=True) / shape[1]
        drawn.append(interquartile_mean(values))
    return _percentiles(np.concatenate(drawn))


def family_interval(
    value: Array, families: list[str], groups: list[str], seed: int = 0, resamples: int = RESAMPLES
) -> tuple[Array, Array]:
    """95% interval of the interquartile mean for new data sets of these kinds: (R, D) -> two (R,).

    Families of data sets are drawn anew within each group, one fewer than there are (as above);
    the data sets of a family, which are not independent, are drawn together. On normal data it
    covers 94% with eleven families and 89% with six. NaN below six: too few to speak for others.
    """
    if len(set(families)) < FEWEST_TO_TEST:
        return np.full(len(value), np.nan), np.full(len(value), np.nan)
    members = {}  # group -> family -> data sets
    for index, (family, group) in enumerate(zip(families, groups, strict=True)):
        members.setdefault(group, {}).setdefault(family, []).append(index)
    strata = [list(group.values()) for group in members.values()]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(resamples):
        picks = [rng.integers(len(parts), size=max(1, len(parts) - 1)) for parts in strata]
        chosen = [
            i for parts, pick in zip(strata, picks, strict=True) for p in pick for i in parts[p]
        ]
        drawn.append(interquartile_mean(value[:, chosen]))
    return _percentiles(np.array(drawn))


def _percentiles(drawn: Array) -> tuple[Array, Array]:
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)], axis=0)
    return low, high


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


def ranking(value: Array) -> Ranking:
    """Rank regularizers by value (R, families), lower is better.

    Friedman's test; Nemenyi's critical difference q x sqrt(R (R + 1) / 6 families), q from the
    studentized range over sqrt(2) (Demsar 2006), and beside it Wilcoxon's
    signed-rank test with Holm's correction (Benavoli et al. 2016 show why: a mean rank depends on
    who else is ranked). No test below six families; Friedman's not below three regularizers.
    """
    count, families = value.shape
    ranks = stats.rankdata(value, axis=0).mean(1)
    none, pairs = np.full((count, count), np.nan), np.full((count, count), np.nan)
    if families < FEWEST_TO_TEST or count < 2:
        blank = float("nan")
        return Ranking(ranks, families, blank, blank, none, pairs, np.full(count, np.nan))
    equal = np.ptp(value, axis=0).max() == 0
    friedman = 1.0 if equal else float("nan")
    if count > 2 and not equal:
        friedman = float(stats.friedmanchisquare(*value).pvalue)
    scale = np.sqrt(count * (count + 1) / (6 * families))
    difference = np.sqrt(2) * np.abs(ranks[:, None] - ranks) / scale
    nemenyi = stats.studentized_range.sf(difference, count, np.inf)
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


def profile(effect: Array, thresholds: Array) -> Array:
    """Share of runs with an effect of at least each threshold: (R, runs), (K,) -> (R, K).

    The performance profile of Agarwal et al. 2021 (there: share above).

    >>> profile(np.array([[1.0, 3.0]]), np.array([0.0, 2.0, 4.0])).tolist()
    [[1.0, 0.5, 0.0]]
    """
    return (effect[:, :, None] >= thresholds).mean(1)
