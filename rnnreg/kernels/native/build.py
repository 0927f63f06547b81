"""Compile the C++ sources with the machine's own compiler, once a machine, and load it."""

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

SOURCES = sorted(Path(__file__).parent.glob("*.cpp"))
HEADERS = sorted(Path(__file__).parent.glob("*.h"))
FLAGS = ["-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
FLAGS += ["-fno-math-errno", "-fno-trapping-math"]
TIMEOUT = 600  # seconds that a compiler may take, on a machine that is busy


@cache
def library() -> ctypes.CDLL | None:
    """The compiled library; None, and one warning, where it cannot be had.

    RNNREG_NATIVE=0 turns it off. The compiler is $CXX, or c++; the result is kept in
    $XDG_CACHE_HOME/rnnreg (or ~/.cache/rnnreg), or where that cannot be written in a folder of the
    user's among temporary files, under two hashes: of all that it depends on, and of itself. One
    that is damaged is compiled anew.
    """
    if os.environ.get("RNNREG_NATIVE") == "0":
        return None
    try:
        return ctypes.CDLL(str(_compiled()))
    except (OSError, subprocess.SubprocessError) as error:
        warnings.warn(
            "no compiled time loop, so training takes several times longer (results are the same "
            f"to rounding): {_reason(error)}. Remedy: install a C++ compiler (g++ or clang++), or "
            "name one in CXX; RNNREG_NATIVE=0 silences this.",
            stacklevel=2,
        )
        return None


def _reason(error: Exception) -> str:
    """The first line that tells an error."""
    lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return next((line for line in lines if "error" in line), lines[0])


def keep_freed_memory() -> None:
    """Let glibc keep what is freed: new pages at every step cost more than the work on them.

    It holds for the whole process, so it is for a process that trains and does nothing else.
    """
    keep = getattr(ctypes.CDLL(None), "mallopt", None)
    if keep:
        keep(-4, 0)  # M_MMAP_MAX: no allocation gets pages of its own
        keep(-1, -1)  # M_TRIM_THRESHOLD: none are given back


def _compiled() -> Path:
    """The library's file: one that is kept, or else compiled here and now."""
    compiler = os.environ.get("CXX", "").split() or ["c++"]
    if shutil.which(compiler[0]) is None:
        raise FileNotFoundError(f"no C++ compiler '{compiler[0]}' on the PATH")
    sources = (f.read_text(encoding="utf-8") for f in (*HEADERS, *SOURCES))
    version = _run([*compiler, "--version"])
    name = f"native-{_hash(*sources, *compiler, *FLAGS, version, _processor())}"
    for folder in _folders():
        kept = [made for made in sorted(folder.glob(f"{name}-*.so")) if _whole(made)]
        if kept:
            return kept[0]
        if os.access(folder, os.W_OK):
            return _compile(compiler, folder, name)
    raise PermissionError("no folder to keep it in; XDG_CACHE_HOME or TMPDIR may name one")


def _compile(compiler: list[str], folder: Path, name: str) -> Path:
    """Compile into a folder. Many processes may be here at once: each does, and the last stays."""
    for left in folder.glob("part-*"):  # by processes that were killed
        if time.time() - left.stat().st_mtime > 2 * TIMEOUT:
            left.unlink(missing_ok=True)
    handle, part = tempfile.mkstemp(prefix="part-", dir=folder)
    os.close(handle)
    try:
        _run([*compiler, *FLAGS, *map(str, SOURCES), "-o", part])
        made = folder / f"{name}-{_hash(Path(part).read_bytes())}.so"
        Path(part).replace(made)
    finally:
        Path(part).unlink(missing_ok=True)
    for other in folder.glob(f"{name}-*.so"):
        if not _whole(other):
            other.unlink(missing_ok=True)
    return made


def _folders() -> Iterator[Path]:
    """Where compiled code may be kept: the user's cache, and a folder among temporary files."""
    with suppress(OSError, RuntimeError):  # not writable, or nobody's home
        cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(cache_home) / "rnnreg"
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    with suppress(OSError):  # no temporary files either
        folder = Path(tempfile.gettempdir()) / f"rnnreg-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()  # anyone may have made it: what lies in it is run
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
        if ours and not found.st_mode & 0o022:
            yield folder


def _whole(made: Path) -> bool:
    """Whether a file holds what its name says."""
    try:
        return made.stem.endswith(f"-{_hash(made.read_bytes())}")
    except OSError:
        return False


def _hash(*parts: str | bytes) -> str:
    joined = b"\0".join(p.encode() if isinstance(p, str) else p for p in parts)
    return hashlib.sha256(joined).hexdigest()[:16]


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, errors="replace", timeout=TIMEOUT
    )
    return done.stdout


def _processor() -> str:
    """What -march=native depends on: the processor's model and instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = ("model name", "flags", "Features", "CPU part")
    return "\n".join(line for line in lines if line.startswith(told))
