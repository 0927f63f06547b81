"""The long tables: every row, every chosen strength, every diagnostic."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import Results
from rnnreg.analysis.tables import (
    Table,
    decimals_for,
    interval,
    number,
    p_value,
    strength,
    whole,
    word,
)

EDGES = {"weakest": "weakest end", "strongest": "strongest end"}
RATE_EDGES = {"lowest": "lowest rates", "highest": "highest rates"}


def selection(results: Results) -> Table:
    """Chosen strengths and learning rates, with flags."""
    frame = results.read("selected")
    frame = frame[(frame["settings"] > 1) & (frame["criterion"] == "best")]
    rows = [
        (
            word(results.title("benchmarks", r["benchmark"])),
            word(results.title("cells", r["cell"])),
            word(results.title("regularizers", r["regularizer"])),
            word(_edges(r)),
            word("yes" if r["prefers_none"] else ""),
            strength(r["strength"]),
            number(r["learning_rate"]),
            number(100 * r["stability"], 3),
            whole(r["diverged"]),
            whole(r["members"]),
        )
        for r in frame.to_dict("records")
    ]
    columns = (
        "Data set",
        "Cell",
        "Regularizer",
        "At an edge",
        "Validation preferred none",
        "Strength",
        "Learning rate",
        "Same choice, % of resamples",
        "Diverged",
        "Tuning members",
    )
    return Table(
        "selection",
        "Strengths and learning rates chosen on validation, at the best check.",
        columns,
        rows,
        5,
    )


def _edges(row: dict) -> str:
    found = (EDGES.get(row["edge"], ""), RATE_EDGES.get(row["rate_edge"], ""))
    return ", ".join(filter(None, found))


def every_row(results: Results, criterion: str = "best") -> Table:
    """The appendix: every row."""
    frame = criterion_rows(results, criterion)
    rows = []
    for r in frame.to_dict("records"):
        decimals = decimals_for([r["score"]]) + 1
        held = {} if r["verdict"] == "reference" else r  # none is not held against itself
        rows.append(
            (
                word(results.title("benchmarks", r["benchmark"])),
                word(results.title("cells", r["cell"])),
                word(results.title("regularizers", r["regularizer"])),
                strength(r["strength"]),
                interval(r["score"], r["score_low"], r["score_high"], decimals),
                interval(
                    held.get("difference", np.nan),
                    held.get("difference_low", np.nan),
                    held.get("difference_high", np.nan),
                    decimals,
                    True,
                ),
                interval(
                    held.get("effect", np.nan),
                    held.get("effect_low", np.nan),
                    held.get("effect_high", np.nan),
                    1,
                    True,
                    strong=r["verdict"] == "better",
                ),
                p_value(held.get("p_adjusted", np.nan)),
                number(held.get("wins", np.nan), 2),
                number(held.get("effect_detectable", np.nan), 2),
                word(r["verdict"]),
            )
        )
    columns = (
        "Data set",
        "Cell",
        "Regularizer",
        "Strength",
        "Test score",
        "Minus none",
        "Effect, %",
        "p, corrected",
        "P(better)",
        "Detectable, %",
        "Verdict",
    )
    at = "at the best validation check" if criterion == "best" else "after the last step"
    caption = (
        f"Every row, {at}: mean and 95% interval over evaluation seeds, paired with none by seed. "
        "Test score and minus none: in the data set's metric, as beside the naive scores, each "
        "alone. Effect, p and verdict: on the loss (error rate in classification), simultaneous "
        "within a family of regularizers, data set and cell."
    )
    return Table(f"rows_{criterion}", caption, columns, rows, 3)


def diagnostics(results: Results) -> Table:
    """What explains the scores, averaged over cells, a line a benchmark and regularizer."""
    frame = results.read("diagnostics").query("criterion == 'best'")
    means = frame.groupby(["benchmark", "regularizer"], sort=False).agg(
        gap=("gap", "mean"),
        diverged=("diverged", "sum"),
        members=("members", "sum"),
        weight_norm=("weight_norm", "mean"),
        small=("small_weights", "mean"),
        clipped=("clipped", "mean"),
        reached=("reached", "mean"),
        speed=("speed", "mean"),
        steps=("steps", "mean"),
        seconds=("seconds", "mean"),
        ratio=("seconds_ratio", "mean"),
    )
    rows = [
        (
            word(results.title("benchmarks", b)),
            word(results.title("regularizers", r)),
            number(v["gap"]),
            word(f"{v['diverged']:.0f} of {v['members']:.0f}"),
            number(v["weight_norm"]),
            number(100 * v["small"], 2),
            number(100 * v["clipped"], 2),
            number(100 * v["reached"], 2),
            number(v["speed"], 2),
            whole(v["steps"]),
            number(v["seconds"], 2),
            number(v["ratio"], 2),
        )
        for (b, r), v in means.iterrows()
    ]
    columns = (
        "Data set",
        "Regularizer",
        "Gap",
        "Diverged",
        "Weight norm",
        "Small weights, %",
        "Steps clipped, %",
        "Reached none's best, %",
        "Speed to it, relative",
        "Steps",
        "Seconds a model",
        "Time, relative",
    )
    caption = (
        "Diagnostics, means over cells and evaluation seeds. Gap: test minus train loss (nats "
        "or squared error). Small: |w| < 0.001. Reached: seeds whose validation loss came down to "
        "none's best; speed: none's steps over theirs. Time: over that of none, whose populations "
        "are smaller, so that it looks dearer than it is, on a GPU above all."
    )
    return Table("diagnostics", caption, columns, rows, 2)


def criterion_rows(results: Results, criterion: str) -> pd.DataFrame:
    """The rows of `comparisons` under one criterion."""
    frame = results.read("comparisons")
    return frame[frame["criterion"] == criterion]
