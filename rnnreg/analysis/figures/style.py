"""How figures look: one colour, marker and dash for each regularizer, everywhere the same.

Colours are those of Okabe and Ito (2008, Color Universal Design) and of Tol (2021, Colour Schemes,
"muted"): told apart by the colour-blind. Markers and dashes tell them apart in grey.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnreg.analysis.statistics import inference as st
from rnnreg.analysis.tables import show

WIDTH = 7.2  # inches: the text width of the report
KNOWN = {
    "none": ("#000000", "o", "solid"),
    "l1": ("#D55E00", "v", "dashed"),
    "l2": ("#E69F00", "^", "solid"),
    "dropout": ("#0072B2", "s", "solid"),
    "recurrent_dropout": ("#56B4E9", "D", "dashdot"),
    "early_stopping": ("#009E73", "P", "dashed"),
    "clip_norm": ("#CC79A7", "X", "solid"),
    "clip_value": ("#882255", "d", "dotted"),
}
COLOURS = ("#332288", "#117733", "#999933", "#AA4499", "#44AA99", "#661100", "#6699CC", "#888888")
MARKERS = ("<", ">", "p", "h", "*", "8", "H", "o")
DASHES = ("solid", "dashed", "dashdot", "dotted")
CELLS = {  # cells are greys, so that they are never taken for regularizers
    "lstm": ("#000000", "o", "solid"),
    "gru": ("#444444", "s", "dashed"),
    "elman_tanh": ("#777777", "^", "dashdot"),
    "elman_relu": ("#aaaaaa", "D", "dotted"),
}
RC = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "lines.linewidth": 1.2,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.markersize": 4.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "figure.constrained_layout.use": True,
}


def of(regularizer: str) -> dict[str, str]:
    """Colour, marker and dash of a regularizer: fixed by its name, whoever else is in the study.

    >>> of("none")
    {'color': '#000000', 'marker': 'o', 'linestyle': 'solid'}
    """
    if regularizer in KNOWN:
        found = KNOWN[regularizer]
    else:
        code = int(hashlib.sha256(regularizer.encode()).hexdigest(), 16)
        found = tuple(c[(code >> 8 * i) % len(c)] for i, c in enumerate((COLOURS, MARKERS, DASHES)))
    return dict(zip(("color", "marker", "linestyle"), found, strict=True))


def of_cell(cell: str) -> dict[str, str]:
    """Grey, marker and dash of a cell, by its name."""
    found = CELLS.get(cell, ("#555555", "*", "solid"))
    return dict(zip(("color", "marker", "linestyle"), found, strict=True))


@contextmanager
def drawing() -> Iterator[None]:
    """The house's settings, for as long as figures are drawn."""
    with mpl.rc_context(RC):
        yield


def panels(count: int, columns: int, height: float, **share: bool) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels in rows of at most `columns`, each `height` inches high."""
    columns = min(count, columns)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.3))
    axes = figure.subplots(rows, columns, squeeze=False, **share).ravel()
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, list(axes[:count])


def note(text: str) -> Figure:
    """A figure that says why there is none."""
    figure = Figure(figsize=(WIDTH, 0.6))
    figure.text(0.02, 0.5, text, va="center", style="italic", color="#444444")
    return figure


def reach(values: np.ndarray, least: float = 2.0) -> tuple[float, float]:
    """Limits that show all but outliers: at most three times the spread of the middle 80%."""
    values = np.asarray(values, dtype=float)
    values = values[np.isfinite(values)]
    if not values.size:
        return -least, least
    low, high = np.percentile(values, [10, 90])
    span = max(high - low, least)
    low, high = max(values.min(), low - span), min(values.max(), high + span)
    margin = 0.06 * max(high - low, least)
    return min(low, 0) - margin, max(high, 0) + margin


def over_sets(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and interval over data sets, (..., D) -> three (...); no interval below six of them."""
    mean, low, high = st.mean_interval(values)
    if values.shape[-1] < st.FEWEST_TO_TEST:
        low, high = np.full_like(low, np.nan), np.full_like(high, np.nan)
    return mean, low, high


def points(axes: Axes, y: float, value: float, intervals: list[tuple], style: dict) -> None:
    """A value with its intervals (low, high, line width), and an arrow where it is off the axis."""
    low, high = axes.get_xlim()
    for start, end, width in intervals:
        if np.isfinite(start):
            axes.plot(
                [start, end],
                [y, y],
                color=style["color"],
                linewidth=width,
                zorder=2,
                solid_capstyle="butt",
            )
    if low <= value <= high:
        axes.plot(
            value,
            y,
            color=style["color"],
            marker=style["marker"],
            zorder=3,
            markerfacecolor=style.get("face", style["color"]),
            markeredgecolor=style["color"] if "face" in style else "white",
            markeredgewidth=1.0 if "face" in style else 0.5,
        )
    elif np.isfinite(value):
        edge, side, sign = (low, "left", "◂") if value < low else (high, "right", "▸")
        told = f"{show(value, 2)}%"
        text = f"{sign} {told}" if side == "left" else f"{told} {sign}"
        axes.text(edge, y, text, ha=side, va="center", fontsize=6.5, color=style["color"])
    axes.set_xlim(low, high)


def beyond(axes: Axes, x: float, values: list[tuple[float, str]], unit: str = "%") -> None:
    """Arrows for those of the points at x, (value, colour) each, that the y axis does not reach."""
    low, high = axes.get_ylim()
    below = sorted(v for v in values if v[0] < low)
    above = sorted((v for v in values if v[0] > high), reverse=True)
    sides = (below, low, "bottom", "▾", 7), (above, high, "top", "▴", -7)
    for outside, edge, side, sign, up in sides:
        for i, (value, colour) in enumerate(outside):
            axes.annotate(
                f"{sign} {show(value, 2)}{unit}",
                (x, edge),
                (0, i * up),
                textcoords="offset points",
                ha="center",
                va=side,
                fontsize=6,
                color=colour,
            )
