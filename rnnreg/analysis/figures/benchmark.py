"""Figures of one benchmark: scores, learning curves, gradients."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics import inference as st

SHOWN = 8  # more lines than these are not told apart: the others become grey
NAIVE = {"color": "#444444", "linewidth": 0.8, "linestyle": (0, (1, 2))}


def scores(results: Results, benchmark: str) -> Figure:
    """Test score of every row: mean, 95% interval over seeds, and each seed."""
    facts = results.benchmarks[benchmark]
    rows = results.read("comparisons").query("criterion == 'best' and benchmark == @benchmark")
    seeds = results.read("scores").query("criterion == 'best' and benchmark == @benchmark")
    names = results.regularizers[::-1]
    figure, axes = style.panels(len(results.cells), 4, 0.19 * len(names) + 0.7, sharey=True)
    for ax, cell in zip(axes, results.cells, strict=True):
        part = rows[rows["cell"] == cell].set_index("regularizer")
        for y, name in enumerate(names):
            if name not in part.index:  # it makes no sense here
                continue
            look, row = style.of(name), part.loc[name]
            own = seeds[(seeds["cell"] == cell) & (seeds["regularizer"] == name)]
            ax.plot(own["score"], [y] * len(own), "|", color=look["color"], alpha=0.6, markersize=6)
            ax.plot(
                [row["score_low"], row["score_high"]], [y, y], color=look["color"], linewidth=1.8
            )
            ax.plot(
                row["score"],
                y,
                color=look["color"],
                marker=look["marker"],
                markeredgecolor="white",
                markeredgewidth=0.5,
            )
        if REFERENCE in part.index:
            ax.axvline(part.loc[REFERENCE, "score"], color="black", linewidth=0.5, zorder=0)
        ax.set_title(results.title("cells", cell))
        ax.set_yticks(range(len(names)), [results.title("regularizers", n) for n in names])
        ax.locator_params(axis="x", nbins=4)
    metric = facts["metrics"][facts["headline"]]
    figure.supxlabel(
        f"{metric['label']} on the test split ({metric['better']} is better)", fontsize=8
    )
    return figure


def learning_curves(results: Results, benchmark: str) -> Figure:
    """Validation loss over training, mean and 95% interval; dashed: the train loss of none."""
    naive = _naive_loss(results.benchmarks[benchmark])
    figure, members = _start(results, benchmark)
    axes = figure.axes[: len(results.cells)]
    for ax, cell in zip(axes, results.cells, strict=True):
        here = members[members["cell"] == cell]
        tops, bottoms = _curves(
            results, ax, here, "validation_loss", _chosen_few(results, benchmark, cell)
        )
        none = here[here["regularizer"] == REFERENCE]
        if len(none):
            steps, values = _stack(none, "train_loss")
            ax.plot(steps, values.mean(0), color="black", linestyle="dashed", linewidth=0.8)
            bottoms.append(np.nanmin(values.mean(0)))
        if tops:
            low, high = min(bottoms), min(max(tops), 1.15 * naive)
            ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        ax.axhline(naive, **NAIVE)
    return _finish(
        results, figure, axes, f"validation loss, {_unit(results.benchmarks[benchmark])}"
    )


def gradient_norms(results: Results, benchmark: str) -> Figure:
    """Norm of the gradient over training, before any clipping: mean and 95% interval over seeds."""
    figure, members = _start(results, benchmark)
    axes = figure.axes[: len(results.cells)]
    for ax, cell in zip(axes, results.cells, strict=True):
        here = members[members["cell"] == cell]
        _curves(results, ax, here, "gradient_norm", _chosen_few(results, benchmark, cell))
        ax.set_yscale("log")
    return _finish(results, figure, axes, "norm of the gradient")


def _start(results: Results, benchmark: str) -> tuple[Figure, pd.DataFrame]:
    members = results.evaluated("best").query("benchmark == @benchmark")
    figure, _ = style.panels(len(results.cells), 4, 1.9, sharey=False)
    return figure, members


def _finish(results: Results, figure: Figure, axes: list[Axes], label: str) -> Figure:
    for ax, cell in zip(axes, results.cells, strict=True):
        ax.set_title(results.title("cells", cell))
        ax.locator_params(axis="x", nbins=4)
    axes[0].set_ylabel(label)
    figure.supxlabel("training steps", fontsize=8)
    handles = {h.get_label(): h for ax in axes for h in ax.get_lines() if h.get_label()[0] != "_"}
    names = [n for n in results.regularizers if n in handles]
    titles = [results.title("regularizers", n) for n in names]
    figure.legend([handles[n] for n in names], titles, loc="outside upper center", ncols=6)
    return figure


def _chosen_few(results: Results, benchmark: str, cell: str) -> list[str]:
    """All, or, of more than can be told apart, `none` and the best on the test split."""
    names = results.regularizers
    if len(names) <= SHOWN:
        return names
    rows = results.read("comparisons").query("benchmark == @benchmark and cell == @cell")
    rows = rows[rows["criterion"] == "best"]
    lower = rows["better"].iloc[0] == "lower"
    best = list(rows.sort_values("score", ascending=lower)["regularizer"][: SHOWN - 2])
    return [n for n in names if n in best or n == REFERENCE]


def _curves(
    results: Results, ax: Axes, members: pd.DataFrame, column: str, shown: list[str]
) -> tuple[list[float], list[float]]:
    """Draw a line a regularizer; return the highest value after the first check, and the lowest."""
    tops, bottoms = [], []
    for name in results.regularizers:
        steps, values = _stack(members[members["regularizer"] == name], column)
        if not len(steps):
            continue
        mean, low, high = st.mean_interval(values.T)
        if name not in shown:
            ax.plot(steps, mean, color="#dddddd", linewidth=0.6, zorder=1)
            continue
        look = style.of(name)
        if np.isfinite(low).any():
            ax.fill_between(steps, low, high, color=look["color"], alpha=0.15, linewidth=0)
        ax.plot(
            steps,
            mean,
            color=look["color"],
            linestyle=look["linestyle"],
            marker=look["marker"],
            markersize=2.8,
            markevery=(len(name) % 4, 4),
            label=name,
        )
        tops.append(np.nanmax(mean[min(1, len(mean) - 1) :]))
        bottoms.append(np.nanmin(mean))
    return tops, bottoms


def _stack(members: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (checks,) and curves (seeds, checks), up to the last check that all seeds reached.

    Members that diverged are left out; their number is in the table.
    """
    members = members[~members["diverged"]]
    if members.empty:
        return np.array([]), np.array([[]])
    checks = min(len(c) for c in members[column])
    values = np.array([np.array(c[:checks], dtype=float) for c in members[column]])
    return np.array(members["check_steps"].iloc[0][:checks]), values


def _naive_loss(facts: dict) -> float:
    return facts["naive"][facts["naive_best"]]["validation"]["loss"]


def _unit(facts: dict) -> str:
    return "MSE" if facts["task"] == "Forecast" else "nats"
