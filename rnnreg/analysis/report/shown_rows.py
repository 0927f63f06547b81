"""The long tables: every row, every chosen strength, every diagnostic."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import Results
from rnnreg.analysis.tables import (
    Table,
    decimals_for,
    number,
    p_value,
    spread,
    strength,
    tabulated,
    whole,
)
from rnnreg.analysis.words import titles

ENDS = {
    "edge": {"weakest": "weakest end", "strongest": "strongest end"},
    "rate_edge": {"lowest": "lowest rates", "highest": "highest rates"},
}
HELD = [f"{name}{end}" for name in ("difference", "effect") for end in ("", "_low", "_high")]
HELD += ["p_adjusted", "wins", "effect_detectable"]


def selection(results: Results) -> Table:
    """Chosen strengths and learning rates, with flags."""
    frame = results.read("selected")
    frame = frame[(frame["settings"] > 1) & (frame["criterion"] == "best")]

    def edges(r: dict) -> str:
        return ", ".join(ends[r[key]] for key, ends in ENDS.items() if r[key] in ends)

    columns = titles(results) | {
        "At an edge": edges,
        "Validation preferred none": lambda r: "yes" if r["prefers_none"] else "",
        "Strength": lambda r: strength(r["strength"]),
        "Learning rate": lambda r: number(r["learning_rate"]),
        "Same choice, % of resamples": lambda r: number(100 * r["stability"], 3),
        "Diverged": lambda r: whole(r["diverged"]),
        "Tuning members": lambda r: whole(r["members"]),
    }
    caption = "Strengths and learning rates chosen on validation, at the best check."
    return tabulated("selection", caption, frame.to_dict("records"), columns, 5)


def every_row(results: Results, criterion: str = "best") -> Table:
    """The appendix: every row."""
    frame = criterion_rows(results, criterion)
    frame = frame.reindex(columns=dict.fromkeys([*frame.columns, *HELD]))  # without none: empty
    frame["decimals"] = [decimals_for([score]) + 1 for score in frame["score"]]
    frame.loc[frame["verdict"] == "reference", HELD] = np.nan  # none is not held against itself
    columns = titles(results) | {
        "Strength": lambda r: strength(r["strength"]),
        "Test score": lambda r: spread(r, "score", r["decimals"]),
        "Minus none": lambda r: spread(r, "difference", r["decimals"], True),
        "Effect, %": lambda r: spread(r, "effect", 1, True, r["verdict"] == "better"),
        "p, corrected": lambda r: p_value(r["p_adjusted"]),
        "P(better)": lambda r: number(r["wins"], 2),
        "Detectable, %": lambda r: number(r["effect_detectable"], 2),
        "Verdict": lambda r: r["verdict"],
    }
    at = "at the best validation check" if criterion == "best" else "after the last step"
    caption = (
        f"Every row, {at}: mean and 95% interval over evaluation seeds, paired with none by seed. "
        "Test score and minus none: in the data set's metric, as beside the naive scores, each "
        "alone. Effect, p and verdict: on the loss (error rate in classification), simultaneous "
        "within a family of regularizers, data set and cell."
    )
    return tabulated(f"rows_{criterion}", caption, frame.to_dict("records"), columns, 3)


def diagnostics(results: Results) -> Table:
    """What explains the scores, averaged over cells, a line a benchmark and regularizer."""
    frame = results.read("diagnostics").query("criterion == 'best'")
    kinds = dict.fromkeys(
        ("gap", "weight_norm", "small_weights", "clipped", "reached", "speed", "steps"), "mean"
    )
    groups = frame.groupby(["benchmark", "regularizer"], sort=False)
    means = groups.agg(kinds | {"diverged": "sum", "members": "sum"}).reset_index()
    columns = titles(results, ("benchmark", "regularizer")) | {
        "Gap": lambda r: number(r["gap"]),
        "Diverged": lambda r: f"{r['diverged']:.0f} of {r['members']:.0f}",
        "Weight norm": lambda r: number(r["weight_norm"]),
        "Small weights, %": lambda r: number(100 * r["small_weights"], 2),
        "Steps clipped, %": lambda r: number(100 * r["clipped"], 2),
        "Reached none's best, %": lambda r: number(100 * r["reached"], 2),
        "Speed to it, relative": lambda r: number(r["speed"], 2),
        "Steps": lambda r: whole(r["steps"]),
    }
    caption = (
        "Diagnostics, means over cells and evaluation seeds. Gap: test minus train loss (nats "
        "or squared error). Small: |w| < 0.001. Reached: seeds whose validation loss came down to "
        "none's best; speed: none's steps over theirs."
    )
    return tabulated("diagnostics", caption, means.to_dict("records"), columns, 2)


def criterion_rows(results: Results, criterion: str) -> pd.DataFrame:
    """The rows of `comparisons` under one criterion."""
    frame = results.read("comparisons")
    return frame[frame["criterion"] == criterion]
