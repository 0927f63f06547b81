"""The learning rates that range tests suggest, held against those that searches chose.

    python benchmarks/rates/compare.py

For each data set and cell with published records of `none`: rates.csv beside this file, and the
table and the picture of docs/training.md. Data must be prepared in data/prepared. Minutes.

    suggestion, low, high   see rnnreg/training/rates.py; none where the loss does not fall
    chosen                  the rate that the search chose for `none` at the best validation check
    least, most             the lowest and the highest that it chose for any regularizer
    cost                    how much worse, in percent, the validation loss of the trial of `none`
                            with the rate nearest to the suggestion is than that of the best trial
"""

import math
from pathlib import Path

import pandas as pd
import torch

from rnnreg.analysis.figures.rates import draw
from rnnreg.analysis.report.readme import replace
from rnnreg.analysis.tables import number, tabulated
from rnnreg.analysis.words import listed
from rnnreg.data import prepared
from rnnreg.errors import UserError
from rnnreg.study import records, registry, study
from rnnreg.study.records import Record
from rnnreg.study.selection import choose
from rnnreg.training.rates import STEPS, range_test
from rnnreg.training.setting import setting

HERE = Path(__file__).resolve().parent
PAGE = registry.ROOT / "docs" / "training.md"
PUBLISHED = registry.ROOT / "results" / "published"
STUDIES = ("regularizers", "standard", "quick")  # of several records of one row, the first's
NONE = "none"
PICTURED, PICTURE = ("us_macro", "lstm"), PAGE.with_name("rate.svg")


def rows() -> dict[tuple[str, str], tuple[str, Path]]:
    """(Data set, cell) -> the study, and the folder of its records."""
    found = {}
    for name in STUDIES:
        for folder in sorted((PUBLISHED / name / "records").glob("*/*")):
            if (folder / f"{NONE}.jsonl").is_file():
                found.setdefault((folder.parent.name, folder.name), (name, folder))
    return found


def compared(benchmark: str, cell: str, asked: str, folder: Path) -> dict:
    """One line of the table."""
    row = study.read(asked).row(benchmark, cell, NONE)
    job = setting(row, *prepared.read(benchmark, Path("data/prepared"), row.variant))
    try:
        found = range_test(job)
    except UserError:  # the loss does not fall
        found = None
    if found and (benchmark, cell) == PICTURED:
        title = f"{job.facts['title']}, {registry.facts('cell', cell)['title']}"
        draw(
            PICTURE, title, found.rates, found.losses, found.smoothed, found.suggestion,
            (found.low, found.high),
        )  # fmt: skip
    own = records.read(folder / f"{NONE}.jsonl")
    rates = [
        choose(each, "best")[0] for file in folder.glob("*.jsonl") if (each := records.read(file))
    ]
    return {
        "benchmark": benchmark,
        "cell": cell,
        "study": asked,
        "suggestion": found.suggestion if found else math.nan,
        "low": found.low if found else math.nan,
        "high": found.high if found else math.nan,
        "chosen": choose(own, "best")[0],
        "least": min(rates),
        "most": max(rates),
        "cost": cost(own, found.suggestion) if found else math.nan,
    }


def cost(own: list[Record], rate: float) -> float:
    """How much worse the trial nearest to a rate is than the best one, in percent."""
    first = [r for r in own if r.phase == "tune" and r.seed == 0]
    losses = {r.learning_rate: r.scores["best"]["validation"]["loss"] for r in first}
    nearest = min(losses, key=lambda tried: abs(math.log(tried / rate)))
    return 100 * (losses[nearest] / min(losses.values()) - 1)


def shown(frame: pd.DataFrame) -> str:
    """The table, and what it comes to in a sentence."""
    columns = {
        "Data set": lambda r: r["benchmark"],
        "Cell": lambda r: r["cell"],
        "Suggestion": lambda r: number(r["suggestion"], 2),
        "Falls from, lowest at": falls,
        "Chosen for none": lambda r: number(r["chosen"], 2),
        "For any regularizer": lambda r: f"{r['least']:.2g} to {r['most']:.2g}",
        "Loss at the suggestion, %": lambda r: number(r["cost"], 2, sign=True),
    }
    body = tabulated("rates", "", frame.to_dict("records"), columns, 2).body
    none = frame["suggestion"].isna()
    without = [f"{r.benchmark} with {r.cell}" for r in frame[none].itertuples()]
    frame = frame[~none]
    apart = (frame["suggestion"] / frame["chosen"]).map(math.log)
    near = int((apart.abs() <= math.log(3)).sum())
    return (
        f"Suggestions are {math.exp(apart.median()):.1f} times the rate that the search chose for "
        f"none, in the median of {len(frame)} rows, and within a factor of three of it in {near}. "
        f"The validation loss of the trial nearest to the suggestion is "
        f"{frame['cost'].median():.1f}% above that of the best trial in the median, and "
        f"{frame['cost'].max():.0f}% at most."
        + (f" In {STEPS} steps the loss does not fall on {listed(without)}." if without else "")
        + f"\n\n{body}\n"
    )


def falls(line: dict) -> str:
    """Where the loss falls from, and where it is lowest."""
    return "–" if math.isnan(line["low"]) else f"{line['low']:.2g}, {line['high']:.2g}"


def main() -> None:
    """Measure, and write the table and the page."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    lines = []
    for (benchmark, cell), where in rows().items():
        try:
            lines.append(compared(benchmark, cell, *where))
        except UserError as error:  # the data is not prepared
            raise SystemExit(f"{benchmark} {cell}: {error}") from error
        print(
            {k: v if isinstance(v, str) else f"{v:.2g}" for k, v in lines[-1].items()}, flush=True
        )
    file = HERE / "rates.csv"
    records.write_text(file, pd.DataFrame(lines).to_csv(index=False, float_format="%.6g"))
    text = replace(PAGE.read_text(encoding="utf-8"), "rates", shown(pd.read_csv(file)), PAGE)
    records.write_text(PAGE, text)


if __name__ == "__main__":
    main()
