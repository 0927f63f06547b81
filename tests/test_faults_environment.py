"""A poor environment, clocks that jump and devices that fail change no record."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_checkpoint import but_time
from test_kept import STUDY, TRAIN, prepared, run  # noqa: F401

from rnnreg.study import records, registry, status
from rnnreg.study import study as studies
from rnnreg.training.population import Population

ROW = Path("results/tiny/records/wave/gru/l2.jsonl")
PROGRAM = """
import os, sys, tempfile
from pathlib import Path
os.umask(0o077)
tempfile.tempdir = os.environ["TMPDIR"]  # nor can any other folder for temporary files be written
from rnnreg.study import registry
registry.FOLDERS["benchmark"] = Path(sys.argv[1])
from rnnreg.cli import main
sys.exit(main(sys.argv[2:]))
"""


def made() -> list[records.Record]:
    return but_time(records.read(ROW))


def test_without_home_and_temporary_files_in_ascii_under_a_strange_path(
    run,  # noqa: F811
    prepared,  # noqa: F811
    tmp_path,
):
    """No HOME, a TMPDIR that is not there, locale C, umask 077, Windows lines, $() in the path."""
    folder = tmp_path / "it's é; $(touch pwned) ✓"
    folder.mkdir()
    (folder / "data").symlink_to(prepared / "data")
    (folder / "tiny.yaml").write_bytes(STUDY.replace("\n", "\r\n").encode())
    poor = {"PATH": os.environ["PATH"], "PYTHONPATH": str(registry.ROOT), "LC_ALL": "C",
            "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "HOME": "/proc/none",
            "TMPDIR": "/proc/none", "OMP_NUM_THREADS": "1"}  # fmt: skip
    command = [sys.executable, "-c", PROGRAM, str(prepared), "train", "--study", "tiny.yaml"]
    command += ["wave", "gru", "l2"]
    done = subprocess.run(command, cwd=folder, env=poor, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(b"no compiled time loop") == 1
    if shutil.which("c++"):
        assert b"no folder to keep it in; XDG_CACHE_HOME or TMPDIR may name one" in done.stderr
    assert (folder / ROW).stat().st_mode & 0o077 == 0, "the user's umask holds"
    assert not list(tmp_path.rglob("pwned"))
    assert run(STUDY, *TRAIN) == 0
    found = records.read(folder / ROW)
    assert {r.path for r in found} == {"plain"}
    assert [r.member for r in found] == [r.member for r in made()]
    losses = [[r.scores["final"]["validation"]["loss"] for r in some] for some in (found, made())]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4), "without the compiled loop, to rounding"


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_clock_that_jumps(run, jump, monkeypatch):  # noqa: F811
    assert run(STUDY, *TRAIN) == 0
    undisturbed = made()
    ROW.unlink()
    clock, step = time.time, Population.step

    def jumps(self):
        monkeypatch.setattr(time, "time", lambda: clock() + jump)
        return step(self)

    with monkeypatch.context() as patch:
        patch.setattr(Population, "step", jumps)
        assert run(STUDY, *TRAIN) == 0
    assert made() == undisturbed
    assert all(0 < r.seconds < 600 for r in records.read(ROW))


def test_a_clock_that_was_set_back_does_not_keep_a_dead_row_running(run):  # noqa: F811
    assert run(STUDY, *TRAIN) == 0
    study = studies.read("tiny.yaml")
    minute_ago = time.time() - 60  # two files written at once may have one time
    os.utime(study.records(study.rows[1]), (minute_ago, minute_ago))
    unfinished = study.unfinished(study.rows[1])
    unfinished.touch()
    assert status.state(study, study.rows[1]).word == "running"
    later = time.time() + 3600
    os.utime(unfinished, (later, later))
    assert status.state(study, study.rows[1]).word == "interrupted"


def test_an_error_of_the_gpu_costs_its_population_alone(run, capsys, monkeypatch):  # noqa: F811
    assert run(STUDY, *TRAIN) == 0
    undisturbed = made()
    ROW.unlink()
    train, calls = Population.run, []

    def broken(self, watch=None):
        calls.append(len(self.strengths))
        if len(calls) > 1:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        train(self, watch)

    with monkeypatch.context() as patch:
        patch.setattr(Population, "run", broken)
        with pytest.raises(RuntimeError, match="CUDA error"):
            run(STUDY, "train", "--study", "{file}", "wave", "gru", "l2")
    study = studies.read("tiny.yaml")
    assert "CUDA error: an illegal memory access" in study.failed(study.rows[1]).read_text()
    kept = [json.loads(line)["phase"] for line in study.unfinished(study.rows[1]).open()]
    assert kept == ["tune"] * calls[0]
    trained = []
    monkeypatch.setattr(
        Population, "run", lambda self, watch=None: trained.append(self) or train(self, watch)
    )
    assert run(STUDY, "retry", "{file}") == 0
    assert len(trained) == 1, "what was tuned is kept"
    assert made() == undisturbed
