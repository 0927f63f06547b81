"""Raw files that can be trusted: fetched, checked by hash, and only then given their names.

A benchmark names its sources; `fetch` brings them to data/raw/<benchmark>/, `checked` finds them
there again. A mirror, a folder or an address, is tried before a source's own address: the study's
`mirror`, then the environment variable RNNREG_MIRROR. In it a file lies at the path of its
address: https://host/a/b.csv is a/b.csv there. Wherever the bytes come from, the sha256 decides.
"""

import importlib.util
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlparse

from rnnreg.data.transfer import NotThereError, copy, download, hub_download, sha256
from rnnreg.errors import UserError
from rnnreg.study import records, registry

MIRROR = "RNNREG_MIRROR"
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Source:
    """A raw file by its `name`. One that lies `here` already is read in place, not fetched."""

    name: str
    here: ClassVar[bool] = False


@dataclass(frozen=True)
class Download(Source):
    """A file at a pinned address: one whose content never changes."""

    url: str
    sha256: str

    def fetch(self, part: Path) -> None:
        download(self.url, part, self.sha256)


@dataclass(frozen=True)
class Hub(Source):
    """A file of a Hugging Face hub data set at a commit, through the hub's own client."""

    repo: str
    revision: str  # the full commit
    path: str
    sha256: str

    @property
    def url(self) -> str:
        return f"{HUB}/datasets/{self.repo}/resolve/{self.revision}/{self.path}"

    def fetch(self, part: Path) -> None:
        hub_download(self.repo, self.revision, self.path, part)


@dataclass(frozen=True)
class Packaged(Source):
    """A file that an installed package ships. Without sha256 it may differ between versions."""

    package: str
    path: str  # inside the package's folder
    sha256: str = ""
    here: ClassVar[bool] = True

    @property
    def place(self) -> Path:
        found = importlib.util.find_spec(self.package)
        if found is None or found.origin is None:
            raise UserError(
                f"{self.name}: the package '{self.package}' that ships it is not installed. "
                f"Remedy: pip install {self.package}"
            )
        return Path(found.origin).parent / self.path


@dataclass(frozen=True)
class Local(Source):
    """A file of one's own; a relative path starts at the project's folder."""

    path: str
    sha256: str = ""
    here: ClassVar[bool] = True

    @property
    def place(self) -> Path:
        return registry.ROOT / Path(self.path).expanduser()


def fetch(
    benchmark: str, sources: Sequence[Source], folder: Path, mirror: str | None = None
) -> dict[str, Path]:
    """Bring raw files to `folder`/`benchmark`; files that are there and right stay."""
    for source in sources:
        file = folder / benchmark / source.name
        if not source.here and not (file.is_file() and content(file) == source.sha256):
            _bring(source, file, mirror)
    return checked(benchmark, sources, folder)


def checked(benchmark: str, sources: Sequence[Source], folder: Path) -> dict[str, Path]:
    """Raw files by name; UserError where one is missing, or is no longer what was downloaded."""
    found = {}
    for source in sources:
        file = source.place if source.here else folder / benchmark / source.name
        remedy = f"Remedy: python -m rnnreg download {benchmark}"
        if source.here:
            remedy = "Remedy: put the file there, or correct the source in the benchmark's file."
        if not file.is_file():
            raise UserError(f"{file}: raw file of {benchmark} is missing. {remedy}")
        given = content(file)
        if source.sha256 and given != source.sha256:
            raise UserError(
                f"{file}: raw file of {benchmark} has sha256 {given}, expected "
                f"{source.sha256}: it is damaged, or another version. {remedy}"
            )
        found[source.name] = file
    return found


def content(file: Path) -> str:
    """The sha256 of a raw file; UserError where it cannot be read."""
    try:
        return sha256(file)
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read ({error.strerror or error}). Remedy: give this user "
            "permission to read it."
        ) from error


def origin(source: Source, file: Path) -> dict[str, str]:
    """What is recorded of a source: its name, where it comes from, and the hash of its bytes."""
    if isinstance(source, Packaged):
        where = {"package": source.package, "path": source.path}
    else:
        where = {"path": source.path} if isinstance(source, Local) else {"url": source.url}
    return {"name": source.name, **where, "sha256": content(file)}


def _bring(source: Download | Hub, file: Path, mirror: str | None) -> None:
    """Try the mirrors and then the source's own address; the first right file gets the name."""
    part = file.with_name(f".{file.name}.{source.sha256[:8]}.part")  # right wherever it comes from
    tried = []
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for place in _places(source, mirror):
            try:
                _attempt(source, place, part)
            except NotThereError as reason:
                tried.append(re.sub(r"//\S*@", "//", f"{place}: {reason}"))  # no password
                continue
            records.move(part, file)
            return
    except OSError as error:
        raise UserError(
            f"{file}: cannot write ({error.strerror or error}). Remedy: free space there, or give "
            "this user permission to write to the folder."
        ) from error
    path = urlparse(source.url).path.lstrip("/")
    raise UserError(
        f"{file}: cannot be had.\n  "
        + "\n  ".join(tried)
        + f"\nRemedy: look at the network and run the command again (it goes on where it stopped); "
        f"or set {MIRROR} to a folder or an address that holds {path} (sha256 {source.sha256})."
    )


def _places(source: Download | Hub, mirror: str | None) -> list[str]:
    path = urlparse(source.url).path.lstrip("/")
    mirrors = [m.rstrip("/") for m in (mirror, os.environ.get(MIRROR)) if m]
    return [*(f"{m}/{path}" for m in dict.fromkeys(mirrors)), source.url]


def _attempt(source: Download | Hub, place: str, part: Path) -> None:
    """Get the bytes from one place and check them. Bytes that were resumed get a second chance."""
    for _ in range(2):
        resumed = part.exists()
        if place == source.url:
            source.fetch(part)
        elif "://" in place:
            download(place, part, source.sha256)
        else:
            copy(Path(place).expanduser(), part)
        given = sha256(part)
        if given == source.sha256:
            return
        part.unlink()
        if not resumed:
            break
    raise NotThereError(f"wrong content: sha256 {given}, expected {source.sha256}")
