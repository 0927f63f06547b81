"""What tuning chose, how firmly, and what each strength and each further try was worth."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, KEYS, REFERENCE, Results
from rnnreg.analysis.statistics import inference as st


def tuning(results: Results) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three tables: selected, one line a row and criterion; strengths; and tries.

    selected   strength; edge: "weakest" or "strongest" where it lies at an end of a grid of at
               least two, else empty; stability: share of resamples of the tuning seeds that choose
               it; prefers_none: `none` had the lower mean validation loss on the tuning seeds;
               diverged: tuning members that did
    strengths  mean validation loss of each strength over the tuning seeds, and relative to `none`
               in percent (positive is better); low and high are the lowest and the highest seed
               (there are too few for an interval)
    tries      expected lowest validation loss of k strengths tried at random, relative to `none`,
               mean and interval over the tuning seeds
    """
    tuned = results.members[results.members["phase"] == "tune"]
    by_row = dict(list(tuned.groupby(KEYS, sort=False)))
    selected, strengths, tries = [], [], []
    for row in results.rows.to_dict("records"):
        key = tuple(row[k] for k in KEYS)
        reference = by_row.get((*key[:2], REFERENCE))
        for criterion in CRITERIA:
            label = {**dict(zip(KEYS, key, strict=True)), "criterion": criterion}
            column = f"{criterion}_validation_loss"
            losses = _grid(by_row[key], column, len(row["strengths"]))
            none = None if reference is None else _grid(reference, column, 1)[0]  # (seeds,)
            selected.append(label | _selected(row, criterion, losses, none, by_row[key]))
            strengths += [label | s for s in _strengths(row, losses, none, by_row[key])]
            tries += [label | t for t in _tries(losses, none)]
    return pd.DataFrame(selected), pd.DataFrame(strengths), pd.DataFrame(tries)


def _grid(members: pd.DataFrame, column: str, strengths: int) -> np.ndarray:
    """(strengths, seeds): `collect` writes members in the order of the grid, and of the seeds."""
    return members[column].to_numpy(dtype=float).reshape(strengths, -1)


def _selected(
    row: dict, criterion: str, losses: np.ndarray, none: np.ndarray | None, members: pd.DataFrame
) -> dict:
    chosen = row[f"chosen_{criterion}"]
    place = row["strengths"].index(chosen)
    ends = {0: "weakest", len(losses) - 1: "strongest"} if len(losses) > 1 else {}
    preferred = none is not None and none.mean() <= losses[place].mean()
    return {
        "strength": chosen,
        "place": place,
        "grid": len(losses),
        "edge": ends.get(place, ""),
        "tuning_seeds": losses.shape[1],
        "stability": st.choice_stability(losses),
        "validation_loss": losses[place].mean(),
        "prefers_none": bool(preferred and row["regularizer"] != REFERENCE),
        "diverged": int(members["diverged"].to_numpy().sum()),
        "members": len(members),
    }


def _strengths(
    row: dict, losses: np.ndarray, none: np.ndarray | None, members: pd.DataFrame
) -> list[dict]:
    diverged = members["diverged"].to_numpy().reshape(losses.shape).sum(1)
    better = np.full(losses.shape, np.nan) if none is None else 100 * (1 - losses / none)
    columns = {}
    for name, values in {"loss": losses, "effect": better}.items():
        columns |= {
            name: values.mean(1),
            f"{name}_low": values.min(1),
            f"{name}_high": values.max(1),
        }
    return [
        {"strength": s, "place": i, "diverged": int(diverged[i])}
        | {name: float(column[i]) for name, column in columns.items()}
        for i, s in enumerate(row["strengths"])
    ]


def _tries(losses: np.ndarray, none: np.ndarray | None) -> list[dict]:
    expected = st.expected_best(losses.T)  # (seeds, tries)
    if none is not None:
        expected = 100 * (1 - expected / none[:, None])
    mean, low, high = st.mean_interval(expected.T)
    return [
        {"tried": k + 1, "effect": mean[k], "effect_low": low[k], "effect_high": high[k]}
        for k in range(len(mean))
    ]
