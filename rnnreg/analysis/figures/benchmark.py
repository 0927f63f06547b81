"""Figures of one benchmark: scores, and learning curves with the gradients."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics import inference as st

SEEDS = 12  # regularizers up to which each seed is drawn
NAIVE = {"color": "#444444", "linewidth": 0.8, "linestyle": (0, (1, 2))}


def scores(results: Results, benchmark: str) -> Figure:
    """Test score of every row: mean, 95% interval over seeds, and of few rows each seed."""
    facts = results.benchmarks[benchmark]
    rows = results.read("comparisons").query("criterion == 'best' and benchmark == @benchmark")
    seeds = results.read("scores").query("criterion == 'best' and benchmark == @benchmark")
    panels = [results.title("cells", cell) for cell in results.cells]
    figure, axes, lines = style.listed(results, results.regularizers, panels)
    colours = style.colours(results)
    for ax, cell in zip(axes, results.cells, strict=True):
        own, each = (frame[frame["cell"] == cell] for frame in (rows, seeds))
        y, colour = own["regularizer"].map(lines.index), own["regularizer"].map(colours)
        if len(results.regularizers) <= SEEDS:
            shades = each["regularizer"].map(colours)
            ax.scatter(
                each["score"], each["regularizer"].map(lines.index), 30, shades, marker="|", lw=0.7
            )
        ax.hlines(y, own["score_low"], own["score_high"], colour, linewidth=1.8)
        ax.scatter(own["score"], y, s=18, c=colour, zorder=3)
        for score in own.loc[own["regularizer"] == REFERENCE, "score"]:
            ax.axvline(score, color="black", linewidth=0.5, zorder=0)
        ax.locator_params(axis="x", nbins=4)
    metric = facts["metrics"][facts["headline"]]
    told = f"{metric['label']} on the test split ({metric['better']} is better)"
    figure.supxlabel(told, fontsize=8)
    return figure


def learning_curves(results: Results, benchmark: str) -> Figure:
    """Validation loss and norm of the gradient before clipping, of none and the best three.

    Dashed: the train loss of none. Dotted: the naive score.
    """
    facts = results.benchmarks[benchmark]
    naive = facts["naive"][facts["naive_best"]]["validation"]["loss"]
    names = style.leaders(results, benchmark)
    colours = {n: style.colours(results)[n] for n in names}
    members = results.evaluated("best").query("benchmark == @benchmark and not diverged")
    count = len(results.cells)
    figure = Figure(figsize=(style.WIDTH, 2.9), layout="none")
    axes = figure.subplots(2, count, squeeze=False, sharex="col", height_ratios=[1.5, 1])
    for cell, loss, gradient in zip(results.cells, *axes, strict=True):
        here = dict(list(members[members["cell"] == cell].groupby("regularizer")))
        here = {n: here[n] for n in names if n in here}
        means = [_band(loss, own, "validation_loss", colours[n]) for n, own in here.items()]
        for name, own in here.items():
            _band(gradient, own, "gradient_norm", colours[name])
        if REFERENCE in here:
            steps, values = _stack(here[REFERENCE], "train_loss")
            loss.plot(steps, values.mean(0), color="black", linestyle="dashed", linewidth=0.8)
            means.append(values.mean(0))
        if means:  # the first check, where all begin high, is left out
            low = min(np.nanmin(mean) for mean in means)
            high = min(max(np.nanmax(m[min(1, len(m) - 1) :]) for m in means), 1.15 * naive)
            loss.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        loss.axhline(naive, **NAIVE)
        loss.set_title(results.title("cells", cell))
        loss.tick_params(labelbottom=False)
        for ax in (loss, gradient):
            ax.locator_params(nbins=4)
    axes[0, 0].set_ylabel(f"validation loss,\n{'MSE' if facts['task'] == 'Forecast' else 'nats'}")
    axes[1, 0].set_ylabel("norm of the\ngradient")
    figure.supxlabel("training steps", fontsize=8)
    style.legend(figure, {results.title("regularizers", n): c for n, c in colours.items()})
    style.margins(figure, 0.7, 0.4, 0.45, gap=0.4)
    return figure


def _band(ax: Axes, members: pd.DataFrame, column: str, colour: str) -> np.ndarray:
    """Draw mean and 95% interval over seeds; return the mean."""
    steps, values = _stack(members, column)
    mean, low, high = st.mean_interval(values.T)
    ax.fill_between(steps, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.plot(steps, mean, color=colour)
    return mean


def _stack(members: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (checks,) and curves (seeds, checks), up to the last check that all seeds reached."""
    checks = min(len(curve) for curve in members[column])
    values = np.array([np.array(c[:checks], dtype=float) for c in members[column]])
    return np.array(members["check_steps"].iloc[0][:checks]), values
