"""Does one half of what settings are chosen on predict the other? No score on test takes part.

    python benchmarks/validation/halves.py              # all of NAMES
    python benchmarks/validation/halves.py r8@validation_rest co2

For data sets on which a report of the standard study says, or said, that validation is no guide, or
which took the place of one: the members of evaluation are trained again at the settings that the
published records chose, once with the first half of the validation split in the place of validation
and the second in that of test, and once the other way round. Halves of a series are consecutive, of
sequences every second one of each class, among those that a check reads. Where the rest of the
training split joins validation, the same without it, too. Where folds of the training split stand
for seeds of tuning, the members are also trained without each fold in turn, and scored on it as
tuning scores them: at the check that is best there; folds are halved in every way. A line each in
halves.csv beside this file, and the table of docs/measure.md. Models' scores are kept in
build/halves: after an interruption the same command goes on. Two hours on one core.

    chosen_on   validation: the split; rest: that and the rest of train; folds: those of train
    size        of it: sequences, or windows of a series
    agreement   Spearman's rank correlation of effects on one half, at the check that is best there,
                and effects of the same models on the other, over pairs of regularizer and cell; the
                mean of both ways round. Of folds: of mean effects over one half of them and over
                the other. Effects are mean log ratios to `none` at the same seed
    foretold    of mean effects over folds and effects on the validation split, which comes later
    *_alone     size and agreement of the validation split alone
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from rnnreg.analysis.report.readme import replace as between
from rnnreg.analysis.statistics.prediction import correlation, halved
from rnnreg.analysis.tables import fixed, tabulated, whole
from rnnreg.data import prepared
from rnnreg.data.benchmark import Arrays
from rnnreg.data.folds import folded
from rnnreg.data.part import spread
from rnnreg.data.sequences import some
from rnnreg.errors import unknown
from rnnreg.study import records, registry, study
from rnnreg.study.protocol import asked
from rnnreg.study.records import Record
from rnnreg.study.rows import Row
from rnnreg.study.search import fold
from rnnreg.study.selection import choose
from rnnreg.training.row import records as recorded
from rnnreg.training.row import trained
from rnnreg.training.setting import setting

HERE = Path(__file__).resolve().parent
PAGE = registry.ROOT / "docs" / "measure.md"
PUBLISHED = registry.ROOT / "results" / "published" / "standard" / "records"
POOL = Path("build/halves")
STUDY, NONE = "standard", "none"
NAMES = ("trec@validation_rest", "sst2@train_4920_validation_rest", "r8@validation_rest",
         "us_macro", "exchange_rate", "co2")  # fmt: skip
CHOSEN_ON = {
    "validation": "validation",
    "rest": "validation and the rest of train",
    "folds": "folds of train",
}
COLUMNS = ("benchmark", "pairs", "chosen_on", "size", "agreement", "foretold", "size_alone",
           "agreement_alone")  # fmt: skip
Data = tuple[dict, dict]


def logs(row: Row, data: Data, half: int) -> np.ndarray:
    """Logarithms of the scores of members on both halves, (2, seeds): the check of the first."""
    facts, splits = data
    task = setting(row, facts, splits).benchmark.task
    _, cut = folded(task, facts, {**splits, "train": checked(row, data)}, half, 2)
    cut = {"train": splits["train"], "validation": cut["validation"], "test": cut["train"]}
    return scored(row, (facts, cut), str(half), ("validation", "test"))


def checked(row: Row, data: Data) -> Arrays:
    """The validation split; of sequences, as much of it as a check reads."""
    return part(data[1]["validation"], setting(row, *data).budget.validated)


def part(arrays: Arrays, most: int) -> Arrays:
    """So many of the sequences, evenly spread; all of them where most is 0, and all of a series."""
    if "length" not in arrays or not 0 < most < len(arrays["length"]):
        return arrays
    return some(arrays, spread(most, len(arrays["length"])))


def on_folds(row: Row, data: Data) -> np.ndarray:
    """Logarithms of the scores of a row's members, each on a fold that it is trained without.

    (folds, seeds)
    """
    task, count = setting(row, *data).benchmark.task, len(row.tuning_seeds)
    each = [folded(task, *data, left_out, count) for left_out in range(count)]
    names = [f"fold_{left_out}_of_{count}" for left_out in range(count)]
    return np.concatenate(
        [scored(row, own, name, ("validation",)) for own, name in zip(each, names, strict=True)]
    )


def scored(row: Row, data: Data, name: str, parts: tuple[str, ...]) -> np.ndarray:
    """Logarithms of the scores of a row's members at the best check, (parts, seeds); kept by name.

    Of errors as `rnnreg.analysis.results` has them.
    """
    facts, splits = data
    rate, strength = choose(known(row), "best")
    seeds = list(row.evaluation_seeds)
    key = [row.fingerprint, facts["data_hash"], rate, strength, seeds]
    file = POOL / facts["data_hash"] / row.cell / f"{row.regularizer}.{name}.json"
    if file.is_file() and (found := json.loads(file.read_text(encoding="utf-8")))["key"] == key:
        return np.array(found["logs"])
    job = setting(row, facts, splits)
    (population,) = trained(job, [strength] * len(seeds), seeds, [rate] * len(seeds))
    compared = job.benchmark.task.compared
    scores = [r.scores["best"] for r in recorded(row, job, population, "evaluate")]
    found = np.array([[s[p][compared] for s in scores] for p in parts])
    if compared == "error":
        n = np.array([[len(splits[p]["length"])] for p in parts])
        found = (found * n + 0.5) / (n + 1)
    found = np.log(found.clip(1e-12))
    file.parent.mkdir(parents=True, exist_ok=True)
    records.write_text(file, json.dumps({"key": key, "logs": found.tolist()}))
    return found


def known(row: Row) -> list[Record]:
    """The published records that a row asks for."""
    file = PUBLISHED / row.benchmark / row.cell / f"{row.regularizer}.jsonl"
    have = {record.member: record for record in records.read(file)}
    return [have[member] for member in asked(row, have)]


def agreement(rows: list[Row], data: Data) -> float:
    """Of the two halves of the validation split."""
    ways = [effects({of(row): logs(row, data, half) for row in rows}) for half in (0, 1)]
    return sum(correlation(*way.T) for way in ways) / 2


def agreement_of_folds(rows: list[Row], data: Data) -> float:
    """Of one half of the folds and the other, the mean over all halvings."""
    found = effects({of(row): on_folds(row, data) for row in rows})
    return halved(found, found)


def foretold(rows: list[Row], data: Data) -> float:
    """How far mean effects over folds agree with those on the validation split, which comes after.

    These are of the published models, trained on all folds, at the check that is best there.
    """
    each = effects({of(row): on_folds(row, data) for row in rows}).mean(1)
    key = setting(rows[0], *data).benchmark.task.compared
    later = {}
    for row in rows:
        found = known(row)
        chosen = choose(found, "best")
        own = {r.seed: r.scores["best"]["validation"][key] for r in found
               if r.phase == "evaluate" and r.tuned == chosen}  # fmt: skip
        later[of(row)] = np.log([[own[seed] for seed in row.evaluation_seeds]])
    return correlation(each, effects(later).mean(1))


def of(row: Row) -> tuple[str, str]:
    """Which pair it is."""
    return row.cell, row.regularizer


def effects(found: dict[tuple[str, str], np.ndarray]) -> np.ndarray:
    """Mean log ratios to `none`, (pairs, parts), of (parts, seeds) each."""
    each = [(found[c, NONE] - own).mean(1) for (c, name), own in found.items() if name != NONE]
    return np.array(each)


def measured(name: str) -> dict:
    """One line of the table; as the report, without what is scored at its best check anyway."""
    standard = study.read(STUDY)
    own = [row for row in standard.rows if row.benchmark == name and row.cell in published(name)]
    kinds = {row.regularizer: registry.load("regularizer", row.regularizer) for row in own}
    rows = [row for row in own if kinds[row.regularizer].scored_at != "best"]
    variant = standard.variant(name)
    data = alone = prepared.read(name, Path("data/prepared"), variant)
    line = {"benchmark": name, "pairs": sum(row.regularizer != NONE for row in rows)}
    if fold(rows[0].tuning_seeds[0]):
        line |= {"chosen_on": "folds", "size": data[0]["sizes"]["train"]}
        line |= {"agreement": agreement_of_folds(rows, data), "foretold": foretold(rows, data)}
    else:
        line |= {"chosen_on": variant.validation or "validation"}
        line |= {"size": read(rows[0], data), "agreement": agreement(rows, data)}
        if not variant.validation:
            return line
        plain = replace(variant, validation="")
        folder = POOL / "prepared"
        prepared.prepare(name, Path("data/raw"), folder, plain)
        alone = prepared.read(name, folder, plain)
    alone_size = alone[0]["sizes"]["validation"]
    return {**line, "size_alone": alone_size, "agreement_alone": agreement(rows, alone)}


def read(row: Row, data: Data) -> int:
    """How many sequences of the validation split a check reads; of a series its windows."""
    arrays = checked(row, data)
    return len(arrays["length"]) if "length" in arrays else data[0]["sizes"]["validation"]


def published(name: str) -> list[str]:
    """The cells that have records."""
    return [folder.name for folder in sorted((PUBLISHED / name).iterdir())]


def shown(frame: pd.DataFrame) -> str:
    """The table."""
    columns = {
        "Data set": lambda r: r["benchmark"].partition("@")[0],
        "Settings are chosen on": lambda r: CHOSEN_ON[r["chosen_on"]],
        "Size": lambda r: whole(r["size"]),
        "Halves agree": lambda r: fixed(r["agreement"], 2),
        "Validation agrees": lambda r: given(r["foretold"], lambda x: fixed(x, 2)),
        "Validation split alone": lambda r: given(r["size_alone"], lambda x: whole(int(x))),
        "Its halves agree": lambda r: given(r["agreement_alone"], lambda x: fixed(x, 2)),
    }
    return tabulated("halves", "", frame.to_dict("records"), columns, 2).body


def given(value: float, text: Callable[[float], str]) -> str:
    """A dash for what is not measured."""
    return "–" if pd.isna(value) else text(value)


def main() -> None:
    """Measure, and write the table and the page."""
    parser = argparse.ArgumentParser(description="Halves of what settings are chosen on.")
    parser.add_argument("name", nargs="*", help=f"these alone, of: {', '.join(NAMES)}")
    names = parser.parse_args().name or NAMES
    for name in names:
        if name not in NAMES:
            raise unknown("name", name, NAMES)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    file = HERE / "halves.csv"
    for name in names:
        line = measured(name)
        print(*line.values(), flush=True)
        lines = pd.read_csv(file).to_dict("records")
        lines = [*(own for own in lines if own["benchmark"] != name), line]
        lines = [{key: own.get(key) for key in COLUMNS} for own in lines]
        lines.sort(key=lambda own: NAMES.index(own["benchmark"]))
        records.write_text(file, pd.DataFrame(lines).to_csv(index=False, float_format="%.4g"))
    text = between(PAGE.read_text(encoding="utf-8"), "halves", shown(pd.read_csv(file)), PAGE)
    records.write_text(PAGE, text)


if __name__ == "__main__":
    main()
