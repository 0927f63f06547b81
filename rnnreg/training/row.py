"""Training a row: tune, evaluate, and what is recorded of each member."""

import math
import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rnnreg.data.folds import folded
from rnnreg.errors import UserError, out_of_memory
from rnnreg.kernels.unroll import path
from rnnreg.regularizers import _checks
from rnnreg.regularizers._combination import Combination, of_row
from rnnreg.regularizers.base import Regularizer, matrices, norms
from rnnreg.study.protocol import Member, asked, current, phases
from rnnreg.study.records import Record
from rnnreg.study.search import fold
from rnnreg.study.study import Row
from rnnreg.training import devices as parts
from rnnreg.training.capture import populate
from rnnreg.training.checkpoint import Checkpoint
from rnnreg.training.distance import gradient_by_distance
from rnnreg.training.population import Population, Watch
from rnnreg.training.setting import Setting, setting
from rnnreg.training.start import Start

SMALL = 1e-3  # a weight below counts as zero


def train(
    row: Row,
    facts: dict,
    splits: dict,
    known: Iterable[Record] = (),
    device: str = "cpu",
    save: Callable[[list[Record]], None] = lambda records: None,
    watch: Watch | None = None,
    file: Path | None = None,
    evaluated: Callable[[Population, list[Record]], None] = lambda population, records: None,
    start: Start | None = None,
    devices: Sequence[str] = (),
) -> list[Record]:
    """Tune, then evaluate; returns the records of all members that the row asks for.

    Members among `known` that this code and this data made are not trained again. `save` gets all
    records so far after each population. `file` is where a population in training is saved now and
    then, and gone on from; it is removed at the end. `evaluated` sees each population of the last
    phase, with its records. `start` is what members take of the weights of another row. With
    `devices`, and a file, the members of a phase train in as many processes, each on one of them,
    and `evaluated` sees none.
    """

    def fresh(found: Iterable[Record]) -> dict[Member, Record]:
        return current(row, found, facts["data_hash"], start.hash if start else "")

    made = parts.left(file, row.name) if file else []
    have = fresh([*known, *made])
    if made:  # what is not fresh goes
        save(list(have.values()))
        parts.remove(file, "jsonl")

    def go(
        members: list[Member], device: str, file: Path | None, done: Callable[[list[Record]], None]
    ) -> None:
        """Train these members of one phase; `done` gets the records of each population."""
        job = setting(row, facts, splits, device, start)
        rate = job.budget.learning_rate
        checkpoint = Checkpoint(file, made_from(row, job), rate) if file else None
        for own, some in _by_fold(members, checkpoint):
            here = job if own is None else _of_fold(row, job, facts, splits, *own)
            for part in trained(here, *_given(some), watch, checkpoint):
                made = records(row, here, part, members[0][0])
                if members[0][0] == "evaluate" and not devices:
                    evaluated(part, made)
                del part  # its memory is for the next one
                done(made)
        if checkpoint:
            checkpoint.remove()

    def take(made: Iterable[Record]) -> None:
        have.update((r.member, r) for r in made)
        save(list(have.values()))

    for wanted in phases(row, have):
        missing = [member for member in wanted if member not in have]
        if missing and devices and file:
            parts.spread(row.name, missing, list(devices), go, file)
            take(fresh(parts.left(file, row.name)).values())
        elif missing:
            go(missing, device, file, take)
    if file:
        file.unlink(missing_ok=True)
        parts.remove(file)
    return [have[member] for member in asked(row, have)]


Fold = tuple[int, int]  # which one of how many


def _by_fold(
    missing: list[Member], checkpoint: Checkpoint | None
) -> Iterator[tuple[Fold | None, list[Member]]]:
    """Members that train on the same data, those of a fold together; first what was begun."""
    of = {member: fold(member[3]) for member in missing}
    for own in dict.fromkeys(of.values()):
        some = [member for member in missing if of[member] == own]
        for each in checkpoint.begun(some) if checkpoint else [some]:
            yield own, each


def _of_fold(
    row: Row, job: Setting, facts: dict, splits: dict, left_out: int, folds: int
) -> Setting:
    """What a row fixes for the members that a fold is left out for."""
    task = job.benchmark.task
    own = folded(task, facts, splits, left_out, folds)
    return setting(row, *own, str(job.device), job.start)


def _given(members: list[Member]) -> tuple[list[float], list[int], list[float | None]]:
    """Strengths, seeds and learning rates of members, as a population is given them."""
    return [m[2] for m in members], [m[3] for m in members], [m[1] for m in members]


def made_from(row: Row, job: Setting) -> dict[str, str]:
    """What a population must share with a checkpoint, to go on from it to the last bit."""
    own = {"start": job.start.hash} if job.start else {}
    return {
        **own,
        "code": row.fingerprint,
        "data": job.facts["data_hash"],
        "torch": torch.__version__,
        "device": device_name(job.device),
        "time loop": path(job.cell, job.device, job.network.norm or None),
    }


def unsuited(row: Row, facts: dict, splits: dict) -> str:
    """Why a row's regularizer makes no sense for its network and task; "" where it does."""
    none = setting(replace(row, regularizer="none", ratios={}), facts, splits)
    kind = of_row(row.regularizer, row.ratios)
    why = _checks.suits(kind, none.network, none.benchmark.task)
    if not why and none.network.decoder and kind.network(none.network).statistics():
        return "a decoder that writes step by step has no batch to take statistics of"
    return why


def trained(
    job: Setting,
    strengths: list[float],
    seeds: list[int],
    rates: Sequence[float | None] = (),
    watch: Watch | None = None,
    checkpoint: Checkpoint | None = None,
) -> Iterator[Population]:
    """These members, trained: one population, or several where memory does not hold all at once."""
    if not seeds:
        return
    try:
        whole = populate(job, strengths, seeds, rates)
        checkpoint.run(whole, watch) if checkpoint else whole.run(watch)
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        name, reason = job.benchmark.name, str(error).partition(". ")[0]
        if len(seeds) == 1:
            raise UserError(
                f"{name}: a single member does not fit into the memory of {job.device}: {reason}. "
                f"Remedy: a smaller batch in the study (budgets: {{{name}: {{batch: ...}}}}), or "
                "--device cpu."
            ) from None
    else:
        yield whole
        return
    whole, half = None, len(seeds) // 2  # its memory is theirs
    warnings.warn(
        f"{name}: {len(seeds)} members do not fit into the memory of {job.device} together "
        f"({reason}); {half} train first, then the others.",
        stacklevel=2,
    )
    if job.device.type == "cuda":
        torch.cuda.empty_cache()
    for own in (slice(half), slice(half, None)):
        yield from trained(job, strengths[own], seeds[own], rates[own], watch, checkpoint)


def records(row: Row, job: Setting, population: Population, phase: str) -> list[Record]:
    """One record for each member of a trained population."""
    reg = job.regularizers(torch.tensor(population.strengths, device=job.device))
    scores, inputs = _scores(population, reg, phase), _input_norms(population)
    curves, distances = population.curves, gradient_by_distance(population, reg)
    big = dict(enumerate(matrices(population.final)))
    weight_norm = norms(big)
    small = torch.cat([(w.abs() < SMALL).flatten(1) for w in big.values()], dim=1).double().mean(1)
    parameters = sum(map(math.prod, job.network.shapes().values()))
    seconds = (time.perf_counter() - population.started) / len(population.strengths)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    clip = job.benchmark.base_clip
    described = {**job.budget.told(), **job.benchmark.model.told(), **row.variant.task}
    described["base_clip"] = None if math.isinf(clip) else clip
    if job.start:
        described |= {"start": job.start.row, "tune": job.start.tune}
    trials = {setting: i for i, setting in enumerate(row.settings)} if row.search else {}
    made = []
    own = population.rates, population.strengths, population.all_seeds
    for m, (rate, strength, seed) in enumerate(zip(*own, strict=True)):
        checks = int(curves.checks[m])
        diverged = bool(curves.diverged[m]) or not _all_finite(scores[m])
        at = curves.at[:checks]
        made.append(
            Record(
                benchmark=row.benchmark,
                cell=row.cell,
                regularizer=row.regularizer,
                phase=phase,
                strength=strength,
                seed=seed,
                steps=at[-1],
                check_steps=at,
                train_loss=_finite(curves.train_loss[:checks, m]),
                validation_loss=_finite(curves.loss[:checks, m]),
                gradient_norm=_finite(curves.norm[:checks, m]),
                clipped=float(curves.clipped[m]) / at[-1],
                best_step=curves.at[int(curves.best_check[m])],
                scores=_naive(job, phase) if diverged else scores[m],
                diverged=diverged,
                setting={**described, "learning_rate": rate},
                parameters=parameters,
                weight_norm=_finite(weight_norm)[m],
                small_weights=float(small[m]),
                seconds=seconds,
                data_hash=job.facts["data_hash"],
                fingerprint=row.fingerprint,
                versions=versions,
                device=device_name(job.device),
                path=path(job.cell, job.device, job.network.norm or None),
                learning_rate=rate if row.search else None,
                trial=trials.get((rate, strength)),
                gradient_by_distance=_finite(distances[m]),
                parts=_parts(job.regularizer, strength),
                input_norms=_finite(inputs[m]) if len(inputs) else [],
                start=job.start.hash if job.start else "",
            )
        )
    return made


def _parts(kind: type[Regularizer], strength: float) -> dict[str, float]:
    """The parts of a combination that are not off, with their strengths; {} of any other."""
    if not issubclass(kind, Combination):
        return {}
    parts = kind(torch.tensor([strength], dtype=torch.float64)).parts
    own = {part.name: part.strength.item() for part in parts}
    return {name: value for name, value in own.items() if math.isfinite(value)}


def device_name(device: torch.device) -> str:
    """The device as records name it: its kind, and the model of a GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _scores(population: Population, reg: Regularizer, phase: str) -> list[dict]:
    """{"best" | "final": {split: metrics}} of each member; the test split in evaluation only."""
    curves, members = population.curves, range(len(population.strengths))
    last = curves.best_check if reg.scored_at == "best" else (curves.checks - 1).clamp(min=0)
    at = {"best": curves.best_check.tolist(), "final": last.tolist()}
    found = [
        {
            c: {"validation": {n: float(v[m]) for n, v in curves.metrics[at[c][m]].items()}}
            for c in at
        }
        for m in members
    ]
    if phase == "tune":
        return found
    final = population.best if reg.scored_at == "best" else population.final
    names = {"sample": "train", "test": "test", "noisy": "noisy"}
    for split, name in names.items():
        if split not in population.batches.splits:
            continue
        best = population.evaluate(population.best, reg, split)
        at_end = best if final is population.best else population.evaluate(final, reg, split)
        for m in members:
            found[m]["best"][name] = {n: float(v[m]) for n, v in best.items()}
            found[m]["final"][name] = {n: float(v[m]) for n, v in at_end.items()}
    return found


def _input_norms(population: Population) -> Tensor:
    """The norm of each input's column in the first matrix, (M, D); () of symbols.

    A convolution has a column for each of its steps: they count together.
    """
    network, weights = population.setting.network, population.final
    if network.symbols:
        return torch.empty(0)
    first = weights["convolution.input" if network.convolution else "0.input"]
    return first.unflatten(2, (-1, network.inputs)).double().square().sum((1, 2)).sqrt()


def _naive(job: Setting, phase: str) -> dict:
    """The scores of a member that diverged. It has no training score of its own."""
    splits = ("validation", "test") if phase == "evaluate" else ("validation",)
    scores = {split: dict(job.naive[split]) for split in splits}
    return {"best": scores, "final": scores}


def _all_finite(scores: dict) -> bool:
    parts = (part for of_criterion in scores.values() for part in of_criterion.values())
    return all(math.isfinite(value) for part in parts for value in part.values())


def _finite(values: Tensor) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in values.tolist()]
