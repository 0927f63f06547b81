"""How figures look: a hue for each group of regularizers, a shade and a marker for each member.

Hues are those of Okabe and Ito (2008, Color Universal Design) and of Tol (2021, Colour Schemes,
"muted"): told apart by the colour-blind. Markers tell members apart in grey.
"""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics import inference as st
from rnnreg.analysis.tables import show

WIDTH = 7.2  # inches: the text width of the report
LINE, CLOSE, MANY = 0.145, 0.125, 30  # inches a regularizer, few and many, and how many those are
HUES = {
    REFERENCE: "#000000", "penalties": "#D55E00", "activations": "#E69F00", "masks": "#0072B2",
    "weights": "#56B4E9", "inputs": "#332288", "outputs": "#882255", "gradients": "#CC79A7",
    "averages": "#009E73", "stopping": "#117733", "normalisation": "#999933",
    "second pass": "#AA4499", "combinations": "#777777",
}  # fmt: skip
OTHERS = "#0072B2"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "d", "<", ">", "p", "h", "*")
CELLS = {  # cells are greys, so that they are never taken for regularizers
    "lstm": ("#000000", "o"), "gru": ("#555555", "s"), "elman_tanh": ("#888888", "^"),
    "elman_relu": ("#bbbbbb", "D"), "elman_sigmoid": ("#999999", "v"), "gru_tanh": ("#666666", "P"),
}  # fmt: skip
RC = sns.axes_style("ticks") | {
    "font.size": 8,
    "font.family": ["DejaVu Sans"],
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else each drawing looks for what a title could overlap
    "figure.constrained_layout.use": True,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",  # text stays text: small files, and it can be read aloud and found
}


def looks(results: Results) -> dict[str, tuple[str, str]]:
    """Colour and marker of each regularizer of a study; `none` is black."""
    found = {}
    for group, names in results.groups(results.regularizers).items():
        hue = HUES.get(group, OTHERS)
        ends = [sns.set_hls_values(hue, l=0.26), hue, sns.set_hls_values(hue, l=0.66)]
        shades = sns.blend_palette(ends, len(names)) if len(names) > 1 else [hue]
        for i, (name, shade) in enumerate(zip(names, shades, strict=True)):
            found[name] = to_hex(shade), MARKERS[i % len(MARKERS)]
    return found


def colours(results: Results) -> dict[str, str]:
    """Colour of each regularizer."""
    return {name: colour for name, (colour, _) in looks(results).items()}


def of_cell(cell: str) -> tuple[str, str]:
    """Grey and marker of a cell, by its name."""
    return CELLS.get(cell, ("#777777", "*"))


def leaders(results: Results, benchmark: str = "", count: int = 3) -> list[str]:
    """`none` and the regularizers with the largest mean effects: what a panel shows."""
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == "best") & (frame["regularizer"] != REFERENCE)]
    frame = frame[frame["verdict"] != "saving"]
    if benchmark:
        frame = frame[frame["benchmark"] == benchmark]
    if not results.has_reference:
        return results.regularizers[:count]
    means = frame.groupby("regularizer")["effect"].mean().sort_values(ascending=False)
    return [REFERENCE, *means.index[:count]]


@contextmanager
def drawing() -> Iterator[None]:
    """The house's settings, for as long as figures are drawn."""
    with mpl.rc_context(RC):
        yield


def panels(
    count: int, columns: int, height: float, layout: str = "constrained", **share: bool
) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels in rows of at most `columns`, each `height` inches high."""
    columns = min(count, columns)
    rows = -(-count // columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.3), layout=layout)
    axes = figure.subplots(rows, columns, squeeze=False, **share).ravel()
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, list(axes[:count])


def listed(
    results: Results, names: list[str], panels: list[str], **share: bool
) -> tuple[Figure, list[Axes], list[str]]:
    """A panel each, with a line a regularizer below the title of its group; and those lines."""
    groups = results.groups(names)
    heads = {f"= {group}": group for group in groups if group != REFERENCE}
    heads = heads if len(heads) > 1 else {}
    lines = [n for g, own in groups.items() for n in [f"= {g}", *own] if n[0] != "=" or n in heads]
    line = LINE if len(lines) < MANY else CLOSE
    figure = Figure(figsize=(WIDTH, line * len(lines) + 0.75), layout="none")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True, **share)[0]
    labels = [heads.get(n) or results.title("regularizers", n) for n in lines]
    axes[0].set_yticks(range(len(lines)), labels)
    axes[0].set_ylim(len(lines) - 0.4, -0.6)
    for tick, line in zip(axes[0].get_yticklabels(), lines, strict=True):
        if line in heads:
            tick.set(fontweight="bold", color=HUES.get(heads[line], OTHERS))
    for ax, panel in zip(axes, panels, strict=True):
        ax.set_title(panel)
        ax.tick_params(axis="y", length=0)
    margins(figure, 0.062 * max(map(len, labels)) + 0.15, 0.42, 0.24)
    return figure, list(axes), lines


def margins(figure: Figure, left: float, bottom: float, top: float, gap: float = 0.25) -> None:
    """Room for labels around and between panels, in inches: to lay them out takes half a second."""
    width, height = figure.get_size_inches()
    panel = (width - left) / max(len({ax.get_subplotspec().colspan.start for ax in figure.axes}), 1)
    figure.subplots_adjust(
        left=left / width, right=1 - 0.1 / width, bottom=bottom / height, top=1 - top / height,
        wspace=gap / (panel - gap), hspace=0.12,
    )  # fmt: skip


def legend(figure: Figure, lines: dict[str, str]) -> None:
    """Titles with their colours, in a line above the panels."""
    handles = [figure.axes[0].plot([], [], color=colour)[0] for colour in lines.values()]
    figure.legend(handles, list(lines), loc="outside upper center", ncols=5)


def wrapped(title: str) -> str:
    """A title as it stands above a narrow panel."""
    return textwrap.fill(title, 22)


def note(text: str) -> Figure:
    """A figure that says why there is none."""
    figure = Figure(figsize=(WIDTH, 0.6), layout="none")
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


def outside(axes: Axes, y: float, value: float, colour: str) -> None:
    """An arrow with its number for a value that the x axis does not reach."""
    low, high = axes.get_xlim()
    if not np.isfinite(value) or low <= value <= high:
        return
    left, told = value < low, f"{show(value, 2)}%"
    text, x, side = (f"◂ {told}", low, "left") if left else (f"{told} ▸", high, "right")
    axes.text(x, y, text, ha=side, va="center", fontsize=6.5, color=colour)


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
