"""A study through Slurm's own daemons, two nodes on this machine: `make test-slurm`.

As root, with Slurm (Debian: slurm-wlm) and the extra `slurm` installed; skipped with its reason
elsewhere. RNNREG_SLURM_TABLE names a file for what was measured.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from rnnreg.study import records, registry

sys.path.insert(0, str(Path(__file__).parent / "slurm"))
import cluster

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
PROFILE = """
group-components: [elnino=4, us_macro=2]
set-resources:
  train:
    runtime: 10
    slurm_partition: "'gpu' if wildcards.benchmark in ('us_macro',) else 'cpu'"
    gres: "'gpu:1' if wildcards.benchmark in ('us_macro',) else ''"
"""
RECORDS = Path("results/cluster/records")
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
    own = (registry.ROOT / "profiles/slurm/profile.yaml").read_text()
    (folder / "profile").mkdir()
    (folder / "profile/profile.yaml").write_text(own.replace("4000", "2000") + PROFILE)
    yield folder
    cluster.stop(folder / "daemons")
    if measured and (table := os.environ.get("RNNREG_SLURM_TABLE")):
        pd.DataFrame(measured).to_csv(table, index=False, float_format="%.4g")


def head(folder: Path) -> subprocess.Popen:
    """The workflow's head, up to the collected table."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(registry.ROOT / "Snakefile")]
    command += ["--workflow-profile", "profile", "--config", "study=cluster.yaml"]
    variables = {**os.environ, "PYTHONPATH": str(registry.ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "head.log").open("a") as log:
        return subprocess.Popen(
            [*command, "--until", "collect"],
            cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def jobs() -> list[dict[str, str]]:
    """Slurm's jobs, the finished ones too."""
    told = subprocess.run(
        ["scontrol", "-o", "show", "job"], capture_output=True, text=True, check=True
    ).stdout
    return [dict(re.findall(r"(\w+)=(\S+)", line)) for line in told.splitlines() if "=" in line]


def made(folder: Path) -> dict[str, list[records.Record]]:
    files = sorted((folder / RECORDS).rglob("[!.]*.jsonl"))
    own = {str(f.relative_to(folder / RECORDS)): records.read(f) for f in files}
    return {name: [replace(r, seconds=0.0) for r in found] for name, found in own.items()}


def seconds(told: str) -> int:
    """Slurm's D-HH:MM:SS."""
    days, _, clock = told.rpartition("-")
    hours, minutes, rest = map(int, clock.split(":"))
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + rest


def until(what, limit: float = 900) -> None:
    """Wait for something."""
    end = time.monotonic() + limit
    while not what():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.3)


def running(comment: str) -> list[dict[str, str]]:
    return [j for j in jobs() if j["JobState"] == "RUNNING" and comment in j["Comment"]]


def note(what: str, begun: float, folder: Path, before: int) -> None:
    """What a run took: the time in jobs that no row trained is what a row costs beyond itself."""
    own = jobs()[before:]
    spent = sum(seconds(j["RunTime"]) for j in own)
    trained = sum(
        r.seconds for f in (folder / RECORDS).rglob("[!.]*.jsonl") for r in records.read(f)
    )
    measured.append(
        {"what": what, "rows": ROWS, "jobs": len(own), "wall": time.monotonic() - begun,
         "in jobs": spent, "training": trained, "overhead a row": (spent - trained) / ROWS}
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(nodes):
    """The study, run once: its records."""
    begun, before = time.monotonic(), len(jobs())
    assert head(nodes).wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    note("undisturbed", begun, nodes, before)
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


def test_a_killed_head_comes_back_and_every_row_is_trained_once(nodes, undisturbed):
    shutil.rmtree(nodes / "results")
    begun, before = time.monotonic(), len(jobs())
    first = head(nodes)
    until(lambda: running("elnino"))
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert running("elnino"), "jobs go on without the head"
    left = {j["JobId"] for j in jobs()[before:]}
    again = head(nodes)
    assert again.wait(1800) == 0, (nodes / "head.log").read_text()[-3000:]
    until(lambda: not [j for j in jobs() if j["JobState"] in ("RUNNING", "PENDING", "COMPLETING")])
    note("head killed", begun, nodes, before)
    assert made(nodes) == undisturbed
    assert not list((nodes / RECORDS).rglob("*.lock"))
    ended = {j["JobId"]: j["JobState"] for j in jobs()[before:]}
    assert {ended[job] for job in left} <= {"CANCELLED", "COMPLETED"}
    assert len(ended) <= 2 * len(left), "what is in the queue once is not submitted twice"


def test_rows_of_a_node_that_fails_are_trained_on_it_again(nodes, undisturbed):
    shutil.rmtree(nodes / "results")
    begun, before = time.monotonic(), len(jobs())
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
    note("node killed", begun, nodes, before)
    assert made(nodes) == undisturbed
    assert any(j["JobState"] == "NODE_FAIL" for j in jobs()[before:])


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
