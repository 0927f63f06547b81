"""The figure "when does it pay"."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.effects import ALONE, NO_REFERENCE
from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics.pays import DRIFT, table

MOST = 8  # panels; of more regularizers those with the largest mean effects


def pays(results: Results) -> Figure:
    """Effect against how far none over-fits, a panel a regularizer; lines join variants."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = table(results)
    if frame.empty:
        return style.note(ALONE)
    means = frame.groupby("regularizer")["effect"].mean().sort_values(ascending=False)
    names = list(means.index[:MOST])
    frame = frame.assign(group=[results.benchmarks[b]["group"] for b in frame["benchmark"]])
    marks = dict(zip(frame["group"].unique(), style.MARKERS, strict=False))
    figure, axes = style.panels(len(names), 4, 1.7, sharex=True, sharey=True)
    axes[0].set_ylim(style.reach(frame.loc[frame["regularizer"].isin(names), "effect"]))
    for ax, name in zip(axes, names, strict=True):
        colour = style.colours(results)[name]
        _points(ax, frame[frame["regularizer"] == name], marks, colour)
        ax.set_title(style.wrapped(results.title("regularizers", name)))
    for ax in axes[-4:]:  # those with an unused panel below them, too
        ax.tick_params(labelbottom=True)
    if len(marks) > 1:
        keys = [axes[0].plot([], [], mark, color="#555555")[0] for mark in marks.values()]
        figure.legend(keys, list(marks), loc="outside upper right", ncols=len(marks))
    figure.supxlabel(label(frame), fontsize=8)
    figure.supylabel("improvement over none, %", fontsize=8)
    return figure


def label(frame: pd.DataFrame) -> str:
    """What the x axis shows."""
    text = "how far none over-fits, % of its validation loss"
    return f"{text} (hollow: drift counts, too)" if DRIFT in set(frame["gap"]) else text


def _points(ax: Axes, frame: pd.DataFrame, marks: dict[str, str], colour: str) -> None:
    ax.axhline(0, color="black", linewidth=0.6)
    ends = frame[["overfit", "effect_low", "effect_high"]].assign(gap=np.nan).to_numpy()
    ax.plot(ends[:, [0, 0, 3]].ravel(), ends[:, 1:].ravel(), color=colour, alpha=0.3, linewidth=0.6)
    at = {"x": "overfit", "y": "effect", "ax": ax, "legend": False}
    joined = frame.groupby(["family", "cell", "gap"]).filter(lambda own: len(own) > 1)
    if len(joined):
        sns.lineplot(joined, units=joined[["family", "cell", "gap"]].agg(" ".join, axis=1), **at,
                     estimator=None, color=colour, linewidth=0.5, alpha=0.6)  # fmt: skip
    for (gap, group), own in frame.groupby(["gap", "group"]):  # one mark each: a short SVG
        face = "none" if gap == DRIFT else colour
        sns.scatterplot(own, marker=marks[group], s=16, facecolor=face, edgecolor=colour,
                        linewidth=0.6, **at)  # fmt: skip
    ax.set(xlabel="", ylabel="")
