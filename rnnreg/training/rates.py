"""Learning rates: chosen for each benchmark and cell, with no regularizer, on validation.

The table benchmarks/learning_rates.csv is what every row trains with; a benchmark and cell that it
lacks take the rate in the benchmark's file. The choice favours `none`, for which it was made: a
regularizer that would want another rate is at a disadvantage, and the report says so.
"""

import csv
import io
import math

from rnnreg.study import records
from rnnreg.study.study import RATES, Row, Study, rate_table
from rnnreg.training.capture import populate
from rnnreg.training.population import setting

CANDIDATES = (3e-4, 1e-3, 3e-3, 1e-2)
SEEDS = (2000, 2001, 2002)  # neither tuning nor evaluation seeds
COLUMNS = ("benchmark", "cell", "learning_rate", "validation_loss", "diverged", "steps", "chosen")


def measure(row: Row, facts: dict, splits: dict, device: str) -> list[dict]:
    """One line a candidate: mean over seeds of the best validation loss, the lowest chosen."""
    lines = []
    for rate in CANDIDATES:
        asked = Row(**{**vars(row), "budget": {**row.budget, "learning_rate": rate}})
        job = setting(asked, facts, splits, device)
        population = populate(job, [job.regularizer.off] * len(SEEDS), list(SEEDS))
        population.run()
        diverged = population.curves.diverged.tolist()
        naive = job.naive["validation"]["loss"]
        best = population.curves.best_loss.tolist()
        losses = [naive if d else b for b, d in zip(best, diverged, strict=True)]
        lines.append(
            {
                "benchmark": row.benchmark,
                "cell": row.cell,
                "learning_rate": rate,
                "validation_loss": math.fsum(losses) / len(losses),
                "diverged": sum(diverged),
                "steps": job.budget.steps,
                "chosen": 0,
            }
        )
    min(lines, key=lambda line: line["validation_loss"])["chosen"] = 1
    return lines


def choose(study: Study, read, device: str, again: bool = False, tell=print) -> None:
    """Measure what the table lacks (or all, `again`) and write it after each benchmark and cell."""
    for row in study.rows:
        key = row.benchmark, row.cell
        if row.regularizer != "none":
            continue
        if not again and any((li["benchmark"], li["cell"]) == key for li in rate_table()):
            continue
        lines = measure(row, *read(row.benchmark), device)
        kept = [li for li in rate_table() if (li["benchmark"], li["cell"]) != key]
        write(kept + lines)
        tell(f"{row.benchmark} {row.cell}: " + ", ".join(_told(line) for line in lines))


def write(lines: list[dict]) -> None:
    """Write the table, sorted."""
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    key = lambda line: (line["benchmark"], line["cell"], float(line["learning_rate"]))  # noqa: E731
    for line in sorted(lines, key=key):
        loss = f"{float(line['validation_loss']):.6g}"
        table.writerow({**line, "validation_loss": loss})
    records.write_text(RATES, text.getvalue())


def _told(line: dict) -> str:
    mark = " <-" if line["chosen"] else ""
    return f"{line['learning_rate']:g}: {line['validation_loss']:.4f}{mark}"
