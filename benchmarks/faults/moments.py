"""Kill a small study at random moments: in the end its records are those of an undisturbed run.

    python benchmarks/faults/moments.py [--moments 50] [--seed 0]

Writes results/moments.csv, a line a moment: the command (`run` is the workflow, `missing` the rows
alone), the signal, whom it hit (`all` processes, or the `first` one alone, whose jobs then go on
beside the next command), and when. A finished study is compared, deleted and begun anew.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from rnnreg.study import records, registry

HERE = Path(__file__).resolve().parent
BENCHMARK = '''
"""A sine, for many short steps."""
import numpy as np
from rnnreg.data.benchmark import Benchmark, Budget, Model, Splits
from rnnreg.tasks import Forecast

class Wave(Benchmark):
    """A sine."""
    title = "Wave"
    group = "time series"
    licence = "none needed"
    citation = "made here"
    task = Forecast(context=8, horizon=2, season=8)
    model = Model(hidden=4)
    budget = Budget(steps=400, batch=4, checks=8)

    def prepare(self, raw):
        rng = np.random.default_rng(0)
        wave = np.sin(np.arange(240)[:, None]) + rng.normal(0, 0.1, (240, 1))
        parts = [{"series": p.astype(np.float32)} for p in (wave[:120], wave[120:180], wave[180:])]
        return Splits(*parts)
'''
STUDY = """
title: Tiny
benchmarks: [wave]
cells: [gru]
regularizers: [none, l2, recurrent_dropout]
seeds: {evaluation: 2}
search: {trials: 2, survivors: 1, seeds: 1}
"""
COMMANDS = {
    "run": ["run", "tiny", "--cores", "2", "--until", "collect"],
    "missing": ["train", "--study", "tiny", "--missing"],
}
SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
FOLDER = Path("results/tiny")


def project(folder: Path) -> Path:
    """A copy of the project with the study in it; rows save themselves every few steps there."""
    for name in ("rnnreg", "report", "profiles", "benchmarks"):
        leave = shutil.ignore_patterns("__pycache__", "speed", "faults")
        shutil.copytree(registry.ROOT / name, folder / name, ignore=leave)
    shutil.copy(registry.ROOT / "Snakefile", folder)
    (folder / "benchmarks/wave.py").write_text(BENCHMARK)
    (folder / "benchmarks/studies/tiny.yaml").write_text(STUDY)
    file = folder / "rnnreg/training/checkpoint.py"
    text = file.read_text()
    often = text.replace("EVERY = 15.0", "EVERY = 0.2").replace("SHARE = 200", "SHARE = 10")
    assert often.count("= 0.2") == often.count("= 10 ") == 1
    file.write_text(often)
    return folder


def start(folder: Path, command: str) -> subprocess.Popen:
    """A command of the project, in a process group of its own; what it says goes into a log."""
    variables = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "rnnreg", *COMMANDS[command]],
            cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def made(folder: Path) -> dict[str, list[records.Record]]:
    """The finished records of each row, without the time that they took."""
    files = sorted((folder / FOLDER / "records").rglob("[!.]*.jsonl"))
    return {f.stem: [replace(r, seconds=0.0) for r in records.read(f)] for f in files}


def left(folder: Path) -> list[str]:
    """Files of rows that should be gone when the study is done.

    A command that is killed as it ends leaves a row's `.partial` beside its records: a copy.
    """
    found = (folder / FOLDER / "records").rglob("*")
    return [f.name for f in found if f.is_file() and f.suffix not in (".jsonl", ".partial")]


def ended(process: subprocess.Popen) -> None:
    """Wait for a command, which must succeed."""
    if process.wait(600):
        raise RuntimeError(f"{process.args} ended with status {process.returncode}")


def disturbed(
    folder: Path, moments: int, seed: int, tell: Callable[[list[dict]], None]
) -> tuple[list[dict], int]:
    """Signals at random moments until so many have come; and how many records were compared.

    `tell` is given all moments after each. AssertionError where a finished study has other records
    than the undisturbed run.
    """
    draw, found, compared = random.Random(seed), [], 0
    whole = {}
    for command in COMMANDS:
        begun = time.monotonic()
        ended(start(folder, command))
        whole[command], undisturbed = time.monotonic() - begun, made(folder)
        assert undisturbed
        assert not left(folder), left(folder)
        shutil.rmtree(folder / FOLDER)

    def compare() -> int:
        assert made(folder) == undisturbed, "other records than those of the undisturbed run"
        assert not left(folder), left(folder)
        shutil.rmtree(folder / FOLDER)
        return sum(map(len, undisturbed.values()))

    while len(found) < moments:
        command, name = draw.choice(["run", "missing", "missing"]), SIGNALS[len(found) % 3]
        whom, after = draw.choice(("all", "first")), draw.uniform(0, whole[command])
        process = start(folder, command)
        try:
            if process.wait(after):
                raise RuntimeError(f"{command} failed by itself; see {folder / 'log'}")
            compared += compare()
            continue
        except subprocess.TimeoutExpired:
            send = os.killpg if whom == "all" else os.kill
            send(process.pid, getattr(signal, name))
            process.wait(600)
        there = {n: len(r) for n, r in made(folder).items()}
        found.append({"command": command, "signal": name, "hit": whom, "after": after,
                      "of": whole[command], "records there": sum(there.values())})  # fmt: skip
        tell(found)
    ended(start(folder, "run"))
    return found, compared + compare()


def main() -> None:
    """Disturb, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    folder = project(Path(tempfile.mkdtemp()))
    (HERE / "results").mkdir(exist_ok=True)

    def tell(found: list[dict], compared: int = 0) -> None:
        print(found[-1], flush=True)
        table = pd.DataFrame(found).assign(compared=compared)
        table.to_csv(HERE / "results/moments.csv", index=False, float_format="%.3g")

    found, compared = disturbed(folder, given.moments, given.seed, tell)
    tell(found, compared)
    print(f"{len(found)} moments, {compared} records compared equal")


if __name__ == "__main__":
    main()
