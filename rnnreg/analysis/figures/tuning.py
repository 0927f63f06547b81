"""Figures of tuning: strength against validation, the worth of trials, and of patience."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import REFERENCE, Results

SPREAD = (0.1, 0.5, 0.9)  # quantiles over data sets and cells


def strengths(results: Results, benchmark: str) -> Figure:
    """Validation score of each strength relative to none, a colour a cell; the chosen one ringed.

    Of a grid a line a cell, evenly spaced; of a search a point a trial, on the scale that was
    searched: trials differ in their learning rate, too.
    """
    frame = results.read("strengths").query("criterion == 'best' and benchmark == @benchmark")
    selected = results.read("selected").query("criterion == 'best' and benchmark == @benchmark")
    chosen = selected.set_index(["regularizer", "cell"])["place"]
    tuned = selected.groupby("regularizer")["grid"].max()
    names = [n for n in results.regularizers if tuned.get(n, 0) > 1]
    if not names:
        return style.note("No regularizer of this study has more than one strength.")
    column, label, unit = "loss", "loss", ""
    if results.has_reference:
        column, label, unit = "effect", "improvement over none, %", "%"
    figure, axes = style.panels(len(names), 4, 1.45, sharey=True)
    axes[0].set_ylim(style.reach(frame.loc[frame["regularizer"].isin(names), column]))
    for ax, name in zip(axes, names, strict=True):
        own = frame[frame["regularizer"] == name]
        own = own.assign(x=own["place"] if results.search(name) is None else own["strength"])
        for cell in results.cells:
            here, look = own[own["cell"] == cell], style.of_cell(cell)
            draw = _line if results.search(name) is None else _points
            draw(ax, here, column, look)
            point = here[here["place"] == chosen[name, cell]]
            ax.plot(
                point["x"],
                point[column],
                "o",
                markersize=8,
                markerfacecolor="none",
                markeredgecolor=style.of(name)["color"],
                markeredgewidth=1.4,
            )
        for x, points in own.groupby("x"):
            looks = [style.of_cell(cell)["color"] for cell in points["cell"]]
            style.beyond(ax, x, list(zip(points[column], looks, strict=True)), unit)
        ax.margins(x=0.14)  # labels at the ends stay clear of the next panel's
        _scale(ax, own, results.search(name))
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set_title(results.title("regularizers", name))
    figure.supylabel(f"validation\n{label}", fontsize=8)
    figure.supxlabel("strength", fontsize=8)
    handles = [ax_line for ax_line in axes[0].get_lines() if ax_line.get_label()[0] != "_"]
    labels = [results.title("cells", h.get_label()) for h in handles]
    figure.legend(handles, labels, loc="outside upper right", ncols=4)
    return figure


def _scale(ax: Axes, own: pd.DataFrame, search: dict | None) -> None:
    if search is None:
        ticks = own.drop_duplicates("place").sort_values("place")
        ax.set_xticks(ticks["place"], [f"{s:g}" for s in ticks["strength"]])
    else:
        ax.set_xscale(search["scale"])
        ax.minorticks_off()


def _line(ax: Axes, own: pd.DataFrame, column: str, look: dict) -> None:
    own = own.sort_values("x")
    low, high = own[f"{column}_low"], own[f"{column}_high"]
    if low.notna().all():
        ax.vlines(own["x"], low, high, color=look["color"], linewidth=0.8)
    _points(ax, own, column, look)


def _points(ax: Axes, own: pd.DataFrame, column: str, look: dict) -> None:
    searched = {} if own["x"].equals(own["place"]) else {"linestyle": "none"}
    ax.plot(
        own["x"],
        own[column],
        label=own["cell"].iloc[0],
        markersize=3,
        **{**look, **searched},
    )


def trials(results: Results) -> Figure:
    """Validation score of the best of the first k trials, relative to the best of all of none."""
    frame = results.read("trials").query("criterion == 'best'")
    counts = frame.groupby("regularizer")["tried"].max()
    names = [n for n in results.regularizers if n != REFERENCE and counts[n] > 1]
    if not names or not results.has_reference:
        return style.note("No curve: it takes a row `none` and more than one trial.")
    wide = frame.pivot(index=["regularizer", "benchmark", "cell"], columns="tried", values="effect")
    figure, axes = style.panels(len(names), 4, 1.35, sharey=True)
    middle = {
        n: wide.loc[n].dropna(axis=1, how="all").quantile(SPREAD) for n in [REFERENCE, *names]
    }
    axes[0].set_ylim(style.reach(pd.concat([m.stack() for m in middle.values()])))
    for ax, name in zip(axes, names, strict=True):
        low, median, high = (row for _, row in middle[name].iterrows())
        look = style.of(name)
        ax.fill_between(median.index, low, high, color=look["color"], alpha=0.2, linewidth=0)
        ax.plot(median.index, median, color=look["color"], marker=look["marker"], markersize=3)
        none = middle[REFERENCE].loc[0.5]
        ax.plot(none.index, none, color="black", linestyle="--", linewidth=0.9)
        ax.axhline(0, color="black", linewidth=0.6)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.set_title(results.title("regularizers", name))
    figure.supxlabel("trials", fontsize=8)
    figure.supylabel("validation improvement\nover none, %", fontsize=8)
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
