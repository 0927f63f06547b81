"""Locks that the system takes back when their owner ends, however it ends."""

import atexit
import errno
import fcntl
import os
import platform
import warnings
from collections.abc import Iterable
from pathlib import Path

from rnnreg.errors import UserError

WITHOUT = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what a file system without locks says
SNAKEMAKE = Path(".snakemake")


def take(file: Path) -> int | None:
    """A descriptor that holds the lock while it is open; None where another process has it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(opened)
            return None
        except OSError as error:
            if error.errno not in WITHOUT:
                raise
            warnings.warn(
                f"{file}: this file system has no locks ({error.strerror}), so nothing keeps two "
                "processes from one row; what they write is the same.",
                stacklevel=2,
            )
            return opened
        if _is(file, opened):  # not one that its owner has just given back
            os.ftruncate(opened, 0)
            os.write(opened, owner(os.getpid()).encode())
            return opened
        os.close(opened)


def give_back(file: Path, opened: int) -> None:
    """Let others have the lock; its file goes."""
    file.unlink(missing_ok=True)
    os.close(opened)


def held(file: Path) -> bool:
    """Whether another process has the lock."""
    if not file.exists():
        return False
    opened = take(file)
    if opened is not None:
        give_back(file, opened)
    return opened is None


def left(file: Path, process: int | None = None) -> bool:
    """Whether the lock's last owner, or this process of this machine as its owner, was killed.

    One that ends takes the lock's file with it; the file goes with the answer, too. One that has
    just opened the file has not written its name yet.
    """
    try:
        stream = file.open(encoding="utf-8")
    except FileNotFoundError:
        return False
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # it is at work, or the file system has no locks to tell
            return False
        name = stream.read()
        dead = name == owner(process) if process else bool(name)
        if dead := dead and _is(file, stream.fileno()):
            file.unlink()
    return dead


def holder(file: Path) -> str:
    """Who has the lock, in words."""
    return (file.read_text(encoding="utf-8") if file.exists() else "") or "another process"


def owner(process: int) -> str:
    """A process of this machine, in words."""
    return f"process {process} on {platform.node()}"


def _is(file: Path, opened: int) -> bool:
    try:
        return file.stat().st_ino == os.fstat(opened).st_ino
    except FileNotFoundError:
        return False


def hold_workflow(study: str, shared: Iterable[str] = ()) -> bool:
    """Hold a study's workflow in this folder until this process ends.

    Snakemake's own locks do not tell whose they are, and stay when it is killed. Where the last run
    of a study did not end by itself, its locks go. UserError where one of this study is still at
    work, or one of another study that makes some of the files that are `shared`, too; it may read
    them. True where the last one was killed and no workflow of another study is at work here.
    """
    file = SNAKEMAKE / f"rnnreg {study}.lock"
    killed = file.exists()
    others = [other for other in SNAKEMAKE.glob("rnnreg *.lock") if other != file]
    names = {other: other.stem.removeprefix("rnnreg ") for other in others}
    at_work = [other for other in others if _busy(other)]
    for other in at_work:
        locks = {f: files for f, files in _locks(names[other]).items() if ".output." in f.name}
        made = [file for files in locks.values() for file in files]
        if both := sorted(set(shared).intersection(made)):
            raise UserError(
                f"{Path.cwd()}: {holder(other)} is at work on the study {names[other]} here and "
                f"makes {both[0]}, as this one would. Remedy: wait until it has ended, or another "
                "folder."
            )
    opened = take(file)
    if opened is None:
        raise UserError(
            f"{Path.cwd()}: {holder(file)} is at work on the study {study} here. Remedy: wait for "
            f"it (rnnreg status {study} shows how far it is), or end that process first."
        )
    atexit.register(give_back, file, opened)
    for name in [names[other] for other in others if other not in at_work] + [study] * killed:
        for left in _locks(name):
            left.unlink(missing_ok=True)
    return killed and not at_work


def _locks(study: str) -> dict[Path, list[str]]:
    """Snakemake's locks of a study in this folder, and the files that each is for."""
    found = {}
    for file in (SNAKEMAKE / "locks").glob("*.lock"):
        text = file.read_text(encoding="utf-8")
        if f"results/{study}/" in text:
            found[file] = text.splitlines()
    return found


def _busy(file: Path) -> bool:
    """Whether another process has the lock; its file stays, and tells that its owner was killed."""
    opened = take(file)
    if opened is not None:
        os.close(opened)
    return opened is None
