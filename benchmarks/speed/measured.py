"""What run.py measured on one machine, read back, and the sentences of its page."""

import platform
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.tables import show

MASKED, MODULE, LOOP = "rnnreg, masked", "torch.nn module", "torch.nn cell in a loop, masked"
GRAPH, JAX = "torch.nn module, CUDA graph", "JAX vmap(scan), masked"
VMAP = "torch.func.vmap, masked"
HEADS = {  # contender -> column
    MASKED: MASKED,
    "rnnreg": "rnnreg, no mask",
    MODULE: f"{MODULE}, no mask",
    GRAPH: f"{GRAPH}, no mask",
    LOOP: LOOP,
    VMAP: "torch's vmap, masked",
    JAX: f"{JAX}, its best",
}
CASE = ["cell", "batch", "steps", "inputs", "hidden"]


@dataclass(frozen=True)
class Measured:
    """A machine's name and its CSV files; `None` for one that is not there.

    `steps` has a line a cell and size, and a column a contender: milliseconds a model.
    """

    machine: str
    steps: pd.DataFrame
    scaling: pd.DataFrame | None
    rows: pd.DataFrame | None


def read(folder: Path, cells: list[str]) -> Measured:
    """What was measured of these cells on one machine."""
    frames = {file.stem: pd.read_csv(file) for file in folder.glob("*.csv")}
    steps = frames["steps"]
    steps = steps[steps["cell"].isin(cells)]
    ours = steps.loc[steps["contender"] == MASKED, [*CASE, "members"]]
    steps = ours.merge(steps.drop(columns="members"), on=CASE)
    steps["contender"] = steps["contender"].str.replace(r"^JAX.*", JAX, regex=True)
    times = steps.pivot_table(  # of JAX's several ways, the fastest at each size
        index=[*CASE, "members"], columns="contender", values="median", aggfunc="min", sort=False
    )
    told = (folder / "machine.txt").read_text(encoding="utf-8").strip()
    shown = [name for name in HEADS if name in times]
    return Measured(told, times[shown], frames.get("scaling"), frames.get("rows"))


def machine() -> str:
    """The processor's model; never the name of the host."""
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^([^\t:]+)\s*: (.*)$", told.split("\n\n")[0], re.MULTILINE))
    names = {"avx512f": "AVX-512", "avx2": "AVX2", "asimd": "NEON"}
    flags = (fields.get("flags") or fields.get("Features") or "").split()
    widest = next((title for flag, title in names.items() if flag in flags), "")
    model = re.sub(r"\(R\)|\(TM\)|CPU|@.*", "", fields.get("model name", platform.machine()))
    numbers = [fields[n] for n in ("cpu family", "model") if n in fields]
    detail = ", ".join(filter(None, [f"family {'/'.join(numbers)}" if numbers else "", widest]))
    return f"{' '.join(model.split())} ({detail})"


def sentences(found: Measured) -> str:
    """How rnnreg compares with each contender that was measured."""
    masked, text = found.steps[MASKED], ""
    if MODULE in found.steps:
        text += (
            " With a mask inside the recurrence, a training step of rnnreg takes this many times "
            "as long as one of torch.nn's module, which cannot have such a mask: "
            f"{_by_cell(masked / found.steps[MODULE])}."
        )
    if GRAPH in found.steps:
        text += (
            " Where the module's steps are replayed as a CUDA graph: "
            f"{_by_cell(masked / found.steps[GRAPH])}."
        )
    if LOOP in found.steps:
        text += (
            " In a loop over time, torch.nn's cell can have it, and takes this many times as long "
            f"as rnnreg: {_by_cell(found.steps[LOOP] / masked)}."
        )
    return (text + _larger(found.scaling) + _whole(found.rows)).strip()


def _by_cell(ratio: pd.Series) -> str:
    """The range of a ratio over sizes, cell by cell."""
    groups = ratio.groupby("cell", sort=False)
    return ", ".join(f"{cell} {_range(own)}" for cell, own in groups)


def _range(values: pd.Series) -> str:
    """
    >>> _range(pd.Series([2.691, 12.7])), _range(pd.Series([0.5]))
    ('2.7 to 13', '0.50')
    """
    low, high = show(values.min(), 2), show(values.max(), 2)
    return low if low == high else f"{low} to {high}"


def _larger(scaling: pd.DataFrame | None) -> str:
    """How the ratio to the module turns with the number of hidden units."""
    if scaling is None:
        return ""
    table = scaling[scaling["varied"] == "hidden"].pivot_table(
        index="value", columns="contender", values="median"
    )
    if not {MASKED, MODULE} <= set(table):
        return ""
    ratio = (table[MASKED] / table[MODULE]).iloc[[0, -1]]
    (few, small), (many, large) = ((units, show(r, 2)) for units, r in ratio.items())
    return (
        f" Size matters: an LSTM of rnnreg takes {small} times as long as the module with {few} "
        f"hidden units, {large} times with {many}."
    )


def _whole(rows: pd.DataFrame | None) -> str:
    """Training from the first step to the last check, against a script of torch.nn."""
    if rows is None or "torch script" not in set(rows["contender"]):
        return ""
    table = rows.pivot_table(index=["benchmark", "cell"], columns="contender", values="row")
    ratio = (table["torch script"] / table["rnnreg"]).dropna()
    return (
        f" A whole training without a mask, checks included, takes {_range(ratio)} times as long "
        f"in a script of torch.nn ({words.count(len(ratio), 'pair')} of data set and cell)."
    )
