"""The figure "when does it pay"."""

import seaborn as sns
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.effects import ALONE, NO_REFERENCE
from rnnreg.analysis.results import Results


def pays(results: Results) -> Figure:
    """Effect against how far none over-fits, for the best regularizers; lines join variants."""
    if not results.has_reference:
        return style.note(NO_REFERENCE)
    frame = results.read("pays")
    if frame.empty:
        return style.note(ALONE)
    means = frame.groupby("regularizer")["effect"].mean().sort_values(ascending=False)
    names = list(means.index[:4])
    frame = frame.assign(group=[results.benchmarks[b]["group"] for b in frame["benchmark"]])
    figure, axes = style.panels(len(names), 4, 1.7, sharex=True, sharey=True)
    axes[0].set_ylim(style.reach(frame.loc[frame["regularizer"].isin(names), "effect"]))
    marks = dict(zip(frame["group"].unique(), style.MARKERS, strict=False))
    for ax, name in zip(axes, names, strict=True):
        own, colour = frame[frame["regularizer"] == name], style.colours(results)[name]
        ax.axhline(0, color="black", linewidth=0.6)
        ax.vlines(own["overfit"], own["effect_low"], own["effect_high"], color=colour, alpha=0.3,
                  linewidth=0.6)  # fmt: skip
        sns.lineplot(own, x="overfit", y="effect", units=own["family"] + own["cell"], ax=ax,
                     estimator=None, color=colour, linewidth=0.5, alpha=0.6)  # fmt: skip
        sns.scatterplot(own, x="overfit", y="effect", style="group", markers=marks, color=colour,
                        s=16, ax=ax, legend=ax is axes[-1])  # fmt: skip
        ax.set(title=style.wrapped(results.title("regularizers", name)), xlabel="", ylabel="")
    if legend := axes[-1].get_legend():
        legend.set_title("")
    figure.supxlabel("how far none over-fits, % of its validation loss", fontsize=8)
    axes[0].set_ylabel("improvement over none, %")
    return figure
