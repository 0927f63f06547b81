"""Figures of tuning: strength against validation, the worth of tries, and of patience."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import Results


def strengths(results: Results, benchmark: str) -> Figure:
    """Validation score of each strength relative to none, a line a cell; the chosen one ringed."""
    frame = results.read("strengths").query("criterion == 'best' and benchmark == @benchmark")
    selected = results.read("selected").query("criterion == 'best' and benchmark == @benchmark")
    chosen = selected.set_index(["regularizer", "cell"])["place"]
    grids = frame.groupby("regularizer", sort=False)["place"].max()
    names = [n for n in results.regularizers if grids.get(n, 0) > 0]
    if not names:
        return style.note("No regularizer of this study has more than one strength.")
    column, label, unit = "loss", "loss", ""
    if results.has_reference:
        column, label, unit = "effect", "improvement over none, %", "%"
    figure, axes = style.panels(len(names), 4, 1.45, sharey=True)
    axes[0].set_ylim(style.reach(frame.loc[frame["regularizer"].isin(names), column]))
    for ax, name in zip(axes, names, strict=True):
        own = frame[frame["regularizer"] == name]
        for cell in results.cells:
            _line(ax, own[own["cell"] == cell], column, style.of_cell(cell))
            point = own[(own["cell"] == cell) & (own["place"] == chosen[name, cell])]
            ax.plot(
                point["place"],
                point[column],
                "o",
                markersize=8,
                markerfacecolor="none",
                markeredgecolor=style.of(name)["color"],
                markeredgewidth=1.4,
            )
        for place, points in own.groupby("place"):
            looks = [style.of_cell(cell)["color"] for cell in points["cell"]]
            style.beyond(ax, place, list(zip(points[column], looks, strict=True)), unit)
        ticks = own.drop_duplicates("place").sort_values("place")
        ax.margins(x=0.14)  # labels at the ends stay clear of the next panel's
        ax.set_xticks(ticks["place"], [f"{s:g}" for s in ticks["strength"]])
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set_title(results.title("regularizers", name))
    figure.supylabel(f"validation {label}", fontsize=8)
    figure.supxlabel("strength (weak to strong)", fontsize=8)
    handles = [ax_line for ax_line in axes[0].get_lines() if ax_line.get_label()[0] != "_"]
    labels = [results.title("cells", h.get_label()) for h in handles]
    figure.legend(handles, labels, loc="outside upper right", ncols=4)
    return figure


def _line(ax: Axes, own: pd.DataFrame, column: str, look: dict) -> None:
    own = own.sort_values("place")
    low, high = own[f"{column}_low"], own[f"{column}_high"]
    if low.notna().all():
        ax.vlines(own["place"], low, high, color=look["color"], linewidth=0.8)
    ax.plot(
        own["place"],
        own[column],
        label=own["cell"].iloc[0],
        markersize=3,
        **{k: look[k] for k in look},
    )


def tries(results: Results) -> Figure:
    """Expected improvement in validation from k strengths tried at random."""
    frame = results.read("tries").query("criterion == 'best'")
    wide = frame.groupby(["regularizer", "benchmark", "tried"], sort=False)["effect"].mean()
    names = [n for n in results.regularizers if wide[n].index.get_level_values("tried").max() > 1]
    if not names or not results.has_reference:
        return style.note("No curve: it takes a row `none` and more than one strength.")
    figure, axes = style.panels(len(names), 4, 1.35, sharey=True)
    axes[0].set_ylim(style.reach(frame["effect"]))
    for ax, name in zip(axes, names, strict=True):
        table = wide[name].unstack("benchmark")
        ax.plot(table.index, table, color="#bbbbbb", linewidth=0.7)
        mean, low, high = style.over_sets(table.to_numpy())
        look = style.of(name)
        if np.isfinite(low).all():
            ax.fill_between(table.index, low, high, color=look["color"], alpha=0.2, linewidth=0)
        ax.plot(table.index, mean, color=look["color"], marker=look["marker"])
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set_xticks(table.index)
        ax.set_title(results.title("regularizers", name))
    figure.supxlabel("strengths tried", fontsize=8)
    figure.supylabel("expected validation\nimprovement over none, %", fontsize=8)
    return figure


def patience(results: Results) -> Figure:
    """What early stopping saves and costs, by patience, from the learning curves of none."""
    if not results.has_reference:
        return style.note("This study has no row `none`, whose learning curves would show it.")
    frame = results.read("patience")
    figure, axes = style.panels(2, 2, 1.6)
    titles = {"saved": "steps saved, %", "lost": "validation loss given up, %"}
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        wide = frame.groupby(["patience", "benchmark"], sort=False)[name].mean().unstack()
        ax.plot(wide.index, wide, color="#bbbbbb", linewidth=0.7)
        mean, low, high = style.over_sets(wide.to_numpy())
        if np.isfinite(low).all():
            ax.fill_between(
                wide.index, np.maximum(low, 0), high, color="#009E73", alpha=0.2, linewidth=0
            )
        ax.plot(wide.index, mean, color="#009E73", marker="P", markersize=3.5)
        ax.set_xlabel("patience, checks")
        ax.set_ylabel(title)
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
