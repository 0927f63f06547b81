"""A record is all that is known of one trained member: one JSON line.

Files are written whole, under another name, and then moved into place: a reader never sees half.
Numbers that are not finite are written as null (losses) or as the strings "inf" and "-inf"
(strengths), so that every line is strict JSON.
"""

import json
import math
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rnnreg.errors import UserError

Metrics = dict[str, float]


@dataclass(frozen=True)
class Record:
    """One member of one row: who it is, how it learned, how it scored, what made it.

    Curves have one entry a check. `scores` is {"best" | "final": {"train" | "validation" | "test":
    {metric: value}}}: "best" is the check with the lowest validation loss, "final" the last one
    (for a regularizer scored at its best check, final is best). Losses are without penalty and in
    evaluation. Only the evaluation phase has "test". A member that diverged has the naive scores.
    """

    benchmark: str
    cell: str
    regularizer: str
    phase: str  # "tune" or "evaluate"
    strength: float
    seed: int
    steps: int  # optimizer steps taken
    check_steps: list[int]
    train_loss: list[
        float | None
    ]  # mean over the steps since the check before; as trained, no penalty
    validation_loss: list[float | None]
    gradient_norm: list[float | None]  # mean over those steps, before the `gradients` hook
    clipped: float  # fraction of steps at which the `gradients` hook changed the gradient
    best_step: int
    scores: dict[str, dict[str, Metrics]]
    diverged: bool
    setting: dict[str, object]  # its budget, its learning rate, the sizes of its model, base clip
    parameters: int
    weight_norm: float | None  # of the final input, recurrent and output matrices together
    small_weights: float | None  # fraction of their entries with |w| < 1e-3
    seconds: float  # the population's time over its members
    data_hash: str
    fingerprint: str
    versions: dict[str, str]
    device: str
    path: str  # how the recurrence was computed

    @property
    def row(self) -> str:
        return f"{self.benchmark}/{self.cell}/{self.regularizer}"

    @property
    def member(self) -> tuple[str, float, int]:
        """What tells one member of a row from another."""
        return self.phase, self.strength, self.seed


def write(file: Path, records: Iterable[Record]) -> None:
    """Write one JSON line a record, atomically."""
    lines = [json.dumps(_plain(asdict(r)), allow_nan=False) for r in records]
    write_text(file, "".join(line + "\n" for line in lines))


def read(file: Path) -> list[Record]:
    """Read what `write` wrote; UserError names the file and line that is not a record."""
    records = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = Record(**json.loads(line))
            records.append(_with_float_strength(record))
        except (TypeError, ValueError) as error:
            raise UserError(
                f"{file}:{number}: not a record of this version ({error}). "
                "Remedy: delete the file and run the study again; it trains what is missing."
            ) from error
    return records


def write_text(file: Path, text: str) -> None:
    """Write a text file atomically, with the folders that it needs."""
    write_bytes(file, text.encode("utf-8"))


def write_bytes(file: Path, data: bytes) -> None:
    """Write a file atomically: under another name first, then moved into place."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        with suppress(OSError):  # it may be the folder that is not one
            part.unlink()
        raise UserError(
            f"{file}: cannot write ({error.strerror}). Remedy: free space there, or give this user "
            "permission to write to the folder; finished work is kept."
        ) from error


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _with_float_strength(record: Record) -> Record:
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    return Record(**{**values, "strength": float(record.strength)})
