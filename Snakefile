"""The flow: one rule and one artifact an arrow. Every shell is a command that a person can type.

snakemake --cores all                          the default study
snakemake --cores all --config study=quick     another one: a name, or the path of a YAML file
snakemake ... --config study=quick job=row     a process for each row, or job=cell: all rows of a cell

With `--snakefile` it runs in any folder: data/ and results/ are made there. Whatever comes from a
study or a path is quoted (`:q`) where it enters a shell.
"""

import os
import re
import sys
import time
from pathlib import Path
from shlex import quote

sys.path.insert(0, workflow.basedir)

from rnnreg.study import cluster, lock, owner, status, stop, study as studies
from rnnreg.study.facts import made_from
from rnnreg.study.variants import base
from rnnreg.errors import UserError

# `python -m rnnreg` below is this project's, by the python that runs the workflow, whether or not
# its environment is activated.
before = f"export PATH={quote(str(Path(sys.executable).parent))}:$PATH "
before += f"PYTHONPATH={quote(str(workflow.basedir))}:${{PYTHONPATH:-}}; "
shell.prefix(before.replace("{", "{{").replace("}", "}}"))
HERE = Path(os.path.relpath(workflow.basedir))
ASKED = str(config.get("study", "standard"))
try:
    owner.check_workplace()
    STUDY = studies.read(ASKED).as_jobs(config.get("job"))
    owner.check(STUDY)
    looks = re.compile(
        r"-\w*n\w*|--dry-?run|--lint|--unlock|--summary|--dag|--rulegraph"
    )
    if workflow.is_main_process and not any(map(looks.fullmatch, sys.argv[1:])):
        stop.once()
        shared = [f"data/raw/{base(b)}/sources.json" for b in STUDY.benchmarks]
        shared += [f"data/prepared/{b}.npz" for b in STUDY.benchmarks]
        if lock.hold_workflow(STUDY.name, shared) and (left := cluster.cancel_left()):
            print(f"rnnreg: jobs of a killed head are cancelled: {' '.join(left)}")
except UserError as error:
    sys.exit(f"rnnreg: {error}")
FOLDER = STUDY.folder
BEGAN = time.time()
ROWS = [str(STUDY.records(row)) for row in STUDY.rows]
# A job of rule `train` is one row, or all rows of a benchmark and cell: the study's key `job`, or
# that of the command.
if STUDY.job == "row":
    JOB, TOGETHER = "{benchmark}/{cell}/{regularizer}", ["{regularizer}"]
else:
    JOB, TOGETHER = "{benchmark}/{cell}", STUDY.regularizers


def rows(wildcards):
    """The rows of a job of rule `train`."""
    return [
        r for r in STUDY.rows if all(getattr(r, k) == v for k, v in wildcards.items())
    ]


def starts(wildcards):
    """The records of the rows from whose weights those of a job start."""
    return [str(STUDY.records(r.start)) for r in rows(wildcards) if r.start]


wildcard_constraints:
    benchmark=r"\w+(@\w+)?",
    cell=r"\w+",
    regularizer=r"\w+(\+\w+)*",


# Where jobs are submitted, rows alone are: nodes may have no internet, and the others are short.
localrules:
    all,
    download,
    prepare,
    collect,
    compare,
    draw,
    report,


rule all:
    input:
        ROWS,  # each row, so that a deleted one is made again
        FOLDER / "report.html",


rule download:
    output:
        "data/raw/{benchmark}/sources.json",
    log:
        "data/raw/{benchmark}/download.log",
    retries: 2
    params:
        mirror=["--mirror", STUDY.mirror] if STUDY.mirror else [],
    shell:
        "python -m rnnreg --log {log:q} download {wildcards.benchmark:q} {params.mirror:q}"


rule prepare:
    input:
        lambda w: f"data/raw/{base(w.benchmark)}/sources.json",
        lambda w: HERE / f"benchmarks/{base(w.benchmark)}.py",
    output:
        "data/prepared/{benchmark}.npz",
        "data/prepared/{benchmark}.json",
    log:
        "data/prepared/{benchmark}.log",
    params:
        # prepared anew where it changes
        made_from=lambda w: made_from(w.benchmark, STUDY.variant(w.benchmark)),
        study=lambda w: ["--study", ASKED] if base(w.benchmark) != w.benchmark else [],
    shell:
        "python -m rnnreg --log {log:q} prepare {wildcards.benchmark:q} {params.study:q}"


# `ancient`: data prepared again, the same to the byte, retrains nothing. Data that did change is
# seen by `collect`, which compares hashes. `update`: members that exist already are kept.
# Snakemake starts the jobs with the most data first, so that no long one is left to the end.
rule train:
    input:
        ancient("data/prepared/{benchmark}.npz"),
        ancient("data/prepared/{benchmark}.json"),
        starts,
    output:
        update(
            expand(
                str(FOLDER / "records/{{benchmark}}/{{cell}}/{regularizer}.jsonl"),
                regularizer=TOGETHER,
            )
        ),
    log:
        str(FOLDER / f"logs/{JOB}.log"),
    # On a cluster a benchmark's rows are submitted together, as many as the profile says.
    group:
        lambda w: w.benchmark
    threads: 1
    params:
        study=ASKED,
        regularizers=lambda w: [row.regularizer for row in rows(w)],
        request=lambda w: [row.request for row in rows(w)],
    shell:
        "python -m rnnreg --log {log:q} train {wildcards.benchmark:q} {wildcards.cell:q} {params.regularizers:q}"
        " --study {params.study:q} --threads {threads}"


rule collect:
    input:
        ROWS,
        expand("data/prepared/{benchmark}.json", benchmark=STUDY.benchmarks),
    output:
        FOLDER / "members.parquet",
        FOLDER / "study.json",
    log:
        FOLDER / "logs/collect.log",
    params:
        study=ASKED,
    shell:
        "python -m rnnreg --log {log:q} collect {params.study:q}"


rule compare:
    input:
        rules.collect.output,
        # what the fresh figures are held against, where this study has been published
        published=sorted(Path("results/published", STUDY.name).rglob("*.jsonl")),
    output:
        FOLDER / "selected.csv",
        FOLDER / "comparisons.csv",
        FOLDER / "across.csv",
    log:
        FOLDER / "logs/compare.log",
    params:
        folder=FOLDER,
    shell:
        "python -m rnnreg --log {log:q} compare {params.folder:q}"


rule draw:
    input:
        rules.compare.output,
    output:
        directory(FOLDER / "figures"),
    log:
        FOLDER / "logs/draw.log",
    params:
        folder=FOLDER,
    shell:
        "python -m rnnreg --log {log:q} draw {params.folder:q}"


rule report:
    input:
        rules.compare.output,
        rules.draw.output,
        source=[p for p in sorted((HERE / "report").iterdir()) if p.is_file()],
    output:
        FOLDER / "report.html",
        FOLDER / "report.pdf",
        FOLDER / "report.ipynb",
    log:
        FOLDER / "logs/report.log",
    params:
        folder=FOLDER,
    shell:
        "python -m rnnreg --log {log:q} report --only {params.folder:q}"


onsuccess:
    if (FOLDER / "report.html").is_file():  # not with --until
        print(f"The report: {FOLDER / 'report.html'}")


onerror:
    print(
        f"A step failed. Its log lies under {FOLDER / 'logs'} (or data/); the same command goes on from there."
    )
    steps = [rules.download, rules.prepare, rules.collect, rules.compare]
    steps += [rules.draw, rules.report]
    names = {*STUDY.benchmarks, *map(base, STUDY.benchmarks)}
    outputs = {
        log: expand(step.output, benchmark=name)
        for step in steps
        for name in names
        for log in expand(step.log, benchmark=name)
    }
    print(status.reasons(STUDY, BEGAN, outputs), flush=True)
    for line in cluster.ended(BEGAN):
        print(line)
