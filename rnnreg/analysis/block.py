"""Of a study whose rows are listed one by one: those that can stand in one table."""

from collections import Counter

import pandas as pd

from rnnreg.analysis.families import REFERENCE
from rnnreg.errors import UserError

KEYS = ("benchmark", "cell", "regularizer")
WHY = "the study does not ask for it"


def complete(study: dict) -> bool:
    """Whether every benchmark x cell x regularizer is a row, or makes no sense."""
    names = [{row[key] for row in study["rows"]} for key in KEYS]
    product = len(names[0]) * len(names[1]) * len(names[2])
    left_out = [n.split("/") for n in study.get("unsuited", {})]
    within = [n for n in left_out if all(part in own for part, own in zip(n, names, strict=True))]
    return len(study["rows"]) + len(within) == product


def block(study: dict, members: pd.DataFrame) -> tuple[dict, pd.DataFrame]:
    """The rows of the cell with the most, on data sets where others are held against none.

    Of the data sets, those with more than half as many rows as the one with the most. What is not
    asked for on one of them counts as left out. UserError where there is no such row.
    """
    rows = study["rows"]
    counts = Counter(row["cell"] for row in rows)
    for cell, _ in counts.most_common():
        of: dict[str, list[str]] = {}
        for row in rows:
            if row["cell"] == cell:
                of.setdefault(row["benchmark"], []).append(row["regularizer"])
        most = max(map(len, of.values()))
        of = {b: n for b, n in of.items() if REFERENCE in n and len(n) > 1 and 2 * len(n) > most}
        if of:
            return _of_cell(study, members, cell, of)
    raise UserError(
        f"study {study['name']}: no regularizer stands beside none with a cell on a data set, so "
        "there is nothing to report. Remedy: list such rows; or see `rnnreg published`."
    )


def _of_cell(
    study: dict, members: pd.DataFrame, cell: str, of: dict[str, list[str]]
) -> tuple[dict, pd.DataFrame]:
    rows = [r for r in study["rows"] if r["cell"] == cell and r["benchmark"] in of]
    names = dict.fromkeys(r["regularizer"] for r in rows)
    missing = {f"{b}/{cell}/{n}": WHY for b, own in of.items() for n in names if n not in own}
    kept = {
        "rows": rows,
        "unsuited": {**missing, **study.get("unsuited", {})},
        "benchmarks": {b: f for b, f in study["benchmarks"].items() if b in of},
        "cells": {cell: study["cells"][cell]},
        "regularizers": {n: study["regularizers"][n] for n in names},
        "regime": [line for line in study.get("regime", []) if line["benchmark"] in of],
    }
    here = (members["cell"] == cell) & members["benchmark"].isin(list(of))
    return {**study, **kept}, members[here].reset_index(drop=True)
