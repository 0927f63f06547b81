"""The workflow on a tiny study in a copy of the project: what reruns, survives, is refused."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rnnreg.study import records, registry, status
from rnnreg.study import study as studies

BENCHMARK = '''
"""A sine that two steps of training see."""
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
    budget = Budget(steps=4, batch=4, checks=2)

    def prepare(self, raw):
        rng = np.random.default_rng(0)
        wave = np.sin(np.arange(240)[:, None]) + rng.normal(0, 0.1, (240, 1))
        parts = [{"series": p.astype(np.float32)} for p in (wave[:120], wave[120:180], wave[180:])]
        return Splits(*parts)
'''
STUDY = """
title: Tiny
benchmarks: [wave]
cells: [elman_tanh, gru]
regularizers: [l2, none]
mine: true
job: cell
seeds: {tuning: 1, evaluation: 2}
mirror: "/it's a; touch pwned #"
"""
MINE = '''
"""A regularizer of one's own."""
from rnnreg.regularizers.base import Regularizer, matrices

class Mine(Regularizer):
    """Half of the squared weights."""
    title = "mine"
    source = "this test, 2026"
    strengths = (1e-3,)

    def penalty(self, weights, trace):
        return 0.5 * self.strength * sum(w.square().flatten(1).sum(1) for w in matrices(weights))
'''
FAULT = """
from pathlib import Path
if not Path("mended").exists():
    raise RuntimeError("not mended yet")
"""
KILLED = """
import os, signal
from pathlib import Path
if not Path("spared").exists():
    os.kill(os.getpid(), signal.SIGKILL)
"""
SLOW = """
import time
from pathlib import Path
from rnnreg.study import stop
with stop.afterwards():
    Path("begun").touch()
    time.sleep(2)
"""
ENVIRONMENT = "an env; $(touch pwned) 'it"  # a path that a shell would take apart
ONE = "results/tiny/records/wave/gru/l2.jsonl"
TABLE = "results/tiny/members.parquet"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with a benchmark and a study of its own; the study has run once."""
    copy = tmp_path_factory.mktemp("it's my project")
    for name in ("rnnreg", "report", "profiles", "benchmarks"):
        leave = shutil.ignore_patterns("__pycache__", "*.so", "speed")
        shutil.copytree(registry.ROOT / name, copy / name, ignore=leave)
    shutil.copy(registry.ROOT / "Snakefile", copy)
    (copy / "benchmarks/wave.py").write_text(BENCHMARK)
    (copy / "benchmarks/studies/tiny.yaml").write_text(STUDY)
    environment(copy / ENVIRONMENT)
    done = snakemake(copy, TABLE)
    assert done.returncode == 0, done.stderr
    assert jobs(done) == {"train": 2, "collect": 1, "download": 1, "prepare": 1}
    assert not list(copy.rglob("pwned")), "no shell has run what paths or the mirror say"
    return copy


def environment(folder: Path) -> None:
    """This interpreter and its packages, under another path."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    home = Path(sys.executable).parents[1]
    if (home / "pyvenv.cfg").exists():
        shutil.copy(home / "pyvenv.cfg", folder)
        (folder / "lib").symlink_to(home / "lib")


def start(
    copy: Path, *targets: str, study: str = "tiny", folder: str = ".", job: str = ""
) -> subprocess.Popen:
    command = [str(copy / ENVIRONMENT / "bin/python"), "-m", "snakemake", "--cores", "2"]
    command += ["--snakefile", str(copy / "Snakefile"), "--config", f"study={study}"]
    command += [f"job={job}", "--"] if job else ["--"]
    return subprocess.Popen(
        [*command, *targets], cwd=copy / folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def snakemake(copy: Path, *targets: str, **where: str) -> subprocess.CompletedProcess:
    process = start(copy, *targets, **where)
    out, err = process.communicate(timeout=280)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def jobs(done: subprocess.CompletedProcess) -> dict[str, int]:
    """How many jobs of each rule a run had, from its own table."""
    rules = "train|collect|download|prepare|compare|draw|report"
    table = re.findall(rf"^({rules})\s+(\d+)$", done.stdout + done.stderr, flags=re.M)
    return {rule: int(count) for rule, count in table}


def row_files(copy: Path, end: str = ".jsonl") -> dict[str, bytes]:
    """Name and bytes of each row's records; the seconds in them tell one training from another."""
    folder = copy / "results/tiny/records"
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob(f"*{end}"))}


@pytest.mark.parametrize(
    ("study", "told"),
    [
        ("5", "rnnreg: study: unknown '5'. Known: "),  # which snakemake takes for a number
        ("$(touch pwned).yaml", "rnnreg: $(touch pwned).yaml: '$(touch pwned)' cannot name"),
        ("tiny job=rows", "rnnreg: --config job: unknown 'rows'; did you mean 'row'?"),
    ],
)
def test_a_faulty_study_is_one_message(project, study, told):
    study, _, job = study.partition(" job=")
    done = snakemake(project, study=study, job=job)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(project.rglob("pwned"))


def test_in_another_folder_with_a_study_of_ones_own(project):
    """The clone stays as it is; data and results lie where the command runs."""
    study = project / "elsewhere" / "it's; $(touch pwned)" / "my study.yaml"
    study.parent.mkdir(parents=True)
    study.write_text(STUDY)
    written = {f for f in project.rglob("*") if "__pycache__" not in f.parts}
    row = "results/my study/records/wave/gru/none.jsonl"
    relative = str(study.relative_to(project / "elsewhere"))
    done = snakemake(project, row, study=relative, folder="elsewhere")
    assert done.returncode == 0, done.stderr
    assert (project / "elsewhere" / row).is_file()
    assert (project / "elsewhere/data/prepared/wave.npz").is_file()
    new = {f for f in project.rglob("*") if "__pycache__" not in f.parts} - written
    assert all(f.is_relative_to(project / "elsewhere") for f in new)
    assert not [f for f in new if f.name == "pwned"]


def test_again_nothing_is_done(project):
    done = snakemake(project, TABLE)
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_deleted_row_is_trained_again_and_no_other_of_its_job(project):
    before = row_files(project)
    (project / ONE).unlink()
    done = snakemake(project, ONE)
    assert done.returncode == 0, done.stderr
    assert jobs(done)["train"] == 1
    after = row_files(project)
    assert {n for n in before if before[n] != after[n]} == {"wave/gru/l2.jsonl"}


def test_jobs_of_one_row_take_up_what_jobs_of_a_cell_made(project):
    """A command chooses the kind of job, against what the study says."""
    before = row_files(project)
    (project / ONE).unlink()
    done = snakemake(project, ONE, "results/tiny/records/wave/gru/none.jsonl", job="row")
    assert done.returncode == 0, done.stderr
    assert jobs(done) == {"train": 2}
    after = row_files(project)
    assert {n for n in before if before[n] != after[n]} == {"wave/gru/l2.jsonl"}


def test_a_row_that_fails_does_not_lose_the_others_of_its_job(project):
    shutil.rmtree(project / "results/tiny/records/wave/gru")
    rows = [ONE, *(ONE.replace("l2", name) for name in ("faulty", "none"))]
    faulty = project / "rnnreg/regularizers/faulty.py"
    faulty.write_text(MINE.replace("Mine", "Faulty") + FAULT)
    done = snakemake(project, *rows)
    assert done.returncode == 1
    log = (project / "results/tiny/logs/wave/gru.log").read_text()
    assert "RuntimeError: not mended yet" in log, "where it failed"
    last = done.stdout.strip().splitlines()[-2:]
    assert last == [
        "failed: wave/gru/faulty: not mended yet",
        "  more: cat results/tiny/logs/wave/gru.log",
    ]
    assert "rnnreg: train: 1 of 3 rows failed" in done.stderr, "as it happens, too"
    assert "rnnreg: train: 1 of 3 rows failed, the others are done:\n  wave/gru/faulty: " in log
    kept = row_files(project, ".partial")
    (project / "mended").touch()
    done = snakemake(project, *rows)
    assert done.returncode == 0, done.stderr
    after = row_files(project)
    for name in ("wave/gru/l2.jsonl", "wave/gru/none.jsonl"):
        folder, _, file = name.rpartition("/")
        assert after[name] == kept[f"{folder}/.{file}.partial"], name
    assert not row_files(project, ".partial")
    for file in (faulty, *project.glob("results/tiny/records/wave/*/faulty.jsonl")):
        file.unlink()
    assert snakemake(project, TABLE).returncode == 0
    assert row_files(project).items() <= after.items(), "nothing is trained where a row went"


def test_a_row_that_is_killed_says_so_at_last(project):
    """As the system does it for want of memory; the next attempt, and the next command, go on."""
    deadly = project / "rnnreg/regularizers/deadly.py"
    deadly.write_text(MINE.replace("Mine", "Deadly") + KILLED)
    row = ONE.replace("l2", "deadly")
    done = snakemake(project, row)
    assert done.returncode == 1
    reason, more = done.stdout.strip().splitlines()[-2:]
    assert reason.startswith("failed: wave/gru/deadly: killed by signal 9 (SIGKILL), most likely ")
    assert " GiB at the most. What it saved is kept. Remedy: fewer at once (snakemake" in reason
    assert more == "  more: cat results/tiny/logs/wave/gru.log"
    assert done.stderr.count("rnnreg: wave/gru/deadly: killed by signal 9") == 2, "as it happens"
    told = (project / "results/tiny/logs/wave/gru.log").read_text()
    assert told.endswith("then the same command again.\n")
    (project / "spared").touch()
    done = snakemake(project, row)
    assert done.returncode == 0, done.stderr
    assert not list(project.glob("results/tiny/records/**/*.failed"))
    after = row_files(project)
    for file in (deadly, *project.glob("results/tiny/records/wave/*/deadly.jsonl")):
        file.unlink()
    assert snakemake(project, TABLE).returncode == 0
    assert row_files(project).items() <= after.items(), "nothing is trained where a row went"


def test_a_comment_retrains_nothing_and_an_edit_only_its_rows(project):
    file = project / "rnnreg/regularizers/l2.py"
    text, before = file.read_text(), row_files(project)
    file.write_text("# A comment.\n" + text)
    assert "train" not in jobs(snakemake(project, TABLE))
    file.write_text(text.replace("w.square()", "(1.5 * w.square())"))
    done = snakemake(project, TABLE)
    assert done.returncode == 0, done.stderr
    assert jobs(done)["train"] == 2
    after = row_files(project)
    assert {n for n in before if before[n] != after[n]} == {
        "wave/elman_tanh/l2.jsonl",
        "wave/gru/l2.jsonl",
    }


def test_a_new_regularizer_trains_its_rows_and_is_in_the_report(project):
    before = row_files(project)
    (project / "rnnreg/regularizers/mine.py").write_text(MINE)
    done = snakemake(project)
    assert done.returncode == 0, done.stderr
    assert jobs(done)["train"] == 2
    after = row_files(project)
    assert set(after) - set(before) == {"wave/elman_tanh/mine.jsonl", "wave/gru/mine.jsonl"}
    assert all(after[n] == before[n] for n in before)
    assert "mine" in (project / "results/tiny/comparisons.csv").read_text()
    assert ">mine<" in (project / "results/tiny/report.html").read_text()


def test_more_seeds_keep_the_members_there_are(project):
    study, before = project / "benchmarks/studies/tiny.yaml", row_files(project)
    study.write_text(STUDY.replace("evaluation: 2", "evaluation: 3"))
    done = snakemake(project, TABLE)
    assert done.returncode == 0, done.stderr
    for name, text in row_files(project).items():
        lines = text.splitlines()
        assert set(before[name].splitlines()) < set(lines), "all that were there, and new ones"


def test_a_stale_record_is_refused_with_the_command_that_renews_it(project):
    row = project / "results/tiny/records/wave/gru/none.jsonl"
    text = row.read_text()
    records.write(row, [replace(r, fingerprint="0" * 16) for r in records.read(row)])
    found = rnnreg(project, "collect", "tiny")
    row.write_text(text)
    assert found.returncode == 2
    assert "wave/gru/none" in found.stderr
    assert "python -m rnnreg train --study tiny wave gru none" in found.stderr
    assert "Traceback" not in found.stderr
    assert rnnreg(project, "collect", "tiny").returncode == 0


def test_further_interrupts_while_jobs_stop_end_in_no_traceback(project):
    """As an impatient Ctrl-C sends them, to all processes; snakemake waits for its jobs."""
    slow = project / "rnnreg/regularizers/slow.py"
    slow.write_text(MINE.replace("Mine", "Slow") + SLOW)
    process = start(project, ONE.replace("l2", "slow"))
    deadline = time.monotonic() + 120
    while not (project / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.4)
    _, told = process.communicate(timeout=60)
    slow.unlink()
    assert process.returncode == 1
    assert "rnnreg: stopped by SIGINT; what was finished is kept." in told
    assert "Traceback" not in told


def test_after_a_kill_the_finished_rows_are_kept(project):
    """kill -9 of everything in the middle; the same command then does the rest."""
    file = project / "benchmarks/wave.py"
    shutil.rmtree(project / "results/tiny/records")
    file.write_text(BENCHMARK.replace("steps=4", "steps=300").replace("checks=2", "checks=3"))
    process = start(project, TABLE)
    deadline = time.monotonic() + 120
    while not row_files(project) and time.monotonic() < deadline:  # until a job has made a row
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    finished = row_files(project)
    assert 0 < len(finished) < 6
    assert list(project.glob(".snakemake/locks/*.lock")), "snakemake's own lock has stayed"
    again = snakemake(project, TABLE)
    assert again.returncode == 0, again.stderr
    after = row_files(project)
    assert len(after) == 6
    assert all(after[n] == finished[n] for n in finished), "no finished member is trained again"
    assert not list(project.glob("results/tiny/records/**/*.part*"))


def test_rows_trained_by_hand_are_taken_up(project):
    (project / "benchmarks/wave.py").write_text(BENCHMARK)
    asked = row_files(project).keys()
    shutil.rmtree(project / "results/tiny/records")
    shutil.rmtree(project / ".snakemake")
    done = rnnreg(project, "train", "--study", "tiny", "--missing")
    assert done.returncode == 0, done.stderr
    before = row_files(project)
    assert before.keys() == asked
    assert "train" not in jobs(snakemake(project, TABLE))
    assert row_files(project) == before


def test_the_reason_is_the_last_that_a_step_that_fails_says(project):
    file = project / "benchmarks/wave.py"
    (project / "data/prepared/wave.npz").unlink()
    fault = (
        'from rnnreg.errors import UserError\n        raise UserError("no sine.\\nRemedy: one.")'
    )
    file.write_text(BENCHMARK.replace("rng =", f"{fault}\n        rng =", 1))
    done = snakemake(project, TABLE)
    file.write_text(BENCHMARK)
    assert done.returncode == 1
    assert done.stdout.strip().splitlines()[-3:] == [
        "failed: benchmarks/wave.py: prepare: no sine.",
        "Remedy: one.",
        "  more: cat data/prepared/wave.log",
    ]


SAID = {
    "rnnreg: a warning\nwave\nrnnreg: no sine.\nRemedy: one.\n": "no sine.\nRemedy: one.",
    "rnnreg: a warning\nTraceback (most recent call last):\n  in f\nKeyError: 1\n": "KeyError: 1",
    "Killed\n": "Killed",
    "": "its log is empty",
}


@pytest.mark.parametrize("said", SAID)
def test_a_log_ends_with_the_reason(said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a step's.log").write_text(said)
    study = studies.read("quick")
    found = status.reasons(study, 0.0, {"a step's.log": ["table.csv"], "other.log": ["none"]})
    assert found == f"failed: {SAID[said]}\n  more: cat 'a step'\"'\"'s.log'"
    Path("table.csv").touch()
    assert status.reasons(study, 0.0, {"a step's.log": ["table.csv"]}) == "", "it is made"
    Path("table.csv").unlink()
    later = time.time() + 60
    assert status.reasons(study, later, {"a step's.log": ["table.csv"]}) == "", "of a run before"


def rnnreg(copy: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "rnnreg", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(
        command, cwd=copy, env=variables, capture_output=True, text=True, check=False
    )
