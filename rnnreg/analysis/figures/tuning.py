"""Figures of tuning: strength against validation, the worth of trials, and of patience."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import Results


def strengths(results: Results, benchmark: str) -> Figure:
    """Validation score of each strength of the best regularizers, a grey a cell; the chosen ringed.

    Of a grid the strengths are evenly spaced; of a search they stand on the scale that was
    searched: trials differ in their learning rate, too.
    """
    frame = results.read("strengths").query("criterion == 'best' and benchmark == @benchmark")
    selected = results.read("selected").query("criterion == 'best' and benchmark == @benchmark")
    tuned = selected.groupby("regularizer")["grid"].max()
    order = [*style.leaders(results, benchmark, len(tuned)), *results.regularizers]
    names = [n for n in dict.fromkeys(order) if tuned.get(n, 0) > 1][:4]
    if not names:
        return style.note("No regularizer of this study has more than one strength.")
    column, label, unit = "loss", "loss", ""
    if results.has_reference:
        column, label, unit = "effect", "improvement\nover none, %", "%"
    chosen = selected.set_index(["regularizer", "cell"])["place"]
    cells = {cell: style.of_cell(cell) for cell in results.cells}
    figure, axes = style.panels(len(names), 4, 1.8, layout="none", sharey=True)
    axes[0].set_ylim(style.reach(frame.loc[frame["regularizer"].isin(names), column]))
    for ax, name in zip(axes, names, strict=True):
        search = results.search(name)
        own = frame[frame["regularizer"] == name].reset_index(drop=True)
        own = own.assign(x=own["place"] if search is None else own["strength"])
        sns.scatterplot(
            own, x="x", y=column, hue="cell", style="cell", s=14, linewidth=0, ax=ax, zorder=3,
            palette={c: colour for c, (colour, _) in cells.items()},
            markers={c: marker for c, (_, marker) in cells.items()}, legend=ax is axes[-1],
        )  # fmt: skip
        ring = own[[r.place == chosen[name, r.cell] for r in own.itertuples()]]
        colour = style.colours(results)[name]
        ax.scatter(ring["x"], ring[column], s=64, facecolor="none", edgecolor=colour, zorder=4)
        for x, points in own.groupby("x"):
            greys = [cells[cell][0] for cell in points["cell"]]
            style.beyond(ax, x, list(zip(points[column], greys, strict=True)), unit)
        ax.margins(x=0.14)  # labels at the ends stay clear of the next panel's
        _scale(ax, own, search)
        ax.axhline(0, color="black", linewidth=0.6)
        ax.set(title=style.wrapped(results.title("regularizers", name)), xlabel="", ylabel="")
    _legend(results, axes[-1])
    style.margins(figure, 0.7, 0.42, 0.6)
    axes[0].set_ylabel(f"validation {label}")
    figure.supxlabel("strength", fontsize=8)
    return figure


def _scale(ax: Axes, own: pd.DataFrame, search: dict | None) -> None:
    if search is None:
        ticks = own.drop_duplicates("place").sort_values("place")
        ax.set_xticks(ticks["place"], [f"{s:g}" for s in ticks["strength"]])
    else:
        ax.set_xscale(search["scale"])
        if search["scale"] == "log":
            ax.xaxis.set_major_locator(LogLocator(numticks=4))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()


def _legend(results: Results, ax: Axes) -> None:
    """The cells, above the panels and once."""
    handles, names = ax.get_legend_handles_labels()
    ax.get_legend().remove()
    titles = [results.title("cells", name) for name in names]
    ax.figure.legend(handles, titles, loc="outside upper right", ncols=4)


def trials(results: Results) -> Figure:
    """Validation score of the best of the first k trials, relative to the best of all of none."""
    frame = results.read("trials").query("criterion == 'best'")
    counts = frame.groupby("regularizer")["tried"].max()
    names = [n for n in style.leaders(results) if counts[n] > 1]
    if len(names) < 2 or not results.has_reference:
        return style.note("No curve: it takes a row `none` and more than one trial.")
    shown = frame[frame["regularizer"].isin(names)]
    titles = {name: results.title("regularizers", name) for name in names}
    colours = {titles[name]: style.colours(results)[name] for name in names}
    figure = Figure(figsize=(style.WIDTH, 1.9))
    ax = figure.subplots()
    ax.set_ylim(style.reach(shown["effect"]))
    sns.lineplot(
        shown.assign(name=shown["regularizer"].map(titles)), x="tried", y="effect", hue="name",
        style="name", hue_order=list(colours), style_order=list(colours), estimator="median",
        errorbar=("pi", 80), palette=colours,
        markers=dict(zip(colours, style.MARKERS, strict=False)), dashes=False, markersize=4.5,
        err_kws={"alpha": 0.12, "linewidth": 0}, ax=ax,
    )  # fmt: skip
    ax.axhline(0, color="black", linewidth=0.6)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="trials", ylabel="validation improvement\nover none, %")
    sns.move_legend(ax, "center left", bbox_to_anchor=(1, 0.5), title="")
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
        sns.lineplot(wide, palette=["#bbbbbb"] * wide.shape[1], dashes=False, linewidth=0.7,
                     legend=False, ax=ax)  # fmt: skip
        mean, low, high = style.over_sets(wide.to_numpy())
        green = style.HUES["averages"]
        if np.isfinite(low).all():
            ax.fill_between(wide.index, np.maximum(low, 0), high, color=green, alpha=0.2, lw=0)
        ax.plot(wide.index, mean, color=green, marker="P", markersize=3.5)
        ax.set(xlabel="patience, checks", ylabel=title)
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
