"""Rows that start from the best model of another row of the study: transfer.

    variants:
      words: {train: all, language: 20}              # its texts, as a language model
      few: {train: 300}
      tuned: {train: 300, start: {benchmark: trec@words}}
      head: {train: 300, start: {benchmark: trec@words, tune: head}}

`trec@tuned` starts each member from the weights of trec@words in the same cell, under `none` or
the `regularizer` named, of the member with the lowest validation loss. What it lacks, or has in
another shape, starts as it does elsewhere: a head, say, or an embedding of another vocabulary.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnreg.errors import UserError, unknown
from rnnreg.study import schema

if TYPE_CHECKING:
    from rnnreg.study.study import Row

KEYS = {"benchmark": str, "regularizer": str, "tune": str}
TUNE = ("all", "head", "layers")  # what is trained: see rnnreg/training/start.py


def check(where: str, given: dict) -> None:
    """UserError where a variant's `start` cannot be one."""
    schema.check_mapping(where, given, KEYS, required=("benchmark",) if given else ())
    if given.get("tune", TUNE[0]) not in TUNE:
        raise unknown(f"{where}: tune", given["tune"], TUNE)


def linked(where: str, rows: tuple["Row", ...]) -> tuple["Row", ...]:
    """The rows, each with the row that it starts from; UserError where that is none to start from.

    `where` is the study's file.
    """
    known = {row.name: row for row in rows}
    return tuple(
        replace(row, start=_source(where, row, known)) if row.variant.start else row for row in rows
    )


def _source(where: str, row: "Row", known: dict[str, "Row"]) -> "Row":
    given = row.variant.start
    name = f"{given['benchmark']}/{row.cell}/{given.get('regularizer', 'none')}"
    at = f"{where}: variants: {row.benchmark.partition('@')[2]}: start"
    if name not in known:
        raise UserError(
            f"{at}: {row.name} starts from {name}, which is no row of the study. Remedy: list its "
            "benchmark and its regularizer, too."
        )
    if known[name].variant.start:
        raise UserError(
            f"{at}: {row.name} starts from {name}, which starts from another row itself. Allowed "
            "are rows that start anew."
        )
    return known[name]


def weights_hash(file: Path) -> str:
    """A hash of the weights in a safetensors file, whatever its notes; "" where it has none."""
    try:
        data = file.read_bytes()
        begin = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:begin])
        header.pop("__metadata__", None)
    except (OSError, ValueError, AttributeError):
        return ""
    own = json.dumps(header, sort_keys=True).encode()
    return hashlib.sha256(own + data[begin:]).hexdigest()[:16]
