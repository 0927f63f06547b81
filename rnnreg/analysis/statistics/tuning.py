"""What tuning chose, how firmly, and what each setting and each further trial was worth."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, KEYS, REFERENCE, Results
from rnnreg.analysis.statistics import inference as st
from rnnreg.study.search import place

OUTER = 0.1  # of a range, at each of its ends, counts as its edge


@dataclass(frozen=True)
class Losses:
    """Validation losses of a row's tuning members under one criterion, settings in their order."""

    common: np.ndarray  # (settings, seeds) on the seeds that all settings were trained on
    deciding: np.ndarray  # (settings, seeds) on the seeds that decide; NaN where not among the best

    @property
    def first(self) -> np.ndarray:
        """The mean of each setting on the common seeds, (settings,)."""
        return self.common.mean(1)


def tuning(results: Results) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three tables: selected, one line a row and criterion; strengths; and trials.

    selected   strength and learning_rate; grid and settings: how many strengths, and settings of
               strength and rate, there were; edge, rate_edge: at which end of its range the choice
               lies, if at one (of a grid of two at least: the first or the last strength; of a
               search: the outer tenth), else empty; stability: share of resamples of the deciding
               seeds that choose it; prefers_none: the choice of `none` had the lower mean
               validation loss on the deciding seeds; diverged: tuning members that did
    strengths  mean validation loss of each setting over the seeds that all were trained on, and
               relative to the best of `none` in percent (positive is better); low and high are the
               lowest and the highest seed (there are too few for an interval)
    trials     lowest of those losses after each trial, in their order, relative to the lowest of
               all of `none` in percent; one search is one draw: no interval
    """
    tuned = results.members[results.members["phase"] == "tune"]
    losses = {criterion: _losses(tuned, criterion) for criterion in CRITERIA}
    diverged = tuned.groupby([*KEYS, "place"])["diverged"].sum()
    diverged = {key: own.to_numpy() for key, own in diverged.groupby(level=KEYS)}
    counts = tuned.groupby(KEYS).size()
    selected, strengths, trials = [], [], []
    for row in results.rows.to_dict("records"):
        key = tuple(row[k] for k in KEYS)
        for criterion in CRITERIA:
            label = {**dict(zip(KEYS, key, strict=True)), "criterion": criterion}
            own, none = (losses[criterion].get(k) for k in (key, (*key[:2], REFERENCE)))
            counted = {"diverged": int(diverged[key].sum()), "members": int(counts[key])}
            selected.append(label | _selected(results, row, criterion, own, none) | counted)
            strengths += [label | s for s in _strengths(row, own, none, diverged[key])]
            trials += [label | t for t in _trials(own, none)]
    return pd.DataFrame(selected), pd.DataFrame(strengths), pd.DataFrame(trials)


def _losses(tuned: pd.DataFrame, criterion: str) -> dict[tuple, Losses]:
    """Row -> its losses; a seed that not all settings of a row were trained on decides."""
    value = tuned[f"{criterion}_validation_loss"].astype(float).fillna(np.inf)
    keys = [tuned[key] for key in (*KEYS, "place", "seed")]
    found = {}
    for key, own in value.groupby(keys).first().unstack().groupby(level=KEYS):
        values = own.to_numpy()
        missing = np.isnan(values)
        values, missing = values[:, ~missing.all(0)], missing[:, ~missing.all(0)]
        deciding = values[:, missing.any(0)] if missing.any() else values
        found[key] = Losses(values[:, ~missing.any(0)], deciding)
    return found


def _selected(
    results: Results, row: dict, criterion: str, own: Losses, none: Losses | None
) -> dict:
    chosen, decided = row[f"place_{criterion}"], own.deciding.mean(1)
    finalists = own.deciding[~np.isnan(decided)]
    preferred = none is not None and np.nanmin(none.deciding.mean(1)) <= decided[chosen]
    facts = results.study["regularizers"][row["regularizer"]]
    return {
        "strength": row[f"chosen_{criterion}"],
        "learning_rate": row[f"rate_{criterion}"],
        "place": chosen,
        "grid": len(set(row["strengths"])),
        "settings": len(row["strengths"]),
        **_edges(row, criterion, float(facts["off"])),
        "tuning_seeds": finalists.shape[1],
        "stability": st.choice_stability(finalists),
        "validation_loss": decided[chosen],
        "prefers_none": bool(preferred and row["regularizer"] != REFERENCE),
    }


def _edges(row: dict, criterion: str, off: float) -> dict[str, str]:
    """Where the choice lies in the ranges: `edge` of the strength, `rate_edge` of the rate."""
    search, strengths = row.get("search"), row["strengths"]
    if not isinstance(search, dict):
        last = len(strengths) - 1
        ends = {0: "weakest", last: "strongest"} if last else {}
        return {"edge": ends.get(row[f"place_{criterion}"], ""), "rate_edge": ""}
    low, high = ("strongest", "weakest") if math.isinf(off) else ("weakest", "strongest")
    strength = place(row[f"chosen_{criterion}"], search["strength"], search["scale"])
    rate = place(row[f"rate_{criterion}"], search["learning_rate"], "log")
    return {"edge": _end(strength, low, high), "rate_edge": _end(rate, "lowest", "highest")}


def _end(share: float, low: str, high: str) -> str:
    """Which end of its range a share of the way is at, if any.

    >>> _end(0.05, "low", "high"), _end(0.5, "low", "high"), _end(0.95, "low", "high")
    ('low', '', 'high')
    """
    return low if share < OUTER else high if share > 1 - OUTER else ""


def _strengths(row: dict, own: Losses, none: Losses | None, diverged: np.ndarray) -> list[dict]:
    better = np.full(own.common.shape, np.nan)
    if none is not None:
        better = 100 * (1 - own.common / none.common[none.first.argmin()])
    columns = {}
    for name, values in {"loss": own.common, "effect": better}.items():
        columns |= {
            name: values.mean(1),
            f"{name}_low": values.min(1),
            f"{name}_high": values.max(1),
        }
    return [
        {"strength": s, "learning_rate": rate, "place": i, "diverged": int(diverged[i])}
        | {name: float(column[i]) for name, column in columns.items()}
        for i, (s, rate) in enumerate(zip(row["strengths"], row["learning_rates"], strict=True))
    ]


def _trials(own: Losses, none: Losses | None) -> list[dict]:
    best = np.minimum.accumulate(own.first)
    effect = np.full(len(best), np.nan) if none is None else 100 * (1 - best / none.first.min())
    return [{"tried": k + 1, "loss": best[k], "effect": effect[k]} for k in range(len(best))]
