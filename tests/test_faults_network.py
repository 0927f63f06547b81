"""Servers that send elsewhere or break off, and archives that point outside."""

import io
import socket
import struct
import tarfile
import threading
import zipfile

import numpy as np
import pytest
from test_sources import DATA, HASH, PATH, _no_waiting, get, left, server, table, waits  # noqa: F401

from rnnreg.data import read_csv
from rnnreg.data.sources import Download
from rnnreg.errors import UserError


def redirect(to: str) -> tuple[int, dict[str, str]]:
    return 302, {"Location": to}


def test_a_redirect_is_followed(server, tmp_path):  # noqa: F811
    server.files["/elsewhere"] = DATA
    server.faults = [redirect(server.address + "/elsewhere")]
    assert get(table(server), tmp_path).read_bytes() == DATA


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("file:///etc/hostname", "it must start with https:// or http://"),
        (PATH, r"no answer \(TooManyRedirects\)"),
        ("/other", "wrong content: sha256 "),
    ],
)
def test_a_redirect_to_nowhere_good(server, tmp_path, waits, to, told):  # noqa: F811
    server.files["/other"] = b"something else"
    server.faults = [redirect(to)] * (200 if to == PATH else 1)
    with pytest.raises(UserError, match=told):
        get(table(server), tmp_path)
    assert "table.csv" not in left(tmp_path)


def resets(listener: socket.socket, times: int) -> None:
    """Answer each request from where it asks to; all but the last end in a reset."""
    for turn in range(times + 1):
        connection, _ = listener.accept()
        asked = connection.recv(1 << 16).decode()
        start = int(asked.partition("bytes=")[2].partition("-")[0] or 0)
        head = f"HTTP/1.1 {206 if start else 200} OK\r\nContent-Length: {len(DATA) - start}\r\n"
        head += f"Content-Range: bytes {start}-{len(DATA) - 1}/{len(DATA)}\r\n" if start else ""
        sent = DATA[start:] if turn == times else DATA[start : start + 1000]
        connection.sendall(f"{head}\r\n".encode() + sent)
        if turn < times:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def test_resets_are_gone_on_from(tmp_path, waits):  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=resets, args=(listener, 3))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/table.csv"
        assert get(Download("table.csv", url, HASH), tmp_path).read_bytes() == DATA
        thread.join()
    assert len(waits) == 3


def zipped(name: str, data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, data)
    return stream.getvalue()


def tarred(name: str, data: bytes, link: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = (tarfile.SYMTYPE, link) if link else (tarfile.REGTYPE, "")
        member.size = 0 if link else len(data)
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


ARCHIVES = {
    "a.zip": zipped("../../outside.csv", b"a,b\n1,2\n"),
    "b.zip": zipped("/tmp/rnnreg-outside.csv", b"a,b\n1,2\n"),
    "a.tar": tarred("../../outside.csv", b"a,b\n1,2\n"),
    "link.tar": tarred("a.csv", b"", link="/etc/passwd"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_points_outside_writes_and_reads_nothing_there(name, tmp_path):
    """Archives are read as streams; none is ever unpacked into files."""
    folder = tmp_path / "one/two"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(ARCHIVES[name])
    if name == "link.tar":
        with pytest.raises(UserError, match="cannot be read"):
            read_csv(folder / name)
    else:
        assert np.array_equal(read_csv(folder / name), [[1, 2]])
    assert [f.name for f in tmp_path.rglob("*") if f.is_file()] == [name]
