"""Which regularizer to use: picked on validation, shown on the test split."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results


def advice(results: Results, found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One line a task and cell: the regularizer with the best validation score, and its effect.

    Picking the best on the test split and showing its test score would flatter it; so the pick is
    by the mean validation effect of the chosen strengths over the tuning seeds. The effect is that
    of `across` in this scope; cost is the geometric mean of seconds over those of `none`.
    """
    if not results.has_reference or len(results.compared("best")) < 2:
        return pd.DataFrame()
    candidates = [n for n in results.compared("best") if n != REFERENCE]
    task = {name: facts["task"] for name, facts in results.benchmarks.items()}
    tables = [
        found[n].query("criterion == 'best'")
        for n in ("selected", "strengths", "comparisons", "diagnostics")
    ]
    selected, strengths, comparisons, diagnostics = (
        t[t["regularizer"].isin(candidates)].assign(task=t["benchmark"].map(task)) for t in tables
    )
    on = ["benchmark", "cell", "regularizer", "place"]
    picked = selected.merge(strengths[[*on, "effect"]], on=on)
    validation = picked.groupby(["task", "cell", "regularizer"], sort=False)["effect"].mean()
    keyed = [
        f.groupby(["task", "cell", "regularizer"]) for f in (comparisons, diagnostics, selected)
    ]
    across = found["across"].query("criterion == 'best'").set_index(["scope", "regularizer"])
    rows = []
    for key, best in validation.groupby(["task", "cell"], sort=False).idxmax().items():
        compared, measured, chosen = (g.get_group(best) for g in keyed)
        row = across.loc[(f"{key[0]}: {key[1]}", best[2])]
        rows.append(
            {
                "task": key[0],
                "cell": key[1],
                "regularizer": best[2],
                "validation": validation[best],
                "effect": row["effect"],
                "effect_low": row["seeds_low"],
                "effect_high": row["seeds_high"],
                "detectable": compared["effect_detectable"].median(),
                "strength": float(np.median(chosen["strength"])),
                "cost": float(np.exp(np.log(measured["seconds_ratio"]).mean())),
            }
        )
    return pd.DataFrame(rows)
