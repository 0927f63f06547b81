"""Which regularizer to use: picked on validation, shown on the test split; `none` is an answer."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics.across import gains, scopes, shown

COLUMNS = [
    "scope", "task", "cell", "regularizer", "validation", "validation_low", "validation_high",
    "effect", "effect_low", "effect_high", "verdict", "hindsight", "regret", "always",
    "over_always", "detectable", "strength", "cost",
]  # fmt: skip


def pick(frame: pd.DataFrame) -> str:
    """The one decision rule: the largest effect among those that are `better`, else `none`.

    frame   lines with regularizer, effect and verdict

    >>> pick(pd.DataFrame({"regularizer": ["a", "b", "c"], "effect": [9.0, 2.0, 3.0],
    ...                    "verdict": ["cannot tell", "better", "better"]}))
    'c'
    """
    better = frame[frame["verdict"] == "better"]
    if better.empty:
        return REFERENCE
    return str(better["regularizer"].iloc[better["effect"].to_numpy().argmax()])


def advice(results: Results, found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One line over all (scope `all`), and one a task and cell.

    regularizer         `pick` on validation: the losses at the best check of the evaluated seeds,
                        which see no test data and are as many as the test scores rest on
    validation, *       its effect there, and the simultaneous interval
    effect, *, verdict  what it does on the test split: its line of `across`
    hindsight, regret   the largest effect on test, and how much of it the pick misses, in
                        percentage points; chance alone makes it positive
    always, over_always the largest effect on test over all data sets and cells, and how much more
                        than that one the pick gains here, in percentage points
    detectable          median of the comparisons' `effect_detectable`
    strength            median of those chosen, on the scale that they were searched on
    cost                geometric mean of seconds over those of `none`
    """
    if not results.has_reference or len(results.everywhere("best")) < 2:
        return pd.DataFrame(columns=COLUMNS)
    names = results.everywhere("best")
    gain, sets = gains(results, "best", "log_validation")
    test = found["across"].query("criterion == 'best'").set_index(["scope", "regularizer"])
    always = test.loc["all"]["effect"].idxmax()
    rows = []
    for scope, chosen, cells in scopes(results, sets):
        if scope != "all" and scope not in _tasks(results):
            continue
        validation = shown(results, names, gain[:, chosen][:, :, cells])
        picked, here = pick(validation), test.loc[scope]
        seen = validation.set_index("regularizer").loc[picked]
        own = here.loc[picked]
        task, _, cell = scope.partition(": ")
        rows.append(
            {
                **{"scope": scope, "task": task, "cell": cell, "regularizer": picked},
                "validation": seen["effect"],
                "validation_low": seen["seeds_low"],
                "validation_high": seen["seeds_high"],
                "effect": own["effect"],
                "effect_low": own["seeds_low"],
                "effect_high": own["seeds_high"],
                "verdict": own["verdict"],
                "hindsight": here["effect"].idxmax(),
                "regret": here["effect"].max() - own["effect"],
                "always": always,
                "over_always": own["effect"] - here.loc[always, "effect"],
                **_means(results, found, picked, [sets[i] for i in chosen], cells),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _tasks(results: Results) -> set[str]:
    tasks = {facts["task"] for facts in results.benchmarks.values()}
    return {f"{task}: {cell}" for task in tasks for cell in results.cells}


def _means(
    results: Results, found: dict, picked: str, sets: list[str], cells: list[int]
) -> dict[str, float]:
    """What a user needs beside the effect, over the rows of one scope."""
    used = [results.cells[i] for i in cells]
    rows, times = (
        t[(t["criterion"] == "best") & t["benchmark"].isin(sets) & t["cell"].isin(used)]
        for t in (found["comparisons"], found["diagnostics"])
    )
    own, time = (t[t["regularizer"] == picked] for t in (rows, times))
    compared = own if picked != REFERENCE else rows[rows["verdict"] != "saving"]
    facts = results.study["regularizers"][picked]
    return {
        "detectable": compared["effect_detectable"].median(),
        "strength": middle(own["strength"].to_numpy(), facts.get("scale", "log")),
        "cost": float(np.exp(np.log(time["seconds_ratio"]).mean())),
    }


def middle(strengths: np.ndarray, scale: str) -> float:
    """The median strength: of two in the middle the geometric mean, where the scale is log.

    >>> middle(np.array([0.001, 0.1]), "log"), middle(np.array([0.1, 0.3]), "linear")
    (0.01, 0.2)
    """
    if scale == "log" and (strengths > 0).all():
        return float(np.exp(np.median(np.log(strengths))).round(12))
    return float(np.median(strengths).round(12))
