"""A study: a YAML file that names benchmarks, cells, regularizers, seeds and budgets -> rows.

Everything here reads names and syntax trees only, so the workflow can ask without importing torch.

    title: one line
    benchmarks: [python_docs, elnino]      # names and groups; or all: what ships with the project
    cells: all
    regularizers: all
    except: [temporal_order]               # names left out of any `all`, and of one's own
    mine: [cells, regularizers]            # files of one's own join these lists; true: all three
    seeds: {evaluation: 8}
    search: {trials: 16, survivors: 3, seeds: 2, learning_rate: [3e-4, 3e-2]}  # the defaults
    strengths: {l2: [1e-5, 1e-3]}          # instead of the range in the regularizer's file
    budgets: {python_docs: {steps: 600}}   # instead of fields of the benchmark's Budget; a
                                           # learning_rate here is not searched, but two are
                                           # the ends of the range that is
    variants: {small: {train: 1/4}}        # for python_docs@small in `benchmarks`: see variants.py
    axes: {batch: [8, 32], layers: [1, 2]} # a variant of each benchmark at each point: see axes.py
    combine: {dropout+l2: {dropout: 0.1, l2: 1e-3}}  # rows more: see combine.py
    rows: {elnino: {gru: [none, l2]}}      # in place of the three lists: see listed.py
    mirror: /data/mirror                   # looked into before any download (or RNNREG_MIRROR)
    keep: true                             # the best model of each row stays, for use: see models/
    job: cell                              # what a job of the workflow trains in one process:
                                           # a row (default), or all rows of a benchmark and cell

With `search: grid` every strength is trained at the learning rate of the benchmark's budget, with
`search: small_to_large` until validation gets worse:

    search: grid
    seeds: {tuning: 2, evaluation: 8}
    strengths: {l2: [1e-5, 1e-4, 1e-3]}    # instead of the grid in the regularizer's file

With folds no seeds tune, but folds of the training split (all kinds: search.py):

    search: {kind: random, trials: 16, survivors: 3, folds: 5}
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnreg.errors import UserError, unknown
from rnnreg.study import axes, combine, fingerprint, listed, registry, schema, starts
from rnnreg.study import search as searches
from rnnreg.study import variants as changed
from rnnreg.study.variants import NOTHING, Variant

STUDIES = registry.ROOT / "benchmarks" / "studies"
LISTS = {"benchmarks": "benchmark", "cells": "cell", "regularizers": "regularizer"}
KEYS = {
    "title": str, "benchmarks": (list, str), "cells": (list, str), "regularizers": (list, str),
    "except": list, "mine": (list, bool), "seeds": dict, "strengths": dict, "budgets": dict,
    "mirror": str, "job": str, "search": (dict, str), "variants": dict, "combine": dict,
    "keep": bool, "rows": dict, "axes": (dict, list),
}  # fmt: skip
JOBS = ("row", "cell")  # the default first
FIRST_EVALUATION_SEED = 1000  # tuning seeds count from 0, so the two never meet
Setting = tuple[float | None, float]  # learning rate (None: the budget's) and strength


@dataclass(frozen=True)
class Row:
    """One benchmark x cell x regularizer, with every number of the study resolved."""

    benchmark: str
    cell: str
    regularizer: str
    strengths: tuple[float, ...]  # of a grid
    tuning_seeds: tuple[int, ...]  # of a search: that of all trials, and the survivors' fresh ones
    evaluation_seeds: tuple[int, ...]
    budget: dict[str, object] = field(default_factory=dict)  # overrides of the benchmark's Budget
    search: searches.Search | None = None  # None: the strengths are a grid
    variant: Variant = NOTHING
    ratios: combine.Ratios = field(default_factory=dict)  # of a combination that is no file
    start: "Row | None" = None  # from whose best model its members start
    at: dict[str, str] = field(default_factory=dict)  # axis of the study -> its place on it
    rising: bool = False  # strengths are tried from weak to strong, until validation gets worse

    @property
    def name(self) -> str:
        return f"{self.benchmark}/{self.cell}/{self.regularizer}"

    @property
    def facts(self) -> dict:
        """What is known of its regularizer without importing it."""
        if self.ratios:
            return combine.facts(self.regularizer, self.ratios)
        return registry.facts("regularizer", self.regularizer)

    @property
    def fingerprint(self) -> str:
        """A hash of what decides a member's result but its own numbers and its data.

        Learning rate (where it is searched), strength, seed and data are fields of the record of
        their own: so more seeds or trials train only the new members, and the hash is known before
        the data is there.
        """
        names = [("benchmark", changed.base(self.benchmark)), ("cell", self.cell)]
        names += [] if self.ratios else [("regularizer", self.regularizer)]
        # A combination's results follow from the files of its parts, too.
        names += [("regularizer", part) for part in self.facts.get("ratios", {})]
        files = [registry.path(kind, name) for kind, name in names]
        code = [fingerprint.code(file) for file in files]
        given = {**self.budget, **self.variant.trained}
        given |= {"combine": list(self.ratios.items())} if self.ratios else {}
        given |= {"from": self.start.request} if self.start else {}
        return fingerprint.digest([fingerprint.RESULTS_VERSION, given, *code])

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What is tuned over: the trials of the search, or the strengths of the grid.

        One, where a search has nothing to search: then nothing is tuned.
        """
        if self.search:
            return self.search.settings
        return tuple((None, strength) for strength in self.strengths)

    @property
    def request(self) -> str:
        """What the workflow compares to decide whether to run the row again: canonical JSON."""
        asked = [self.fingerprint, self.strengths, self.tuning_seeds, self.evaluation_seeds]
        asked += ["small_to_large"] if self.rising else []
        return json.dumps(asked if self.search is None else [*asked, self.search.told()])


@dataclass(frozen=True)
class Study:
    """A study file, resolved and checked."""

    name: str
    title: str
    rows: tuple[Row, ...]
    mirror: str | None = None
    job: str = JOBS[0]
    keep: bool = False  # whether the best model of each row is kept
    listed: bool = False  # whether its rows are named one by one
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

    def log(self, row: Row) -> Path:
        """What the workflow's job of a row has said."""
        job = [row.benchmark, row.cell, row.regularizer][: 3 if self.job == JOBS[0] else 2]
        return self.folder / "logs" / f"{'/'.join(job)}.log"

    def failed(self, row: Row) -> Path:
        """Why a row failed, until it is trained again."""
        return self.unfinished(row).with_suffix(".failed")

    def model(self, row: Row) -> Path:
        """results/<study>/models/<benchmark>/<cell>/<regularizer>.safetensors, where it is kept."""
        file = self.records(row).relative_to(self.folder / "records")
        return (self.folder / "models" / file).with_suffix(".safetensors")

    def keeps(self, row: Row) -> bool:
        """Whether the best model of a row is kept: of all, or for another row to start from."""
        return self.keep or any(r.start and r.start.name == row.name for r in self.rows)

    def started_from(self, row: Row) -> str:
        """The hash of the weights that a row starts from; "" where there is none, or no file."""
        return starts.weights_hash(self.model(row.start)) if row.start else ""

    def lock(self, row: Row) -> Path:
        """Held by the process that trains a row."""
        return self.unfinished(row).with_suffix(".lock")

    def checkpoint(self, row: Row) -> Path:
        """What a row has in training."""
        return self.unfinished(row).with_suffix(".safetensors")

    def left_by_the_killed(self, row: Row) -> list[Path]:
        """What processes that were killed had begun to write of a row; for who holds its lock."""
        file = self.records(row)
        begun = (f".{file.name}.*.part", f"..{file.name}.*.part")
        return [left for pattern in begun for left in file.parent.glob(pattern)]

    def row(self, benchmark: str, cell: str, regularizer: str) -> Row:
        wanted = f"{benchmark}/{cell}/{regularizer}"
        found = {r.name: r for r in self.rows}
        if wanted not in found:
            raise unknown(f"study {self.name}: row", wanted, found)
        return found[wanted]

    def variant(self, benchmark: str) -> Variant:
        """What the study changes of a benchmark; nothing, of one that it does not name."""
        return next((r.variant for r in self.rows if r.benchmark == benchmark), NOTHING)

    @property
    def benchmarks(self) -> list[str]:
        return list(dict.fromkeys(r.benchmark for r in self.rows))

    @property
    def regularizers(self) -> list[str]:
        return list(dict.fromkeys(r.regularizer for r in self.rows))


def names() -> list[str]:
    """Names of the study files in benchmarks/studies; one in a folder there is folder/name."""
    files = STUDIES.rglob("*.yaml")
    return sorted(f.relative_to(STUDIES).with_suffix("").as_posix() for f in files)


def file(study: str) -> Path:
    """The file of a study, given by its name or by the path of its YAML file."""
    return Path(study) if study.endswith((".yaml", ".yml")) else STUDIES / f"{study}.yaml"


def read(study: str) -> Study:
    """Read a study by its name, or by the path of its YAML file."""
    from rnnreg.study import document  # needs PyYAML; rows by hand do without

    found = file(study)
    where = registry.short(found)
    schema.check_study_name(where, found.stem)
    if not found.is_file():
        if found.is_relative_to(STUDIES):
            raise unknown("study", study, names())
        raise UserError(f"{where}: no such study file. Known studies: {', '.join(names())}")
    given = document.read(found, where)
    return replace(_resolve(found.stem, where, given), asked=study)


def _resolve(name: str, where: str, given: object) -> Study:
    needed = (listed.KEY,) if isinstance(given, dict) and listed.KEY in given else (*LISTS,)
    schema.check_mapping(where, given, KEYS, required=("title", *needed, "seeds"))
    combined = combine.read(f"{where}: combine", given.get("combine", {}))
    given, alone = listed.lists(where, given, (*LISTS,), [*combined])
    known, named = registry.names("benchmark"), given["benchmarks"]
    variants = changed.read(f"{where}: variants", given.get("variants", {}))
    variants = changed.named(where, named if isinstance(named, list) else [], known, variants)
    chosen = _chosen(where, given, {"benchmark": [*variants], "regularizer": [*combined]})
    chosen["regularizers"] += [n for n in combined if n not in chosen["regularizers"]]
    if alone is not None and axes.KEY in given:
        raise UserError(
            f"{where}: {axes.KEY}: given beside '{listed.KEY}', which names variants itself. "
            "Remedy: leave one of them out."
        )
    placed = axes.placed(where, chosen["benchmarks"], given.get(axes.KEY), variants)
    asked = given.get("search", "grid" if "tuning" in given["seeds"] else {})
    plan = searches.plan(f"{where}: search", asked)
    searched = plan.search
    tuning, evaluation = _seeds(f"{where}: seeds", given["seeds"], plan)
    tuned = _tuned(f"{where}: strengths", given.get("strengths", {}), chosen, combined, plan)
    budgets = given.get("budgets", {})
    schema.check_names(f"{where}: budgets", budgets, dict.fromkeys([*known, *placed]))
    for benchmark, budget in budgets.items():
        schema.check_budget(f"{where}: budgets: {benchmark}", budget)
    own = {
        b: _at_rate(
            f"{where}: {b}",
            searched,
            {**budgets.get(changed.base(b), {}), **point.budget, **budgets.get(b, {})},
        )
        for b, point in placed.items()
    }
    rows = tuple(
        Row(
            *(b, c, r, tuned[r][0], tuning, evaluation),
            budget=own[b][0],
            search=searched and replace(tuned[r][1], learning_rate=own[b][1]),
            variant=placed[b].variant,
            ratios=combined.get(r, {}),
            at=placed[b].at,
            rising=plan.kind == "small_to_large",
        )
        for b in placed
        for c in chosen["cells"]
        for r in chosen["regularizers"]
        if alone is None or (b, c, r) in alone
    )
    job = given.get("job", JOBS[0])
    if job not in JOBS:
        raise unknown(f"{where}: job", job, JOBS)
    keep = given.get("keep", False)
    rows = starts.linked(where, rows)
    return Study(name, given["title"], rows, given.get("mirror"), job, keep, alone is not None)


def _chosen(where: str, given: dict, made: dict[str, list[str]]) -> dict[str, list[str]]:
    """The names of each of the three lists; some are `made` by the study and have no file."""
    left_out = given.get("except", [])
    everything = [n for kind in LISTS.values() for n in registry.names(kind)]
    schema.check_names(f"{where}: except", left_out, everything)
    mine = given.get("mine", [])
    mine = list(LISTS) * mine if isinstance(mine, bool) else mine
    schema.check_names(f"{where}: mine", mine, list(LISTS))
    chosen = {}
    for key, kind in LISTS.items():
        more = made.get(kind, [])
        chosen[key] = schema.chosen_names(f"{where}: {key}", given[key], kind, left_out, more)
        if key in mine:
            own = [n for n in registry.names(kind) if n not in registry.shipped(kind)]
            chosen[key] += [n for n in own if n not in (*chosen[key], *left_out)]
        for name in chosen[key]:
            if name not in made["regularizer"]:
                registry.path(kind, changed.base(name))
    return chosen


def _seeds(where: str, given: dict, plan: searches.Plan) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The seeds of tuning and of evaluation."""
    if "tuning" in given and (plan.search or plan.folds):
        have = "a search has seeds of its own" if plan.search else "folds stand in their place"
        also = "" if plan.folds else " (and set search: seeds), or write search: grid"
        raise UserError(
            f"{where}: tuning: given {given['tuning']}, but {have}. Remedy: leave it out{also}."
        )
    needed = ("evaluation",) if plan.search or plan.folds else ("tuning", "evaluation")
    schema.check_mapping(where, given, {"tuning": int, "evaluation": int}, needed)
    for key, count in given.items():
        schema.check_seeds(f"{where}: {key}", count)
    first = FIRST_EVALUATION_SEED
    evaluation = tuple(range(first, first + given["evaluation"]))
    if plan.folds:
        return searches.fold_seeds(plan.folds), evaluation
    return tuple(range(1 + plan.search.seeds if plan.search else given["tuning"])), evaluation


def _tuned(
    where: str,
    given: dict,
    chosen: dict[str, list[str]],
    combined: dict[str, combine.Ratios],
    plan: searches.Plan,
) -> dict[str, tuple[tuple[float, ...], searches.Search | None]]:
    """The grid and the search of each regularizer, one of which is empty."""
    schema.check_names(where, given, [*registry.names("regularizer"), *combined])
    own = {name: combine.facts(name, ratios) for name, ratios in combined.items()}
    searched, rising = plan.search, plan.kind == "small_to_large"
    key, ask = ("strengths", schema.grid) if searched is None else ("searched", searches.strengths)
    found = {}
    for name in chosen["regularizers"]:
        facts = own.get(name)
        found[name] = ask(where, name, given.get(name, facts and facts[key]), facts)
        if rising:  # weak is near the strength that is off
            off = (facts or registry.facts("regularizer", name))["off"]
            found[name] = tuple(sorted(found[name], reverse=off > max(found[name])))
    if searched is None:
        return {r: (grid, None) for r, grid in found.items()}
    return {r: ((), replace(searched, strength=s, scale=scale)) for r, (s, scale) in found.items()}


def _at_rate(
    where: str, searched: searches.Search | None, budget: dict
) -> tuple[dict, tuple[float, float] | None]:
    """A budget, and the range of learning rates of its search: its own, or that of the study."""
    rate = budget.get("learning_rate")
    if not isinstance(rate, list):
        return budget, searched and (searched.learning_rate if rate is None else (rate, rate))
    if searched is None:
        raise UserError(
            f"{where}: learning_rate: given the range {rate}, but a grid is trained at one rate. "
            "Remedy: give one number, or a search of another kind."
        )
    low, high = map(float, rate)
    return {key: v for key, v in budget.items() if key != "learning_rate"}, (low, high)
