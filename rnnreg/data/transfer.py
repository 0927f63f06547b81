"""Bytes from an address, the hub or a folder into a partial file: retries, resume, progress."""

import hashlib
import os
import shutil
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlparse

WAITS = (1, 2, 4, 8)  # seconds before the second and later attempts in a row that bring nothing
PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers that may be different in a moment
TIMEOUT = 30  # seconds without a byte
DEADLINE = 3600  # seconds for one file from one place, with all attempts and waits
CHUNK = 1 << 16


class NotThereError(Exception):
    """A place that does not give the file; the text says why."""


class _PassingError(Exception):
    """A failure that may pass: worth another attempt, after the wait that the server asks for."""

    def __init__(self, reason: str, wait: float = 0):
        super().__init__(reason)
        self.wait = wait


def sha256(file: Path) -> str:
    """The hash of a file's bytes, as hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def download(url: str, part: Path, digest: str) -> None:
    """Complete `part` from an address; what it holds already is not asked for again.

    Attempts go on while they bring bytes. NotThereError after five in a row that bring none, at the
    deadline, or at once where waiting cannot help; the partial file stays for the next run.
    OSError comes from writing it.
    """
    end, attempts, vain = monotonic() + DEADLINE, 0, 0
    while True:
        before = _size(part)
        try:
            _download(url, part, end)
            return
        except _PassingError as reason:
            if part.exists() and sha256(part) == digest:  # whatever length was promised
                return
            attempts, vain = attempts + 1, 0 if _size(part) > before else vain
            if vain == len(WAITS):
                raise NotThereError(f"{reason}, after {attempts} attempts") from reason
            wait = max(WAITS[vain], reason.wait)
            if monotonic() + wait > end:
                raise NotThereError(
                    f"{reason}; waiting {wait:.0f} s more would exceed {DEADLINE // 60} minutes"
                ) from reason
            vain += 1
            sleep(wait)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _download(url: str, part: Path, end: float) -> None:
    import requests
    from urllib3.exceptions import HTTPError

    start = _size(part)
    # Unpacked on the way, the bytes would not be those that a range counts.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        with closing(requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)) as answer:
            _judge(answer, start)
            if answer.status_code == 416:  # nothing after what is there: complete, or not ours
                return
            resumes = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            start = start if answer.status_code == 206 and resumes else 0
            _write(answer, part, start, end)
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
        raise NotThereError(
            "no address that can be fetched: it must start with https:// or http://"
        ) from error
    except (requests.RequestException, HTTPError) as error:
        raise _PassingError(f"no answer ({type(error).__name__}); is there a network?") from error


def _judge(answer, start: int) -> None:
    status, told = answer.status_code, f"the server answers {answer.status_code} {answer.reason}"
    if status in PASSING:
        raise _PassingError(told, _seconds(answer.headers.get("Retry-After", "")))
    if status not in (200, 206) and not (status == 416 and start):
        raise NotThereError(told)


def _seconds(after: str) -> float:
    """The wait that a server asks for: in seconds, or until a date; 0 where it asks for none."""
    if after.strip().isdecimal():
        return float(after)
    try:
        until = parsedate_to_datetime(after)
    except ValueError:
        return 0
    until = until.replace(tzinfo=until.tzinfo or UTC)
    return max((until - datetime.now(UTC)).total_seconds(), 0)


def _write(answer, part: Path, start: int, end: float) -> None:
    from tqdm import tqdm

    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdecimal() else None
    name = urlparse(answer.url).path.rpartition("/")[2]
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=name, disable=None)
    with part.open("ab" if start else "wb") as stream, bar:
        while chunk := answer.raw.read1(CHUNK, decode_content=True):  # what has come, to the byte
            stream.write(chunk)
            bar.update(len(chunk))
            if monotonic() > end:
                raise _PassingError("too slow")


def copy(file: Path, part: Path) -> None:
    """Copy a file of a mirror folder."""
    if not file.is_file():
        raise NotThereError("no such file")
    try:
        file.open("rb").close()
    except OSError as error:
        raise NotThereError(f"cannot be read ({error.strerror})") from error
    shutil.copyfile(file, part)


def hub_download(repo: str, revision: str, path: str, part: Path) -> None:
    """Get a file of a hub data set; the hub's client does retries, resume and access tokens."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    folder = part.with_suffix(".hub")
    try:
        found = hf_hub_download(
            repo,
            path,
            repo_type="dataset",
            revision=revision,
            local_dir=folder,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise NotThereError(
            f"the hub's client gives up ({type(error).__name__}: {error})"
        ) from error
    Path(found).replace(part)
    shutil.rmtree(folder)
