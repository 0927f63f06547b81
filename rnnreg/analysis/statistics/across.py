"""Each regularizer across benchmarks: mean effects, ranks and profiles by scope.

A scope is `all`, a group of benchmarks (`NLP`, `time series`), or one cell over all benchmarks
(`cell: lstm`), or one cell over the benchmarks of a task (`Forecast: lstm`).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, REFERENCE, Results
from rnnreg.analysis.statistics import aggregate
from rnnreg.analysis.statistics.inference import probability_of_improvement
from rnnreg.analysis.statistics.simultaneous import against_best, percent, told

THRESHOLDS = np.linspace(-10, 20, 61)  # percent


def across(results: Results) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three tables: one line a scope, criterion and regularizer; a pair of them; a threshold
    (over all benchmarks, and by group).

    effect            relative improvement in percent, 100 x (1 - exp(mean log ratio)), over data
                      sets, cells and seeds alike: the geometric mean of ratios
    seeds_low, _high  its 95% interval for these data sets and new seeds, simultaneous over the
                      regularizers of its family
    low_90, high_90   90% interval, each alone
    p, verdict        corrected for the family; see `simultaneous.verdict`
    best_low, _high   against the best of its family and `none` (see `simultaneous.against_best`):
                      `best_high` is 0 where it is shown not to be the best; empty for one cell
    sets_low, _high   95% interval for new data sets, each alone; empty below six families of them
    wins              probability of improvement, mean over data sets and cells
    best_in           share of the data sets on which it has the best mean
    mean_rank ...     over families of data sets: see `aggregate.ranking`; no test of one cell

    Empty tables where the study has no row `none`.
    """
    frames, pairs, profiles = [], [], []
    if results.has_reference:
        for criterion in CRITERIA:
            every = results.compared(criterion)
            gain, sets = gains(results, criterion, names=every)
            for scope, chosen, cells in scopes(results, sets):
                part = gain[:, chosen][:, :, cells]
                # One that makes no sense somewhere in a scope takes no part in it.
                whole = ~np.isnan(part).any((1, 2, 3))
                names, part = [n for n, w in zip(every, whole, strict=True) if w], part[whole]
                whole_cells = ": " not in scope
                here = [sets[i] for i in chosen]
                frame, ranking = _scope(results, names, part, here, tested=whole_cells)
                label = {"criterion": criterion, "scope": scope}
                if whole_cells:
                    frame = frame.join(_best(results, names, part))
                    profiles.append(_profile(names, part).assign(**label))
                frames.append(frame.assign(**label))
                pairs.append(_pairs(names, ranking).assign(**label))
    return tuple(
        pd.concat(f, ignore_index=True) if f else pd.DataFrame() for f in (frames, pairs, profiles)
    )


def gains(
    results: Results,
    criterion: str,
    column: str = "log",
    frame: pd.DataFrame | None = None,
    names: list[str] | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Log loss of `none` minus that of each at the same seed, (R, D, C, N), and the data sets.

    names           the regularizers; `results.everywhere`, unless given
    column, frame   of `results.scores`: `log` of the test split, `log_validation` of the other; or
                    a column of a frame that has the same lines
    """
    scores = results.scores if frame is None else frame
    scores = scores[scores["criterion"] == criterion]
    keys = ["regularizer", "benchmark", "cell", "seed"]
    orders = [
        names or results.everywhere(criterion),
        list(results.benchmarks),
        results.cells,
        sorted(scores["seed"].unique()),
    ]
    index = pd.MultiIndex.from_product(orders, names=keys)
    log = scores.set_index(keys)[column].reindex(index).to_numpy()
    log = log.reshape([len(order) for order in orders])
    return log[[orders[0].index(REFERENCE)]] - log, orders[1]


def scopes(results: Results, sets: list[str]) -> list[tuple[str, list[int], list[int]]]:
    """Scope, and the places of its data sets and of its cells."""
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


def shown(
    results: Results, names: list[str], gain: np.ndarray, unit: Callable = percent
) -> pd.DataFrame:
    """Effect, intervals, p and verdict of each regularizer in one scope, gain (R, D, C, N)."""
    strata = gain.reshape(len(names), -1, gain.shape[-1])
    columns = ["effect", "seeds_low", "seeds_high", "low_90", "high_90", "p"]
    values, verdicts = np.full((len(names), len(columns)), np.nan), ["reference"] * len(names)
    values[:, :3] = 0.0
    for places in results.families(names).values():
        found = told(strata[places], unit)
        ends = [found.effect, found.low, found.high, found.low_90, found.high_90, found.p]
        values[places] = np.stack(ends, 1)
        for place, verdict in zip(places, found.verdicts, strict=True):
            verdicts[place] = verdict
    frame = pd.DataFrame(values, columns=columns)
    frame.insert(0, "regularizer", names)
    frame["verdict"] = verdicts
    return frame


def _scope(
    results: Results, names: list[str], gain: np.ndarray, sets: list[str], tested: bool
) -> tuple[pd.DataFrame, aggregate.Ranking]:
    kinds = [results.benchmarks[s].get("family") or s for s in sets]
    value = gain.mean((2, 3))  # (R, D)
    by_kind = [value[:, [k == kind for k in kinds]].mean(1) for kind in dict.fromkeys(kinds)]
    ranking = aggregate.ranking(-np.stack(by_kind, 1), tested)  # lower is better
    sets_low, sets_high = aggregate.family_interval(value, kinds)
    frame = shown(results, names, gain).assign(
        benchmarks=len(sets),
        families=len(by_kind),
        sets_low=percent(-sets_low),
        sets_high=percent(-sets_high),
        wins=probability_of_improvement(gain).mean((1, 2)),
        best_in=(value == value.max(0)).mean(1),
        mean_rank=ranking.mean_rank,
        friedman_p=ranking.friedman_p,
        critical_difference=ranking.critical_difference,
        wilcoxon_p_holm=ranking.control_p,
    )
    return frame, ranking


def _best(results: Results, names: list[str], gain: np.ndarray) -> pd.DataFrame:
    """Each against the best of its family and `none`; `none` against the first family's."""
    strata = gain.reshape(len(names), -1, gain.shape[-1])
    ends = np.full((len(names), 2), np.nan)
    none = names.index(REFERENCE)
    for places in reversed(results.families(names).values()):
        together = [none, *places]
        ends[together] = np.stack(against_best(strata[together]), 1)
    return pd.DataFrame(ends, columns=["best_low", "best_high"])


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


def _profile(names: list[str], gain: np.ndarray) -> pd.DataFrame:
    """Shares of runs (a data set, cell and seed) with at least so much improvement."""
    effect = percent(-gain).reshape(len(names), -1, gain.shape[-1])
    found = [v.ravel() for v in aggregate.profile(effect, THRESHOLDS)]
    return pd.DataFrame(
        {
            "regularizer": np.repeat(names, len(THRESHOLDS)),
            "threshold": np.tile(THRESHOLDS, len(names)),
            **dict(zip(("share", "low", "high"), found, strict=True)),
        }
    )
