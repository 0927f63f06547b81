"""How long a study will take on this machine, from rates measured here, before it starts."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from shlex import quote

import torch

from rnnreg.study.rows import JOBS
from rnnreg.study.study import Row, Study
from rnnreg.training.capture import populate
from rnnreg.training.setting import setting

STEPS, MOST, ENOUGH = 5, 40, 1.0  # steps that are timed: at least, at most; seconds that suffice
WARM_UP = {"cpu": 1, "cuda": 3}  # times that each is done before: a GPU's is soon replayed
MEMBERS = 4  # of the population that is timed
BESIDE = 12.0  # seconds that a process of a cluster's job takes beside training: docs/cluster.md
SHARE = 0.05  # that this may be of a job


def members(row: Row) -> tuple[int, int]:
    """How many members a row trains, at least and at most.

    What is chosen at the final check may or may not be what is chosen at the best check.
    """
    seeds, tested = len(row.tuning_seeds), len(row.evaluation_seeds)
    tuned = len(row.settings) * seeds
    if row.search and len(row.settings) == 1:
        tuned = 0
    elif row.search:
        tuned = row.search.trials + row.search.survivors * row.search.seeds
    least = min(2 * seeds, tuned) if row.rising else tuned
    return least + tested, tuned + tested * (1 if len(row.settings) == 1 else 2)


def seconds_a_member(row: Row, facts: dict, splits: dict, device: str) -> float:
    """Predicted seconds to train one member of a row: steps and validation checks."""
    job = setting(row, facts, splits, device)
    budget = replace(job.budget, steps=max(job.budget.steps, MOST))  # a schedule must reach as far
    rate, strength = row.settings[0]
    several = [strength] * MEMBERS, list(range(MEMBERS)), [rate] * MEMBERS
    population = populate(replace(job, budget=budget), *several)

    def step(number: int) -> None:
        population.done = number
        population.step()

    def check() -> None:
        population.evaluate(population.params, population.reg, "validation")

    each = _mean(step, device)
    return (job.budget.steps * each + job.budget.checks * _time(check, device)) / MEMBERS


def estimate(study: Study, read, device: str) -> list[dict]:
    """One entry a benchmark and cell: rows, members at least and at most, core-hours likewise.

    `read(benchmark)` gives (facts, splits). The rate of a benchmark and cell is that of its first
    row; regularizers add a few per cent.
    """
    found = {}
    for row in study.rows:
        key = row.benchmark, row.cell
        if key not in found:
            rate = seconds_a_member(row, *read(row.benchmark), device)
            found[key] = {"benchmark": key[0], "cell": key[1], "rows": 0, "seconds a member": rate,
                          "members": [0, 0]}  # fmt: skip
        entry = found[key]
        entry["rows"] += 1
        entry["members"] = [a + b for a, b in zip(entry["members"], members(row), strict=True)]
    for entry in found.values():
        entry["hours"] = [m * entry["seconds a member"] / 3600 for m in entry["members"]]
    return list(found.values())


def beside(entries: list[dict], job: str) -> float:
    """The share of their jobs that is no training, with a process for each row, or each cell."""
    processes = sum(e["rows"] if job == "row" else 1 for e in entries) * BESIDE
    return processes / (processes + 3600 * sum(e["hours"][0] for e in entries))


def for_cluster(entries: list[dict], minutes: int, study: Study) -> str:
    """How to run a study on a cluster in jobs of so many minutes: a profile's lines, a command.

    Each process trains what the study's `job` says, or the rows of a cell where rows are so short
    that starting would take too large a share.
    """
    shares = {kind: beside(entries, kind) for kind in JOBS}
    job = study.job if shares[study.job] <= SHARE else "cell"
    told = " or ".join(f"{share:.1%} of all jobs for each {kind}" for kind, share in shares.items())
    short = dict.fromkeys(e["benchmark"] for e in entries if beside([e], job) > SHARE)
    lines = [
        f"# for profiles/slurm/profile.yaml, jobs of {minutes} minutes:",
        for_profile(entries, minutes, job),
        f"# Some {BESIDE:.0f} s to start a process are {told}.",
    ]
    if short:
        lines.append(f"# A {job} is so short that they are above {SHARE:.0%}: {', '.join(short)}.")
    other = f" job={job}" if job != study.job else ""
    lines.append(
        f"snakemake --workflow-profile profiles/slurm --config study={quote(study.asked)}{other}"
    )
    return "\n".join(lines)


def for_profile(entries: list[dict], minutes: int, job: str) -> str:
    """Lines for a cluster's profile: how many rows of a benchmark fill a job of so many minutes.

    And the minutes that a row is given there: twice what it takes at the most, and two to start.
    Where a `job` is a "cell", both are of a cell with all its rows, which are one process.
    """
    together, limits = {}, {}
    for benchmark in dict.fromkeys(e["benchmark"] for e in entries):
        found = [e for e in entries if e["benchmark"] == benchmark]
        own = [60 * e["hours"][1] / (e["rows"] if job == "row" else 1) for e in found]
        together[benchmark] = max(int(minutes / statistics.mean(own)), 1)
        limits[benchmark] = math.ceil(2 * max(own)) + 2
    each = ", ".join(f"{benchmark}={count}" for benchmark, count in together.items())
    return (
        f"group-components: [{each}]\nset-resources:\n  train:\n"
        f'    runtime: "dict({list(limits.items())})[wildcards.benchmark]"'
    )


def show(entries: list[dict], device: str) -> None:
    """Print the entries and their totals."""
    wide = max(18, *(len(e["benchmark"]) + 2 for e in entries))
    head = f"{'cell':<12}{'rows':>6}{'members':>14}{'s a member':>12}{'hours':>14}"
    print(f"{'benchmark':<{wide}}{head}")
    total = [0.0, 0.0]
    for e in entries:
        low, high = e["members"]
        hours = f"{e['hours'][0]:.2f} - {e['hours'][1]:.2f}"
        print(
            f"{e['benchmark']:<{wide}}{e['cell']:<12}{e['rows']:>6}{f'{low} - {high}':>14}"
            f"{e['seconds a member']:>12.2f}{hours:>14}"
        )
        total = [t + h for t, h in zip(total, e["hours"], strict=True)]
    rows = sum(e["rows"] for e in entries)
    what = "hours on one core" if device == "cpu" else f"hours on {device}"
    print(f"{rows} rows: {total[0]:.1f} to {total[1]:.1f} {what}, downloads and reports aside")


def _mean(step: Callable[[int], None], device: str) -> float:
    """Mean seconds of the first steps: batches differ in length, and a few may all be long."""
    times: list[float] = []
    while len(times) < STEPS or (len(times) < MOST and sum(times) < ENOUGH):
        times.append(_time(partial(step, len(times)), device))
    return statistics.fmean(times)


def _time(work: Callable[[], None], device: str) -> float:
    """Seconds of the last of a few calls; on one core its own alone, whatever else runs."""
    on_cpu = torch.device(device).type == "cpu"
    clock = time.process_time if on_cpu and torch.get_num_threads() == 1 else time.perf_counter
    for _ in range(WARM_UP[torch.device(device).type] + 1):
        start = clock()
        work()
        if not on_cpu:
            torch.cuda.synchronize()
    return clock() - start
