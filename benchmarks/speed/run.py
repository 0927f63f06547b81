"""Measure rnnreg beside what one would use instead, on one core of this machine or on its GPU.

    python benchmarks/speed/run.py [--device cuda] [--repeats 15] [--only steps rows shares]

Writes steps.csv, rows.csv, scaling.csv, memory.csv and, on a CPU, nn.csv, cost.csv, rates.csv and
shares.csv; from them speed.md and speed.svg; all into benchmarks/speed/results/<processor or GPU>/.
JAX takes part where it is installed (extra `peers`), `shares` where data/prepared holds the
standard study's data.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import contenders
import cost
import layers
import member_rates
import pandas as pd
import rows
import shares
import summary
import timing
import torch
from contenders import Case
from measured import machine

from rnnreg.kernels.native.build import keep_freed_memory
from rnnreg.study import registry

HERE = Path(__file__).resolve().parent
SIZES = [(32, 96, 7, 32), (32, 96, 7, 64), (20, 35, 128, 128)]  # B, T, D, H
CELLS = ["lstm", "gru", "elman_tanh", "elman_relu"]
LARGE = (20, 35, 650, 650)  # for a GPU: the layer of Zaremba et al.'s medium model
MIDDLE = Case("lstm", 32, 96, 7, 64)
SCALES = {
    "members": [1, 4, 16, 64, 256],
    "steps": [16, 64, 128, 256, 512],
    "hidden": [16, 32, 64, 128, 256, 512],
}


def steps(repeats: int, device: str) -> pd.DataFrame:
    """A training step of every contender at every size: milliseconds a member."""
    found = []
    for cell in CELLS:
        for size in sizes(device):
            case = Case(cell, *size, members=side_by_side(size, device), device=device)
            several = contenders.all_of(case)
            times = timing.interleaved(working(several), repeats)
            for name, members in ((n, several[n][0]) for n in times):
                per = {k: t / members for k, t in times[name].items()}
                found.append({**vars(case), "members": members, "contender": name, **per})
            print(pd.DataFrame(found[-len(times) :])[["cell", "hidden", "contender", "median"]])
    return pd.DataFrame(found)


def working(several: dict[str, tuple[int, Callable]]) -> dict[str, contenders.Step]:
    """The steps of those that run on this machine; a word about the others."""
    found = {}
    for name, (_, make) in several.items():
        try:
            found[name] = make()
            found[name]()
        except RuntimeError as error:
            print(f"{name} is not measured: {str(error).partition(chr(10))[0]}")
            found.pop(name, None)
    return found


def sizes(device: str) -> list[tuple[int, ...]]:
    """B, T, D, H."""
    return SIZES if device == "cpu" else [*SIZES, LARGE]


def side_by_side(size: tuple[int, ...], device: str) -> int:
    """How many train side by side."""
    if device == "cpu":
        return 8
    return 10 if size == LARGE else 32


def whole_rows(repeats: int, device: str) -> pd.DataFrame:
    """Whole rows: seconds a member, from the time of a step and of a check."""
    found = []
    for benchmark, cell in rows.ROWS if device == "cpu" else rows.ON_GPU:
        if not Path(f"data/prepared/{benchmark}.npz").exists():
            print(f"{benchmark} is not measured: `rnnreg download` and `rnnreg prepare` it first")
            continue
        job, step, check = rows.contenders(benchmark, cell, device)
        step = timing.interleaved(step, repeats)
        check = timing.interleaved(check, max(repeats // 5, 2))
        for name in step:
            ms = {"step": step[name]["median"], "check": check[name]["median"]}
            ms = {k: t / rows.members(benchmark, device) for k, t in ms.items()}
            total = (job.budget.steps * ms["step"] + job.budget.checks * ms["check"]) / 1e3
            found.append(
                {"benchmark": benchmark, "cell": cell, "contender": name, **ms, "row": total}
            )
        print(pd.DataFrame(found[-len(step) :]))
    return pd.DataFrame(found)


def parts_of_rows() -> pd.DataFrame:
    """Where the time of each row of the standard study goes: seconds a member of each part."""
    found = []
    for row, job in shares.jobs(CELLS):
        parts = shares.shares(job, shares.STRENGTHS[row.regularizer])
        names = {n: getattr(row, n) for n in ("benchmark", "cell", "regularizer")}
        found.append({**names, **parts})
        print(pd.DataFrame(found[-1:]).to_string(index=False, header=len(found) == 1))
    return pd.DataFrame(found)


def costs(repeats: int) -> pd.DataFrame:
    """A training step under each regularizer that ships: milliseconds a member, ratio to none."""
    return told(cost.measure(repeats, registry.shipped("regularizer")))


def rates(repeats: int) -> pd.DataFrame:
    """A training step with a learning rate for each member, and its ratio to one rate for all."""
    return told(member_rates.measure(repeats))


def told(lines: Iterable[dict]) -> pd.DataFrame:
    """The lines as a table; each is printed once it is measured."""
    found = []
    for line in lines:
        found.append(line)
        print(*line.values())
    return pd.DataFrame(found)


def scaling(repeats: int, device: str) -> pd.DataFrame:
    """One size at a time, beside what arithmetic and memory allow; milliseconds a member."""
    peak, rate = timing.peak(torch.device(device)), timing.copy_rate(torch.device(device))
    middle = replace(MIDDLE, members=side_by_side(SIZES[1], device), device=device)
    print(f"peak {peak / 1e9:.0f} GFLOP/s, copy {rate / 1e9:.1f} GB/s")
    found = []
    for what, values in SCALES.items():
        for value in values:
            case = replace(middle, **{what: value})
            fewer = 3 if max(value, case.members) > 128 else repeats
            few = replace(case, members=min(case.members, 8))  # one after another: all alike
            several = {
                "rnnreg": (case.members, contenders.rnnreg(case, masked=False)),
                "rnnreg, masked": (case.members, contenders.rnnreg(case, masked=True)),
                "torch.nn module": (few.members, contenders.torch_module(few)),
            }
            times = timing.interleaved({n: f for n, (_, f) in several.items()}, fewer)
            for name, (members, _) in several.items():
                ms = times[name]["median"] / members
                found.append({"varied": what, "value": value, "contender": name, "median": ms})
            for name, seconds in bounds(case, peak, rate).items():
                found.append(
                    {"varied": what, "value": value, "contender": name, "median": 1e3 * seconds}
                )
    return pd.DataFrame(found)


def bounds(case: Case, peak: float, rate: float) -> dict[str, float]:
    """Seconds a member that a step takes at least, of an LSTM that learns weights alone.

    Three products of (T B, D + H) by 4 H (forward; gradients of h; gradients of weights; none
    of x), and what the backward pass needs written once and read once: h, c, four gates.
    """
    rows_, gates = case.steps * case.batch, 4 * case.hidden
    flops = 2 * rows_ * gates * (2 * (case.inputs + case.hidden) + case.hidden)
    moved = 2 * 4 * rows_ * (case.inputs + 6 * case.hidden)
    return {"bound: arithmetic": flops / peak, "bound: memory": moved / rate}


def own_models(repeats: int) -> pd.DataFrame:
    """A layer of rnnreg.nn in a model of one's own beside torch.nn's: milliseconds a call.

    Beside medians and least: ratio, the median over rounds of a call's time to that of torch.nn in
    the same round, between the quartiles low and high. Where they lie on both sides of 1, there is
    no difference to see.
    """
    found = []
    for layer in layers.layers():
        short = layer.what == "inference"  # calls of less than a millisecond
        often = 10 * repeats if short else repeats
        times = timing.rounds(layers.contenders(layer), often, timing.SLOW)
        for name, own in times.items():
            pairs = zip(own, times[layers.TORCH], strict=False)  # what is slow has fewer rounds
            low, ratio, high = statistics.quantiles([a / b for a, b in pairs], n=4)
            ratios = {"ratio": ratio, "low": low, "high": high}
            calls = name == layers.OURS and layers.calls_torch(layer)
            times_of = {"median": statistics.median(own), "least": min(own)}
            line = {**vars(layer), "contender": name, **times_of, **ratios, "calls_torch": calls}
            found.append(line)
            print(
                layer, name, {n: f"{v:.3g}" for n, v in {**times_of, **ratios}.items()}, flush=True
            )
    return pd.DataFrame(found)


def memory(device: str) -> pd.DataFrame:
    """Peak memory a contender adds to its process, each in a process of its own: MiB."""
    found = []
    for batch, length, inputs, hidden in sizes(device):
        for name in contenders.all_of(Case("lstm", 2, 2, 2, 2, device=device)):
            size = ",".join(map(str, (batch, length, inputs, hidden)))
            command = [sys.executable, __file__, "--device", device, "--memory-of", name, size]
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True)
            if told.returncode:
                print(f"the memory of {name} at {size} is not measured: it failed")
                continue
            members, mib = told.stdout.split()[-2:]
            found.append({"cell": "lstm", "batch": batch, "steps": length, "inputs": inputs,
                          "hidden": hidden, "members": int(members), "contender": name,
                          "MiB": float(mib)})  # fmt: skip
    return pd.DataFrame(found)


def memory_of(name: str, size: str, device: str) -> None:
    """What the process grew by from the first step of a tiny case to the second of this one."""
    contenders.all_of(Case("lstm", 2, 2, 2, 2, 2, device))[name][1]()()
    before = timing.most_memory()
    several = side_by_side(numbers := tuple(map(int, size.split(","))), device)
    count, make = contenders.all_of(Case("lstm", *numbers, several, device))[name]
    step = make()
    step()
    step()
    print(count, (timing.most_memory() - before) / 1024)


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    timing.one_core()
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # else JAX takes the GPU's memory
    torch.backends.cudnn.allow_tf32 = False  # single precision for everybody
    if given.device == "cuda":
        torch.cuda.init()
    if given.memory_of:
        keep_freed_memory()
        memory_of(*given.memory_of, given.device)
        return
    name = machine() if given.device == "cpu" else torch.cuda.get_device_name()
    where = f"{name}, one core" if given.device == "cpu" else f"{name}, torch {torch.__version__}"
    folder = HERE / "results" / re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "machine.txt").write_text(f"{where}\n")
    measure = {
        "steps": lambda: steps(given.repeats, given.device),
        "rows": lambda: whole_rows(given.repeats, given.device),
        "scaling": lambda: scaling(given.repeats, given.device),
        "memory": lambda: memory(given.device),
    }
    if given.device == "cpu":  # a step that is recorded has no parts to time
        own = {"nn": lambda: own_models(given.repeats)}
        beside = {"cost": lambda: costs(given.repeats), "rates": lambda: rates(given.repeats)}
        measure = {**own, **measure, **beside, "shares": parts_of_rows}
    for what in given.only or measure:
        if what != "nn":  # in a program of one's own memory is as it is
            keep_freed_memory()
        found = measure[what]()
        if len(found):
            found.to_csv(folder / f"{what}.csv", index=False, float_format="%.4g")
    print(summary.write(folder))


if __name__ == "__main__":
    main()
