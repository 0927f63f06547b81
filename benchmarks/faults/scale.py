"""How large a study may be: 13 data sets, 4 cells, 32 regularizers, 100,000 generated members.

    python benchmarks/faults/scale.py [--folder FOLDER]

Writes results/scale.csv: seconds of the processor and memory of the workflow's head for the job
graph (a dry run), of `status`, and of `collect`; and how many files there are. Nothing is
trained. What an earlier run generated in a folder is taken from there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from rnnreg.study import facts, records, registry
from rnnreg.study import study as studies

sys.path.insert(0, str(registry.ROOT / "tests"))
import synthetic

HERE = Path(__file__).resolve().parent
BENCHMARKS, CELLS, REGULARIZERS = 13, 4, 32
EVALUATION = 38  # seeds, with which a search has some 60 members or more a row
STUDY = """
title: Scale
benchmarks: [{benchmarks}]
cells: [elman_relu, elman_tanh, gru, lstm]
regularizers: [{regularizers}]
seeds: {{evaluation: {evaluation}}}
"""


def study(folder: Path) -> studies.Study:
    """A study file of that size in a folder, read."""
    names = [n for n in registry.shipped("regularizer") if n != "none"][: REGULARIZERS - 1]
    known = sorted(synthetic.BENCHMARKS)[:BENCHMARKS]
    text = STUDY.format(
        benchmarks=", ".join(known), regularizers=", ".join(["none", *names]), evaluation=EVALUATION
    )
    (folder / "scale.yaml").write_text(text)
    return studies.read(str(folder / "scale.yaml"))


def generated(folder: Path, made: studies.Study) -> int:
    """Facts and records of all members, where they are not there yet; how many there are."""
    for benchmark in made.benchmarks:
        facts.write(synthetic.facts(benchmark), benchmark, folder / "data/prepared")
        (folder / f"data/prepared/{benchmark}.npz").touch()
    for row in made.rows:
        if not (folder / made.records(row)).exists():
            records.write(folder / made.records(row), synthetic.row_records(row))
    return sum((folder / made.records(row)).read_bytes().count(b"\n") for row in made.rows)


def measured(what: str, folder: Path, *command: str) -> dict:
    """A command's seconds of the processor and its memory in MiB."""
    variables = {**os.environ, "PYTHONPATH": str(registry.ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / f"{what}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=variables, stdout=log, stderr=log
        )
        _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command} failed; see {log.name}")
    found = {"what": what, "seconds": used.ru_utime + used.ru_stime, "MiB": used.ru_maxrss / 1024}
    print(found, flush=True)
    return found


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path)
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp())
    made = study(folder)
    members = generated(folder, made)
    print(f"{len(made.rows)} rows, {members} members in {folder}", flush=True)
    graph = ["snakemake", "--snakefile", str(registry.ROOT / "Snakefile"), "--cores", "2",
             "--config", "study=scale.yaml", "--dry-run", "--quiet"]  # fmt: skip
    found = [measured("graph", folder, *graph)]
    found.append(measured("status", folder, "rnnreg", "status", "scale.yaml"))
    found.append(measured("collect", folder, "rnnreg", "collect", "scale.yaml"))
    files = [f for f in (folder / "results").rglob("*") if f.is_file()]
    megabytes = sum(f.stat().st_size for f in files) / 1e6
    table = pd.DataFrame(found).assign(
        rows=len(made.rows), members=members, files=len(files), MB=megabytes
    )
    (HERE / "results").mkdir(exist_ok=True)
    table.to_csv(HERE / "results/scale.csv", index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
