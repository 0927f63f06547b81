"""Figures of effects: the answer, by group, by cell, on top of selection, and for every row."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import fixed

NO_REFERENCE = "This study has no row `none`: there is nothing to measure an effect against."
ALONE = "Only `none` is in this study: there is no effect to show."
BETTER = "relative improvement over none, %  (right is better)"
FEW = 12  # columns up to which every tile of the heatmap has its number


def effects(results: Results) -> Figure:
    """The answer: effect of each regularizer, over all benchmarks and by group."""
    across = across_rows(results)
    scopes = [s for s in across["scope"].unique() if ": " not in s]
    sets = across.groupby("scope")["benchmarks"].first()
    titles = {s: f"{s} ({sets[s]} data set{'s' * int(sets[s] != 1)})" for s in scopes}
    return _of_scopes(results, across, titles if len(titles) > 2 else dict([*titles.items()][:1]))


def cells(results: Results) -> Figure:
    """The same for each cell."""
    titles = {f"cell: {name}": results.title("cells", name) for name in results.cells}
    return _of_scopes(results, across_rows(results), titles)


def best_and_final(results: Results) -> Figure:
    """What a regularizer adds on top of checkpoint selection, and what it does by itself."""
    panels = {"best": "at the best validation check", "final": "after the last step"}
    both = pd.concat([across_rows(results, c).assign(panel=t) for c, t in panels.items()])
    return forest(results, both[both["scope"] == "all"], list(panels.values()))


def across_rows(results: Results, criterion: str = "best") -> pd.DataFrame:
    """The rows of `across` under one criterion, without `none`, for `forest`."""
    if not results.has_reference:
        return pd.DataFrame({"scope": [], "benchmarks": []})
    across = results.read("across").rename(columns={"seeds_low": "low", "seeds_high": "high"})
    across["told"] = across["verdict"].isin(["better", "worse"])
    return across[(across["criterion"] == criterion) & (across["regularizer"] != REFERENCE)]


def _of_scopes(results: Results, across: pd.DataFrame, titles: dict[str, str]) -> Figure:
    shown = across[across["scope"].isin(titles)]
    return forest(results, shown.assign(panel=shown["scope"].map(titles)), list(titles.values()))


def forest(results: Results, frame: pd.DataFrame, panels: list[str], label: str = BETTER) -> Figure:
    """Effects with their intervals: a line a regularizer, by group, the best of each group first.

    frame   panel, regularizer, effect, low, high, told (filled: a verdict parts it from zero), and
            sets_low, sets_high where there is a wider interval
    """
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    if frame.empty:
        return style.note(ALONE)
    best = frame.drop_duplicates("regularizer").sort_values("effect", ascending=False)
    figure, axes, lines = style.listed(results, list(best["regularizer"]), panels, sharex=True)
    axes[0].set_xlim(style.reach(frame[["effect", "low", "high"]].to_numpy().ravel()))
    colours = style.colours(results)
    for ax, panel in zip(axes, panels, strict=True):
        own = frame[frame["panel"] == panel]
        y, colour = own["regularizer"].map(lines.index), own["regularizer"].map(colours)
        ax.hlines(y, own["sets_low"], own["sets_high"], colour, linewidth=0.8)
        ax.hlines(y, own["low"], own["high"], colour, linewidth=2)
        face = colour.where(own["told"], "white")
        ax.scatter(own["effect"], y, s=18, facecolor=face, edgecolor=colour, zorder=3)
        ax.axvline(0, color="black", linewidth=0.6, zorder=0)
        ax.grid(axis="x", color="#e4e4e4", linewidth=0.5)
        for name, place, effect in zip(own["regularizer"], y, own["effect"], strict=True):
            style.outside(ax, place, effect, colours[name])
    figure.supxlabel(label, fontsize=8)
    return figure


def heatmap(results: Results) -> Figure:
    """Improvement of each regularizer (columns, by group) on each data set and cell, in percent."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == "best") & (frame["regularizer"] != REFERENCE)]
    frame = frame[frame["verdict"] != "saving"]
    if frame.empty:
        return style.note(ALONE)
    groups = results.groups([r for r in results.compared("best") if r != REFERENCE])
    names = [name for group in groups.values() for name in group]
    rows = pd.MultiIndex.from_product([results.benchmarks, results.cells])
    values, verdict = (
        frame.pivot(index=["benchmark", "cell"], columns="regularizer", values=v).reindex(rows)[
            names
        ]
        for v in ("effect", "verdict")
    )
    small = len(names) > FEW
    figure = Figure(figsize=(style.WIDTH, (0.14 if small else 0.19) * len(rows) + 1.5))
    ax = figure.subplots()
    span = float(np.clip(np.nanpercentile(np.abs(values), 85), 2, 50))
    told = verdict.isin(["better", "worse"])
    texts = values.map(lambda v: "" if np.isnan(v) else fixed(v, 0 if small else 1))
    texts = texts.where(told | (not small), "")
    sns.heatmap(
        values, ax=ax, cmap="PuOr", center=0, vmin=-span, vmax=span, annot=texts, fmt="",
        annot_kws={"fontsize": 5 if small else 6.5}, linewidths=0.3, rasterized=True,
        cbar_kws={"label": "improvement, %" if len(rows) > 8 else "%", "extend": "both",
                  "fraction": 0.03, "pad": 0.01},
    )  # fmt: skip
    for text, strong in zip(list(ax.texts), told.to_numpy()[values.notna()], strict=True):
        text.set_fontweight("bold" if strong and not small else "normal")
        if not text.get_text():
            text.remove()
    titles = [results.title("regularizers", n) for n in names]
    ax.set_xticks(np.arange(len(names)) + 0.5, titles, rotation=90, fontsize=6.5)
    ax.xaxis.tick_top()
    cells = [results.title("cells", cell) for _, cell in rows]
    ax.set_yticks(np.arange(len(rows)) + 0.5, cells, rotation=0, fontsize=6)
    ax.tick_params(length=0)
    ax.set(xlabel="", ylabel="")
    for i, benchmark in enumerate(results.benchmarks):
        middle = (i + 0.5) * len(results.cells)
        ax.axhline(i * len(results.cells), color="white", linewidth=2.5)
        ax.annotate(
            results.title("benchmarks", benchmark), (0, middle), (-50, 0), ha="right", va="center",
            xycoords=("axes fraction", "data"), textcoords="offset points", fontsize=6.5,
        )  # fmt: skip
    for edge in np.cumsum([len(group) for group in groups.values()])[:-1]:
        ax.axvline(edge, color="white", linewidth=2.5)
    return figure
