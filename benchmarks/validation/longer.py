"""Does none gain from more steps? It is searched and trained anew for twice as long.

    python benchmarks/validation/longer.py [data set ...]

For data sets of the standard study that are declared to over-fit, in each cell with published
records: at a constant learning rate that was chosen for its best check the loss may fall to the
end, and more steps, for which a search chooses another, need not help. The row of none is searched
and evaluated by the rules of the study with twice its steps, and held against the published
records. No score on test takes part. A line each in longer.csv beside this file, and the table of
docs/measure.md; with names, those lines alone are made anew. Records are kept in build/longer:
after an interruption the same command goes on. Data must be prepared in data/prepared. An hour on
one core.

    late_gain   how far the best validation loss falls over the last 30% of the steps, as a report
                of the study has it
    gain        how much lower the best validation loss is with twice the steps: the mean log ratio
                over evaluation seeds, with its 95% interval
"""

import sys
from dataclasses import replace
from math import exp
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rnnreg.analysis.report.readme import replace as between
from rnnreg.analysis.statistics.inference import mean_interval
from rnnreg.analysis.tables import fixed, number, spread, tabulated
from rnnreg.analysis.words import listed
from rnnreg.data import prepared
from rnnreg.data.benchmark import OVER_FITS
from rnnreg.study import records, registry, study
from rnnreg.study.regimes import LATE, late_gain
from rnnreg.study.rows import Row
from rnnreg.study.selection import choose
from rnnreg.study.variants import base
from rnnreg.training.row import train

HERE = Path(__file__).resolve().parent
FILE = HERE / "longer.csv"
PAGE = registry.ROOT / "docs" / "measure.md"
PUBLISHED = registry.ROOT / "results" / "published" / "standard" / "records"
POOL = Path("build/longer")
STUDY, NONE, TIMES = "standard", "none", 2


def curves(found: list[records.Record]) -> tuple[float, np.ndarray]:
    """The learning rate chosen for the best check, and (checks, seeds) validation losses at it."""
    chosen = choose(found, "best")
    own = {r.seed: r for r in found if r.phase == "evaluate" and r.tuned == chosen}
    losses = [own[seed].validation_loss for seed in sorted(own)]
    return own[min(own)].rate, np.array(losses, dtype=float).T


def longer(row: Row, steps: int) -> list[records.Record]:
    """Records of the row with so many steps."""
    row = replace(row, budget={**row.budget, "steps": steps})
    file = POOL / row.benchmark / f"{row.cell}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    data = prepared.read(row.benchmark, Path("data/prepared"), row.variant)
    known = records.read(file) if file.is_file() else []
    return train(row, *data, known, save=lambda made: records.write(file, made))


def measured(row: Row) -> dict:
    """One line of the table."""
    published = records.read(PUBLISHED / row.benchmark / row.cell / f"{NONE}.jsonl")
    steps = published[0].steps
    (rate, losses), (other, more) = curves(published), curves(longer(row, TIMES * steps))
    gains = np.log(np.nanmin(losses, axis=0)) - np.log(np.nanmin(more, axis=0))
    shares = [1 - exp(-x) for x in mean_interval(gains)]
    return {
        "benchmark": row.benchmark,
        "cell": row.cell,
        "steps": steps,
        "rate": rate,
        "late_gain": late_gain(losses).mean(),
        "longer_rate": other,
        "longer_late_gain": late_gain(more).mean(),
        **dict(zip(("gain", "gain_low", "gain_high"), shares, strict=True)),
    }


def shown(frame: pd.DataFrame) -> str:
    """The table."""
    columns = {
        "Data set": lambda r: base(r["benchmark"]),
        "Cell": lambda r: r["cell"],
        "Steps": lambda r: f"{r['steps']}",
        "Learning rate": lambda r: number(r["rate"], 2),
        "Late gain, %": lambda r: number(100 * r["late_gain"], 2),
        "Learning rate, twice the steps": lambda r: number(r["longer_rate"], 2),
        "Gain, %": lambda r: spread(r, "gain", 1),
    }
    lines = frame.assign(**{n: 100 * frame[n] for n in ("gain", "gain_low", "gain_high")})
    return tabulated("longer", "", lines.to_dict("records"), columns, 2).body


def told(frame: pd.DataFrame) -> str:
    """What the lines show, in a sentence or two."""
    least, late = f"{100 * LATE:g}%", frame["late_gain"] > LATE
    of_all, of_late = (fixed(100 * f["gain"].median(), 1, True) for f in (frame, frame[late]))
    more = frame[frame["gain_low"] > LATE]
    pairs = zip(more["benchmark"], more["cell"], strict=True)
    names = listed([f"{base(name)} with {cell}" for name, cell in pairs]) or "none"
    return (
        f"With twice the steps the gain is {of_all}% in the median of {len(frame)} rows, and "
        f"{of_late}% in the median of the {late.sum()} whose late gain is above {least}. The "
        f"interval lies above {least} on {names}."
    )


def main(names: list[str]) -> None:
    """Measure, and write the table and the page."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    rows = [r for r in study.read(STUDY).rows if r.regularizer == NONE and over_fits(r)]
    lines = pd.read_csv(FILE).to_dict("records") if FILE.is_file() else []
    for row in [r for r in rows if not names or r.benchmark in names]:
        lines = [li for li in lines if (li["benchmark"], li["cell"]) != (row.benchmark, row.cell)]
        lines.append(measured(row))
        print(*lines[-1].values(), flush=True)
        order = sorted(lines, key=lambda li: (li["benchmark"], li["cell"]))
        records.write_text(FILE, pd.DataFrame(order).to_csv(index=False, float_format="%.4g"))
    frame = pd.read_csv(FILE)
    text = f"{told(frame)}\n\n{shown(frame)}"
    records.write_text(PAGE, between(PAGE.read_text(encoding="utf-8"), "longer", text, PAGE))


def over_fits(row: Row) -> bool:
    """Whether it is declared to, and has published records."""
    there = (PUBLISHED / row.benchmark / row.cell).is_dir()
    return there and registry.load("benchmark", base(row.benchmark)).regime == OVER_FITS


if __name__ == "__main__":
    main(sys.argv[1:])
