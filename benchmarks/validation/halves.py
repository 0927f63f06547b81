"""Does one half of a validation split predict the other? No score on test takes part.

    python benchmarks/validation/halves.py

For data sets on which a report of the standard study says, or said, that validation is no guide:
the members of evaluation are trained again at the settings that the published records chose, once
with the first half of the validation split in the place of validation and the second in that of
test, and once the other way round. Halves of a series are consecutive, of sequences every second
one of each class. A line each in halves.csv beside this file, and the table of docs/measure.md.
Where the rest of the training split joins validation, the same without it, too. Models' scores are
kept in build/halves: after an interruption the same command goes on. Half an hour on one core.

    size        of the validation split: sequences, or targets of a series
    agreement   Spearman's rank correlation of effects on one half, at the check that is best there,
                and effects of the same models on the other, over pairs of regularizer and cell; the
                mean of both ways round. Effects are mean log ratios to `none` at the same seed
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rnnreg.analysis.report.readme import replace as between
from rnnreg.analysis.statistics.prediction import correlation
from rnnreg.analysis.tables import fixed, tabulated, whole
from rnnreg.data import prepared
from rnnreg.data.folds import folded
from rnnreg.study import records, registry, study
from rnnreg.study.rows import Row
from rnnreg.study.selection import choose
from rnnreg.training.row import records as recorded
from rnnreg.training.row import trained
from rnnreg.training.setting import setting

HERE = Path(__file__).resolve().parent
PAGE = registry.ROOT / "docs" / "measure.md"
PUBLISHED = registry.ROOT / "results" / "published" / "standard" / "records"
POOL = Path("build/halves")
STUDY, NONE = "standard", "none"
REST = "validation_rest"
NAMES = ("trec@validation_rest", "sst2@train_4920_validation_rest", "r8", "us_macro", "elnino",
         "exchange_rate")  # fmt: skip
Data = tuple[dict, dict]


def logs(row: Row, data: Data, half: int) -> np.ndarray:
    """Logarithms of the scores of a row's members on both halves, (2, seeds): chosen on the first.

    Of errors as `rnnreg.analysis.results` has them.
    """
    facts, splits = data
    known = records.read(PUBLISHED / row.benchmark / row.cell / f"{row.regularizer}.jsonl")
    rate, strength = choose(known, "best")
    seeds = list(row.evaluation_seeds)
    key = [row.fingerprint, facts["data_hash"], rate, strength, seeds]
    file = POOL / facts["data_hash"] / row.cell / f"{row.regularizer}.{half}.json"
    if file.is_file() and (found := json.loads(file.read_text(encoding="utf-8")))["key"] == key:
        return np.array(found["logs"])
    task = setting(row, facts, splits).benchmark.task
    _, cut = folded(task, facts, {**splits, "train": splits["validation"]}, half, 2)
    cut = {"train": splits["train"], "validation": cut["validation"], "test": cut["train"]}
    job = setting(row, facts, cut)
    (population,) = trained(job, [strength] * len(seeds), seeds, [rate] * len(seeds))
    scores = [r.scores["best"] for r in recorded(row, job, population, "evaluate")]
    found = np.array([[s[part][task.compared] for s in scores] for part in ("validation", "test")])
    if task.compared == "error":
        n = np.array([[len(cut[part]["length"])] for part in ("validation", "test")])
        found = (found * n + 0.5) / (n + 1)
    found = np.log(found.clip(1e-12))
    file.parent.mkdir(parents=True, exist_ok=True)
    records.write_text(file, json.dumps({"key": key, "logs": found.tolist()}))
    return found


def agreement(rows: list[Row], data: Data) -> float:
    """Of the two halves."""
    both = []
    for half in (0, 1):
        found = {(row.cell, row.regularizer): logs(row, data, half) for row in rows}
        effects = [
            (found[cell, NONE] - own).mean(1) for (cell, name), own in found.items() if name != NONE
        ]
        both.append(correlation(*np.array(effects).T))
    return sum(both) / 2


def measured(name: str) -> dict:
    """One line of the table; as the report, without what is scored at its best check anyway."""
    asked = study.read(STUDY)
    own = [row for row in asked.rows if row.benchmark == name and row.cell in published(name)]
    kinds = {row.regularizer: registry.load("regularizer", row.regularizer) for row in own}
    rows = [row for row in own if kinds[row.regularizer].scored_at != "best"]
    found = {"": (rows, prepared.read(name, Path("data/prepared"), asked.variant(name)))}
    if name.endswith(REST):
        plain = replace(asked.variant(name), validation="")
        folder = POOL / "prepared"
        prepared.prepare(name, Path("data/raw"), folder, plain)
        found["_without"] = rows, prepared.read(name, folder, plain)
    line = {"benchmark": name, "pairs": sum(row.regularizer != NONE for row in rows)}
    for key, (own, data) in found.items():
        line[f"size{key}"] = data[0]["sizes"]["validation"]
        line[f"agreement{key}"] = agreement(own, data)
    return line


def published(name: str) -> list[str]:
    """The cells that have records."""
    return [folder.name for folder in sorted((PUBLISHED / name).iterdir())]


def shown(frame: pd.DataFrame) -> str:
    """The table."""
    columns = {
        "Data set": lambda r: r["benchmark"].partition("@")[0],
        "Validation split": lambda r: whole(r["size"]),
        "Halves agree": lambda r: fixed(r["agreement"], 2),
        "Without the rest of train": lambda r: given(r, lambda: whole(int(r["size_without"]))),
        "Halves agree there": lambda r: given(r, lambda: fixed(r["agreement_without"], 2)),
    }
    return tabulated("halves", "", frame.to_dict("records"), columns, 1).body


def given(line: dict, text) -> str:
    """What is measured only where the rest of train joins."""
    return "–" if pd.isna(line["size_without"]) else text()


def main() -> None:
    """Measure, and write the table and the page."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    lines = []
    for name in NAMES:
        lines.append(measured(name))
        print(*lines[-1].values(), flush=True)
    file = HERE / "halves.csv"
    records.write_text(file, pd.DataFrame(lines).to_csv(index=False, float_format="%.4g"))
    text = between(PAGE.read_text(encoding="utf-8"), "halves", shown(pd.read_csv(file)), PAGE)
    records.write_text(PAGE, text)


if __name__ == "__main__":
    main()
