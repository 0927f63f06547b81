"""Locks that the system takes back when their owner ends, however it ends."""

import atexit
import errno
import fcntl
import os
import platform
import warnings
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

    One that ends takes the lock's file with it; the file goes with the answer, too.
    """
    if not file.exists() or (process and holder(file) != owner(process)):
        return False
    return not held(file)


def holder(file: Path) -> str:
    """Who has the lock, in words."""
    return (file.read_text(encoding="utf-8") if file.exists() else "") or "another process"


def owner(process: int) -> str:
    """A process of this machine, in words."""
    return f"process {process} on {platform.node()}"


def _is(file: Path, opened: int) -> bool:
    return file.exists() and file.stat().st_ino == os.fstat(opened).st_ino


def hold_workflow(study: str) -> bool:
    """Hold a study's workflow in this folder until this process ends.

    Snakemake's own locks do not tell whose they are, and stay when it is killed. Where the last run
    of this study did not end by itself, its locks go. UserError where one is still at work. True
    where the last one was killed and no workflow of another study is at work in this folder.
    """
    file = SNAKEMAKE / f"rnnreg {study}.lock"
    killed = file.exists()
    opened = take(file)
    if opened is None:
        raise UserError(
            f"{Path.cwd()}: {holder(file)} is at work on the study {study} here. Remedy: wait for "
            f"it (rnnreg status {study} shows how far it is), or end that process first."
        )
    atexit.register(give_back, file, opened)
    if killed:
        for left in (SNAKEMAKE / "locks").glob("*.lock"):
            if f"results/{study}/" in left.read_text(encoding="utf-8"):
                left.unlink()
    others = (f for f in SNAKEMAKE.glob("rnnreg *.lock") if f != file)
    return killed and not any(map(held, others))
