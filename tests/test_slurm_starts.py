"""What `make test-slurm` measures with: helpers that need no Slurm."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import synthetic

from rnnreg.study import records

sys.path.insert(0, str(Path(__file__).parent / "slurm"))
import starts

TOLD = """\
JobId=7 JobName=a1b2 UserId=root(0) Comment=rule_elnino_train JobState=COMPLETED RunTime=00:01:05 \
StartTime=2026-11-29T20:00:00 EndTime=2026-11-29T20:01:05 Partition=cpu NumCPUs=1
JobId=8 JobName=a1b2 Comment=rule_trec_train JobState=RUNNING RunTime=1-02:00:03 Partition=gpu

"""


def test_jobs_are_read():
    first, second = starts.read(TOLD)
    assert (first["Comment"], first["Partition"]) == ("rule_elnino_train", "cpu")
    assert [starts.seconds(j["RunTime"]) for j in (first, second)] == [65, 93603]
    assert starts.read("No jobs in the system\n") == []


def test_the_share_that_is_idle(monkeypatch):
    #             user nice system idle iowait irq softirq steal
    times = iter([[10, 10, 10, 500, 50, 0, 0, 0], [20, 20, 20, 560, 60, 0, 0, 0]])
    monkeypatch.setattr(starts, "_times", lambda: next(times))
    assert starts.idle(0) == 0.7


def test_the_share_is_that_of_this_machine():
    assert 0 <= starts.idle(0.05) <= 1


@pytest.mark.parametrize(("share", "where"), [(0.95, " on idle cores"), (0.5, "")])
def test_what_a_row_takes_beside_its_training(share, where, tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    study = synthetic.study("small", ("elnino",), ("gru",), ("none", "l2"), 2, 3)
    synthetic.write(tmp_path, study)
    for row in study.rows:
        file = study.records(row)
        found = records.read(file)
        records.write(file, [replace(r, seconds=20 / len(found)) for r in found])
    begun = starts.Begun(time.monotonic() - 100, 0, share)
    own = [{"RunTime": "00:00:27"}, {"RunTime": "00:00:33"}]
    found = starts.line("a job a row", begun, Path("results/small/records"), own)
    assert found.pop("wall") == pytest.approx(100, abs=10)
    assert found.pop("training") == pytest.approx(40)
    assert found.pop("overhead a row") == pytest.approx(10)
    assert found == {"what": f"a job a row{where}", "rows": 2, "jobs": 2, "in jobs": 60}


def test_a_line_takes_the_place_of_its_own_alone(tmp_path):
    table = tmp_path / "slurm.csv"
    starts.add(
        table, [{"what": "a", "rows": 8, "wall": 1.0}, {"what": "b", "rows": 8, "wall": 2.5}]
    )
    starts.add(table, [{"what": "a", "rows": 4, "wall": 3.0}])
    assert pd.read_csv(table).to_dict("records") == [
        {"what": "b", "rows": 8, "wall": 2.5},
        {"what": "a", "rows": 4, "wall": 3.0},
    ]
