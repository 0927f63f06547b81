"""Records as JSON lines, one a trained member, and files that are written whole.

Files are written under another name and then moved into place: a reader never sees half.
Numbers that are not finite are written as null (losses) or as the strings "inf" and "-inf"
(strengths), so that every line is strict JSON.
"""

import json
import math
import os
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from rnnreg.errors import UserError
from rnnreg.study.fingerprint import digest
from rnnreg.study.record import Record, fault, hashed

__all__ = [
    "Record",
    "check_room",
    "read",
    "refuse",
    "unsuited",
    "warn",
    "write",
    "write_bytes",
    "write_text",
    "write_unsuited",
]


def write(file: Path, records: Iterable[Record]) -> None:
    """Write one JSON line a record, with a hash of its content, atomically."""
    lines = [json.dumps(_signed(plain(asdict(r))), allow_nan=False) for r in records]
    write_text(file, "".join(line + "\n" for line in lines))


Tell = Callable[[str, str], None]  # where a line is, as "file:line", and what is wrong with it


def refuse(where: str, why: str) -> None:
    """End with the first line that cannot be used."""
    raise UserError(
        f"{where}: {why}. Remedy: train the row again; that drops this line, and trains its "
        "member alone."
    )


def warn(where: str, why: str) -> None:
    """Go on without a line that cannot be used."""
    warnings.warn(f"{where}: {why}. This line is left out, the others are used.", stacklevel=3)


def read(file: Path, row: str | None = None, tell: Tell = refuse) -> list[Record]:
    """Read what `write` wrote; `tell` is told of each line that cannot be used, and why.

    That is a line that is no record of this version, that was edited since it was written, that
    lacks a score or has one that is no finite number from 0, that is there twice, or that is not
    of `row`, benchmark/cell/regularizer. UserError where the file cannot be read.
    """
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read ({error.strerror}). Remedy: give this user permission to "
            "read the file, or delete it and train the row again."
        ) from error
    found, seen = [], {}
    for number, line in enumerate(lines, 1):
        if _unsuited(line):
            continue
        try:
            record = _record(line, row)
            made = (*record.member, record.fingerprint, record.data_hash)
            if made in seen:
                raise ValueError(f"the member of line {seen[made]} again")
        except (ValueError, RecursionError) as error:
            tell(f"{file}:{number}", str(error))
            continue
        seen[made] = number
        found.append(record)
    return found


def write_unsuited(file: Path, fingerprint: str, reason: str) -> None:
    """Write, in place of a row's records, why it makes no sense."""
    write_text(file, json.dumps({"unsuited": reason, "fingerprint": fingerprint}) + "\n")


def unsuited(file: Path, fingerprint: str) -> str:
    """Why a row makes no sense, as the present code says; "" where it does, or was not tried."""
    if not file.is_file():
        return ""
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return ""  # `read` says why
    found = [_unsuited(line) for line in lines]
    return next((f["unsuited"] for f in found if f and f.get("fingerprint") == fingerprint), "")


def _unsuited(line: bytes) -> dict | None:
    if not line.startswith(b'{"unsuited"'):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None  # `read` says what is wrong with the line


def _record(line: bytes, row: str | None) -> Record:
    """One line; ValueError says what is wrong with it."""
    try:
        given = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a record ({error})") from error
    parsed = given
    if isinstance(given, dict):
        rates = {name: given.get(name) for name in ("strength", "learning_rate")}
        given = given | {n: float(v) for n, v in rates.items() if v in ("inf", "-inf")}
    if wrong := fault(given):
        raise ValueError(wrong)
    record = Record(**{**given, "strength": float(given["strength"])})
    if (record.content or hashed(parsed)) and record.content != _signed(parsed)["content"]:
        raise ValueError("edited since it was written: its content has another hash, or none")
    if row is not None and record.row != row:
        raise ValueError(f"a record of {record.row}, in the file of {row}")
    return record


def _signed(plain: dict) -> dict:
    """The record as JSON has it, with the hash of everything but the hash."""
    content = {name: value for name, value in plain.items() if name != "content"}
    return {**content, "content": digest(content)}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def write_text(file: Path, text: str) -> None:
    """Write a text file atomically, with the folders that it needs."""
    write_bytes(file, text.encode("utf-8"))


def check_room(file: Path) -> None:
    """UserError where a megabyte cannot be written beside a file: before work, not after it."""
    probe = file.with_suffix(".room")
    write_bytes(probe, bytes(1 << 20))
    probe.unlink()


def write_bytes(file: Path, data: bytes) -> None:
    """Write a file atomically: under another name first, then moved into place."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        move(part, file)
    except OSError as error:
        with suppress(OSError):  # it may be the folder that is not one
            part.unlink()
        raise UserError(
            f"{file}: cannot write ({error.strerror}). Remedy: free space there, or give this user "
            "permission to write to the folder; finished work is kept."
        ) from error


def move(part: Path, file: Path) -> None:
    """Give a file that is written whole the name of another, which a power cut leaves or replaces.

    Its bytes are on the disk before, and the name, which the folder holds, before the next step.
    """
    _to_disk(part)
    part.replace(file)
    _to_disk(file.parent)


def _to_disk(file: Path) -> None:
    opened = os.open(file, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def plain(value: object) -> object:
    """A value as JSON has it: NaN is null, and an infinity is text."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
