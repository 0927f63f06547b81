"""Figures of one benchmark: scores, learning curves, gradients."""

import numpy as np
import pandas as pd
import seaborn.objects as so
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.effects import LINE
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics import inference as st

NAIVE = {"color": "#444444", "linewidth": 0.8, "linestyle": (0, (1, 2))}


def scores(results: Results, benchmark: str) -> Figure:
    """Test score of every row: mean, 95% interval over seeds, and each seed."""
    facts = results.benchmarks[benchmark]
    rows = results.read("comparisons").query("criterion == 'best' and benchmark == @benchmark")
    seeds = results.read("scores").query("criterion == 'best' and benchmark == @benchmark")
    names = [n for group in results.groups(results.regularizers).values() for n in group]
    seeds = seeds.rename(columns={"score": "seed_score"})[["cell", "regularizer", "seed_score"]]
    both = pd.concat([rows, seeds], ignore_index=True)
    colours = style.colours(results)
    figure = Figure(figsize=(style.WIDTH, LINE * len(names) + 0.8))
    plot = (
        so.Plot(both, x="score", y="regularizer", color="regularizer")
        .facet(col="cell", order=results.cells)
        .share(x=False)
        .add(so.Dash(width=0.6, linewidth=0.8, alpha=0.5), x="seed_score", legend=False, orient="y")
        .add(so.Range(linewidth=1.8), xmin="score_low", xmax="score_high", legend=False)
        .add(so.Dot(pointsize=4.5), legend=False)
        .scale(color=colours, y=so.Nominal(order=names))
        .label(x="", y="", title=lambda cell: results.title("cells", cell))
        .theme(style.RC)
    )
    plot.on(figure).plot()
    for ax, cell in zip(figure.axes, results.cells, strict=True):
        none = rows[(rows["cell"] == cell) & (rows["regularizer"] == REFERENCE)]["score"]
        for score in none:
            ax.axvline(score, color="black", linewidth=0.5, zorder=0)
        ax.set_yticks(range(len(names)), [results.title("regularizers", n) for n in names])
        ax.locator_params(axis="x", nbins=4)
    metric = facts["metrics"][facts["headline"]]
    figure.supxlabel(
        f"{metric['label']} on the test split ({metric['better']} is better)", fontsize=8
    )
    return figure


def learning_curves(results: Results, benchmark: str) -> Figure:
    """Validation loss of none and the best three; dashed: the train loss of none."""
    facts = results.benchmarks[benchmark]
    naive = facts["naive"][facts["naive_best"]]["validation"]["loss"]
    unit = "MSE" if facts["task"] == "Forecast" else "nats"
    frame = _curves(results, benchmark, "validation_loss", style.leaders(results, benchmark))
    train = _curves(results, benchmark, "train_loss", [REFERENCE])
    figure = _bands(results, frame, f"validation loss, {unit}")
    for ax, cell in zip(figure.axes, results.cells, strict=True):
        own = train[train["cell"] == cell]
        ax.plot(own["step"], own["mean"], color="black", linestyle="dashed", linewidth=0.8)
        here = frame[frame["cell"] == cell]
        later = here[here["step"] > here["step"].min()] if here["step"].nunique() > 1 else here
        if len(here):
            low = np.nanmin([here["mean"].min(), own["mean"].min()])
            high = min(later["mean"].max(), 1.15 * naive)
            ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
        ax.axhline(naive, **NAIVE)
    return figure


def gradient_norms(results: Results, benchmark: str) -> Figure:
    """Norm of the gradient before any clipping, of none and the best three."""
    frame = _curves(results, benchmark, "gradient_norm", style.leaders(results, benchmark))
    figure = _bands(results, frame, "norm of the gradient")
    for ax in figure.axes:
        ax.set_yscale("log")
    return figure


def _bands(results: Results, frame: pd.DataFrame, label: str) -> Figure:
    """A panel a cell: mean and interval against steps, a line a regularizer."""
    titles = {n: results.title("regularizers", n) for n in frame["regularizer"].unique()}
    colours = style.colours(results)
    figure = Figure(figsize=(style.WIDTH, 2.1))
    plot = (
        so.Plot(frame.assign(name=frame["regularizer"].map(titles)), x="step", y="mean",
                ymin="low", ymax="high", color="name")
        .facet(col="cell", order=results.cells)
        .share(y=False)
        .add(so.Band(alpha=0.15), legend=False)
        .add(so.Line(linewidth=1.3), legend=False)
        .scale(color={title: colours[n] for n, title in titles.items()})
        .label(x="", y="", title=lambda cell: results.title("cells", cell))
        .theme(style.RC)
    )  # fmt: skip
    plot.on(figure).plot()
    for ax in figure.axes:
        ax.locator_params(axis="x", nbins=4)
    figure.axes[0].set_ylabel(label)
    figure.supxlabel("training steps", fontsize=8)
    style.legend(figure, {title: colours[name] for name, title in titles.items()})
    return figure


def _curves(results: Results, benchmark: str, column: str, names: list[str]) -> pd.DataFrame:
    """cell, regularizer, step, mean, low, high: up to the last check that all seeds reached.

    Members that diverged are left out; their number is in the table.
    """
    members = results.evaluated("best").query("benchmark == @benchmark and not diverged")
    parts = []
    for name in names:
        for cell, own in members[members["regularizer"] == name].groupby("cell", sort=False):
            checks = min(len(curve) for curve in own[column])
            values = np.array([np.array(c[:checks], dtype=float) for c in own[column]])
            mean, low, high = st.mean_interval(values.T)
            steps = own["check_steps"].iloc[0][:checks]
            parts.append(
                pd.DataFrame({"step": steps, "mean": mean, "low": low, "high": high}).assign(
                    cell=cell, regularizer=name
                )
            )
    columns = ["step", "mean", "low", "high", "cell", "regularizer"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
