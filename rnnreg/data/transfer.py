"""Bytes from an address, the hub or a folder into a partial file: retries, resume, progress."""

import os
import shutil
import time
from contextlib import closing
from pathlib import Path

WAITS = (1, 2, 4, 8)  # seconds before the second and later attempts
PASSING = {408, 425, 429, 500, 502, 503, 504}  # answers that may be different in a moment
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 16


class NotThereError(Exception):
    """A place that does not give the file; the text says why."""


class _PassingError(Exception):
    """A failure that may pass: worth another attempt."""


def download(url: str, part: Path) -> None:
    """Complete `part` from an address; what it holds already is not asked for again.

    NotThereError after the last attempt, or at once where waiting cannot help; the partial file
    stays for the next run. OSError comes from writing it.
    """
    for wait in (*WAITS, None):
        try:
            _download(url, part)
            return
        except _PassingError as reason:
            if wait is None:
                raise NotThereError(f"{reason}, after {len(WAITS) + 1} attempts") from reason
            time.sleep(wait)


def _download(url: str, part: Path) -> None:
    import requests

    start = part.stat().st_size if part.exists() else 0
    # Unpacked on the way, the bytes would not be those that a range counts.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    try:
        with closing(requests.get(url, headers=headers, stream=True, timeout=TIMEOUT)) as answer:
            _judge(answer.status_code, answer.reason, start)
            if answer.status_code == 416:  # nothing after what is there: complete, or not ours
                return
            resumes = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
            start = start if answer.status_code == 206 and resumes else 0
            _write(answer, part, start)
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL) as error:
        raise NotThereError(
            "no address that can be fetched: it must start with https://"
        ) from error
    except requests.RequestException as error:
        raise _PassingError(f"no answer ({type(error).__name__}); is there a network?") from error


def _judge(status: int, reason: str, start: int) -> None:
    if status in PASSING:
        raise _PassingError(f"the server answers {status} {reason}")
    if status not in (200, 206) and not (status == 416 and start):
        raise NotThereError(f"the server answers {status} {reason}")


def _write(answer, part: Path, start: int) -> None:
    from tqdm import tqdm

    total = start + int(answer.headers.get("Content-Length", 0)) or None
    name = answer.url.rpartition("/")[2]
    bar = tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=name, disable=None)
    with part.open("ab" if start else "wb") as stream, bar:
        for chunk in answer.iter_content(CHUNK):
            stream.write(chunk)
            bar.update(len(chunk))


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
