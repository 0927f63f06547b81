"""Jobs of the workflow in a Slurm queue: those that a killed head left, and how others ended."""

import re
import shutil
import subprocess
import time
from pathlib import Path

UUID = re.compile(r"(\w+_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as Snakemake names jobs
GONE = 120.0  # seconds that a job has to end
REMEDIES = {  # by the state in which Slurm has ended a job
    "OUT_OF_MEMORY": "more memory for a job: mem_mb in the profile",
    "TIMEOUT": "more time for a row or a cell: runtime in the profile; it goes on where it was",
    "NODE_FAIL": "none needed: the same command goes on",
}


def cancel_left() -> list[str]:
    """Cancel the jobs that a head in this folder submitted; the numbers of those cancelled.

    A row that is cancelled saves itself, and the job that takes its place goes on from there: no
    row is in the queue twice. Nothing happens where there is no Slurm, or where it does not answer.
    """
    if not shutil.which("squeue") or not (left := _left()):
        return []
    subprocess.run(["scancel", *left], check=False)  # SIGTERM, and half a minute to end
    end = time.monotonic() + GONE
    while time.monotonic() < end and set(left) & set(_left()):
        time.sleep(1)
    return left


def ended(since: float) -> list[str]:
    """The jobs of a head in this folder that Slurm has ended since a moment, why, and what helps.

    Slurm tells of a job for some minutes after its end (MinJobAge).
    """
    if not shutil.which("squeue"):
        return []
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(since))
    found = _jobs(f"--states={','.join(REMEDIES)}", more=("%T", "%e", "%k"))
    return [
        f"Slurm: job {number} ({comment}) ended as {state}. Remedy: {REMEDIES[state]}."
        for number, state, at, comment in found
        if at >= when
    ]


def _left() -> list[str]:
    """Numbers of this user's jobs of a head in this folder, those that wait included."""
    return [number for (number,) in _jobs()]


def _jobs(*options: str, more: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Number and `more` of this user's jobs of a head in this folder."""
    columns = "%i", "%j", *more, "%Z"  # a folder may have any letter, so it is the last
    form = "|".join(columns)
    told = subprocess.run(
        ["squeue", "--me", "--noheader", f"--format={form}", *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.strip().split("|", len(columns) - 1) for line in told.stdout.splitlines()]
    here = str(Path.cwd().resolve())
    jobs = [line for line in lines if len(line) == len(columns)]  # others are a site's own words
    return [
        (number, *asked)
        for number, name, *asked, folder in jobs
        if UUID.fullmatch(name) and folder == here
    ]
