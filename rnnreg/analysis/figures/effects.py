"""Figures of effects: the answer, by group, by cell, and for every row."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import fixed

NO_REFERENCE = "This study has no row `none`: there is nothing to measure an effect against."
BETTER = "relative improvement over none, %  (right is better)"


def effects(results: Results) -> Figure:
    """The answer: effect of each regularizer, over all benchmarks and by group."""
    across = across_rows(results)
    if across.empty:
        return style.note(NO_REFERENCE)
    scopes = [s for s in across["scope"].unique() if ": " not in s]
    return _forest(results, across, scopes if len(scopes) > 2 else scopes[:1])


def cells(results: Results) -> Figure:
    """The same for each cell."""
    across = across_rows(results)
    if across.empty:
        return style.note(NO_REFERENCE)
    return _forest(results, across, [s for s in across["scope"].unique() if s.startswith("cell: ")])


def across_rows(results: Results, criterion: str = "best") -> pd.DataFrame:
    """The rows of `across` under one criterion, without `none`; empty where there is no `none`."""
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
        zero_line(ax)
        for y, name in enumerate(order):
            row = part.loc[name]
            ranges = [(row["sets_low"], row["sets_high"], 0.8), (row[ends[0]], row[ends[1]], 2.4)]
            style.points(ax, y, row["effect"], ranges, style.of(name))
        count = int(part["benchmarks"].iloc[0])
        ax.set_title(_scope_title(results, scope, count))
        ax.set_yticks(range(len(order)), [results.title("regularizers", n) for n in order])
        ax.set_ylim(-0.7, len(order) - 0.3)
    figure.supxlabel(BETTER, fontsize=8)
    return figure


def _scope_title(results: Results, scope: str, count: int) -> str:
    if scope.startswith("cell: "):  # each over all data sets
        return results.title("cells", scope.removeprefix("cell: "))
    return f"{scope} ({count} data set{'s' * (count != 1)})"


def zero_line(ax: Axes) -> None:
    """A line where nothing changes, and a grid beside it."""
    ax.axvline(0, color="black", linewidth=0.6, zorder=1)
    ax.grid(axis="x", color="#dddddd", linewidth=0.5, zorder=0)


def heatmap(results: Results) -> Figure:
    """Relative improvement of each regularizer on each benchmark and cell, in percent."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == "best") & (frame["regularizer"] != REFERENCE)]
    frame = frame[frame["verdict"] != "saving"]
    if frame.empty:
        return style.note("Only `none` is in this study: there is no effect to show.")
    names = [r for r in results.compared("best") if r != REFERENCE]
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
        ax.text(
            j,
            i,
            text,
            ha="center",
            va="center",
            fontsize=6.5 if values.shape[1] <= 16 else 5.5,
            fontweight="bold" if tested else "normal",
            color="white" if abs(value) > 0.6 * span else "black",
        )
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return image


def best_and_final(results: Results) -> Figure:
    """Effect on top of checkpoint selection (filled) and by itself, after the last step (open)."""
    best, final = across_rows(results), across_rows(results, "final")
    if best.empty:
        return style.note(NO_REFERENCE)
    best, final = (f[f["scope"] == "all"].set_index("regularizer") for f in (best, final))
    order = list(final.sort_values("effect").index)
    figure, (ax,) = style.panels(1, 1, 0.24 * len(order) + 0.7)
    both = pd.concat([best, final])
    ax.set_xlim(style.reach(both[["effect", "seeds_low", "seeds_high"]].to_numpy().ravel()))
    zero_line(ax)
    for y, name in enumerate(order):
        look = style.of(name)
        for rows, shift, face in ((best, 0.16, look["color"]), (final, -0.16, "white")):
            if name not in rows.index:  # at the best check it can only save steps
                continue
            row = rows.loc[name]
            ends = [(row["seeds_low"], row["seeds_high"], 1.6)]
            style.points(ax, y + shift, row["effect"], ends, look | {"face": face})
    ax.set_yticks(range(len(order)), [results.title("regularizers", n) for n in order])
    ax.plot([], [], "ko", label="at the best validation check")
    ax.plot([], [], "ko", markerfacecolor="white", label="after the last step")
    ax.legend(loc="best")
    ax.set_xlabel(BETTER)
    return figure
