"""How long a study will take on this machine, from rates measured here, before it starts."""

import statistics
import time

import torch

from rnnreg.capture import populate
from rnnreg.population import setting
from rnnreg.study import Row, Study

STEPS = 5  # timed, after two that warm up; the median counts
MEMBERS = 4  # of the population that is timed


def members(row: Row) -> tuple[int, int]:
    """How many members a row trains, at least and at most.

    The strength chosen at the final check may or may not be the one chosen at the best check.
    """
    tuned = len(row.strengths) * len(row.tuning_seeds)
    tested = len(row.evaluation_seeds)
    return tuned + tested, tuned + tested * (1 if len(row.strengths) == 1 else 2)


def seconds_a_member(row: Row, facts: dict, splits: dict, device: str) -> float:
    """Predicted seconds to train one member of a row: steps and validation checks."""
    job = setting(row, facts, splits, device)
    population = populate(job, [row.strengths[0]] * MEMBERS, list(range(MEMBERS)))
    step = statistics.median(_times(population.step, STEPS, 2, device))
    check = statistics.median(
        _times(
            lambda: population.evaluate(population.params, population.reg, "validation"),
            2,
            1,
            device,
        )
    )
    return (job.budget.steps * step + job.budget.checks * check) / MEMBERS


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


def show(entries: list[dict], device: str) -> None:
    """Print the entries and their totals."""
    print(f"{'benchmark':<18}{'cell':<12}{'rows':>6}{'members':>14}{'s a member':>12}{'hours':>14}")
    total = [0.0, 0.0]
    for e in entries:
        low, high = e["members"]
        hours = f"{e['hours'][0]:.2f} - {e['hours'][1]:.2f}"
        print(
            f"{e['benchmark']:<18}{e['cell']:<12}{e['rows']:>6}{f'{low} - {high}':>14}"
            f"{e['seconds a member']:>12.2f}{hours:>14}"
        )
        total = [t + h for t, h in zip(total, e["hours"], strict=True)]
    rows = sum(e["rows"] for e in entries)
    what = "hours on one core" if device == "cpu" else f"hours on {device}"
    print(f"{rows} rows: {total[0]:.1f} to {total[1]:.1f} {what}, downloads and reports aside")


def _times(work, repeats: int, warm_up: int, device: str) -> list[float]:
    times = []
    for _ in range(warm_up + repeats):
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return times[warm_up:]
