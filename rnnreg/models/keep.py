"""Which member of a row is kept: of those evaluated, the one with the lowest validation loss."""

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import torch

from rnnreg.data import decoding
from rnnreg.errors import UserError
from rnnreg.models import file as files
from rnnreg.models.model import Facts, Model
from rnnreg.study.records import Record, plain
from rnnreg.study.study import Row
from rnnreg.trace import Params
from rnnreg.training.population import Population
from rnnreg.training.row import trained
from rnnreg.training.scaling import scaling
from rnnreg.training.setting import Setting, setting
from rnnreg.training.start import Start

TOLD = ("name", "title", "headline", "metrics", "naive", "naive_best", "scale")


def winner(found: Iterable[Record]) -> Record | None:
    """The record of the member to keep; None where all diverged."""
    fit = [r for r in found if r.phase == "evaluate" and not r.diverged]
    return min(fit, key=_loss, default=None)


def _loss(record: Record) -> float:
    return record.scores["best"]["validation"]["loss"]


class Keeper:
    """Sees each population that a row evaluates, and holds the weights of the best member."""

    def __init__(self, row: Row, facts: dict, folder: Path, start: Start | None = None):
        """`folder` holds the prepared data; UserError where it lacks what a model needs."""
        if facts["task"] == "Transduction":
            raise UserError(
                f"{row.name}: --keep: a model with a decoder cannot be kept; nothing here would "
                "let it write. Remedy: leave --keep out."
            )
        self.row, self.facts, self.start = row, facts, start
        self.decoding = decoding.read(row.benchmark, folder, facts["data_hash"])
        self.loss, self.member, self.weights = math.inf, None, {}

    def look(self, population: Population, made: list[Record]) -> None:
        """Take the best of these members, if it is better than all before."""
        best = winner(made)
        if best is not None and _loss(best) < self.loss:
            self.loss, self.member = _loss(best), best.member
            self.weights = _of(population, made.index(best))

    def write(
        self, file: Path, splits: dict, found: list[Record], device: str = "cpu"
    ) -> Path | None:
        """Write the winner of a row's records, and where; None where there is none.

        A member that was trained before, by another process, is trained once more, alone: it is
        the same.
        """
        best = winner(found)
        if best is None:  # nor may a former one pass for it
            for left in (file, file.with_suffix(".json")):
                left.unlink(missing_ok=True)
            return None
        if _is_kept(file, best):
            return file
        job = setting(self.row, self.facts, splits, device, self.start)
        if best.member != self.member:
            (population,) = trained(job, [best.strength], [best.seed], [best.learning_rate])
            self.weights = _of(population, 0)
        told = {key: self.facts.get(key) for key in TOLD}
        where, own = self.row.name, self.decoding
        scaled = scaling(where, job.budget.scaling, job.benchmark, self.facts, splits["train"])
        known = scaled.decoding(own) if scaled and "mean" in own else own
        model = built(job, best, self.weights, known, told)
        return files.write(file, model, self.row.ratios)


def built(job: Setting, record: Record, weights: Params, known: dict, data: dict) -> Model:
    """A member as a model of its own."""
    reg = job.regularizer(torch.tensor([record.strength]))
    facts = Facts(known, plain(dataclasses.asdict(record)), data)
    return Model(job.network, reg, job.benchmark.task, facts).take(weights).eval()


def _of(population: Population, member: int) -> Params:
    """The weights of one member's best check, (1, ...), on the CPU."""
    return {n: p[member : member + 1].detach().cpu().clone() for n, p in population.best.items()}


def _is_kept(file: Path, record: Record) -> bool:
    """Whether the file holds this member, of this code and data."""
    try:
        found = files.load(file).facts.record
    except UserError:
        return False
    own = plain(dataclasses.asdict(record))
    keys = ("fingerprint", "data_hash", "start", "phase", "strength", "learning_rate", "seed")
    return all(found.get(key, "") == own[key] for key in keys)
