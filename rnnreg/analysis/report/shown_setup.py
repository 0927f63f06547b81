"""The tables of the set-up: data, models, regularizers, and the naive scores beside `none`."""

import json
from collections import Counter

from rnnreg.analysis import words
from rnnreg.analysis.results import GROUPS, REFERENCE, Results
from rnnreg.analysis.tables import Cell, Table, number, strength, tabulated, whole
from rnnreg.study import registry

NAMED = 8  # regularizers left out of a study; more are counted
TASKS = {
    "LanguageModel": "language modelling",
    "Classification": "classification",
    "Forecast": "forecasting",
    "Polyphony": "polyphony",
    "Transduction": "transduction",
}


def not_compared(results: Results) -> str:
    """Regularizers that ship and are not in the study: by title, or counted by family."""
    shipped = registry.shipped("regularizer")
    names = [name for name in shipped if name not in results.study["regularizers"]]
    facts = [registry.facts("regularizer", name) for name in names]
    if not names:
        return ""
    told = [f["title"] for f in facts]
    if len(names) > NAMED:
        counts = Counter(f["group"] for f in facts)
        told = [f"{group} {counts[group]}" for group in GROUPS if group in counts]
    return (
        f"Of the {words.count(len(shipped), 'regularizer')} that ship, this study leaves out "
        f"{len(names)} ({words.listed(told)}); `rnnreg list regularizers` names all."
    )


def left_out(results: Results) -> str:
    """Rows that make no sense, by reason: which regularizers, where."""
    where: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, reason in results.study.get("unsuited", {}).items():
        benchmark, cell, regularizer = name.split("/")
        where.setdefault((regularizer, reason), []).append((benchmark, cell))
    alike: dict[tuple[str, tuple], list[str]] = {}
    for (regularizer, reason), places in where.items():
        title = results.title("regularizers", regularizer)
        alike.setdefault((reason, tuple(places)), []).append(title)
    if not alike:
        return ""
    said = [
        f"{words.listed(titles)} on {_places(results, places)} ({reason})"
        for (reason, places), titles in alike.items()
    ]
    return f"Left out, where a dash stands in tables: {'; '.join(said)}."


def _places(results: Results, places: tuple[tuple[str, str], ...]) -> str:
    """Data sets, those of the same cells together, and the cells where they are not all."""
    cells: dict[str, list[str]] = {}
    for benchmark, cell in places:
        cells.setdefault(benchmark, []).append(cell)
    sets: dict[tuple[str, ...], list[str]] = {}
    for benchmark, own in cells.items():
        sets.setdefault(tuple(own), []).append(results.title("benchmarks", benchmark))
    every = len(results.cells)
    return words.listed(
        [
            words.listed(titles)
            + (
                f" with {words.listed([results.title('cells', c) for c in own])}"
                if len(own) < every
                else ""
            )
            for own, titles in sets.items()
        ]
    )


def data(results: Results) -> Table:
    """Data sets: task, size, licence, citation."""
    columns = {
        "Data set": lambda f: f["title"],
        "Group": lambda f: f["group"],
        "Task": lambda f: TASKS.get(f["task"], f["task"]),
        "Setting": lambda f: f["setting"],
        "Licence": lambda f: f["licence"],
        "Source": lambda f: f["citation"],
        "Train": lambda f: whole(f["sizes"]["train"]),
        "Validation": lambda f: whole(f["sizes"]["validation"]),
        "Test": lambda f: whole(f["sizes"]["test"]),
    }
    caption = "Data sets. Sizes are counts of targets in each split."
    return tabulated("data", caption, results.benchmarks.values(), columns, 6)


def models(results: Results) -> Table:
    """Models and budgets, as the members were trained."""
    lines = []
    for name, facts in results.benchmarks.items():
        own = results.members[results.members["benchmark"] == name]
        low, high = own["learning_rate"].min(), own["learning_rate"].max()
        rate = f"{low:g}" if low == high else f"{low:.1g} to {high:.1g}"
        shared = {"title": facts["title"], "rate": rate, "validated": facts["sizes"]["validation"]}
        setting = json.loads(own["setting"].iloc[0])
        lines.append(shared | {key: value for key, value in setting.items() if value is not None})
    columns = {
        "Data set": lambda s: s["title"],
        "Optimizer": lambda s: s["optimizer"],
        "Learning rate": lambda s: s["rate"],
        "Schedule": lambda s: s["schedule"],
        "Base clip": lambda s: f"{s['base_clip']:g}" if "base_clip" in s else "none",
    }
    columns["Hidden"] = lambda s: ", ".join(whole(h).text for h in _listed(s["hidden"]))
    columns["Layers"] = lambda s: whole(max(s["layers"], len(_listed(s["hidden"]))))
    sizes = ("embedding", "steps", "batch", "checks", "validated")
    columns |= {key.capitalize(): lambda s, key=key: whole(s[key]) for key in sizes}
    if any(map(_other_parts, lines)):
        columns["Other parts"] = _other_parts
    caption = (
        "Models and budgets: the same for every regularizer. Validated: on how many targets at a "
        "check, all of the validation split or some, evenly spread over it. Learning rates: "
        "from the lowest to the highest that was tried."
    )
    return tabulated("models", caption, lines, columns, 5)


def _listed(value: int | list[int]) -> list[int]:
    return value if isinstance(value, list) else [value]


def _other_parts(setting: dict) -> str:
    """What a network has beside an embedding, layers and an output matrix, in words.

    And what it is trained on, where that is not the usual.
    """
    parts = []
    if span := setting.get("convolution"):
        parts.append(f"a convolution of {span} steps")
    parts += [word for word in ("bidirectional", "shared") if setting.get(word)]
    if head := setting.get("head"):
        parts.append(f"head: {head}")
    if loss := setting.get("loss"):
        parts.append(f"trained on {loss.replace('_', ' ')}")
    if scaling := setting.get("scaling"):
        parts.append(f"scaling: {scaling}")
    if limit := setting.get("diverged"):
        parts.append(f"diverged above {limit:g} times the naive loss")
    return ", ".join(parts)


def regularizers(results: Results) -> Table:
    """What is compared: grids and sources."""

    def strengths(name: str) -> str:
        if name == REFERENCE:
            return "–"
        if search := results.search(name):
            low, high = (strength(s).text for s in search["strength"])
            return low if low == high else f"{low} to {high} ({search['scale']})"
        own = results.rows[results.rows["regularizer"] == name]
        grid = max(own["strengths"], key=len)  # from small to large, not all may have been tried
        return ", ".join(strength(s).text for s in dict.fromkeys(grid))

    columns = {
        "Family": results.group,
        "Regularizer": lambda name: results.title("regularizers", name),
        "Strengths": strengths,
        "Source": lambda name: results.study["regularizers"][name]["source"],
    }
    caption = (
        "Regularizers, their grids from weak to strong or the ranges searched, and their sources."
    )
    names = [name for group in results.groups(results.regularizers).values() for name in group]
    return tabulated("regularizers", caption, names, columns, 4)


def naive(results: Results) -> Table:
    """Each cell without regularization beside the naive score and published results."""
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == "best") & (frame["regularizer"] == REFERENCE)]
    scores = frame.set_index(["benchmark", "cell"])["score"]

    def simple(facts: dict) -> float:
        return facts["naive"][facts["naive_best"]]["test"][facts["headline"]]

    def published(facts: dict) -> str:
        found = [p for p in facts.get("published", []) if p["metric"] == facts["headline"]]
        told = [f"{p['model']}: {p['value']:g} ({p['reference']})" for p in found]
        return "; ".join(told) or "–"

    def score(facts: dict, cell: str) -> Cell:
        value = scores.get((facts["name"], cell), float("nan"))
        lower = facts["metrics"][facts["headline"]]["better"] == "lower"
        better = value < simple(facts) if lower else value > simple(facts)
        return number(value, strong=bool(better))

    columns = {
        "Data set": lambda f: f["title"],
        "Metric": lambda f: f["metrics"][f["headline"]]["label"],
        "Naive baseline": lambda f: f["naive_best"],
        "Published": published,
        "Naive": lambda f: number(simple(f)),
    }
    columns |= {results.title("cells", c): lambda f, c=c: score(f, c) for c in results.cells}
    caption = (
        "Test scores without regularization, means over seeds, beside the naive score; bold: the "
        "mean is better (intervals: benchmark by benchmark)."
    )
    lines = [facts | {"name": name} for name, facts in results.benchmarks.items()]
    return tabulated("naive", caption, lines if len(frame) else [], columns, 4)
