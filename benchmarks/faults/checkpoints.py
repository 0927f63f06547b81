"""What checkpoints cost a row, and what kill -9 in its middle loses.

    python benchmarks/faults/checkpoints.py [--steps 6500] [--repeats 3] [--kills 4]

Trains the row japanese_vowels/lstm/recurrent_dropout (its data must be prepared), each time in a
process of its own. `cost.csv`: with checkpoints and without, in turn. `kills.csv`: killed at
equal parts of its time and trained to its end by the same command, with checkpoints and without.
Seconds are the processor's, those of the whole command, its start included: the row's own clock is
the processor's, too, so that a machine with other work to do saves as often as an idle one.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd

HERE = Path(__file__).resolve().parent
ROW = ("japanese_vowels", "lstm", "recurrent_dropout")
NOTE = "saves.json"  # of a child: how often it saved, and the seconds that this took


def child(steps: int, saving: bool) -> None:
    """Train the row as the command does; note what its checkpoints took."""
    from rnnreg.cli import main
    from rnnreg.training import checkpoint as checkpoints

    if not saving:
        checkpoints.EVERY = math.inf
    save, took = checkpoints.Checkpoint._save, []

    def timed(self, population):
        start = time.perf_counter()
        at = save(self, population)
        took.append(time.perf_counter() - start)
        return at

    checkpoints.Checkpoint._save = timed
    checkpoints.time = SimpleNamespace(monotonic=time.process_time)
    status = main(["train", *ROW, "--steps", str(steps), "--strengths", "0.1,0.25,0.5"])
    Path(NOTE).write_text(json.dumps({"saves": len(took), "seconds saving": sum(took)}))
    sys.exit(status)


def start(folder: Path, steps: int, saving: bool) -> subprocess.Popen:
    """The row's command in a folder."""
    command = [sys.executable, __file__, "--steps", str(steps), "--child", str(int(saving))]
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.DEVNULL)


def trained(folder: Path, steps: int, saving: bool) -> dict:
    """Train the row to its end: its seconds, and its saves."""
    _, status, used = os.wait4(start(folder, steps, saving).pid, 0)
    if status:
        sys.exit(f"the row failed with status {status}")
    return {"seconds": used.ru_utime + used.ru_stime, **json.loads((folder / NOTE).read_text())}


def killed(folder: Path, steps: int, saving: bool, after: float) -> float:
    """Train the row and kill it after so many seconds, which it gives to the hundredth."""
    process = start(folder, steps, saving)
    while used(process.pid) < after:
        time.sleep(0.02)
    process.kill()
    _, _, spent = os.wait4(process.pid, 0)
    return spent.ru_utime + spent.ru_stime


def used(pid: int) -> float:
    """Seconds of the processor that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def workplace(data: Path) -> Path:
    """An empty folder with the prepared data."""
    folder = Path(tempfile.mkdtemp())
    (folder / "data").symlink_to(data)
    return folder


def main() -> None:
    """Measure, and write both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6500)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        child(given.steps, bool(given.child))
    data, found = Path("data").resolve(), []
    for repeat in range(given.repeats):
        for saving in (True, False) if repeat % 2 else (False, True):
            made = trained(workplace(data), given.steps, saving)
            found.append({"checkpoints": "yes" if saving else "no", "repeat": repeat, **made})
            print(found[-1], flush=True)
    write("cost", found)
    whole = statistics.median(f["seconds"] for f in found)
    found = []
    for number in range(given.kills):
        after = whole * (number + 0.5) / given.kills
        for saving in (True, False):
            folder = workplace(data)
            spent = killed(folder, given.steps, saving, after)
            again = trained(folder, given.steps, saving)["seconds"]
            lost = spent + again - whole
            times = {"undisturbed": whole, "killed at": spent, "again": again, "lost": lost}
            found.append({"checkpoints": "yes" if saving else "no", **times})
            print(found[-1], flush=True)
            write("kills", found)


def write(name: str, found: list[dict]) -> None:
    """A table into results/."""
    (HERE / "results").mkdir(exist_ok=True)
    file = HERE / "results" / f"{name}.csv"
    pd.DataFrame(found).to_csv(file, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
