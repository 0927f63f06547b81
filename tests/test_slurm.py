"""A study through Slurm's own daemons, two nodes on this machine: `make test-slurm`.

As root, with Slurm (Debian: slurm-wlm) and the extra `slurm` installed; skipped with its reason
elsewhere. RNNREG_SLURM_TABLE names a file for what was measured.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from test_workflow import BENCHMARK

from rnnreg.data.transfer import sha256
from rnnreg.study import records, registry

sys.path.insert(0, str(Path(__file__).parent / "slurm"))
import cluster
from starts import Begun, add, begin, jobs, line

pytestmark = pytest.mark.slow
ROWS = 8
STUDY = """
title: Cluster
benchmarks: [elnino, us_macro]
cells: [gru, lstm]
regularizers: [none, l2]
seeds: {evaluation: 2}
search: {trials: 2, survivors: 1, seeds: 1}
budgets:
  elnino: {steps: 300, checks: 4}
  us_macro: {steps: 300, checks: 4}
"""
GROUPS = "group-components: [elnino=4, us_macro=2]\n"
RESOURCES = """
set-resources:
  train:
    runtime: 10
    slurm_partition: "'gpu' if wildcards.benchmark in ('us_macro',) else 'cpu'"
    gres: "'gpu:1' if wildcards.benchmark in ('us_macro',) else ''"
"""
measured = []


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """The cluster, and a folder to work in with the study, its data and the profile."""
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the extra is not installed: pip install 'rnnreg[slurm]'")
    if why := cluster.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("cluster")
    cluster.start(folder / "daemons")
    (folder / "cluster.yaml").write_text(STUDY)
    (folder / "rows.yaml").write_text(STUDY)
    (folder / "cells.yaml").write_text(STUDY + "job: cell\n")
    own = (registry.ROOT / "profiles/slurm/profile.yaml").read_text().replace("4000", "2000")
    alone = own.replace("jobs: 100", "jobs: 3")  # as many at once as there are with groups
    for name, text in (("profile", own + GROUPS), ("alone", alone)):
        (folder / name).mkdir()
        (folder / name / "profile.yaml").write_text(text + RESOURCES)
    yield folder
    cluster.stop(folder / "daemons")
    if measured and (table := os.environ.get("RNNREG_SLURM_TABLE")):
        add(Path(table), measured)


def head(
    folder: Path,
    study: str = "cluster",
    profile: str = "profile",
    root: Path = registry.ROOT,
    **more: str,
) -> subprocess.Popen:
    """The workflow's head, up to the collected table; `more` are variables of its environment."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(root / "Snakefile")]
    command += ["--workflow-profile", profile, "--config", f"study={study}.yaml"]
    variables = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", **more}
    with (folder / "head.log").open("a") as log:
        return subprocess.Popen(
            [*command, "--until", "collect"],
            cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def made(folder: Path, study: str = "cluster") -> dict[str, list[records.Record]]:
    """The records of a study by file, without times."""
    kept = folder / "results" / study / "records"
    own = {str(f.relative_to(kept)): records.read(f) for f in sorted(kept.rglob("[!.]*.jsonl"))}
    return {name: [replace(r, seconds=0.0) for r in found] for name, found in own.items()}


def until(what, limit: float = 900) -> None:
    """Wait for something."""
    end = time.monotonic() + limit
    while not what():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.3)


def running(comment: str) -> list[dict[str, str]]:
    return [j for j in jobs() if j["JobState"] == "RUNNING" and comment in j["Comment"]]


def note(what: str, begun: Begun, folder: Path, study: str = "cluster") -> None:
    """What a run took, for the table."""
    kept = folder / "results" / study / "records"
    measured.append(line(what, begun, kept, jobs()[begun.jobs :]))


@pytest.fixture(scope="module")
def undisturbed(nodes):
    """The study, run once: its records."""
    begun = begin()
    assert head(nodes).wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    note("undisturbed", begun, nodes)
    return made(nodes)


def test_rows_are_jobs_of_several_on_the_partition_that_they_ask_for(nodes, undisturbed):
    assert len(undisturbed) == ROWS
    own = [(j["Comment"], j["Partition"], j["NumCPUs"]) for j in jobs()]
    assert sorted(own) == [
        ("rule_elnino_train", "cpu", "1"),
        *[("rule_us_macro_train", "gpu", "1")] * 2,
    ], "downloads and tables are made beside the head"
    gpu = [j for j in jobs() if j["Partition"] == "gpu"]
    assert all("gres/gpu=1" in j.get("TRES", "") or j.get("TresPerNode") for j in gpu)


@pytest.mark.parametrize(("study", "what", "count"), [("rows", "row", 8), ("cells", "cell", 4)])
def test_a_job_may_be_a_row_or_a_cell(nodes, undisturbed, study, what, count):
    """What it takes beside its training: as many at once as in the undisturbed run."""
    begun = begin()
    assert head(nodes, study, "alone").wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    note(f"a job a {what}", begun, nodes, study)
    own = sorted((j["Comment"], j["Partition"]) for j in jobs()[begun.jobs :])
    half = count // 2
    assert own == [("rule_elnino_train", "cpu")] * half + [("rule_us_macro_train", "gpu")] * half
    assert made(nodes, study) == undisturbed


AWAY = """
title: Away
benchmarks: [wave]
cells: [gru]
regularizers: [none]
seeds: {tuning: 1, evaluation: 2}
"""


def test_the_mirror_and_the_scratch_of_the_head_are_those_of_its_jobs(nodes):
    """A source whose own address nobody answers, and a node that has compiled nothing yet."""
    mirror, scratch, root = nodes / "mirror", nodes / "scratch", nodes / "project"
    for folder in (mirror, scratch):
        folder.mkdir()
    (mirror / "wave.csv").write_text("a sine\n")
    source = f'Download("wave.csv", "http://127.0.0.1:9/wave.csv", "{sha256(mirror / "wave.csv")}")'
    for name in ("rnnreg", "report", "benchmarks"):
        leave = shutil.ignore_patterns("__pycache__", "speed")
        shutil.copytree(registry.ROOT / name, root / name, ignore=leave)
    shutil.copy(registry.ROOT / "Snakefile", root)
    own = BENCHMARK.replace("    citation =", f"    sources = ({source},)\n    citation =")
    own = own.replace("from rnnreg.tasks", "from rnnreg.data import Download\nfrom rnnreg.tasks")
    (root / "benchmarks/wave.py").write_text(own)
    (nodes / "away.yaml").write_text(AWAY)
    before = len(jobs())
    run = head(nodes, "away", "alone", root, RNNREG_MIRROR=str(mirror), XDG_CACHE_HOME=str(scratch))
    assert run.wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    (job,) = jobs()[before:]
    (compiled,) = (scratch / "rnnreg").glob("native-*.so")
    start, end = (datetime.fromisoformat(job[k]).timestamp() for k in ("StartTime", "EndTime"))
    assert start - 1 <= compiled.stat().st_mtime <= end + 1, "by the job, not beside the head"
    ((row, *_),) = made(nodes, "away").values()
    assert row.path == "native"


def test_a_killed_head_comes_back_and_every_row_is_trained_once(nodes, undisturbed):
    shutil.rmtree(nodes / "results")
    begun = begin()
    first = head(nodes)
    until(lambda: running("elnino"))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert running("elnino"), "jobs go on without the head"
    left = {j["JobId"] for j in jobs()[begun.jobs :]}
    again = head(nodes)
    assert again.wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    until(lambda: not [j for j in jobs() if j["JobState"] in ("RUNNING", "PENDING", "COMPLETING")])
    note("head killed", begun, nodes)
    assert made(nodes) == undisturbed
    assert not list((nodes / "results").rglob("*.lock"))
    ended = {j["JobId"]: j["JobState"] for j in jobs()[begun.jobs :]}
    assert {ended[job] for job in left} <= {"CANCELLED", "COMPLETED"}
    assert len(ended) <= 2 * len(left), "what is in the queue once is not submitted twice"


def test_rows_of_a_node_that_fails_are_trained_on_it_again(nodes, undisturbed):
    shutil.rmtree(nodes / "results")
    begun = begin()
    process = head(nodes)
    until(lambda: running("elnino"))
    (job,) = running("elnino")
    time.sleep(5)
    cluster.end(nodes / "daemons/n1.pid", signal.SIGKILL)
    for pid in of_job(job["JobId"]):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    cluster.wait_for("down", "n1")
    cluster.start_node("n1")
    assert process.wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    note("node killed", begun, nodes)
    assert made(nodes) == undisturbed
    assert any(j["JobState"] == "NODE_FAIL" for j in jobs()[begun.jobs :])


def of_job(number: str) -> list[int]:
    """Processes that Slurm started for a job."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "environ").read_bytes().split(b"\0")
            stepd = f"slurmstepd: [{number}" in (folder / "cmdline").read_text()
            if f"SLURM_JOB_ID={number}".encode() in told or stepd:
                found.append(int(folder.name))
    return found
