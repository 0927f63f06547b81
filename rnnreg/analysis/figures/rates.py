"""The curve of a learning-rate range test."""

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from rnnreg.analysis.figures.style import HUES, drawing
from rnnreg.errors import UserError
from rnnreg.study import records

UNDATED = {  # the same curve makes the same file
    "svg": {"Date": None}, "png": {}, "pdf": {"CreationDate": None, "ModDate": None}
}  # fmt: skip


def check(file: Path) -> None:
    """UserError where a picture of that name cannot be written."""
    if file.suffix.removeprefix(".") not in UNDATED:
        known = ", ".join(f".{kind}" for kind in UNDATED)
        raise UserError(f"--picture {file}: allowed are names that end in {known}.")


def draw(
    file: Path, title: str, rates: np.ndarray, losses: np.ndarray, smoothed: np.ndarray,
    suggestion: float, ends: tuple[float, float],
) -> Path:  # fmt: skip
    """Write the picture: losses of the batches, smoothed, and the rates read off them."""
    with drawing():
        figure = Figure(figsize=(4.6, 2.6), layout="constrained", facecolor="white")
        axes = figure.subplots()
        axes.axvspan(*ends, color="#eeeeee", linewidth=0, label="falls")
        axes.plot(rates, losses, ".", color="#bbbbbb", markersize=2.5, label="a batch")
        axes.plot(rates, smoothed, color=HUES["none"], label="smoothed")
        colour = HUES["penalties"]
        axes.axvline(suggestion, color=colour, linewidth=1, label=f"steepest: {suggestion:.2g}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss", title=title)
        lowest, highest = smoothed.min(), smoothed[0]
        axes.set_ylim(lowest - 0.15 * (highest - lowest), highest + 0.6 * (highest - lowest))
        axes.legend()
        drawn, kind = io.BytesIO(), file.suffix.removeprefix(".")
        with mpl.rc_context({"svg.hashsalt": file.name}):
            figure.savefig(drawn, format=kind, facecolor="white", dpi=200, metadata=UNDATED[kind])
    records.write_bytes(file, drawn.getvalue())
    return file
