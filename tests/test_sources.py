"""Downloads against servers that fail in every way we know; no network."""

import hashlib
import io
import itertools
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from servers import COMMIT, serve

from rnnreg.data import sources, transfer
from rnnreg.data.sources import Download, Hub, Local, Packaged, checked, fetch
from rnnreg.errors import UserError
from rnnreg.study import registry

DATA = bytes(range(256)) * 1023  # its half is no multiple of what is written at a time
HASH = hashlib.sha256(DATA).hexdigest()
PATH = "/owner/data/v1/table.csv"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(sources.MIRROR, raising=False)


@pytest.fixture
def waits(monkeypatch):
    """Seconds that were waited for; no time passes."""
    found = []
    monkeypatch.setattr(transfer, "sleep", found.append)
    return found


@pytest.fixture
def server():
    with serve({PATH: DATA}) as found:
        yield found


def table(server) -> Download:
    return Download("table.csv", server.address + PATH, HASH)


def get(source, folder, mirror=None):
    return fetch("mine", [source], folder, mirror)[source.name]


def left(folder):
    """Names of all files under a folder."""
    return sorted(f.name for f in folder.rglob("*") if f.is_file())


def part(folder):
    """Where the partial file of `table` lies."""
    (folder / "mine").mkdir(parents=True, exist_ok=True)
    return folder / "mine" / f".table.csv.{HASH[:8]}.part"


def test_a_file_is_fetched_once(server, tmp_path, capsys):
    file = get(table(server), tmp_path)
    assert file == tmp_path / "mine" / "table.csv"
    assert file.read_bytes() == DATA
    assert left(tmp_path) == ["table.csv"]
    get(table(server), tmp_path)
    assert len(server.asked) == 1
    assert capsys.readouterr().err == ""  # no progress bar where there is no terminal


def test_progress_is_shown_on_a_terminal(server, tmp_path, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    get(table(server), tmp_path)
    assert "table.csv: 100%" in terminal.getvalue()


def test_404_is_told_at_once(server, tmp_path, waits):
    source = Download("gone.csv", server.address + "/gone.csv", HASH)
    with pytest.raises(UserError) as error:
        get(source, tmp_path)
    assert str(error.value) == (
        f"{tmp_path}/mine/gone.csv: cannot be had.\n"
        f"  {server.address}/gone.csv: the server answers 404 Not Found\n"
        "Remedy: look at the network and run the command again (it goes on where it stopped); or "
        "set RNNREG_MIRROR to a folder or an address that holds gone.csv "
        f"(sha256 {HASH})."
    )
    assert waits == []
    assert left(tmp_path) == []


def test_503_passes(server, tmp_path, waits):
    server.faults = [503, 503]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert waits == [1, 2]


def test_503_for_ever_does_not(server, tmp_path, waits):
    server.faults = [503] * 9
    with pytest.raises(UserError, match="answers 503 Service Unavailable, after 5 attempts"):
        get(table(server), tmp_path)
    assert waits == [1, 2, 4, 8]


def test_a_truncated_file_is_resumed(server, tmp_path, waits):
    server.faults = ["truncate"]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert server.ranges == [None, f"bytes={len(DATA) // 2}-"]


def test_attempts_that_bring_something_go_on(server, tmp_path, waits):
    server.faults = ["truncate"] * 12
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert waits == [1] * 12


def test_a_length_that_is_no_number(server, tmp_path):
    server.faults = [lambda sent: {"Content-Length": "abc"}]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert len(server.asked) == 1


def test_a_length_that_is_too_long_matters_not(server, tmp_path, waits):
    server.faults = [lambda sent: {"Content-Length": str(len(sent) + 5)}]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert (len(server.asked), waits) == (1, [])


def test_a_length_that_is_too_short(server, tmp_path, waits):
    server.faults = [lambda sent: {"Content-Length": str(len(sent) - 5)}] * 9
    with pytest.raises(UserError, match="wrong content"):
        get(table(server), tmp_path)


def test_a_trickle_ends_at_the_deadline(server, tmp_path, monkeypatch, waits):
    ticks = itertools.count(0, transfer.DEADLINE / 10)
    monkeypatch.setattr(transfer, "monotonic", lambda: next(ticks))
    monkeypatch.setattr(transfer, "CHUNK", 1000)
    with pytest.raises(UserError, match="too slow; waiting 1 s more would exceed 60 minutes"):
        get(table(server), tmp_path)
    kept = part(tmp_path).read_bytes()
    assert kept == DATA[: len(kept)]
    assert 5_000 < len(kept) <= 11_000
    assert waits == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_is_given_the_time_that_it_asks_for(server, tmp_path, waits, status):
    server.faults = [(status, {"Retry-After": "120"}), (status, {"Retry-After": "0"}), status]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert waits == [120, 2, 4]


def test_a_server_that_names_a_date(server, tmp_path, waits):
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=True)
    past = "Wed, 21 Oct 2015 07:28:00 -0000"
    server.faults = [(503, {"Retry-After": after}) for after in (date, "soon", past)]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert 290 < waits[0] <= 300
    assert waits[1:] == [2, 4]


def test_a_server_that_asks_for_a_day(server, tmp_path, waits):
    server.faults = [(503, {"Retry-After": "86400"})]
    told = "503 Service Unavailable; waiting 86400 s more would exceed 60 minutes"
    with pytest.raises(UserError, match=told):
        get(table(server), tmp_path)
    assert waits == []


def test_a_server_without_ranges_starts_over(server, tmp_path, waits):
    server.faults = ["truncate", "no ranges"]
    assert get(table(server), tmp_path).read_bytes() == DATA


def test_a_later_run_resumes(server, tmp_path, waits):
    server.faults = ["truncate", *[503] * 4]
    with pytest.raises(UserError):
        get(table(server), tmp_path)
    assert left(tmp_path) == [part(tmp_path).name]
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert server.ranges[-1] == f"bytes={len(DATA) // 2}-"
    assert left(tmp_path) == ["table.csv"]


def test_a_complete_partial_file_is_taken(server, tmp_path):
    part(tmp_path).write_bytes(DATA)
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert server.ranges == [f"bytes={len(DATA)}-"]


@pytest.mark.parametrize("length", [100, len(DATA), len(DATA) + 5])
def test_a_damaged_partial_file_is_dropped(server, tmp_path, length):
    part(tmp_path).write_bytes(b"x" * length)
    assert get(table(server), tmp_path).read_bytes() == DATA
    assert server.ranges == [f"bytes={length}-", None]


def test_wrong_bytes_never_get_the_name(server, tmp_path):
    server.files[PATH] = DATA[:-1] + b"x"
    with pytest.raises(UserError, match=rf"wrong content: sha256 (\w+), expected {HASH}") as error:
        get(table(server), tmp_path)
    assert hashlib.sha256(server.files[PATH]).hexdigest() in str(error.value)
    assert left(tmp_path) == []


def test_no_network(server, tmp_path, waits):
    source = Download("table.csv", "http://127.0.0.1:9" + PATH, HASH)  # nobody listens there
    with pytest.raises(UserError, match=r"no answer \(ConnectionError\); is there a network\?"):
        get(source, tmp_path)
    assert waits == [1, 2, 4, 8]


def test_an_address_that_is_none(tmp_path, waits):
    with pytest.raises(UserError, match=r"must start with https:// or http://"):
        get(Download("a", "ftp://127.0.0.1/a", HASH), tmp_path)
    assert waits == []


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "raw").write_text("a file where the folder should be")
    with pytest.raises(
        UserError, match=r"raw/mine/table.csv: cannot write \(.*permission to write"
    ):
        get(table(server), tmp_path / "raw")


class TestMirror:
    """A mirror is tried first, by argument or environment; the hash decides."""

    @pytest.fixture
    def folder(self, tmp_path):
        file = tmp_path / "mirror" / PATH.lstrip("/")
        file.parent.mkdir(parents=True)
        file.write_bytes(DATA)
        return tmp_path / "mirror"

    def test_folder(self, server, tmp_path, folder):
        assert get(table(server), tmp_path / "raw", str(folder)).read_bytes() == DATA
        assert server.asked == []

    def test_environment(self, server, tmp_path, folder, monkeypatch):
        monkeypatch.setenv(sources.MIRROR, f"{folder}/")
        assert get(table(server), tmp_path / "raw").read_bytes() == DATA
        assert server.asked == []

    def test_address(self, server, tmp_path):
        source = Download("table.csv", "http://127.0.0.1:9" + PATH, HASH)
        assert get(source, tmp_path, server.address).read_bytes() == DATA

    def test_a_mirror_that_lacks_it(self, server, tmp_path):
        assert get(table(server), tmp_path, str(tmp_path / "nowhere")).read_bytes() == DATA

    def test_a_mirror_with_wrong_bytes(self, server, tmp_path, folder):
        (folder / PATH.lstrip("/")).write_bytes(DATA + b"x")
        assert get(table(server), tmp_path / "raw", str(folder)).read_bytes() == DATA
        assert left(tmp_path / "raw") == ["table.csv"]

    def test_all_that_was_tried_is_told(self, server, tmp_path, folder, monkeypatch, waits):
        monkeypatch.setenv(sources.MIRROR, "/nowhere")
        (folder / PATH.lstrip("/")).write_bytes(b"x")
        server.files.clear()
        with pytest.raises(UserError) as error:
            get(table(server), tmp_path / "raw", str(folder))
        told = str(error.value).splitlines()[1:4]
        assert told[0].startswith(f"  {folder}{PATH}: wrong content")
        assert told[1] == f"  /nowhere{PATH}: no such file"
        assert told[2].endswith("the server answers 404 Not Found")

    @pytest.mark.parametrize("user", ["me:s3cret@", "me:s3/cret@", "s3cret@"])
    def test_a_password_is_not_told(self, server, tmp_path, waits, user):
        server.files.clear()
        mirror = server.address.replace("//", f"//{user}")
        with pytest.raises(UserError) as error:
            get(table(server), tmp_path, mirror)
        assert "cret" not in str(error.value)
        assert "127.0.0.1" in str(error.value)

    def test_hub(self, tmp_path):
        source = Hub("a.csv", "owner/set", COMMIT, "data/a.csv", HASH)
        file = tmp_path / f"datasets/owner/set/resolve/{COMMIT}/data/a.csv"
        file.parent.mkdir(parents=True)
        file.write_bytes(DATA)
        assert get(source, tmp_path / "raw", str(tmp_path)).read_bytes() == DATA


class TestHub:
    """The hub's own client, against a stand-in."""

    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch, tmp_path):
        for kind in ("HOME", "HUB_CACHE"):
            monkeypatch.setenv(f"HF_{kind}", str(tmp_path / "cache"))
        with serve({f"/datasets/owner/set/resolve/{COMMIT}/data/a.csv": DATA}) as found:
            monkeypatch.setenv("HF_ENDPOINT", found.address)
            yield found

    source = Hub("a.csv", "owner/set", COMMIT, "data/a.csv", HASH)

    def test_a_file_of_a_commit(self, tmp_path):
        assert get(self.source, tmp_path / "raw").read_bytes() == DATA
        assert left(tmp_path / "raw") == ["a.csv"]

    def test_wrong_bytes(self, hub, tmp_path):
        hub.files = dict.fromkeys(hub.files, DATA[:-1] + b"x")
        with pytest.raises(UserError, match=f"expected {HASH}"):
            get(self.source, tmp_path / "raw")
        assert left(tmp_path / "raw") == []

    def test_no_such_file(self, hub, tmp_path):
        hub.files = {}
        with pytest.raises(UserError, match="the hub's client gives up"):
            get(self.source, tmp_path / "raw")

    def test_no_network(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        monkeypatch.setattr("time.sleep", lambda _: None)
        with pytest.raises(UserError, match="the hub's client gives up"):
            get(self.source, tmp_path / "raw")


class TestChecked:
    """What prepare finds when it looks at the raw files again."""

    def test_a_wrong_byte(self, server, tmp_path):
        source = table(server)
        file = get(source, tmp_path)
        assert checked("mine", [source], tmp_path) == {"table.csv": file}
        file.write_bytes(DATA[:-1] + b"x")
        with pytest.raises(UserError) as error:
            checked("mine", [source], tmp_path)
        assert str(error.value) == (
            f"{file}: raw file of mine has sha256 {sources.sha256(file)}, expected {HASH}: it is "
            "damaged, or another version. Remedy: python -m rnnreg download mine"
        )
        get(source, tmp_path)  # the remedy works
        assert file.read_bytes() == DATA

    def test_a_file_that_may_not_be_read(self, tmp_path, monkeypatch):
        def denied(file):
            raise PermissionError(13, "Permission denied", str(file))

        (tmp_path / "mine.csv").write_bytes(DATA)
        monkeypatch.setattr(sources, "sha256", denied)
        with pytest.raises(UserError) as error:
            checked("mine", [Local("a", str(tmp_path / "mine.csv"))], tmp_path)
        assert str(error.value) == (
            f"{tmp_path}/mine.csv: cannot be read (Permission denied). Remedy: give this user "
            "permission to read it."
        )

    def test_a_missing_file(self, server, tmp_path):
        with pytest.raises(UserError) as error:
            checked("mine", [table(server)], tmp_path)
        assert str(error.value) == (
            f"{tmp_path}/mine/table.csv: raw file of mine is missing. "
            "Remedy: python -m rnnreg download mine"
        )


class TestHere:
    """Files that are on the machine already are read where they are."""

    def test_packaged(self, tmp_path):
        source = Packaged("topics.py", "pydoc_data", "topics.py")
        file = get(source, tmp_path)
        assert b"topics = {" in file.read_bytes()
        assert checked("mine", [source], tmp_path) == {"topics.py": file}
        assert left(tmp_path) == []
        assert sources.origin(source, file)["sha256"] == sources.sha256(file)

    def test_a_package_that_is_not_installed(self, tmp_path):
        with pytest.raises(UserError, match="'no_such_package' that ships it is not installed"):
            get(Packaged("a", "no_such_package", "a"), tmp_path)

    def test_local(self, tmp_path, monkeypatch):
        monkeypatch.setattr(registry, "ROOT", tmp_path)
        (tmp_path / "mine.csv").write_bytes(DATA)
        assert get(Local("a", "mine.csv", HASH), tmp_path) == tmp_path / "mine.csv"
        assert checked("mine", [Local("a", str(tmp_path / "mine.csv"))], tmp_path)
        (tmp_path / "mine.csv").write_bytes(b"another")
        with pytest.raises(UserError, match=f"expected {HASH}"):
            checked("mine", [Local("a", "mine.csv", HASH)], tmp_path)

    @pytest.mark.parametrize("look", [fetch, checked])
    def test_local_that_is_missing(self, tmp_path, look):
        with pytest.raises(UserError, match=r"is missing. Remedy: put the file there, or correct"):
            look("mine", [Local("a", str(tmp_path / "mine.csv"))], tmp_path)
