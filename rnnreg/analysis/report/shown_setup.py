"""The tables of the set-up: data, models, regularizers, and the naive scores beside `none`."""

import json

import numpy as np

from rnnreg.analysis import words
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import Table, number, strength, whole, word

TASKS = {
    "LanguageModel": "language modelling",
    "Classification": "classification",
    "Forecast": "forecasting",
    "Polyphony": "polyphony",
}


def left_out(results: Results) -> str:
    """Sentences on rows that make no sense, with the reason of each regularizer."""
    where: dict[tuple[str, str], list[str]] = {}
    for name, reason in results.study.get("unsuited", {}).items():
        benchmark, _, regularizer = name.split("/")
        where.setdefault((regularizer, reason), []).append(benchmark)
    said = []
    for (regularizer, reason), benchmarks in where.items():
        sets = words.listed([results.title("benchmarks", b) for b in dict.fromkeys(benchmarks)])
        title = results.title("regularizers", regularizer)
        said.append(f"{title} is left out on {sets}, where a dash stands in tables: {reason}.")
    return " ".join(said)


def data(results: Results) -> Table:
    """Data sets: task, size, licence, citation."""
    rows = []
    for f in results.benchmarks.values():
        sizes = [whole(f["sizes"][split]) for split in ("train", "validation", "test")]
        rows.append(
            (
                word(f["title"]),
                word(f["group"]),
                word(TASKS.get(f["task"], f["task"])),
                word(f["setting"]),
                word(f["licence"]),
                word(f["citation"]),
                *sizes,
            )
        )
    columns = (
        "Data set",
        "Group",
        "Task",
        "Setting",
        "Licence",
        "Source",
        "Train",
        "Validation",
        "Test",
    )
    return Table("data", "Data sets. Sizes are counts of targets in each split.", columns, rows, 6)


def models(results: Results) -> Table:
    """Models and budgets, as the members were trained."""
    rows = []
    for name, facts in results.benchmarks.items():
        own = results.members[results.members["benchmark"] == name]
        used = {c: json.loads(t) for c, t in zip(own["cell"], own["setting"], strict=True)}
        low, high = own["learning_rate"].min(), own["learning_rate"].max()
        rate = f"{low:g}" if low == high else f"{low:.1g} to {high:.1g}"
        setting = next(iter(used.values()))
        clip = setting["base_clip"]
        sizes = ("hidden", "layers", "embedding", "steps", "batch", "checks")
        rows.append(
            (
                word(facts["title"]),
                word(setting["optimizer"]),
                word(rate),
                word(setting["schedule"]),
                word("none" if clip is None else f"{clip:g}"),
                *(whole(setting[key]) for key in sizes),
                whole(setting.get("validated") or facts["sizes"]["validation"]),
            )
        )
    columns = (
        "Data set",
        "Optimizer",
        "Learning rate",
        "Schedule",
        "Base clip",
        "Hidden",
        "Layers",
        "Embedding",
        "Steps",
        "Batch",
        "Checks",
        "Validated",
    )
    caption = (
        "Models and budgets: the same for every regularizer. Validated: on how many targets at a "
        "check, all of the validation split or some, evenly spread over it. Learning rates: "
        "from the lowest to the highest that was tried."
    )
    return Table("models", caption, columns, rows, 5)


def regularizers(results: Results) -> Table:
    """What is compared: grids and sources."""
    rows = []
    for name in results.regularizers:
        facts = results.study["regularizers"][name]
        grid = results.rows[results.rows["regularizer"] == name]["strengths"].iloc[0]
        text = ", ".join(strength(s).text for s in dict.fromkeys(grid))
        if search := results.search(name):
            low, high = (strength(s).text for s in search["strength"])
            text = low if low == high else f"{low} to {high} ({search['scale']})"
        text = text if name != REFERENCE else "–"
        rows.append((word(results.title("regularizers", name)), word(text), word(facts["source"])))
    return Table(
        "regularizers",
        "Regularizers, their grids from weak to strong or the ranges searched, and their sources.",
        ("Regularizer", "Strengths", "Source"),
        rows,
        3,
    )


def naive(results: Results) -> Table:
    """Each cell without regularization beside the naive score and published results."""
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == "best") & (frame["regularizer"] == REFERENCE)]
    rows = []
    for name, f in results.benchmarks.items():
        headline = f["headline"]
        simple = f["naive"][f["naive_best"]]["test"][headline]
        own = frame[frame["benchmark"] == name].set_index("cell")
        lower = f["metrics"][headline]["better"] == "lower"
        cells = []
        for cell in results.cells:
            value = own["score"].get(cell, np.nan)
            cells.append(number(value, strong=bool(value < simple if lower else value > simple)))
        published = "; ".join(
            f"{p['model']}: {p['value']:g} ({p['reference']})"
            for p in f.get("published", [])
            if p["metric"] == headline
        )
        rows.append(
            (
                word(f["title"]),
                word(f["metrics"][headline]["label"]),
                word(f["naive_best"]),
                word(published or "–"),
                number(simple),
                *cells,
            )
        )
    columns = (
        "Data set",
        "Metric",
        "Naive baseline",
        "Published",
        "Naive",
        *(results.title("cells", c) for c in results.cells),
    )
    caption = (
        "Test scores without regularization, means over seeds, beside the naive score; bold: the "
        "mean is better (intervals: benchmark by benchmark)."
    )
    return Table("naive", caption, columns, rows if len(frame) else [], 4)
