"""Jobs in a Slurm queue that a killed head of the workflow left behind."""

import re
import shutil
import subprocess
import time
from pathlib import Path

UUID = re.compile(r"(\w+_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as Snakemake names jobs
GONE = 120.0  # seconds that a job has to end


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


def _left() -> list[str]:
    """Numbers of this user's jobs of a head in this folder, those that wait included."""
    told = subprocess.run(
        ["squeue", "--me", "--noheader", "--format=%i|%j|%Z"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.strip().split("|", 2) for line in told.stdout.splitlines()]
    here = str(Path.cwd().resolve())
    jobs = [line for line in lines if len(line) == 3]  # others are a site's own words
    return [job for job, name, folder in jobs if UUID.fullmatch(name) and folder == here]
