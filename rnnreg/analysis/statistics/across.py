"""Each regularizer across benchmarks: interquartile means, ranks and profiles by scope.

A scope is `all`, a group of benchmarks (`NLP`, `time series`), or one cell over all benchmarks
(`cell: lstm`), or one cell over the benchmarks of a task (`Forecast: lstm`).
"""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, REFERENCE, Results
from rnnreg.analysis.statistics import aggregate
from rnnreg.analysis.statistics.comparisons import percent

THRESHOLDS = np.linspace(-10, 20, 61)  # percent


def across(results: Results) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three tables: one line a scope, criterion and regularizer; a pair of them; a threshold
    (over all benchmarks, and by group).

    effect            interquartile mean over data sets of the relative improvement, in percent
    seeds_low, _high  its 95% interval for these data sets and new seeds
    sets_low, _high   its 95% interval for new data sets; empty below six families
    best_in           share of the data sets on which it has the best mean
    mean_rank ...     over families: see `aggregate.ranking`

    Empty tables where the study has no row `none`.
    """
    frames, pairs, profiles = [], [], []
    if results.has_reference:
        for criterion in CRITERIA:
            names = results.compared(criterion)
            ratio, sets = _log_ratios(results, criterion)
            for scope, chosen, cells in _scopes(results, sets):
                part = ratio[:, chosen][:, :, cells]
                frame, ranking = _scope(results, names, part, [sets[i] for i in chosen])
                label = {"criterion": criterion, "scope": scope}
                frames.append(frame.assign(**label))
                pairs.append(_pairs(names, ranking).assign(**label))
                if ": " not in scope:
                    profiles.append(_profile(names, part).assign(**label))
    return tuple(
        pd.concat(f, ignore_index=True) if f else pd.DataFrame() for f in (frames, pairs, profiles)
    )


def _log_ratios(results: Results, criterion: str) -> tuple[np.ndarray, list[str]]:
    """Log test loss over that of `none` at the same seed, (R, D, C, N), and the data sets."""
    scores = results.scores[results.scores["criterion"] == criterion]
    keys = ["regularizer", "benchmark", "cell", "seed"]
    orders = [
        results.compared(criterion),
        list(results.benchmarks),
        results.cells,
        sorted(scores["seed"].unique()),
    ]
    index = pd.MultiIndex.from_product(orders, names=keys)
    log = scores.set_index(keys)["log"].reindex(index).to_numpy()
    log = log.reshape([len(order) for order in orders])
    return log - log[[orders[0].index(REFERENCE)]], orders[1]


def _scopes(results: Results, sets: list[str]) -> list[tuple[str, list[int], list[int]]]:
    everywhere, cells = list(range(len(sets))), list(range(len(results.cells)))
    group = [results.benchmarks[s]["group"] for s in sets]
    scopes = [("all", everywhere, cells)]
    scopes += [(g, [i for i in everywhere if group[i] == g], cells) for g in dict.fromkeys(group)]
    scopes += [(f"cell: {name}", everywhere, [i]) for i, name in enumerate(results.cells)]
    task = [results.benchmarks[s]["task"] for s in sets]
    for t in dict.fromkeys(task):
        chosen = [i for i in everywhere if task[i] == t]
        scopes += [(f"{t}: {name}", chosen, [i]) for i, name in enumerate(results.cells)]
    return scopes


def _scope(
    results: Results, names: list[str], ratio: np.ndarray, sets: list[str]
) -> tuple[pd.DataFrame, aggregate.Ranking]:
    families = [results.benchmarks[s].get("family") or s for s in sets]
    groups = [results.benchmarks[s]["group"] for s in sets]
    value = ratio.mean((2, 3))  # (R, D)
    by_family = np.stack(
        [value[:, [f == family for f in families]].mean(1) for family in dict.fromkeys(families)], 1
    )
    ranking = aggregate.ranking(by_family)
    low, high = aggregate.seed_interval(ratio)
    sets_low, sets_high = aggregate.family_interval(value, families, groups)
    best = (value == value.min(0)).mean(1)
    frame = pd.DataFrame(
        {
            "regularizer": names,
            "benchmarks": len(sets),
            "families": by_family.shape[1],
            "effect": percent(aggregate.interquartile_mean(value)),
            "seeds_low": percent(high),
            "seeds_high": percent(low),
            "sets_low": percent(sets_high),
            "sets_high": percent(sets_low),
            "best_in": best,
            "mean_rank": ranking.mean_rank,
            "friedman_p": ranking.friedman_p,
            "critical_difference": ranking.critical_difference,
            "wilcoxon_p_holm": ranking.control_p,
        }
    )
    return frame, ranking


def _pairs(names: list[str], ranking: aggregate.Ranking) -> pd.DataFrame:
    rows = [
        {
            "first": a, "second": b, "rank_difference": ranking.mean_rank[i] - ranking.mean_rank[j],
            "nemenyi_p": ranking.nemenyi_p[i, j], "wilcoxon_p_holm": ranking.wilcoxon_p[i, j],
        }
        for i, a in enumerate(names)
        for j, b in enumerate(names)
        if i < j
    ]  # fmt: skip
    columns = ["first", "second", "rank_difference", "nemenyi_p", "wilcoxon_p_holm"]
    return pd.DataFrame(rows, columns=columns)


def _profile(names: list[str], ratio: np.ndarray) -> pd.DataFrame:
    """Shares of runs (a data set, cell and seed) with at least so much improvement, with interval.

    The interval is over new seeds: runs of each data set and cell are drawn anew.
    """
    regularizers, *shape, n = ratio.shape
    reached = percent(ratio)[..., None] >= THRESHOLDS  # (R, D, C, N, K)
    share = aggregate.profile(percent(ratio).reshape(regularizers, -1), THRESHOLDS)
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(200 if n > 1 else 0):
        times = rng.multinomial(n, np.full(n, 1 / n), size=shape) / n
        drawn.append(np.einsum("dcn,rdcnk->rk", times, reached) / np.prod(shape))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0) if drawn else (share * np.nan,) * 2
    count = len(THRESHOLDS)
    return pd.DataFrame(
        {
            "regularizer": np.repeat(names, count),
            "threshold": np.tile(THRESHOLDS, len(names)),
            "share": share.ravel(),
            "low": low.ravel(),
            "high": high.ravel(),
        }
    )
