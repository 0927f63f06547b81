"""Compile the C++ sources with the machine's own compiler, once a machine, and load it."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from functools import cache
from pathlib import Path

SOURCES = sorted(Path(__file__).parent.glob("*.cpp"))
HEADERS = sorted(Path(__file__).parent.glob("*.h"))
FLAGS = ["-std=c++17", "-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
FLAGS += ["-fno-math-errno", "-fno-trapping-math"]


@cache
def library() -> ctypes.CDLL | None:
    """The compiled library; None, and one warning, where it cannot be had.

    RNNREG_NATIVE=0 turns it off. The compiler is $CXX, or c++; the result is kept in
    $XDG_CACHE_HOME/rnnreg (or ~/.cache/rnnreg) under a hash of all that it depends on.
    """
    if os.environ.get("RNNREG_NATIVE") == "0":
        return None
    try:
        loaded = ctypes.CDLL(str(_compiled()))
        _keep_freed_memory()
        return loaded
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


def _keep_freed_memory() -> None:
    """Let glibc keep what is freed: new pages at every step cost more than the work on them."""
    keep = getattr(ctypes.CDLL(None), "mallopt", None)
    if keep:
        keep(-4, 0)  # M_MMAP_MAX: no allocation gets pages of its own
        keep(-1, -1)  # M_TRIM_THRESHOLD: none are given back


def _compiled() -> Path:
    compiler = os.environ.get("CXX", "c++").split()
    if shutil.which(compiler[0]) is None:
        raise FileNotFoundError(f"no C++ compiler '{compiler[0]}' on the PATH")
    version = _run([*compiler, "--version"])
    parts = [
        *(f.read_text(encoding="utf-8") for f in (*HEADERS, *SOURCES)),
        *compiler,
        *FLAGS,
        version,
        _processor(),
    ]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    folder = _folder()
    made = folder / f"native-{key}.so"
    if not made.is_file():  # many processes may be here at once: each compiles, the last one stays
        with tempfile.TemporaryDirectory(dir=folder) as own:
            fresh = Path(own) / made.name
            _run([*compiler, *FLAGS, *map(str, SOURCES), "-o", str(fresh)])
            fresh.replace(made)
    return made


def _folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(root) / "rnnreg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:  # a home that cannot be written: compile for this process alone
        folder = Path(tempfile.mkdtemp(prefix="rnnreg-"))
    return folder


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def _processor() -> str:
    """What -march=native depends on: the processor's model and instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = ("model name", "flags", "Features", "CPU part")
    return "\n".join(line for line in lines if line.startswith(told))
