"""The page's explorer: effects and learning curves of whatever data set and cell is chosen."""

import json

import numpy as np

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import REFERENCE, Results

FRAME = (
    '<section class="explore" aria-label="Explorer" hidden>'
    '<script type="application/json" class="data">{data}</script></section>'
)
EVERYWHERE = "all data sets"


class Widget(str):
    """HTML of a page; a paper leaves it out."""

    def _repr_html_(self) -> str:
        return str(self)


def explorer(results: Results) -> Widget:
    """Choose a data set and a cell; up to five learning curves. The page's script draws it."""
    if not results.has_reference:
        return Widget("")
    names = [n for group in results.groups(results.regularizers).values() for n in group]
    colours = style.colours(results)
    data = {
        "regularizers": [
            {"name": n, "title": results.title("regularizers", n), "colour": colours[n]}
            | {"group": results.group(n)}
            for n in names
        ],
        "cells": {cell: results.title("cells", cell) for cell in results.cells},
        "benchmarks": {"": EVERYWHERE}
        | {b: results.title("benchmarks", b) for b in results.benchmarks},
        "effects": _effects(results),
        "curves": _curves(results),
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return Widget(FRAME.format(data=text))


def _effects(results: Results) -> dict[str, dict[str, list]]:
    """Data set and cell -> regularizer -> effect, its ends, and the verdict, at the best check."""
    rows = results.read("comparisons").query("criterion == 'best'")
    across = results.read("across").query("criterion == 'best'")
    across = across[across["scope"].str.startswith("cell: ")]
    across = across.assign(benchmark="", cell=across["scope"].str.removeprefix("cell: "))
    across = across.rename(columns={"seeds_low": "effect_low", "seeds_high": "effect_high"})
    found: dict[str, dict[str, list]] = {}
    for frame in (across, rows[rows["verdict"] != "saving"]):
        for r in frame[frame["regularizer"] != REFERENCE].to_dict("records"):
            ends = [_short(r[f"effect{end}"]) for end in ("", "_low", "_high")]
            own = found.setdefault(f"{r['benchmark']}/{r['cell']}", {})
            own[r["regularizer"]] = [*ends, r["verdict"]]
    return found


def _curves(results: Results) -> dict[str, dict]:
    """Data set and cell -> steps, and regularizer -> mean validation loss at each."""
    members = results.evaluated("best").query("not diverged")
    found: dict[str, dict] = {}
    for (benchmark, cell, name), own in members.groupby(["benchmark", "cell", "regularizer"]):
        checks = min(len(curve) for curve in own["validation_loss"])
        mean = np.mean([np.array(c[:checks], dtype=float) for c in own["validation_loss"]], axis=0)
        here = found.setdefault(f"{benchmark}/{cell}", {"steps": [], "loss": {}})
        here["loss"][name] = [_short(v) for v in mean]
        here["steps"] = max(here["steps"], list(map(int, own["check_steps"].iloc[0])), key=len)
    return found


def _short(value: float) -> float | None:
    return float(f"{value:.3g}") if np.isfinite(value) else None
