"""A row's members in several processes: the same numbers, and nothing lost where one dies."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from own import CSV, add

from rnnreg.cli import main
from rnnreg.study import records
from rnnreg.training import population

OPTIONS = ["--steps", "40", "--seeds", "3", "--tuning-seeds", "2", "--strengths", "1e-4,1e-2"]
ROW = ["train", "house", "gru", "l2", *OPTIONS]
FILE = Path("results/by_hand/records/house/gru/l2.jsonl")


@pytest.fixture
def house(project):
    add(project, "house", CSV)
    assert main(["download", "house"]) == 0
    assert main(["prepare", "house"]) == 0


def members() -> dict:
    """The records of the row, without what is measured of time."""
    return {r.member: replace(r, seconds=0.0, content="") for r in records.read(FILE)}


def left() -> list[str]:
    return [f.name for f in FILE.parent.iterdir() if f.name.startswith(".") and "part" in f.name]


@pytest.fixture
def alone(house):
    """The records of the row trained in this process."""
    assert main([*ROW, "--device", "cpu"]) == 0
    found = members()
    FILE.unlink()
    return found


@pytest.mark.parametrize("devices", ["cpu,cpu", "cpu," * 8 + "cpu"])
def test_members_in_several_processes_are_the_same_to_the_bit(alone, devices, monkeypatch):
    pids = Path("pids")
    start = population.Population.__init__

    def noted(self, *given):
        with pids.open("a") as opened:
            opened.write(f"{os.getpid()}\n")
        start(self, *given)

    monkeypatch.setattr(population.Population, "__init__", noted)
    assert main([*ROW, "--devices", devices]) == 0
    assert members() == alone
    assert left() == []
    trained = set(pids.read_text().split())
    assert str(os.getpid()) not in trained
    assert len(trained) >= 4, "of both phases"


def test_a_process_that_is_killed_costs_no_finished_member(alone, capsys, monkeypatch):
    step, died = population.Population.step, Path("died")

    def dying(self):
        if self.done == 20 and 1 in self.all_seeds and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        step(self)

    monkeypatch.setattr(population.Population, "step", dying)
    assert main([*ROW, "--devices", "cpu,cpu,cpu,cpu"]) == 2
    told = capsys.readouterr().err
    assert "house/gru/l2: " in told
    assert "of 4 processes failed:" in told
    assert "killed by signal 9 (SIGKILL), most likely for want of memory" in told
    kept = [name for name in left() if name.endswith(".jsonl")]
    assert kept
    trained = []
    start = population.Population.__init__

    def noted(self, job, strengths, seeds, *more):
        trained.append((strengths, seeds))
        start(self, job, strengths, seeds, *more)

    monkeypatch.setattr(population.Population, "__init__", noted)
    assert main([*ROW, "--device", "cpu"]) == 0, "without parts, too"
    assert members() == alone
    assert sum(len(seeds) for _, seeds in trained) < len(alone), "some were there"
    assert left() == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--devices", "cpu,gpu"], "--devices cpu,gpu: unknown 'gpu'. This torch has cpu"),
        (["--devices", "cpu,"], "--devices cpu,: unknown ''."),
        (["--devices", "99"], "--devices 99: unknown 'cuda:99'."),
        (["--devices", "cpu", "--device", "cpu"], "given beside --device; rows train one after"),
        (["--devices", "cpu", "--jobs", "2"], "given beside --jobs; rows train one after another"),
    ],
)
def test_devices_that_cannot_be(house, capsys, given, told):
    assert main([*ROW, *given]) == 2
    assert told in capsys.readouterr().err


def test_what_parts_left_of_other_settings_is_not_taken(alone):
    """A part that a killed run left, and a row that asks for other settings since."""
    assert main([*ROW, "--device", "cpu"]) == 0
    stale = [replace(r, fingerprint="another") for r in records.read(FILE)]
    FILE.unlink()
    for number in range(2):
        records.write(FILE.with_name(f".l2.jsonl.part{number}.jsonl"), stale)
    assert main([*ROW, "--devices", "cpu,cpu"]) == 0
    assert members() == alone
    assert left() == []
