"""Figures over all benchmarks: profiles, ranks, cost and gap."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scikit_posthocs import critical_difference_diagram

from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.effects import NO_REFERENCE, across_rows, zero_line
from rnnreg.analysis.results import REFERENCE, Results


def performance_profile(results: Results) -> Figure:
    """Share of runs with at least so much improvement; one panel a regularizer, others in grey."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("profiles")
    frame = frame[(frame["criterion"] == "best") & (frame["scope"] == "all")]
    lines = {n: g for n, g in frame.groupby("regularizer", sort=False) if n != REFERENCE}
    if not lines:
        return style.note("Only `none` is in this study: there is no profile to show.")
    figure, axes = style.panels(len(lines), 4, 1.25, sharex=True, sharey=True)
    for ax, (name, own) in zip(axes, lines.items(), strict=True):
        for other in lines.values():
            ax.plot(other["threshold"], other["share"], color="#cccccc", linewidth=0.6)
        look = style.of(name)
        ax.fill_between(
            own["threshold"], own["low"], own["high"], color=look["color"], alpha=0.25, linewidth=0
        )
        ax.plot(own["threshold"], own["share"], color=look["color"], linewidth=1.5)
        ax.axvline(0, color="black", linewidth=0.6)
        ax.set_title(results.title("regularizers", name))
    for ax in axes[-4:]:  # also where there is no panel below
        ax.tick_params(labelbottom=True)
    figure.supxlabel("at least this relative improvement over none, %", fontsize=8)
    figure.supylabel("share of runs", fontsize=8)
    return figure


def cost(results: Results) -> Figure:
    """Effect against training time, both relative to none."""
    across = across_rows(results)
    if across.empty:
        return style.note(NO_REFERENCE)
    time = results.read("diagnostics").query("criterion == 'best'")
    time = np.exp(
        np.log(time.set_index("regularizer")["seconds_ratio"]).groupby("regularizer").mean()
    )
    figure, (ax,) = style.panels(1, 1, 2.1)
    ax.axhline(0, color="black", linewidth=0.6)
    ax.axvline(1, color="black", linewidth=0.6)
    for row in across[across["scope"] == "all"].itertuples():
        look = style.of(row.regularizer) | {"linestyle": "none"}
        x = time[row.regularizer]
        ax.plot([x, x], [row.seeds_low, row.seeds_high], color=look["color"], linewidth=1.4)
        ax.plot(
            x,
            row.effect,
            markersize=6,
            label=results.title("regularizers", row.regularizer),
            **look,
        )
    shown = across.loc[across["scope"] == "all", ["effect", "seeds_low", "seeds_high"]]
    ax.set_ylim(style.reach(shown.to_numpy().ravel(), 4))
    ax.set_xlabel("seconds per member, relative to none (geometric mean over benchmarks and cells)")
    ax.set_ylabel("improvement over none, %")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def gap(results: Results) -> Figure:
    """Gap between test and train loss, in percent of the test loss of none."""
    frame = results.read("diagnostics").query("criterion == 'best'")
    on = ["benchmark", "cell"]
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    none = frame[frame["regularizer"] == REFERENCE].set_index(on)["test_loss"]
    frame = frame.assign(
        share=100
        * frame["gap"]
        / none.loc[list(zip(*(frame[c] for c in on), strict=True))].to_numpy()
    )
    share = frame.groupby(["regularizer", "benchmark"], sort=False)["share"].mean().unstack()
    order = list(share.mean(axis=1).sort_values(ascending=False).index)
    figure, (ax,) = style.panels(1, 1, 0.19 * len(order) + 0.6)
    zero_line(ax)
    for y, name in enumerate(order):
        mean, low, high = style.over_sets(share.loc[name].to_numpy())
        look = style.of(name)
        ax.plot(
            share.loc[name], [y] * share.shape[1], "|", color=look["color"], markersize=8, alpha=0.7
        )
        ax.plot([low, high], [y, y], color=look["color"], linewidth=1.6)
        ax.plot(mean, y, color=look["color"], marker=look["marker"])
    ax.set_yticks(range(len(order)), [results.title("regularizers", n) for n in order])
    ax.set_xlim(style.reach(share.to_numpy().ravel(), 5))
    ax.set_xlabel(
        "test loss − train loss, % of the test loss of none (ticks: data sets, cells averaged)"
    )
    return figure


def critical_difference(results: Results) -> Figure:
    """Mean ranks over families of data sets; a bar joins those that Nemenyi's test cannot part."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("across").query("criterion == 'best' and scope == 'all'")
    pairs = results.read("pairs").query("criterion == 'best' and scope == 'all'")
    critical, families = frame["critical_difference"].iloc[0], int(frame["families"].iloc[0])
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
    critical_difference_diagram(
        dict(zip(names, frame["mean_rank"], strict=True)),
        p.fillna(0.0),  # no bars where no test was made
        ax=ax,
        color_palette={title[key]: style.of(key)["color"] for key in keys},
        label_fmt_left="{label} ({rank:.2f})",
        label_fmt_right="({rank:.2f}) {label}",
        elbow_props={"linewidth": 0.8},
        crossbar_props={"linewidth": 2.5},
    )
    test = "no test below six families"
    if np.isfinite(critical):
        test = f"critical difference {critical:.2f}"
    ax.set_title(f"mean rank over {families} families of data sets, 1 is best ({test})")
    return figure
