"""The figure of speed: time a model against each size."""

import pandas as pd
from matplotlib.figure import Figure
from measured import MASKED, MODULE

from rnnreg.analysis.figures import style

LABELS = {"members": "models side by side", "steps": "time steps", "hidden": "hidden units"}
LOOKS = {
    "rnnreg": {"color": "#0072B2", "marker": "o", "markersize": 7, "markerfacecolor": "none"},
    MASKED: {"color": "#D55E00", "marker": "s"},
    MODULE: {"color": "#444444", "marker": "^"},
    "bound: arithmetic": {"color": "black", "linestyle": "dotted"},
    "bound: memory": {"color": "#999999", "linestyle": "dotted"},
}


def scaling(found: pd.DataFrame) -> Figure:
    """Time of a training step against members, steps and units, with the two bounds."""
    shown = {what: label for what, label in LABELS.items() if what in set(found["varied"])}
    figure, axes = style.panels(len(shown), 3, 1.9, sharey=True)
    for ax, (what, label) in zip(axes, shown.items(), strict=True):
        here = found[found["varied"] == what]
        for name, own in here.groupby("contender", sort=False):
            ax.plot(
                own["value"], own["median"], label=name, **LOOKS.get(name, {"color": "#888888"})
            )
        ax.set(xscale="log", yscale="log", xlabel=label)
        ax.set_xticks(own["value"], own["value"])
        ax.minorticks_off()
    axes[0].set_ylabel("milliseconds a model and step")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure
