"""What a benchmark's file declares is complete and possible, or one message says what is not.

`load` is `registry.load` with these checks; whatever prepares or reads data goes through it.
"""

import math
import traceback
from collections.abc import Iterator
from pathlib import Path

from rnnreg.data.benchmark import Benchmark, Budget
from rnnreg.data.sources import Source
from rnnreg.errors import UserError, unknown
from rnnreg.study import registry
from rnnreg.study.sizes import Model, faults
from rnnreg.tasks import Classification, Forecast, LanguageModel, Task

WORDS = {"title": "My house", "group": "time series", "licence": "mine", "citation": "me"}
TYPES = {  # attribute -> its type, and an example
    "task": (Task, "Forecast(context=24, horizon=12, season=24)"),
    "model": (Model, "Model(hidden=32)"),
    "budget": (Budget, "Budget(steps=500, batch=32)"),
}
GROUPS = ("NLP", "time series")
LEAST = {  # whole numbers, and the least that each may be
    Budget: {
        "steps": 1,
        "batch": 1,
        "checks": 1,
        "validated": 0,
        "hold": 0,
        "patience": 0,
        "columns": 1,
    },
    Forecast: {"context": 1, "horizon": 1, "season": 1, "gap": 0},
    LanguageModel: {"window": 1},
}
CHOICES = {
    LanguageModel: ("level", ("character", "word")),
    Classification: ("metric", tuple(Classification.labels)),
}


def load(name: str) -> type[Benchmark]:
    """The class in benchmarks/<name>.py; UserError for the first thing that is wrong with it."""
    try:
        found = registry.load("benchmark", name)
    except UserError:
        raise
    except Exception as error:
        place = _place(registry.path("benchmark", name), error)
        raise UserError(f"{place}: cannot be loaded: {type(error).__name__}: {error}") from error
    for key, fault in _faults(found):
        raise UserError(f"benchmarks/{name}.py: {key}: {fault}")
    return found


def _place(file: Path, error: Exception) -> str:
    """The file, and the line of it where the error arose."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if f.filename == str(file)]
    lines += [error.lineno] if isinstance(error, SyntaxError) else []
    return ":".join(map(str, [registry.short(file), *lines[-1:]]))


def _faults(benchmark: type[Benchmark]) -> Iterator[tuple[str, str]]:
    """What is wrong with a benchmark's declarations: (key, what is given and allowed)."""
    for key, example in WORDS.items():
        given = getattr(benchmark, key, None)
        if not (isinstance(given, str) and given.strip()):
            yield key, f"{_given(given)}, expected text. Remedy: {key} = {example!r}, for one."
    if benchmark.group not in GROUPS:
        yield "group", f"{_given(benchmark.group)}, allowed are {' and '.join(map(repr, GROUPS))}."
    for key, (kind, example) in TYPES.items():
        given = getattr(benchmark, key, None)
        if not isinstance(given, kind):
            yield key, f"{_given(given)}, expected a {kind.__name__}. Remedy: {key} = {example}."
        elif kind is Model:
            yield from ((f"{key}: {field}", fault) for field, fault in faults(vars(given)))
        else:
            yield from _numbers(key, given)
    rate = benchmark.budget.learning_rate
    if not (_is_number(rate) and 0 < rate < math.inf):
        yield "budget: learning_rate", f"{_given(rate)}, allowed are numbers above 0."
    if not (isinstance(benchmark.sources, tuple) and all(_is_source(s) for s in benchmark.sources)):
        yield (
            "sources",
            f"{_given(benchmark.sources)}, expected a tuple of Download, Hub, Packaged or Local. "
            "Remedy: a comma after the only one: sources = (Local(...),)",
        )
    if "prepare" in benchmark.__abstractmethods__:
        yield "prepare", "missing. Remedy: def prepare(self, raw), which returns Splits."


def _numbers(key: str, given: Task | Budget) -> Iterator[tuple[str, str]]:
    for field, least in LEAST.get(type(given), {}).items():
        value = getattr(given, field)
        if not (isinstance(value, int) and not isinstance(value, bool) and value >= least):
            yield f"{key}: {field}", f"{_given(value)}, allowed are whole numbers from {least}."
    field, allowed = CHOICES.get(type(given), ("", ()))
    if field and getattr(given, field) not in allowed:
        yield (
            f"{key}: {field}",
            f"{_given(getattr(given, field))}, allowed are {', '.join(allowed)}.",
        )


def _given(value: object) -> str:
    return "missing" if value is None else f"given {value!r}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_source(value: object) -> bool:
    return isinstance(value, Source)


class Raw(dict):
    """Raw files by name; a name that is in no source is told with the nearest one that is."""

    def __init__(self, where: str, files: dict):
        super().__init__(files)
        self.where = where

    def __missing__(self, name: str):
        raise unknown(f"{self.where}: raw", name, self)
