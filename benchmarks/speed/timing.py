"""Time functions side by side, so that whatever else the machine does falls on all of them alike.

On a CPU times are processor time of this process, held to one core: on an idle machine that is the
time on the clock, and other people's jobs do not add to it. On a GPU they are the time on the clock
until it has done all that it was given.
"""

import gc
import os
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

SLOW, FEW = 100, 5  # milliseconds, rounds


def now() -> float:
    """Seconds, when all work so far is done."""
    if not torch.cuda.is_initialized():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def one_core() -> None:
    """Hold this process, libraries' threads included, to one core."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def interleaved(steps: dict[str, Callable], repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each: {"median", "least"}; what takes longer than SLOW has FEW rounds."""
    found = rounds(steps, repeats, SLOW)
    return {n: {"median": statistics.median(t), "least": min(t)} for n, t in found.items()}


def rounds(steps: dict[str, Callable], repeats: int, slow: float) -> dict[str, list[float]]:
    """Milliseconds of each in each round.

    One round calls each twice, and times the second call: in training, too, a step comes after one
    like it. A round starts one further on than the round before. What takes longer than `slow`
    sits out after FEW rounds.
    """
    found = {name: [] for name in steps}
    for step in steps.values():
        step()
    gc.collect()
    gc.disable()
    for turn in range(repeats):
        taking_part = [n for n, t in found.items() if turn < FEW or min(t) < slow]
        if not taking_part:
            break
        shift = turn % len(taking_part)
        for name in taking_part[shift:] + taking_part[:shift]:
            steps[name]()
            start = now()
            steps[name]()
            found[name].append(1e3 * (now() - start))
    gc.enable()
    return found


def most_memory() -> int:
    """The most memory that this process has had so far, KiB (of a GPU if in use; Linux)."""
    if torch.cuda.is_initialized():
        jax = sys.modules.get("jax")
        others = jax.local_devices()[0].memory_stats() if jax else None  # None: JAX without a GPU
        peak = others["peak_bytes_in_use"] if others else 0
        return (torch.cuda.max_memory_allocated() + peak) // 1024
    told = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", told)[1])


def peak(device: torch.device) -> float:
    """Floating-point operations a second of a large matrix product in single precision."""
    size = 1536 if device.type == "cpu" else 8192
    a, b = (torch.randn(size, size, device=device) for _ in range(2))
    return 2 * size**3 / (interleaved({"product": lambda: a @ b}, 7)["product"]["least"] / 1e3)


def copy_rate(device: torch.device) -> float:
    """Bytes a second, read and written, of a large copy."""
    size = 1 << (25 if device.type == "cpu" else 30)
    a = torch.zeros(size, device=device)
    b = torch.empty_like(a)
    return 2 * 4 * size / (interleaved({"copy": lambda: b.copy_(a)}, 7)["copy"]["least"] / 1e3)
