"""Figures over all benchmarks: what helps, where, at which cost."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnreg.analysis import style
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import fixed

NO_REFERENCE = "This study has no row `none`: there is nothing to measure an effect against."
BETTER = "relative improvement over none, %  (right is better)"


def effects(results: Results) -> Figure:
    """The answer: effect of each regularizer, over all benchmarks and by group."""
    across = _across(results)
    if across.empty:
        return style.note(NO_REFERENCE)
    scopes = [s for s in across["scope"].unique() if ": " not in s]
    return _forest(results, across, scopes if len(scopes) > 2 else scopes[:1])


def cells(results: Results) -> Figure:
    """The same for each cell."""
    across = _across(results)
    if across.empty:
        return style.note(NO_REFERENCE)
    return _forest(results, across, [s for s in across["scope"].unique() if s.startswith("cell: ")])


def _across(results: Results, criterion: str = "best") -> pd.DataFrame:
    if not results.has_reference:
        return pd.DataFrame()
    across = results.read("across")
    return across[(across["criterion"] == criterion) & (across["regularizer"] != REFERENCE)]


def _forest(results: Results, across: pd.DataFrame, scopes: list[str]) -> Figure:
    every = across[across["scope"] == "all"].sort_values("effect")
    if every.empty:
        return style.note("Only `none` is in this study: there is no effect to show.")
    order = list(every["regularizer"])
    figure, axes = style.panels(len(scopes), 4, 0.17 * len(order) + 0.7, sharey=True, sharex=True)
    shown = across[across["scope"].isin(scopes)]
    ends = ["seeds_low", "seeds_high"]
    axes[0].set_xlim(style.reach(np.concatenate([shown["effect"], shown[ends].to_numpy().ravel()])))
    for ax, scope in zip(axes, scopes, strict=True):
        part = shown[shown["scope"] == scope].set_index("regularizer")
        _zero(ax)
        for y, name in enumerate(order):
            row = part.loc[name]
            ranges = [(row["sets_low"], row["sets_high"], 0.8), (row[ends[0]], row[ends[1]], 2.4)]
            style.points(ax, y, row["effect"], ranges, style.of(name))
        count = int(part["benchmarks"].iloc[0])
        ax.set_title(f"{_scope_title(results, scope)} ({count} data set{'s' * (count != 1)})")
        ax.set_yticks(range(len(order)), [results.title("regularizers", n) for n in order])
        ax.set_ylim(-0.7, len(order) - 0.3)
    figure.supxlabel(BETTER, fontsize=8)
    return figure


def _scope_title(results: Results, scope: str) -> str:
    if scope.startswith("cell: "):
        return results.title("cells", scope.removeprefix("cell: "))
    return scope


def _zero(ax: Axes) -> None:
    ax.axvline(0, color="black", linewidth=0.6, zorder=1)
    ax.grid(axis="x", color="#dddddd", linewidth=0.5, zorder=0)


def heatmap(results: Results) -> Figure:
    """Relative improvement of each regularizer on each benchmark and cell, in percent."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == "best") & (frame["regularizer"] != REFERENCE)]
    if frame.empty:
        return style.note("Only `none` is in this study: there is no effect to show.")
    names = [r for r in results.regularizers if r != REFERENCE]
    wide = frame.pivot(index="regularizer", columns=["benchmark", "cell"], values="effect")
    verdict = frame.pivot(index="regularizer", columns=["benchmark", "cell"], values="verdict")
    sets = list(results.benchmarks)
    chunk = max(1, 28 // len(results.cells))
    blocks = [sets[i : i + chunk] for i in range(0, len(sets), chunk)]
    figure = Figure(figsize=(style.WIDTH, len(blocks) * (0.18 * len(names) + 1.25)))
    span = float(np.clip(np.nanpercentile(np.abs(wide), 85), 2, 50))
    axes = figure.subplots(len(blocks), 1, squeeze=False).ravel()
    for ax, block in zip(axes, blocks, strict=True):
        columns = [(b, c) for b in block for c in results.cells]
        image = _tiles(ax, wide.loc[names, columns], verdict.loc[names, columns], span)
        labels = [results.title("cells", c) for _, c in columns]
        ax.set_xticks(range(len(columns)), labels, rotation=90, fontsize=6)
        ax.set_yticks(range(len(names)), [results.title("regularizers", n) for n in names])
        for i, benchmark in enumerate(block):
            middle = (i + 0.5) * len(results.cells) - 0.5
            ax.text(middle, -0.75, results.title("benchmarks", benchmark), ha="center", fontsize=7)
            ax.axvline((i + 1) * len(results.cells) - 0.5, color="white", linewidth=3)
    bar = figure.colorbar(image, ax=list(axes), fraction=0.03, pad=0.01, extend="both", aspect=30)
    bar.set_label("improvement over none, %")
    return figure


def _tiles(ax: Axes, values: pd.DataFrame, verdict: pd.DataFrame, span: float):
    image = ax.imshow(values, cmap="PuOr", vmin=-span, vmax=span, aspect="auto")
    for (i, j), value in np.ndenumerate(values.to_numpy()):
        text = fixed(value, 1 if values.shape[1] <= 10 else 0)
        tested = verdict.iat[i, j] in ("better", "worse")
        ax.text(j, i, text, ha="center", va="center",
                fontsize=6.5 if values.shape[1] <= 16 else 5.5,
                fontweight="bold" if tested else "normal",
                color="white" if abs(value) > 0.6 * span else "black")  # fmt: skip
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return image


def best_and_final(results: Results) -> Figure:
    """Effect on top of checkpoint selection (filled) and by itself, after the last step (open)."""
    best, final = _across(results), _across(results, "final")
    if best.empty:
        return style.note(NO_REFERENCE)
    best, final = (f[f["scope"] == "all"].set_index("regularizer") for f in (best, final))
    order = list(final.sort_values("effect").index)
    figure, (ax,) = style.panels(1, 1, 0.24 * len(order) + 0.7)
    both = pd.concat([best, final])
    ax.set_xlim(style.reach(both[["effect", "seeds_low", "seeds_high"]].to_numpy().ravel()))
    _zero(ax)
    for y, name in enumerate(order):
        for row, shift, face in ((best.loc[name], 0.16, None), (final.loc[name], -0.16, "white")):
            look = style.of(name)
            ax.plot(
                [row["seeds_low"], row["seeds_high"]],
                [y + shift] * 2,
                color=look["color"],
                linewidth=1.6,
            )
            ax.plot(row["effect"], y + shift, color=look["color"], marker=look["marker"],
                    markerfacecolor=face or look["color"])  # fmt: skip
    ax.set_yticks(range(len(order)), [results.title("regularizers", n) for n in order])
    ax.plot([], [], "ko", label="at the best validation check")
    ax.plot([], [], "ko", markerfacecolor="white", label="after the last step")
    ax.legend(loc="best")
    ax.set_xlabel(BETTER)
    return figure


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
    figure.supxlabel("at least this relative improvement over none, %", fontsize=8)
    figure.supylabel("share of runs", fontsize=8)
    return figure


def cost(results: Results) -> Figure:
    """Effect against training time, both relative to none."""
    across = _across(results)
    if across.empty:
        return style.note(NO_REFERENCE)
    time = results.read("diagnostics").query("criterion == 'best'")
    time = np.exp(
        np.log(time.set_index("regularizer")["seconds_ratio"]).groupby("regularizer").mean()
    )
    figure, (ax,) = style.panels(1, 1, 2.8)
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
    ax.set_ylim(style.reach(across.loc[across["scope"] == "all", "effect"], 4))
    ax.set_xlabel("seconds per member, relative to none (geometric mean over benchmarks and cells)")
    ax.set_ylabel("relative improvement over none, %")
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
    _zero(ax)
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
    frame = frame.sort_values("mean_rank", ascending=False)
    figure, (ax,) = style.panels(1, 1, 0.17 * len(frame) + 0.7)
    critical, families = frame["critical_difference"].iloc[0], int(frame["families"].iloc[0])
    for y, row in enumerate(frame.itertuples()):
        look = style.of(row.regularizer)
        if np.isfinite(critical):
            ends = [row.mean_rank - critical / 2, row.mean_rank + critical / 2]
            ax.plot(ends, [y, y], color=look["color"], linewidth=1.4)
        ax.plot(row.mean_rank, y, color=look["color"], marker=look["marker"])
    ax.set_yticks(
        range(len(frame)), [results.title("regularizers", n) for n in frame["regularizer"]]
    )
    ax.grid(axis="x", color="#dddddd", linewidth=0.5)
    said = f"critical difference {critical:.2f}: two whose bars do not overlap differ"
    said = said if np.isfinite(critical) else "no test below six families"
    ax.set_xlabel(f"mean rank over {families} families of data sets, 1 is best\n({said})")
    return figure
