"""A study: a YAML file that names benchmarks, cells, regularizers, seeds and budgets -> rows.

Everything here reads names and syntax trees only, so the workflow can ask without importing torch.

    title: one line
    benchmarks: [python_docs, elnino]      # or: all
    cells: all
    regularizers: all
    except: [temporal_order]               # names left out of any `all`
    seeds: {tuning: 2, evaluation: 8}
    strengths: {l2: [1e-5, 1e-3]}          # instead of the grid in the regularizer's file
    budgets: {python_docs: {steps: 600}}   # instead of fields of the benchmark's Budget
    mirror: /data/mirror                   # looked into before any download (or RNNREG_MIRROR)
    job: cell                              # what a job of the workflow trains in one process:
                                           # a row (default), or all rows of a benchmark and cell
"""

import ast
import csv
import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from rnnreg.errors import UserError, unknown
from rnnreg.study import registry

# Raise this when the core computes other results than before: every published record is then stale.
# tests/test_golden.py holds trajectories that fail when it should have been raised.
RESULTS_VERSION = 1

STUDIES = registry.ROOT / "benchmarks" / "studies"
RATES = registry.ROOT / "benchmarks" / "learning_rates.csv"  # made by `rnnreg rates`
# Class attributes that no result depends on: words, and the grid (a strength is the member's own).
WORDS = {"title", "source", "strengths", "group", "family", "licence", "citation", "published"}
LISTS = {"benchmarks": "benchmark", "cells": "cell", "regularizers": "regularizer"}
BUDGET_KEYS = {
    "steps": int,
    "batch": int,
    "checks": int,
    "validated": int,
    "learning_rate": float,
    "optimizer": str,
    "schedule": str,
    "precision": str,
}
JOBS = ("row", "cell")  # the default first
FIRST_EVALUATION_SEED = 1000  # tuning seeds count from 0, so the two never meet


@dataclass(frozen=True)
class Row:
    """One benchmark x cell x regularizer, with every number of the study resolved."""

    benchmark: str
    cell: str
    regularizer: str
    strengths: tuple[float, ...]
    tuning_seeds: tuple[int, ...]
    evaluation_seeds: tuple[int, ...]
    budget: dict[str, object] = field(default_factory=dict)  # overrides of the benchmark's Budget

    @property
    def name(self) -> str:
        return f"{self.benchmark}/{self.cell}/{self.regularizer}"

    @property
    def fingerprint(self) -> str:
        """A hash of what decides a member's result but its strength, its seed and its data.

        Those three are fields of the record of their own: so more seeds or strengths train only
        the new members, and the hash is known before the data is there.
        """
        parts = [RESULTS_VERSION, self.rate, self.budget]
        for kind in LISTS.values():
            parts.append(_code(registry.path(kind, getattr(self, kind))))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def rate(self) -> float | None:
        """The learning rate chosen for this benchmark and cell; None: the benchmark's file says."""
        key = self.benchmark, self.cell
        chosen = [li for li in rate_table() if li["chosen"] == "1"]
        found = [li["learning_rate"] for li in chosen if (li["benchmark"], li["cell"]) == key]
        return float(found[0]) if found else None

    @property
    def request(self) -> str:
        """What the workflow compares to decide whether to run the row again: canonical JSON."""
        asked = [self.fingerprint, self.strengths, self.tuning_seeds, self.evaluation_seeds]
        return json.dumps(asked)


@dataclass(frozen=True)
class Study:
    """A study file, resolved and checked."""

    name: str
    title: str
    rows: tuple[Row, ...]
    mirror: str | None = None
    job: str = JOBS[0]
    asked: str = ""  # what reads it again: its name, or the path of its file

    @property
    def folder(self) -> Path:
        return Path("results") / self.name

    def records(self, row: Row) -> Path:
        """results/<study>/records/<benchmark>/<cell>/<regularizer>.jsonl"""
        return self.folder / "records" / row.benchmark / row.cell / f"{row.regularizer}.jsonl"

    def unfinished(self, row: Row) -> Path:
        """What a row has trained so far; gone once the command that trained it is through.

        A finished row has it too until then: a workflow deletes what a failed job has written.
        """
        file = self.records(row)
        return file.with_name(f".{file.name}.partial")

    def row(self, benchmark: str, cell: str, regularizer: str) -> Row:
        wanted = f"{benchmark}/{cell}/{regularizer}"
        found = {r.name: r for r in self.rows}
        if wanted not in found:
            raise unknown(f"study {self.name}: row", wanted, found)
        return found[wanted]

    @property
    def benchmarks(self) -> list[str]:
        return list(dict.fromkeys(r.benchmark for r in self.rows))

    @property
    def regularizers(self) -> list[str]:
        return list(dict.fromkeys(r.regularizer for r in self.rows))


def rate_table() -> list[dict[str, str]]:
    """The lines of benchmarks/learning_rates.csv; none where there is no such file."""
    if not RATES.exists():
        return []
    return _rates(RATES, RATES.stat().st_mtime_ns)


@cache
def _rates(file: Path, modified: int) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def names() -> list[str]:
    """Names of the study files in benchmarks/studies."""
    return sorted(f.stem for f in STUDIES.glob("*.yaml"))


def read(study: str) -> Study:
    """Read a study by its name, or by the path of its YAML file."""
    import yaml

    file = Path(study) if study.endswith((".yaml", ".yml")) else STUDIES / f"{study}.yaml"
    where = registry.short(file)
    if not file.is_file():
        if file.parent == STUDIES:
            raise unknown("study", study, names())
        raise UserError(f"{where}: no such study file. Known studies: {', '.join(names())}")
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not valid YAML: {error}") from error
    return replace(_resolve(file.stem, where, given), asked=study)


def _resolve(name: str, where: str, given: object) -> Study:
    keys = {
        "title": str, "benchmarks": (list, str), "cells": (list, str), "regularizers": (list, str),
        "except": list, "seeds": dict, "strengths": dict, "budgets": dict, "mirror": str,
        "job": str,
    }  # fmt: skip
    _check_mapping(where, given, keys, required=("title", *LISTS, "seeds"))
    left_out = given.get("except", [])
    everything = [n for kind in LISTS.values() for n in registry.names(kind)]
    _check_names(f"{where}: except", left_out, everything)
    chosen = {}
    for key, kind in LISTS.items():
        chosen[key] = _names(f"{where}: {key}", given[key], registry.names(kind), left_out)

    seeds = given["seeds"]
    _check_mapping(
        f"{where}: seeds", seeds, {"tuning": int, "evaluation": int}, ("tuning", "evaluation")
    )
    for key, count in seeds.items():
        if count < 1:
            raise UserError(
                f"{where}: seeds: {key}: given {count}, allowed are whole numbers from 1."
            )
    tuning = tuple(range(seeds["tuning"]))
    evaluation = tuple(range(FIRST_EVALUATION_SEED, FIRST_EVALUATION_SEED + seeds["evaluation"]))

    strengths = given.get("strengths", {})
    _check_names(f"{where}: strengths", strengths, registry.names("regularizer"))
    grids = {r: _grid(where, r, strengths.get(r)) for r in chosen["regularizers"]}
    budgets = given.get("budgets", {})
    _check_names(f"{where}: budgets", budgets, registry.names("benchmark"))
    for benchmark, budget in budgets.items():
        _check_budget(f"{where}: budgets: {benchmark}", budget)

    rows = tuple(
        Row(b, c, r, grids[r], tuning, evaluation, budgets.get(b, {}))
        for b in chosen["benchmarks"]
        for c in chosen["cells"]
        for r in chosen["regularizers"]
    )
    job = given.get("job", JOBS[0])
    if job not in JOBS:
        raise unknown(f"{where}: job", job, JOBS)
    return Study(name, given["title"], rows, given.get("mirror"), job)


def _names(where: str, given: list | str, known: list[str], left_out: list[str]) -> list[str]:
    if given == "all":
        return [n for n in known if n not in left_out]
    if isinstance(given, str):
        raise UserError(
            f"{where}: given '{given}', allowed are 'all' or a list of: {', '.join(known)}"
        )
    if not given:
        raise UserError(
            f"{where}: the list is empty; name at least one of: {', '.join(known)}, or write 'all'."
        )
    _check_names(where, given, known)
    return given


def _check_names(where: str, given: list | dict, known: list[str]) -> None:
    for index, name in enumerate(given):
        if name not in known:
            place = where if isinstance(given, dict) else f"{where}[{index}]"
            raise unknown(place, name, known)
        if isinstance(given, list) and given.index(name) != index:
            raise UserError(f"{where}[{index}]: '{name}' is listed twice; list it once.")


def _check_mapping(where: str, given: object, types: dict, required: tuple = ()) -> None:
    if not isinstance(given, dict):
        raise UserError(
            f"{where}: given {given!r}, expected a mapping with keys {', '.join(types)}."
        )
    for key, value in given.items():
        if key not in types:
            raise unknown(f"{where}: key", key, types)
        _check_type(f"{where}: {key}", value, types[key])
    for key in required:
        if key not in given:
            raise UserError(
                f"{where}: the key '{key}' is missing; needed are {', '.join(required)}."
            )


def _check_type(where: str, value: object, wanted: type | tuple) -> None:
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    number = float in wanted and isinstance(value, int)
    if isinstance(value, bool) or not (isinstance(value, wanted) or number):
        words = {
            list: "a list",
            str: "text",
            dict: "a mapping",
            int: "a whole number",
            float: "a number",
        }
        allowed = " or ".join(words[t] for t in wanted)
        raise UserError(f"{where}: given {value!r} ({type(value).__name__}), expected {allowed}.")


def _check_budget(where: str, budget: object) -> None:
    _check_mapping(where, budget, BUDGET_KEYS)
    for key, value in budget.items():
        if key == "validated" and value < 0:
            raise UserError(f"{where}: {key}: given {value}, allowed are 0, for all, and above.")
        if key != "validated" and not isinstance(value, str) and value <= 0:
            raise UserError(f"{where}: {key}: given {value}, allowed are numbers above 0.")


def _grid(where: str, regularizer: str, override: object) -> tuple[float, ...]:
    """The strengths of a regularizer: the study's, or its file's; each within its range."""
    facts = registry.facts("regularizer", regularizer)
    where = f"{where}: strengths: {regularizer}"
    if override is None:
        where, override = f"rnnreg/regularizers/{regularizer}.py: strengths", facts["strengths"]
    if not isinstance(override, list | tuple) or not override:
        raise UserError(f"{where}: given {override!r}, expected a list of at least one number.")
    return tuple(check_strength(f"{where}[{i}]", s, facts["range"]) for i, s in enumerate(override))


def check_strength(where: str, given: object, allowed: tuple[float, float]) -> float:
    """The strength as a float; UserError where it is no number, or outside the range.

    >>> check_strength("l2", "1e-3", (0.0, 1.0))
    0.001
    """
    low, high = allowed
    try:
        value = float(given)  # YAML 1.1 reads 1e-3, which has no point, as text
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{where}: given {given!r}, expected a number from {low} to {high}."
        ) from error
    if not low <= value <= high:
        raise UserError(f"{where}: given {value}, allowed are numbers from {low} to {high}.")
    return value


def _code(file: Path) -> str:
    """The syntax tree of a file as text, without what decides no member's result.

    Comments are not in a tree; docstrings and the attributes of WORDS are taken out, and of imports
    from rnnreg the module: a name may move to another one.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "rnnreg":
            node.module = "rnnreg"
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if not _is_word(item)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _starts_with_text(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def _is_word(item: ast.stmt) -> bool:
    """Whether a statement of a class sets an attribute that only describes."""
    targets = item.targets if isinstance(item, ast.Assign) else []
    return any(getattr(target, "id", "") in WORDS for target in targets)


def _starts_with_text(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return bool(node.body) and ast.get_docstring(node) is not None
