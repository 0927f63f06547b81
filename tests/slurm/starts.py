"""What runs through Slurm take: its jobs as `scontrol` tells them, and a table of their cost."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from rnnreg.study import records

IDLE = 0.9  # of the processors, for cores that count as idle


def jobs() -> list[dict[str, str]]:
    """Slurm's jobs, the finished ones too."""
    told = subprocess.run(
        ["scontrol", "-o", "show", "job"], capture_output=True, text=True, check=True
    ).stdout
    return read(told)


def read(told: str) -> list[dict[str, str]]:
    """Jobs as `scontrol -o show job` prints them, a line each."""
    return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in told.splitlines() if "=" in line]


def seconds(told: str) -> int:
    """Slurm's D-HH:MM:SS."""
    days, _, clock = told.rpartition("-")
    hours, minutes, rest = map(int, clock.split(":"))
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + rest


def idle(wait: float = 1.0) -> float:
    """The share of the processors' time that nobody uses, over some seconds."""
    first = _times()
    time.sleep(wait)
    spent = [b - a for a, b in zip(first, _times(), strict=True)]
    return sum(spent[3:5]) / sum(spent)  # idle, and waiting for a disk


def _times() -> list[int]:
    """What all processors have done since the start, in ticks; see proc(5)."""
    return [int(n) for n in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]


@dataclass(frozen=True)
class Begun:
    """The moment before a run."""

    at: float
    jobs: int  # that there were
    idle: float  # share of the processors


def begin() -> Begun:
    """Look before a run."""
    share = idle()
    return Begun(time.monotonic(), len(jobs()), share)


def line(what: str, begun: Begun, folder: Path, own: list[dict[str, str]]) -> dict[str, object]:
    """What a run took: the time in its jobs that no row trained is what a row costs beyond itself.

    `folder` holds the records of the run, all of which it trained; `own` are its jobs.
    """
    files = list(folder.rglob("[!.]*.jsonl"))
    spent = sum(seconds(j["RunTime"]) for j in own)
    trained = sum(r.seconds for f in files for r in records.read(f))
    where = " on idle cores" if begun.idle > IDLE else ""
    return {"what": what + where, "rows": len(files), "jobs": len(own),
            "wall": time.monotonic() - begun.at, "in jobs": spent, "training": trained,
            "overhead a row": (spent - trained) / len(files)}  # fmt: skip


def add(table: Path, lines: list[dict[str, object]]) -> None:
    """Write lines into a table; those of the same name go, the others stay."""
    new = pd.DataFrame(lines)
    if table.exists():
        old = pd.read_csv(table)
        new = pd.concat([old[~old["what"].isin(new["what"])], new])
    new.to_csv(table, index=False, float_format="%.4g")
