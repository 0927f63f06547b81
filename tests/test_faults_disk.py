"""Disks that are full, read-only or lose power: one message, no half file, nothing is lost."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from own import TEXT, add
from test_checkpoint import but_time, dies
from test_kept import STUDY, TRAIN, lines, prepared, run  # noqa: F401
from test_study import GOOD

from rnnreg.data import prepared as data
from rnnreg.data import sources
from rnnreg.errors import UserError
from rnnreg.study import records
from rnnreg.training.population import Population

ROW = Path("results/tiny/records/wave/gru/l2.jsonl")


def mounted(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def disk(tmp_path):
    """Mount a disk of so many bytes at a folder of the test's own."""
    places = []

    def _disk(place: Path, size: int) -> Path:
        place.mkdir(parents=True, exist_ok=True)
        if not mounted("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)):
            pytest.skip("this user may not mount a file system, and it takes one to fill")
        places.append(place)
        return place

    yield _disk
    for place in places:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path) -> Path:
    """A file that takes all the room there is."""
    filler = place / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(4096))
    return filler


def test_a_download_onto_a_full_disk_goes_on_when_there_is_room(disk, tmp_path):
    mirror = tmp_path / "mirror"
    (mirror / "v1").mkdir(parents=True)
    (mirror / "v1/a.bin").write_bytes(os.urandom(1 << 18))
    digest = sources.content(mirror / "v1/a.bin")
    source = sources.Download("a.bin", "https://example.org/v1/a.bin", digest)
    place = disk(tmp_path / "raw", 1 << 19)
    filler = fill(place)
    with pytest.raises(UserError, match=r"a\.bin: cannot write \(No space left on device\)"):
        sources.fetch("mine", [source], place, str(mirror))
    assert not (place / "mine/a.bin").exists()
    filler.unlink()
    assert sources.fetch("mine", [source], place, str(mirror))["a.bin"].stat().st_size == 1 << 18


def test_prepare_onto_a_full_disk_leaves_nothing_half(disk, project):
    add(project, "diary", TEXT)
    raw = project / "data/raw"
    data.download("diary", raw)
    place = disk(project / "data/prepared", 1 << 17)
    filler = fill(place)
    with pytest.raises(UserError, match=r"diary\.npz: cannot write \(No space left on device\)"):
        data.prepare("diary", raw, place)
    assert list(place.iterdir()) == [filler]
    filler.unlink()
    data.prepare("diary", raw, place)
    assert data.read("diary", place)


def rows() -> dict[str, list[records.Record]]:
    return {f.name: but_time(records.read(f)) for f in ROW.parent.glob("[!.]*.jsonl")}


def test_a_disk_that_is_full_in_the_middle_of_a_row_costs_no_member(run, capsys, disk, monkeypatch):  # noqa: F811
    assert run(STUDY, *TRAIN, file="undisturbed/tiny.yaml") == 0
    undisturbed = {
        row: but_time(records.read(ROW.with_name(row))) for row in ("l2.jsonl", "none.jsonl")
    }
    Path("results").rename("before")
    place, train, trained = disk(Path("results").absolute(), 3 << 20), Population.run, []

    def full(self, watch=None):
        train(self, watch)
        trained.append(len(self.strengths))
        if len(trained) == 2:
            fill(place)

    monkeypatch.setattr(Population, "run", full)
    assert run(STUDY, *TRAIN) == 2
    assert "cannot write (No space left on device). Remedy: free space" in capsys.readouterr().err
    for file in place.rglob("*.jsonl"):
        assert records.read(file), "whole, or not there"
    (place / "filler").unlink()
    assert run(STUDY, *TRAIN) == 0
    assert rows() == undisturbed


def test_a_collection_onto_a_full_disk_leaves_the_one_before(run, capsys, disk):  # noqa: F811
    place = disk(Path("results").absolute(), 3 << 20)
    assert run(STUDY, *TRAIN) == 0
    assert run(STUDY, "collect", "{file}") == 0
    folder = place / "tiny"
    before = {f: f.read_bytes() for f in folder.iterdir() if f.is_file()}
    fill(place)
    assert run(STUDY, "collect", "{file}") == 2
    assert "members.parquet: cannot write (No space left on device)" in capsys.readouterr().err
    assert {f: f.read_bytes() for f in folder.iterdir() if f.is_file()} == before


def test_read_only_data_trains_and_read_only_results_are_told_before_training(run, capsys, disk):  # noqa: F811
    place = disk(Path("results").absolute(), 3 << 20)
    assert mounted("mount", "-o", "remount,ro", str(place))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Population, "run", lambda *given: pytest.fail("it trains"))
        assert run(STUDY, *TRAIN) == 2
    assert "cannot write (Read-only file system). Remedy: " in capsys.readouterr().err
    assert mounted("mount", "-o", "remount,rw", str(place))
    own = place.parent / "read-only"
    own.mkdir()
    assert mounted("mount", "--bind", str(Path("data/prepared").resolve()), str(own))
    try:
        assert mounted("mount", "-o", "remount,bind,ro", str(own))
        Path("data").unlink()
        Path("data").mkdir()
        Path("data/prepared").symlink_to(own)
        assert run(STUDY, *TRAIN) == 0
    finally:
        subprocess.run(["umount", "-l", own], check=True)


@pytest.mark.parametrize("how", ["write", "download"])
def test_bytes_are_on_the_disk_before_their_name_and_the_name_before_the_next_step(
    how, tmp_path, monkeypatch
):
    """After a power cut at any moment, the file holds what it held, or all of the new."""
    mirror, order, sync, rename = tmp_path / "a.txt", [], os.fsync, Path.replace
    mirror.write_text("new")
    file = tmp_path / "folder/a.txt"
    source = sources.Download("a.txt", "https://example.org/a.txt", sources.content(mirror))

    def synced(opened):
        order.append(("sync", Path(f"/proc/self/fd/{opened}").readlink().name))
        sync(opened)

    def renamed(self, other):
        order.append((self.name, other.name))
        return rename(self, other)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", renamed)
    if how == "write":
        records.write_text(file, "new")
    else:
        sources.fetch("folder", [source], tmp_path, str(tmp_path))
    (_, part), *_ = order
    assert part.endswith(".part")
    assert order == [("sync", part), (part, "a.txt"), ("sync", "folder")]
    assert file.read_text() == "new"


@pytest.mark.parametrize("call", ["write_bytes", "fsync", "replace"])
def test_a_kill_at_any_call_of_a_write_leaves_the_old_or_the_new(call, tmp_path, monkeypatch):
    file = tmp_path / "a.txt"
    records.write_text(file, "old")
    owner = os if call == "fsync" else Path
    real = getattr(owner, call)

    def killed(*given):
        if call != "replace":
            real(*given)
        os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patch:
        patch.setattr(owner, call, killed)
        dies(records.write_text, file, "new")
    assert file.read_text() == "old"
    records.write_text(file, "new")
    assert file.read_text() == "new"


def test_what_a_killed_process_began_to_write_goes_with_the_next(run):  # noqa: F811
    ROW.parent.mkdir(parents=True)
    begun = [f".{ROW.name}.7.part", f"..{ROW.name}.partial.7.part", "..l2.jsonl.safetensors.7.part"]
    for name in (*begun, ".xl2.jsonl.7.part"):
        (ROW.parent / name).touch()
    assert run(STUDY, *TRAIN) == 0
    assert sorted(f.name for f in ROW.parent.iterdir()) == sorted(
        [".xl2.jsonl.7.part", "l2.jsonl", "none.jsonl"]
    ), "another row's stays"


def test_a_study_file_on_a_disk_that_fails(tmp_path, monkeypatch):
    from rnnreg.study import study

    def fails(self):
        raise OSError(5, "Input/output error")

    (tmp_path / "small.yaml").write_text(GOOD)
    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(UserError, match=r"small\.yaml: cannot be read \(Input/output error\)"):
        study.read(str(tmp_path / "small.yaml"))
