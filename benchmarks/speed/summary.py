"""From the measured CSV files to one Markdown page and one figure."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from measured import CASE, GRAPH, HEADS, JAX, LOOP, MASKED, MODULE, VMAP, read, sentences
from scaling import scaling

from rnnreg.analysis.figures import style


def write(folder: Path) -> str:
    """speed.md and speed.svg from whatever CSV files are there; returns the page."""
    parts = [f"Milliseconds a member, medians. {(folder / 'machine.txt').read_text()}"]
    if (folder / "steps.csv").exists():
        parts.append(steps(folder))
    pages = {
        "rows": rows,
        "shares": shares,
        "memory": memory,
        "nn": own_models,
        "cost": cost,
        "rates": rates,
    }
    for name, make in pages.items():
        if (folder / f"{name}.csv").exists():
            parts.append(make(pd.read_csv(folder / f"{name}.csv")))
    if (folder / "scaling.csv").exists():
        with style.drawing(), mpl.rc_context({"svg.hashsalt": "speed"}):
            figure = scaling(pd.read_csv(folder / "scaling.csv"))
            figure.savefig(folder / "speed.svg", facecolor="white", metadata={"Date": None})
        parts.append("![Time a member against each size](speed.svg)\n")
    if (folder / "steps.csv").exists():
        head = (
            f"Milliseconds a member for one training step, medians. {parts[0].partition('. ')[2]}"
        )
        (folder / "table.md").write_text(f"{head}\n{short(folder)}", encoding="utf-8")
    page = "\n".join(parts)
    (folder / "speed.md").write_text(page, encoding="utf-8")
    return page


def short(folder: Path) -> str:
    """The table of the README: LSTM and GRU, and who else."""
    return _markdown(read(folder, ["lstm", "gru"]).steps.rename(columns=HEADS))


def steps(folder: Path) -> str:
    """A training step: a line a size and cell, a column a contender, and the ratios that count."""
    found = pd.read_csv(folder / "steps.csv")
    order = list(dict.fromkeys(found["contender"]))
    table = found.pivot_table(index=CASE, columns="contender", values="median", sort=False)[order]
    machine = read(folder, list(found["cell"].unique()))
    times = machine.steps.droplevel("members")
    pairs = {
        "unmasked / torch.nn module": ("rnnreg", MODULE),
        "masked / unmasked torch.nn module": (MASKED, MODULE),
        f"masked / unmasked {GRAPH}": (MASKED, GRAPH),
        "torch.nn cell in a loop / masked": (LOOP, MASKED),
        "torch.func.vmap / masked": (VMAP, MASKED),
        "JAX's best / masked": (JAX, MASKED),
    }
    ratios = pd.DataFrame(
        {n: times[a] / times[b] for n, (a, b) in pairs.items() if {a, b} <= set(times)}
    )
    parts = ["## A training step\n", sentences(machine) + "\n", _markdown(table)]
    return "\n".join([*parts, "### Ratios\n", _markdown(ratios)])


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


def own_models(found: pd.DataFrame) -> str:
    """A layer of rnnreg.nn beside torch.nn's, milliseconds a call, and the ratios that count."""
    head = "## A layer in a model of one's own, milliseconds a call"
    if "ratio" not in found:
        return (
            f"{head}\n\nMeasured by an older version: `python benchmarks/speed/run.py --only nn`.\n"
        )
    keys = ["what", "kind", *CASE[1:]]
    contenders = {"unmasked": "rnnreg.nn", "masked": "rnnreg.nn, masked"}
    table = found.pivot_table(index=keys, columns="contender", values="median", sort=False)
    by_case = {n: own.set_index(keys) for n, own in found.groupby("contender")}
    calls = by_case["rnnreg.nn"]["calls_torch"]
    for name, contender in contenders.items():
        table[f"{name} / torch.nn"] = by_case[contender].apply(_ratio, axis=1)
    table["unmasked is"] = calls.map({True: "torch's kernel", False: "ours"})
    told = (
        "Ratios are medians over rounds, each of two calls side by side, with quartiles in "
        "brackets: where these lie on both sides of 1, no difference is seen. Where nothing is "
        "masked and torch's kernel is the faster one, rnnreg.nn calls it (\"torch's kernel\"): "
        "there a ratio is noise and the cost of asking."
    )
    return f"{head}\n\n{told}\n\n{_markdown(table)}"


def _ratio(line: pd.Series) -> str:
    return f"{line['ratio']:.2f} [{line['low']:.2f}, {line['high']:.2f}]"


def rates(found: pd.DataFrame) -> str:
    """What a learning rate for each member costs against one for all."""
    table = found.set_index([*CASE, "optimizer"]).drop(columns="members").round(4)
    told = (
        "A step of a population whose members have a rate each, the optimizer's part of it, and "
        "the ratio of each to the same with one rate for all: medians over rounds, each of two "
        f"calls side by side. Over all lines the median ratio of a step is "
        f"{found['step_ratio'].median():.3f}, at most {found['step_ratio'].max():.3f}."
    )
    head = "## A learning rate for each member, milliseconds a member"
    return f"{head}\n\n{told}\n\n{_markdown(table)}"


def cost(found: pd.DataFrame) -> str:
    """What a regularizer costs: the time of a training step of its row against that of none."""
    keys = ["group", "regularizer"]
    found = found.assign(case=found["cell"] + " " + found[CASE[1:]].astype(str).agg("x".join, 1))
    order = list(dict.fromkeys(found["case"]))
    table = found.pivot_table(index=keys, columns="case", values="ratio", sort=False)[order]
    head = "## What a regularizer costs: a training step against one of none"
    return f"{head}\n\n{_markdown(table)}"


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
        lines.append("| " + " | ".join(map(_cell, row)) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return "" if value != value else f"{value:.3g}"  # NaN: not measured
