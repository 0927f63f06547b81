"""When does it pay: each effect beside how far `none` over-fits there.

For a series validation comes after train, and may differ from it by drift, which is no
over-fitting: the gap is then that of blocks inside the training period (benchmarks/regime.csv).
"""

import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results, columns_of

VALIDATION, BLOCKS, DRIFT = "validation", "blocks", "drift"  # what a gap is that of
COLUMNS = ["family", "benchmark", "cell", "regularizer", "overfit", "gap", "effect", "effect_low",
           "effect_high"]  # fmt: skip


def pays(results: Results, comparisons: pd.DataFrame) -> pd.DataFrame:
    """One line a row other than `none`, at the best validation check.

    overfit                  100 x (validation - train) / validation loss of `none` in the same
                             benchmark and cell, both in evaluation, mean over seeds
    gap                      VALIDATION: of the study's models; BLOCKS: of a series, as
                             `rnnreg regime` has measured it on blocks inside the training period;
                             DRIFT: of a series that it has not measured, on validation of the
                             study's models, so that drift counts, too
    effect, *_low, *_high    see `comparisons`
    """
    scores = results.scores
    none = scores[(scores["criterion"] == "best") & (scores["regularizer"] == REFERENCE)]
    share = 100 * (1 - none["train_loss"] / none["validation_loss"])
    overfit = share.groupby([none["benchmark"], none["cell"]]).mean().rename("overfit").to_frame()
    series = {n for n, facts in results.benchmarks.items() if facts.get("task") == "Forecast"}
    overfit["gap"] = [DRIFT if name in series else VALIDATION for name, _ in overfit.index]
    for line in results.study.get("regime", []):
        place = line["benchmark"], line["cell"]
        if line["benchmark"] in series and place in overfit.index:
            overfit.loc[place, ["overfit", "gap"]] = 100 * float(line["gap"]), BLOCKS
    of = {name: facts["family"] for name, facts in results.benchmarks.items()}
    names = [name for name in results.compared("best") if name != REFERENCE]
    if none.empty or not names:
        return pd.DataFrame(columns=COLUMNS)
    frame = comparisons[comparisons["criterion"] == "best"]
    frame = frame[frame["regularizer"].isin(names)].join(overfit, on=["benchmark", "cell"])
    return frame.assign(family=frame["benchmark"].map(of))[COLUMNS]


def table(results: Results) -> pd.DataFrame:
    """What `compare` wrote of `pays`; UserError where an older version of it did."""
    return columns_of(results, "pays", COLUMNS)


def growth(frame: pd.DataFrame) -> pd.Series:
    """Spearman's rank correlation of `overfit` and `effect`, a regularizer each, highest first."""
    found = {
        name: own["overfit"].corr(own["effect"], method="spearman")
        for name, own in frame.groupby("regularizer", sort=False)
    }
    return pd.Series(found, dtype=float).dropna().sort_values(ascending=False)
