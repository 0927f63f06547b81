"""From the measured CSV files to one Markdown page and one figure."""

from pathlib import Path

import pandas as pd

from rnnreg.analysis import style
from rnnreg.analysis.figures_speed import scaling


def write(folder: Path) -> str:
    """speed.md and speed.svg from whatever CSV files are there; returns the page."""
    parts = [f"Milliseconds a member, medians. {(folder / 'machine.txt').read_text()}"]
    for name, make in (("steps", steps), ("rows", rows), ("shares", shares), ("memory", memory)):
        if (folder / f"{name}.csv").exists():
            parts.append(make(pd.read_csv(folder / f"{name}.csv")))
    if (folder / "scaling.csv").exists():
        with style.drawing():
            figure = scaling(pd.read_csv(folder / "scaling.csv"))
            figure.savefig(folder / "speed.svg", metadata={"Date": None})
        parts.append("![Time a member against each size](speed.svg)\n")
    if (folder / "steps.csv").exists():
        head = (
            f"Milliseconds a member for one training step, medians. {parts[0].partition('. ')[2]}"
        )
        table = short(pd.read_csv(folder / "steps.csv"))
        (folder / "table.md").write_text(f"{head}\n{table}", encoding="utf-8")
    page = "\n".join(parts)
    (folder / "speed.md").write_text(page, encoding="utf-8")
    return page


def short(found: pd.DataFrame) -> str:
    """The table of the README: LSTM and GRU with a mask in the recurrence, and who else."""
    keys = ["cell", "batch", "steps", "inputs", "hidden"]
    found = found[found["cell"].isin(["lstm", "gru"])]
    table = found.pivot_table(index=keys, columns="contender", values="median", sort=False)
    jax = [name for name in table if name.startswith("JAX")]
    shown = pd.DataFrame(
        {
            "rnnreg, masked": table["rnnreg, masked"],
            "torch.nn module, no mask": table["torch.nn module"],
            "torch.nn cell in a loop, masked": table["torch.nn cell in a loop, masked"],
            "torch.func.vmap, masked": table["torch.func.vmap, masked"],
        }
    )
    if jax:
        shown["JAX vmap(scan), masked, its best"] = table[jax].min(axis=1)
    return _markdown(shown)


def steps(found: pd.DataFrame) -> str:
    """A training step: a line a size and cell, a column a contender, and the ratios that count."""
    keys = ["cell", "batch", "steps", "inputs", "hidden"]
    order = list(dict.fromkeys(found["contender"]))
    table = found.pivot_table(index=keys, columns="contender", values="median", sort=False)[order]
    ours, masked, module = table["rnnreg"], table["rnnreg, masked"], table["torch.nn module"]
    ratios = pd.DataFrame({"unmasked / torch.nn module": ours / module,
                           "masked / unmasked torch.nn module": masked / module})  # fmt: skip
    ratios["torch.nn cell in a loop / masked"] = table["torch.nn cell in a loop, masked"] / masked
    ratios["torch.func.vmap / masked"] = table["torch.func.vmap, masked"] / masked
    jax = table[[n for n in order if n.startswith("JAX")]]
    if not jax.empty:
        ratios["JAX's best / masked"] = jax.min(axis=1) / masked
    return "\n".join(["## A training step\n", _markdown(table), "### Ratios\n", _markdown(ratios)])


def rows(found: pd.DataFrame) -> str:
    """Whole rows: seconds a member, and the script's time over ours."""
    table = found.pivot_table(
        index=["benchmark", "cell"], columns="contender", values="row", sort=False
    )
    table["torch script / rnnreg"] = table["torch script"] / table["rnnreg"]
    return "## Whole rows, seconds a member\n\n" + _markdown(table)


def shares(found: pd.DataFrame) -> str:
    """Where a row's time goes, in per cent of it, and how much is not the network's."""
    keys = ["benchmark", "cell", "regularizer"]
    parts = found.drop(columns=keys)
    total = parts.sum(axis=1)
    percent = parts.mul(100 / total, axis=0).round(1)
    percent["all but the network"] = (100 - percent["network"]).round(1)
    table = pd.concat([found[keys], total.rename("seconds a member"), percent], axis=1)
    spent = pd.DataFrame({"rest": total - found["network"], "total": total})
    spent = pd.concat([spent.sum().to_frame("all").T, spent.groupby(found["cell"]).sum()])
    each = ", ".join(f"{n} {v:.1f}" for n, v in (100 * spent["rest"] / spent["total"]).items())
    told = f"Per cent of all rows together that are not the network's: {each}.\n"
    head = "## Where a row's time goes, per cent"
    return "\n".join([head, "", told, _markdown(table.set_index(keys))])


def memory(found: pd.DataFrame) -> str:
    """Peak memory of a step, MiB a member."""
    found = found.assign(each=found["MiB"] / found["members"])
    keys = ["cell", "batch", "steps", "inputs", "hidden"]
    order = list(dict.fromkeys(found["contender"]))
    table = found.pivot_table(index=keys, columns="contender", values="each", sort=False)[order]
    return "## Peak memory of a step, MiB a member\n\n" + _markdown(table)


def _markdown(table: pd.DataFrame) -> str:
    table = table.reset_index()
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    for row in table.itertuples(index=False):
        lines.append(
            "| " + " | ".join(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row) + " |"
        )
    return "\n".join(lines) + "\n"
