"""The figure "when does it pay"."""

from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.effects import NO_REFERENCE
from rnnreg.analysis.results import Results


def pays(results: Results) -> Figure:
    """Effect against how far none over-fits, one panel a regularizer; lines join variants."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("pays")
    if frame.empty:
        return style.note("Only `none` is in this study: there is no effect to show.")
    names = list(dict.fromkeys(frame["regularizer"]))
    figure, axes = style.panels(len(names), 4, 1.45, sharex=True, sharey=True)
    axes[0].set_ylim(style.reach(frame["effect"].to_numpy()))
    for ax, name in zip(axes, names, strict=True):
        ax.axhline(0, color="black", linewidth=0.6)
        look = style.of(name)
        for (family, _), own in frame[frame["regularizer"] == name].groupby(["family", "cell"]):
            own = own.sort_values("overfit")
            group = results.benchmarks[own["benchmark"].iloc[0]]["group"]
            face = look["color"] if group == "NLP" else "white"
            ax.plot(own["overfit"], own["effect"], color=look["color"], linewidth=0.6, alpha=0.6)
            ax.vlines(
                own["overfit"], own["effect_low"], own["effect_high"], color=look["color"],
                linewidth=0.5, alpha=0.4,
            )  # fmt: skip
            ax.plot(
                own["overfit"], own["effect"], look["marker"], color=look["color"],
                markerfacecolor=face, markersize=4, markeredgewidth=0.8, gid=family,
            )  # fmt: skip
        ax.set_title(results.title("regularizers", name))
        ax.tick_params(labelbottom=True)
    figure.supxlabel("how far none over-fits, % of its validation loss", fontsize=8)
    figure.supylabel("improvement over none, %", fontsize=8)
    return figure
