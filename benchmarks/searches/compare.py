"""Kinds of search beside each other: what they cost, and what the chosen setting is worth on test.

    python benchmarks/searches/compare.py

Three regularizers on two time series with a GRU, three times over, with other draws and seeds: a
line each in searches.csv beside this file, and the table of docs/training.md. Members that two
searches share are trained once, and kept in build/searches: after an interruption the same command
goes on. Data must be prepared in data/prepared. Some twenty minutes on one core.

    members          of tuning, as if each search had been alone: all take as many steps
    strength, rate   chosen at the best validation check
    validation       the loss of the chosen, on that search's own seeds or folds
    test             mean test loss of the evaluation seeds, the same for all
"""

import math
import tempfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import torch
import yaml

from rnnreg.analysis.report.readme import replace as between
from rnnreg.analysis.tables import fixed, number, tabulated, whole
from rnnreg.data import prepared
from rnnreg.study import records, registry, study
from rnnreg.study.records import Record
from rnnreg.study.selection import choose
from rnnreg.study.study import Row
from rnnreg.training.row import train

HERE = Path(__file__).resolve().parent
PAGE = registry.ROOT / "docs" / "training.md"
POOL = Path("build/searches")
BENCHMARKS = ("us_macro", "elnino")
CELL, REGULARIZERS = "gru", ("l2", "dropout", "recurrent_dropout")
REPEATS, EVALUATION, TUNING, FOLDS = 3, 8, 2, 5
RACE = {"trials": 16, "survivors": 3}
FIRST = "Sobol sequence"
KINDS = {  # title -> what a study says under `search`
    FIRST: {**RACE, "seeds": TUNING},
    "random": {"kind": "random", **RACE, "seeds": TUNING},
    f"Sobol sequence, {FOLDS} folds": {**RACE, "folds": FOLDS},
    "grid": {"kind": "grid"},
    f"grid, {FOLDS} folds": {"kind": "grid", "folds": FOLDS},
    "small to large": {"kind": "small_to_large"},
}


def row(search: dict, benchmark: str, regularizer: str, repeat: int) -> Row:
    """The row that a study with this search has; each repeat with draws and seeds of its own."""
    drawn = "trials" in search
    seeds = {"evaluation": EVALUATION}
    seeds |= {} if drawn or "folds" in search else {"tuning": TUNING}
    asked = {
        "title": "Searches",
        "benchmarks": [benchmark],
        "cells": [CELL],
        "regularizers": [regularizer],
        "seeds": seeds,
        "search": {**search, "draw": repeat} if drawn else search,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "searches.yaml")
        file.write_text(yaml.safe_dump(asked), encoding="utf-8")
        (made,) = study.read(str(file)).rows
    if "folds" in search:  # what stands in the place of seeds
        return made
    apart = 1 + TUNING
    return replace(made, tuning_seeds=tuple(s + apart * repeat for s in made.tuning_seeds))


def searched(
    title: str, benchmark: str, regularizer: str, repeat: int, data: tuple[dict, dict]
) -> dict:
    """One line of the table; trains what is not in the pool yet."""
    asked = row(KINDS[title], benchmark, regularizer, repeat)
    file = POOL / benchmark / f"{regularizer}.jsonl"
    known = records.read(file) if file.exists() else []
    pool = {r.member: r for r in known}

    def save(some: list[Record]) -> None:
        pool.update((r.member, r) for r in some)
        records.write(file, pool.values())

    found = train(asked, *data, known, save=save)
    tuned = [r for r in found if r.phase == "tune"]
    chosen = choose(found, "best")
    tested = [r for r in found if r.phase == "evaluate" and r.tuned == chosen]
    own = [r for r in tuned if r.tuned == chosen]
    return {
        "benchmark": benchmark,
        "search": title,
        "regularizer": regularizer,
        "repeat": repeat,
        "members": len(tuned),
        "strength": chosen[1],
        "rate": tested[0].rate,
        "validation": mean(r.scores["best"]["validation"]["loss"] for r in own),
        "test": mean(r.scores["best"]["test"]["loss"] for r in tested),
    }


def mean(values) -> float:
    """Of some numbers."""
    values = list(values)
    return math.fsum(values) / len(values)


def shown(frame: pd.DataFrame) -> str:
    """The table, what folds are worth, and what strengths from small to large find of a grid."""
    at = ["benchmark", "regularizer", "repeat"]
    first = frame[frame["search"] == FIRST].set_index(at)["test"]
    frame = frame.assign(
        over=[
            100 * (r.test / first[tuple(getattr(r, k) for k in at)] - 1) for r in frame.itertuples()
        ]
    )
    lines = [
        {
            "benchmark": benchmark,
            "search": title,
            "members": own["members"].mean(),
            "test": own["test"].mean(),
            "over": own["over"].mean(),
            "low": own.groupby("regularizer")["over"].mean().min(),
            "high": own.groupby("regularizer")["over"].mean().max(),
        }
        for (benchmark, title), own in frame.groupby(["benchmark", "search"], sort=False)
    ]
    columns = {
        "Data set": lambda r: r["benchmark"],
        "Search": lambda r: r["search"],
        "Models tuned": lambda r: whole(round(r["members"])),
        "Test loss": lambda r: number(r["test"], 3),
        f"Over {FIRST}, %": lambda r: unless_first(r, fixed(r["over"], 1, True)),
        "Least and most of a regularizer, %": lambda r: unless_first(
            r, f"{fixed(r['low'], 1, True)} to {fixed(r['high'], 1, True)}"
        ),
    }
    grid, rising = (
        frame[frame["search"] == name].set_index(at) for name in ("grid", "small to large")
    )
    same = int((grid["strength"] == rising["strength"]).sum())
    share = 100 * rising["members"].sum() / grid["members"].sum()
    test = {(line["benchmark"], line["search"]): line["test"] for line in lines}
    change = {k: 100 * (test[k[0], f"{k[1]}, {FOLDS} folds"] / test[k] - 1) for k in
              product(BENCHMARKS, (FIRST, "grid"))}  # fmt: skip
    folded = " ".join(
        f"On {benchmark} folds in place of the validation split change the test loss by "
        + " and ".join(
            f"{fixed(change[benchmark, name], 1, True)}% with the {name}"
            for name in (FIRST, "grid")
        )
        + "."
        for benchmark in BENCHMARKS
    )
    return (
        f"{tabulated('searches', '', lines, columns, 2).body}\n\nFrom small to large finds the "
        f"strength that the whole grid finds in {same} of {len(grid)} searches, with {share:.0f}% "
        f"of its models. {folded}\n"
    )


def unless_first(line: dict, text: str) -> str:
    """A dash in the line that the others are held against."""
    return "–" if line["search"] == FIRST else text


def main() -> None:
    """Search, and write the table and the page."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    lines = []
    for benchmark in BENCHMARKS:
        data = prepared.read(benchmark, Path("data/prepared"))
        for repeat, title, regularizer in product(range(REPEATS), KINDS, REGULARIZERS):
            lines.append(searched(title, benchmark, regularizer, repeat, data))
            told = (v if isinstance(v, str | int) else f"{v:.3g}" for v in lines[-1].values())
            print(*told, flush=True)
    frame = pd.DataFrame(lines)
    records.write_text(HERE / "searches.csv", frame.to_csv(index=False, float_format="%.6g"))
    text = between(PAGE.read_text(encoding="utf-8"), "searches", shown(frame), PAGE)
    records.write_text(PAGE, text)


if __name__ == "__main__":
    main()
