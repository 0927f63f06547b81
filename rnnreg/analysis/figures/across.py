"""Figures over all benchmarks: performance profiles of the best, and mean ranks."""

import numpy as np
import pandas as pd
import seaborn.objects as so
from matplotlib.figure import Figure
from scikit_posthocs import critical_difference_diagram

from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.effects import ALONE, NO_REFERENCE
from rnnreg.analysis.results import Results


def performance_profile(results: Results) -> Figure:
    """Share of runs with at least so much improvement, of the regularizers with the best means."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("profiles")
    names = [n for n in style.leaders(results)[1:] if n in set(frame["regularizer"])]
    if not names:
        return style.note(ALONE)
    frame = frame[(frame["criterion"] == "best") & (frame["scope"] == "all")]
    frame = frame[frame["regularizer"].isin(names)]
    titles = {name: results.title("regularizers", name) for name in names}
    colours = style.colours(results)
    figure = Figure(figsize=(style.WIDTH, 1.9))
    plot = (
        so.Plot(frame.assign(name=frame["regularizer"].map(titles)), x="threshold", y="share",
                color="name", ymin="low", ymax="high")
        .add(so.Band(alpha=0.15), legend=False)
        .add(so.Line(linewidth=1.5), legend=False)
        .scale(color={titles[n]: colours[n] for n in names})
        .label(x="at least this relative improvement over none, %", y="share of runs")
        .theme(style.RC)
    )  # fmt: skip
    plot.on(figure).plot()
    figure.axes[0].axvline(0, color="black", linewidth=0.6)
    style.legend(figure, {title: colours[name] for name, title in titles.items()})
    return figure


def critical_difference(results: Results) -> Figure:
    """Mean ranks over families of data sets; a bar joins those that Nemenyi's test cannot part."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("across").query("criterion == 'best' and scope == 'all'")
    pairs = results.read("pairs").query("criterion == 'best' and scope == 'all'")
    critical, families = frame["critical_difference"].iloc[0], int(frame["families"].iloc[0])
    if not np.isfinite(critical):
        return style.note(f"No test of ranks with {families} families of data sets: it takes six.")
    keys = list(frame["regularizer"])
    names = [results.title("regularizers", key) for key in keys]
    if len(set(names)) < len(keys):  # two of one title
        names = keys
    title = dict(zip(keys, names, strict=True))
    p = pd.DataFrame(1.0, names, names)
    for pair in pairs.itertuples():
        first, second = title[pair.first], title[pair.second]
        p.loc[first, second] = p.loc[second, first] = pair.nemenyi_p
    figure, (ax,) = style.panels(1, 1, 0.13 * len(frame) + 0.7)
    colours = style.colours(results)
    critical_difference_diagram(
        dict(zip(names, frame["mean_rank"], strict=True)),
        p.fillna(0.0),
        ax=ax,
        color_palette={title[key]: colours[key] for key in keys},
        label_fmt_left="{label} ({rank:.2f})",
        label_fmt_right="({rank:.2f}) {label}",
        elbow_props={"linewidth": 0.8},
        crossbar_props={"linewidth": 2.5},
    )
    told = f"{families} families of data sets, 1 is best (critical difference {critical:.2f})"
    ax.set_title(f"mean rank over {told}")
    return figure
