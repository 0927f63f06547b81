"""`rnnreg list`: what there is."""

import argparse
from collections.abc import Callable

from rnnreg.errors import UserError
from rnnreg.study import registry, schema, study
from rnnreg.study.described import grouped
from rnnreg.study.facts import PREPARED, told_in_unit
from rnnreg.study.facts import read as read_facts


def run(given: argparse.Namespace) -> None:
    """Print what there is; of benchmarks that are prepared also sizes and naive scores."""
    tell = {"benchmark": _benchmark, "cell": _cell}
    for kind, lines in tell.items():
        if given.kind in (None, f"{kind}s"):
            found = {name: _told(kind, name, lines) for name in registry.names(kind)}
            _columns(f"{kind}s", found)
    if given.kind in (None, "regularizers"):
        width = max(map(len, registry.names("regularizer")))
        for group, names in grouped().items():
            found = {name: _told("regularizer", name, _regularizer) for name in names}
            _columns(f"regularizers, {group}", found, width)
    if given.kind in (None, "studies"):
        found = {name: study.read(name) for name in study.names()}
        _columns("studies", {n: [f"{len(s.rows)} rows: {s.title}"] for n, s in found.items()})


def _columns(head: str, told: dict[str, list[str]], least: int = 18) -> None:
    """Names with their lines beside them, in a column that is wide enough for all."""
    width = max(least, *map(len, told))
    print(f"{head}:")
    for name, (first, *more) in told.items():
        print(f"  {name:<{width}} {first}")
        for line in more:
            print(f"  {'':<{width}} {line}")


def _told(kind: str, name: str, lines: Callable[[dict], list[str]]) -> list[str]:
    """The lines of one file, or what is wrong with it: the others are told all the same."""
    try:
        return lines(registry.facts(kind, name))
    except UserError as error:
        return [str(error)]


def _cell(facts: dict) -> list[str]:
    return [facts.get(key, f"no {key} in its file") for key in ("title", "source")]


def _regularizer(facts: dict) -> list[str]:
    told = {key: facts.get(key, f"no {key} in its file") for key in ("title", "source")}
    try:
        grid = ", ".join(f"{s:g}" for s in schema.grid("list", facts["name"], None))
    except UserError as error:
        return [told["title"], str(error)]
    low, high = facts["range"]
    off = f"off at {facts['off']:g}" if low <= facts["off"] <= high else "never off"
    return [f"{told['title']}; strengths {grid}; {off}", told["source"]]


def _benchmark(facts: dict) -> list[str]:
    told = {key: facts.get(key, f"no {key} in its file") for key in ("licence", "citation")}
    lines = [f"{facts.get('title', facts['name'])} ({facts.get('group', 'no group')})"]
    if (PREPARED / f"{facts['name']}.json").is_file():
        lines += _prepared(facts["name"])
    else:
        lines.append(f"not prepared here: rnnreg download {facts['name']} && rnnreg prepare ...")
    return [*lines, f"licence: {told['licence']}", told["citation"]]


def _prepared(name: str) -> list[str]:
    try:
        made = read_facts(name, PREPARED)
    except UserError as error:
        return [str(error)]
    sizes = " / ".join(f"{n:,}" for n in made["sizes"].values())
    metric = made["headline"]
    scores = (f"{name} {s['test'][metric]:.4g}" for name, s in made["naive"].items())
    lines = [
        f"{made['task']}, {made['setting']}; {sizes} targets",
        f"naive test {made['metrics'][metric]['label']}: {', '.join(scores)}",
    ]
    if scale := made.get("scale"):
        lines.append(f"a standard deviation: {', '.join(f'{s:.4g}' for s in scale)}")
    best = made["naive_best"]
    if told := told_in_unit(made, made["naive"][best]["test"]):
        lines.append(f"naive test, {best}, in the unit of the data: {told}")
    return lines
