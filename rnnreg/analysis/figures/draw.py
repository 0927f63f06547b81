"""All figures of a study: one function each, named as the figure, written as SVG and PDF."""

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from rnnreg.analysis.figures import across as over
from rnnreg.analysis.figures import benchmark as within
from rnnreg.analysis.figures import effects, style, tuning
from rnnreg.analysis.figures.pays import pays
from rnnreg.analysis.figures.svg import small
from rnnreg.analysis.results import load
from rnnreg.study import records

STUDY: tuple[Callable, ...] = (
    effects.effects, effects.heatmap, effects.cells, effects.best_and_final,
    over.performance_profile, over.critical_difference, pays, tuning.trials, tuning.patience,
)  # fmt: skip
BENCHMARK: tuple[Callable, ...] = (within.scores, within.learning_curves, tuning.strengths)


def draw(folder: Path) -> Path:
    """Draw every figure of a compared study into its folder figures/, and return that folder."""
    results = load(folder)
    target = results.folder / "figures"
    with style.drawing():
        for function in STUDY:
            save(function(results), target / function.__name__)
        for benchmark in results.benchmarks:
            for function in BENCHMARK:
                save(function(results, benchmark), target / f"{function.__name__}_{benchmark}")
    return target


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG and PDF: the same numbers give the same bytes."""
    blank = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}
    if engine := figure.get_layout_engine():
        engine.execute(figure)  # once, in place of twice a format
        figure.set_layout_engine("none")
    # A figure without an engine gets one of the settings' once it is saved: another layout, slower.
    kept = {"svg.hashsalt": path.name, "figure.constrained_layout.use": False}
    with mpl.rc_context(kept):
        for kind, metadata in blank.items():
            drawn = io.BytesIO()
            figure.savefig(drawn, format=kind, metadata=metadata, dpi=200)
            made = drawn.getvalue()
            if kind == "svg":
                made = small(made)
            records.write_bytes(path.with_name(f"{path.name}.{kind}"), made)
