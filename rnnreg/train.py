"""`rnnreg train` and `rnnreg retry`: rows by name, by hand, or all that a study lacks.

Standard library alone at first, as in rnnreg/cli.py: torch is imported when a row is trained.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from rnnreg.device import device as device_of
from rnnreg.device import devices
from rnnreg.errors import UserError
from rnnreg.study import lock, owner, processes, records, registry, schema, study
from rnnreg.study.facts import PREPARED, told_in_unit
from rnnreg.study.protocol import asked, current

BY_HAND = {  # option of train -> the key of a study that says it
    "strengths": "strengths: {REGULARIZER: [...]}",
    "seeds": "seeds: {evaluation: N}",
    "tuning-seeds": "seeds: {tuning: N}",
    "steps": "budgets: {BENCHMARK: {steps: N}}",
}


def run(given: argparse.Namespace) -> None:
    """Train rows of one benchmark and cell, or every unfinished row of a study."""
    chosen, rows = rows_asked(given)
    chosen = replace(chosen, keep=chosen.keep or given.keep)
    if given.devices:
        _train_rows(chosen, rows, "cpu", devices=devices(given))
        return
    device = device_of(given)
    _train_rows(chosen, rows, device, _jobs(given, device) if given.missing else 1)


def rows_asked(given: argparse.Namespace) -> tuple[study.Study, Iterable[study.Row]]:
    """The rows to train, and their study."""
    _check_by_hand(given)
    if given.missing:
        if given.row or not given.study:
            raise UserError("train --missing: give --study and no row; it trains all that lack.")
        chosen = study.read(given.study)
        return chosen, chosen.rows
    if len(given.row) < 3:
        raise UserError(
            f"train: given {len(given.row)} names, expected three or more: benchmark, cell and "
            "regularizers (or --study NAME --missing). `rnnreg list` shows what there is."
        )
    chosen = study.read(given.study) if given.study else _by_hand(given)
    benchmark, cell, *regularizers = given.row
    return chosen, [chosen.row(benchmark, cell, r) for r in regularizers]


def _jobs(given: argparse.Namespace, device: str) -> int:
    """How many rows train at once: as the cores allow, or one on a GPU."""
    if device != "cpu":
        if given.jobs not in (None, 1):
            raise UserError(
                f"--jobs {given.jobs}: on {device} rows train one after another, each with all its "
                "members at once. Remedy: leave it out, or --device cpu."
            )
        return 1
    return given.jobs or max(processes.cores() // given.threads, 1)


def retry(given: argparse.Namespace) -> None:
    """Train again the rows that failed, or were left in the middle."""
    from rnnreg.study.status import state

    chosen = study.read(given.study)
    rows = [r for r in chosen.rows if state(chosen, r).word in ("failed", "interrupted")]
    if rows:
        device = device_of(given)
        _train_rows(chosen, rows, device, _jobs(given, device))
    else:
        print(f"{chosen.name}: no row has failed.")


def _train_rows(
    chosen: study.Study,
    rows: Iterable[study.Row],
    device: str,
    jobs: int = 1,
    devices: tuple[str, ...] = (),
) -> None:
    """Train rows, so many at once; first those that no other process has in training."""
    owner.claim(chosen)
    named = {row.name: row for row in rows}

    def free(name: str) -> bool:
        return not lock.held(chosen.lock(named[name]))

    def note(name: str, why: str) -> None:
        with suppress(UserError):  # of a full disk: it is told all the same
            records.write_text(chosen.failed(named[name]), why + "\n")

    def all_of(names: list[str], work: processes.Work) -> dict[str, str]:
        if min(jobs, len(names)) > 1:
            failed = processes.shared(names, free, work, jobs)
            for name, why in failed.items():
                if why != processes.NOT_BEGUN:  # one that was killed has noted nothing itself
                    note(name, why)
            return failed
        return processes.in_turn(names, free, work)

    def work(name: str) -> str:
        row = named[name]
        with _alone(chosen, row):
            try:
                told = _train_row(chosen, row, device, devices)
            except Exception as error:
                note(name, processes.why_of(error))
                raise
            chosen.failed(row).unlink(missing_ok=True)
            return told

    processes.each("train", "rows", list(named), work, all_of)
    for row in named.values():
        if not lock.held(chosen.lock(row)):
            chosen.unfinished(row).unlink(missing_ok=True)


@contextmanager
def _alone(chosen: study.Study, row: study.Row) -> Iterator[None]:
    """Wait until no other process trains a row, and keep others from it."""
    file, told = chosen.lock(row), False
    while (opened := lock.take(file)) is None:
        if not told:
            print(f"rnnreg: {row.name}: {lock.holder(file)} trains it; waiting.", file=sys.stderr)
        told = True
        time.sleep(0.2)
    try:
        for left in chosen.left_by_the_killed(row):
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.give_back(file, opened)


def _check_by_hand(given: argparse.Namespace) -> None:
    """Options that a study's file answers are refused beside it; else they have their defaults."""
    if given.study:
        for option, key in BY_HAND.items():
            if getattr(given, option.replace("-", "_")) is not None:
                raise UserError(
                    f"train: --{option} is for rows by hand, and given with --study {given.study}, "
                    f"whose file says it. Remedy: `{key}` in a study file, or no --study."
                )
    given.seeds = given.seeds or 5
    given.tuning_seeds = given.tuning_seeds or 2


def _by_hand(given: argparse.Namespace) -> study.Study:
    benchmark, cell, *regularizers = given.row
    for name in regularizers:
        if "+" in name:
            raise UserError(
                f"{name}: a combination is what a study makes of {name.replace('+', ' and ')}. "
                "Remedy: --study, with a study that has it under `combine`."
            )
    schema.check_seeds("--seeds", given.seeds)
    schema.check_seeds("--tuning-seeds", given.tuning_seeds)
    registry.path("benchmark", benchmark)
    registry.path("cell", cell)
    rows = [_row_by_hand(given, benchmark, cell, r) for r in regularizers]
    if "none" not in regularizers:  # it is not trained; where it was, the row is held against it
        rows.append(replace(rows[0], regularizer="none", strengths=(0.0,)))
    return study.Study("by_hand", "rows trained by hand", tuple(rows))


def _row_by_hand(
    given: argparse.Namespace, benchmark: str, cell: str, regularizer: str
) -> study.Row:
    grid = None
    if given.strengths:
        grid = [_number("--strengths", text) for text in given.strengths.split(",")]
    return study.Row(
        benchmark,
        cell,
        regularizer,
        schema.grid("--strengths", regularizer, grid),
        tuple(range(given.tuning_seeds)),
        tuple(range(study.FIRST_EVALUATION_SEED, study.FIRST_EVALUATION_SEED + given.seeds)),
        {"steps": given.steps} if given.steps else {},
    )


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(
            f"{option}: given '{text}', expected numbers with commas between."
        ) from None


def _train_row(
    chosen: study.Study, row: study.Row, device: str, devices: tuple[str, ...] = ()
) -> str:
    """Train what a row still lacks; its records, and a line about them."""
    from rnnreg.data import prepared
    from rnnreg.study.progress import Progress
    from rnnreg.training import row as training

    facts, splits = prepared.read(row.benchmark, PREPARED, row.variant)
    file = chosen.records(row)
    partial = chosen.unfinished(row)
    if reason := training.unsuited(row, facts, splits):
        records.write_unsuited(file, row.fingerprint, reason)
        return f"left out, for it makes no sense here: {reason} -> {file}"
    start = None
    if row.start:
        from rnnreg.models.start import start as begin

        _train_start(chosen, row.start, device, devices)
        start = begin(row, chosen.model(row.start), facts, splits, PREPARED)
    there = [f for f in (file, partial) if f.exists()]
    found = [r for f in there for r in records.read(f, row.name, records.warn)]
    known = list(current(row, found, facts["data_hash"], start.hash if start else "").values())
    records.check_room(partial)
    records.write(partial, known)
    bar = Progress(row.name, partial)
    kept = chosen.checkpoint(row)
    save, keeper = (lambda some: records.write(partial, some)), None
    look = {}
    if chosen.keeps(row):
        have = {r.member: r for r in known}
        whole = chosen.model(row).is_file() and have.keys() >= set(asked(row, have))
        if not whole and any(d != "cpu" for d in devices):
            raise UserError(
                f"{row.name}: its best model is kept, which takes one process on a GPU. Remedy: "
                "--device cuda for this row, then --devices again."
            )
        from rnnreg.models.keep import Keeper

        keeper = Keeper(row, facts, PREPARED, start)
        look = {"evaluated": keeper.look}
    args = row, facts, splits, known, device, save, bar, kept
    found = training.train(*args, start=start, devices=devices, **look)
    bar.clear()
    records.write(file, {r.member: r for r in [*found, *known]}.values())
    none = _reference(chosen, row, facts)
    told = f"{_summary(found, facts)} -> {file}\n{_beside(found, none, facts)}"
    if keeper:
        model = keeper.write(chosen.model(row), splits, found, device)
        told += f"\n  kept: {model or 'nothing, for every member diverged'}"
    return told


def _train_start(
    chosen: study.Study, row: study.Row, device: str, devices: tuple[str, ...]
) -> None:
    """Train what a row to start from still lacks, and keep its model."""
    with _alone(chosen, row):
        _train_row(chosen, row, device, devices)
        chosen.unfinished(row).unlink(missing_ok=True)
        chosen.failed(row).unlink(missing_ok=True)


def _reference(chosen: study.Study, row: study.Row, facts: dict) -> list[records.Record]:
    """The records of `none` beside a row, where all that the study asks for are there."""
    none = next((r for r in chosen.rows if r.name == f"{row.benchmark}/{row.cell}/none"), None)
    if none is None or not (file := chosen.records(none)).is_file():
        return []
    have = current(none, records.read(file, none.name, records.warn), facts["data_hash"])
    members = asked(none, have)
    return [have[m] for m in members] if have.keys() >= set(members) else []


def _beside(found: list[records.Record], none: list[records.Record], facts: dict) -> str:
    """A row's test score beside the naive one and that of `none`; a warning where it is worse."""
    metric = facts["headline"]
    naive = facts["naive"][facts["naive_best"]]["test"][metric]
    own, reference = (_mean_score(some, metric) for some in (found, none))
    told = f"  naive ({facts['naive_best']}) {naive:.4g}, this row {own:.4g}"
    told += f", none {reference:.4g}" if none else ""
    lower = facts["metrics"][metric]["better"] == "lower"
    if found and all(r.diverged for r in found):
        told += (
            ". Warning: every member diverged, by a number that is not finite or a validation loss "
            "of more than the naive score's times `diverged` of its budget; a lower learning rate, "
            "or fewer checks, so that the first comes later, may be what it needs"
        )
    elif not (own < naive if lower else own > naive):  # NaN, too
        told += (
            ". Warning: the row is no better than the naive score; more steps, another learning "
            "rate or another model may be what it needs"
        )
    return told


def _mean_score(found: list[records.Record], metric: str) -> float:
    scores = [r.scores["best"]["test"][metric] for r in found if r.phase == "evaluate"]
    return sum(scores) / len(scores) if scores else float("nan")


def _summary(found: list[records.Record], facts: dict) -> str:
    tested = [r for r in found if r.phase == "evaluate"]
    metric = facts["headline"]
    settings = sorted({(r.strength, r.rate) for r in tested})
    chosen = " and ".join(f"strength {s:g} at rate {rate:g}" for s, rate in settings)
    means = {
        m: sum(r.scores["best"]["test"][m] for r in tested) / len(tested) for m in facts["metrics"]
    }
    unit = told_in_unit(facts, means)
    return (
        f"{chosen}, test {facts['metrics'][metric]['label']} "
        f"{_mean_score(tested, metric):.4g} (mean of {len(tested)} members), "
        f"{f'in the unit of the data {unit}, ' if unit else ''}"
        f"{sum(r.diverged for r in found)} of {len(found)} diverged, "
        f"{sum(r.seconds for r in found):.1f} s"
    )
