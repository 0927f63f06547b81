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
                                           # the ends of the range that is; train: all (or
                                           # 1/4, or 5000) makes it python_docs@train_all;
                                           # validation: rest adds what that leaves of it;
                                           # folds: 5 tunes on folds, as below, here alone
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

from dataclasses import dataclass, replace
from pathlib import Path

from rnnreg.errors import UserError, unknown
from rnnreg.study import axes, combine, listed, registry, schema, starts
from rnnreg.study import search as searches
from rnnreg.study import variants as changed
from rnnreg.study.rows import JOBS, Row, Study

STUDIES = registry.ROOT / "benchmarks" / "studies"
LISTS = {"benchmarks": "benchmark", "cells": "cell", "regularizers": "regularizer"}
KEYS = {
    "title": str, "benchmarks": (list, str), "cells": (list, str), "regularizers": (list, str),
    "except": list, "mine": (list, bool), "seeds": dict, "strengths": dict, "budgets": dict,
    "mirror": str, "job": str, "search": (dict, str), "variants": dict, "combine": dict,
    "keep": bool, "rows": dict, "axes": (dict, list),
}  # fmt: skip
FIRST_EVALUATION_SEED = 1000  # tuning seeds count from 0, so the two never meet


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
    tuning, evaluation = _seeds(f"{where}: seeds", given["seeds"], plan)
    tuned = _tuned(f"{where}: strengths", given.get("strengths", {}), chosen, combined, plan)
    budgets = given.get("budgets", {})
    schema.check_names(f"{where}: budgets", budgets, dict.fromkeys([*known, *placed]))
    budgets, trained = changed.parts(f"{where}: budgets", budgets)
    for benchmark, budget in budgets.items():
        schema.check_budget(f"{where}: budgets: {benchmark}", budget)
    full = changed.in_part(f"{where}: budgets", placed, trained)
    own = {
        b: _searched(
            f"{where}: {b}",
            plan,
            {**budgets.get(changed.base(b), {}), **variant.budget, **budgets.get(b, {})},
        )
        for b, (_, variant) in full.items()
    }
    rows = tuple(
        Row(
            *(b, c, r, tuned[r][0], own[b].tuning or tuning, evaluation),
            budget=own[b].budget,
            search=plan.search and replace(tuned[r][1], **own[b].search),
            variant=variant,
            ratios=combined.get(r, {}),
            rising=plan.kind == "small_to_large",
        )
        for b, (name, variant) in full.items()
        for c in chosen["cells"]
        for r in chosen["regularizers"]
        if alone is None or (name, c, r) in alone
    )
    job = given.get("job", JOBS[0])
    if job not in JOBS:
        raise unknown(f"{where}: job", job, JOBS)
    keep = given.get("keep", False)
    rows = starts.linked(where, rows)
    return Study(name, given["title"], rows, given.get("mirror"), job, keep)


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


@dataclass(frozen=True)
class _Own:
    """What a benchmark's budget says, its search aside; of a search, and of the seeds of tuning."""

    budget: dict[str, object]
    search: dict[str, object]  # fields of Search
    tuning: tuple[int, ...] = ()  # empty: those of the study


def _searched(where: str, plan: searches.Plan, given: dict) -> _Own:
    """A budget, with what it says of the search taken out: a range of learning rates, folds."""
    budget = {key: value for key, value in given.items() if key != "folds"}
    tuning = searches.fold_seeds(given["folds"]) if "folds" in given else ()
    search = {"seeds": len(tuning) - 1} if tuning else {}
    rate = budget.get("learning_rate")
    if isinstance(rate, list):
        if plan.search is None:
            raise UserError(
                f"{where}: learning_rate: given the range {rate}, but a grid is trained at one "
                "rate. Remedy: give one number, or a search of another kind."
            )
        search["learning_rate"] = tuple(map(float, budget.pop("learning_rate")))
    elif rate is not None:
        search["learning_rate"] = (rate, rate)
    return _Own(budget, search, tuning)
