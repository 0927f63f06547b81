"""Damaged bytes are refused or seen through: many small damages, and no other exception.

RNNREG_FUZZ is how many of each kind, RNNREG_FUZZ_SEED which ones: here the same few each time, in
`make test-faults` many, and others each time.
"""

import json
import os
import random
import shutil
import textwrap
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import synthetic
from own import CSV, TEXT, add, make
from test_study import GOOD, PIECES

from rnnreg.analysis.collect import collect
from rnnreg.analysis.results import load
from rnnreg.data import prepared, read_csv
from rnnreg.errors import UserError
from rnnreg.study import facts, records, study

COUNT = int(os.environ.get("RNNREG_FUZZ", "60"))
SEED = int(os.environ.get("RNNREG_FUZZ_SEED", "0"))
FOREIGN = (b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x1f\x8b\x08", b"<html>", b"\0" * 64, b"\xff\xfe")


@pytest.fixture(autouse=True)
def _seed():
    """Shown with a failure, and only then."""
    print(f"the same damages again: RNNREG_FUZZ={COUNT} RNNREG_FUZZ_SEED={SEED}")


def damages(data: bytes):
    """Flipped bits, cuts, holes, doublings, other files' bytes: one to three each."""
    draw = random.Random(SEED)
    yield from (b"", data[: len(data) // 2], *FOREIGN)
    for _ in range(COUNT):
        found = bytearray(data)
        for _ in range(draw.randint(1, 3)):
            at, long = draw.randrange(len(found) + 1), draw.randint(1, 40)
            kind = draw.randrange(5)
            if kind == 0 and at < len(found):
                found[at] ^= 1 << draw.randrange(8)
            elif kind == 1:
                del found[at:]
            elif kind == 2:
                del found[at : at + long]
            elif kind == 3:
                found[at:at] = found[max(at - long, 0) : at]
            else:
                found[at : at + long] = draw.choice(FOREIGN)
        yield bytes(found)


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    """A study with records and tables, made once; each test damages a copy."""
    root = tmp_path_factory.mktemp("collected")
    with pytest.MonkeyPatch.context() as patch:
        synthetic.use(patch, root)
        small = synthetic.study("small", ("elnino",), ("gru",), ("none", "l2"), 2, 3)
        synthetic.write(root, small)
        collect(small)
    return root, small


@pytest.fixture
def copied(collected, tmp_path, monkeypatch):
    root, small = collected
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    synthetic.use(monkeypatch, tmp_path)
    return small


def test_a_record_is_whole_or_no_record(copied):
    """What is read of a damaged file is some of what was written, never another number."""
    file = copied.records(copied.rows[1])
    whole = records.read(file)
    for data in damages(file.read_bytes()):
        file.write_bytes(data)
        found = records.read(file, tell=lambda *fault: None)
        assert all(record in whole for record in found)


@pytest.mark.parametrize("name", ["study.json", "members.parquet"])
def test_a_collected_table_is_whole_or_refused(copied, name):
    file = Path("results/small") / name
    whole = file.read_bytes()
    members = load("results/small").members
    for data in damages(whole):
        file.write_bytes(data)
        try:
            found = load("results/small").members
        except UserError as error:
            assert error.args[0].endswith("Remedy: python -m rnnreg collect small")  # noqa: PT017
        else:
            assert found.equals(members)
            assert data == whole or json.loads(data) == json.loads(whole)


def test_a_collection_whose_hashes_are_lost_is_refused(copied):
    """One cut takes the end of one key and the start of the other: neither is there."""
    file = Path("results/small/study.json")
    found = json.loads(file.read_text())
    lost = {"mcontent": found.pop("content")}
    del found["members"]
    file.write_text(json.dumps({**found, **lost}))
    with pytest.raises(UserError, match=r"edited or damaged.* Remedy: .* collect small"):
        load("results/small")


def test_a_kill_between_the_two_files_of_a_collection_is_told(copied):
    file = Path("results/small/members.parquet")
    row = copied.records(copied.rows[1])
    before = file.read_bytes()
    records.write(row, [replace(r, seconds=9.0) for r in records.read(row)])
    collect(copied)
    file.write_bytes(before)
    with pytest.raises(UserError, match=r"not the one that study.json beside it was written with"):
        load("results/small")


def test_a_statistics_table_is_read_or_refused(copied):
    file = Path("results/small/across.csv")
    for data in damages(b'regularizer,effect\nl2,0.5\n\xc3\xa9,"1,5"\n'):
        file.write_bytes(data)
        with suppress(UserError):
            load("results/small").read("across")


def test_facts_are_whole_or_refused(copied):
    folder = Path("data/prepared")
    whole = facts.read("elnino", folder)
    file = folder / "elnino.json"
    for data in damages(file.read_bytes()):
        file.write_bytes(data)
        with suppress(UserError):
            assert facts.read("elnino", folder) == whole


def test_prepared_arrays_are_whole_or_refused(project):
    add(project, "diary", TEXT)
    _, whole = make(project, "diary")
    folder, told = project / "data/prepared", 0
    file = folder / "diary.npz"
    for data in damages(file.read_bytes()):
        file.write_bytes(data)
        try:
            _, found = prepared.read("diary", folder)
        except UserError:
            told += 1
        else:  # a byte of the archive that no array needs
            assert all(np.array_equal(found[s][k], a) for s in whole for k, a in whole[s].items())
    assert told > COUNT / 2


@pytest.mark.filterwarnings("ignore:.*columns left out")
def test_a_table_of_ones_own_is_read_or_refused(project):
    add(project, "house", CSV)
    make(project, "house")
    file = project / "house.csv"
    for data in damages(file.read_bytes()[:600]):
        file.write_bytes(data)
        with suppress(UserError):
            assert read_csv(file).dtype == float


def test_a_study_file_is_read_or_refused(tmp_path):
    """Slips of the pen and damaged bytes."""
    draw, file = random.Random(SEED + 1), tmp_path / "small.yaml"
    few = GOOD.replace("all", "[none, l2, dropout]").replace("[l1]", "[r_drop]")
    text = textwrap.dedent(few + "mine: [cells]\njob: cell\nmirror: /x\nsearch: grid\n")
    file.write_text(text)
    assert len(study.read(str(file)).rows) == 6
    for data in damages(text.encode()):
        file.write_bytes(data)
        with suppress(UserError):
            study.read(str(file))
    for _ in range(COUNT):
        at = draw.randrange(len(text))
        file.write_text(text[:at] + draw.choice(PIECES) + text[at + draw.randint(0, 8) :])
        with suppress(UserError):
            study.read(str(file))
