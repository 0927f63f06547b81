"""The members of a phase over several processes of this machine, each on a device of its own."""

import traceback
from collections.abc import Callable
from pathlib import Path

from rnnreg.errors import UserError
from rnnreg.study import processes, records
from rnnreg.study.protocol import Member
from rnnreg.study.records import Record

# Trains members on a device, with a checkpoint in a file; all their records each time it has more.
TrainPart = Callable[[list[Member], str, Path, Callable[[list[Record]], None]], None]


def spread(
    name: str, members: list[Member], devices: list[str], train: TrainPart, file: Path
) -> None:
    """Train members in as many parts as there are devices; their records lie in `left(file)`.

    No member notices: its numbers are the same to the bit on devices of one kind, however many
    train beside it. UserError where a process fails; what the others have made is kept, and so is
    the checkpoint of one that is killed. Processes are forked: this one must not have used a GPU.
    """
    count = min(len(devices), len(members))
    ends = [len(members) * i // count for i in range(count + 1)]

    def work(part: str) -> str:
        i = int(part)
        own = members[ends[i] : ends[i + 1]]
        place = _part(file, i, "jsonl")
        before = records.read(place, name, records.warn) if place.exists() else []
        try:
            train(
                own,
                devices[i],
                _part(file, i, "safetensors"),
                lambda made: records.write(place, [*before, *made]),
            )
        except UserError as error:
            return str(error)
        except Exception as error:
            traceback.print_exc()
            return f"{type(error).__name__}: {error}"
        return ""

    failed = processes.shared([str(i) for i in range(count)], lambda part: True, work, count)
    if failed:
        told = "".join(f"\n  {devices[int(i)]}: {why}" for i, why in failed.items())
        raise UserError(f"{name}: {len(failed)} of {count} processes failed:{told}")


def left(file: Path, name: str) -> list[Record]:
    """The records of a row's parts, of the last phase or of processes that were stopped."""
    found = sorted(file.parent.glob(f"{file.stem}.part[0-9]*.jsonl"))
    return [r for place in found for r in records.read(place, name, records.warn)]


def remove(file: Path, kind: str = "*") -> None:
    """All that the parts held is in the row's records; `kind` is an ending of files."""
    for place in file.parent.glob(f"{file.stem}.part[0-9]*.{kind}"):
        place.unlink()


def _part(file: Path, number: int, kind: str) -> Path:
    return file.with_name(f"{file.stem}.part{number}.{kind}")
