"""A generated study of full size: 14 benchmarks, 4 cells, 32 regularizers, searched, 6 seeds.

    python tests/fullsize.py FOLDER

writes the study file, prepared facts and all records into FOLDER (minutes, 100 MB), then collects,
compares, draws and reports it as the workflow does, prints the seconds of each stage, by the clock
and of the processor, and fails where the page or the paper is larger than it may be.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import synthetic

from rnnreg.study import registry, study

FILE = """title: A generated study of full size
benchmarks: [{benchmarks}]
cells: [elman_tanh, elman_relu, gru, lstm]
regularizers: [{regularizers}]
seeds: {{evaluation: 6}}
search: {{trials: 8, survivors: 3, seeds: 2}}
"""
REGULARIZERS = 32
LARGEST = 5_000_000  # bytes of report.html, and of report.pdf
STAGES = (
    "collect full.yaml", "compare results/full", "draw results/full", "report --only results/full",
)  # fmt: skip


def main(folder: Path) -> None:
    """Write everything into a folder, and make the report."""
    shipped = [n for n in sorted(registry.shipped("regularizer")) if n != "none"]
    names = ["none", *synthetic.NAMES[1:8]]  # the study's question, then the others by name
    names += [n for n in shipped if n not in names][: REGULARIZERS - len(names)]
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    asked = {"benchmarks": synthetic.BENCHMARKS, "regularizers": names}
    text = FILE.format(**{key: ", ".join(value) for key, value in asked.items()})
    Path("full.yaml").write_text(text, encoding="utf-8")
    synthetic.write(Path(), study.read("full.yaml"))
    timed(STAGES)
    small(Path("results/full"))


def timed(stages: tuple[str, ...]) -> None:
    """Run the stages one by one, and print how long each takes: by the clock, of the processor."""
    for stage in stages:
        begin, used = time.perf_counter(), _used()
        subprocess.run([sys.executable, "-m", "rnnreg", *stage.split()], check=True)
        took = time.perf_counter() - begin
        print(f"{stage}: {took:.0f} s, {_used() - used:.0f} of the processor", flush=True)


def _used() -> float:
    """The processor's seconds of all that ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def small(folder: Path, largest: int = LARGEST) -> None:
    """The sizes of page and paper, printed; AssertionError where one is larger than it may be."""
    for name in ("report.html", "report.pdf"):
        size = (folder / name).stat().st_size
        print(f"{name}: {size / 1e6:.1f} MB", flush=True)
        assert size <= largest, f"{folder / name}: {size} bytes, more than {largest}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
