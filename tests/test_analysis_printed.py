"""Every sentence and table of two generated studies, held against what was printed before.

The tests that work by hand show that numbers are right; these show that none of them moves unseen.
Where one moves on purpose, `python tests/test_analysis_printed.py` writes tests/printed anew: look
at the difference before it is committed.
"""

import dataclasses
import re
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import synthetic

from rnnreg.analysis.collect import collect
from rnnreg.analysis.report import (
    findings,
    reproduced,
    sentences,
    shown_pays,
    shown_regime,
    shown_setup,
)
from rnnreg.analysis.results import Results, load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.study import records, regimes

PRINTED = Path(__file__).parent / "printed"
NUMBER = re.compile(r"-?(?:\d+\.?\d*(?:e[-+]?\d+)?|inf|nan)")
REGULARIZERS = ("none", "l1", "l2", "dropout", "early_stopping", "zoneout")
BENEFIT = {"l1": -0.3, "l2": 0.0, "dropout": 0.5, "zoneout": 0.4}
STUDIES = {
    "searched": {
        "benchmarks": ("trec", "etth1", "python_docs", "r8", "jsb_chorales", "ptb_char"),
        "cells": ("gru", "elman_relu"),
        "regularizers": REGULARIZERS,
        "trials": 4,
        "evaluation": 6,
    },
    "few_seeds": {
        "benchmarks": ("jsb_chorales",),
        "cells": ("lstm",),
        "regularizers": REGULARIZERS[:4],
        "tuning": 1,
        "evaluation": 2,
    },
}


def results(name: str, root: Path) -> Results:
    """A generated study, published with its first data set 3% better, compared with that."""
    study = synthetic.study(name, **STUDIES[name])
    synthetic.write(root, study, BENEFIT)
    first = study.rows[0].benchmark
    for place, benchmark in enumerate(study.benchmarks):
        gap = {"gap": 0.1 + place / 20, "gap_low": 0.06, "gap_high": 0.5}
        told = {"declared": "over-fits", "measured": "over-fits", "late_gain": 0.004}
        regimes.put({"benchmark": benchmark, "cell": "gru", **told, **gap})
    for row in study.rows:
        found = records.read(root / study.records(row))
        if row.benchmark == first:
            found = [dataclasses.replace(r, scores=_scaled(r.scores, 0.97)) for r in found]
        records.write(root / "results/published" / study.records(row).relative_to("results"), found)
    return load(root / compare(collect(study)))


def _scaled(scores: dict, by: float) -> dict:
    return {
        c: {p: {m: by * v for m, v in ms.items()} for p, ms in parts.items()}
        for c, parts in scores.items()
    }


def printed(results: Results) -> list[str]:
    """A line a sentence, and a line a column of a table."""
    lines = [f"findings: {said}" for said in findings.findings(results)]
    for told in (findings.others, findings.decided, findings.by_itself, findings.choice):
        lines.append(f"{told.__name__}: {told(results)}")
    for name in ("setup", "described", "meaning", "ranks", "saving", "overfitting", "diverged"):
        lines.append(f"{name}: {getattr(sentences, name)(results)}")
    lines.append(f"sensitivity: {sentences.sensitivity(results)}")
    lines += [f"benchmark: {sentences.benchmark(results, b)}" for b in results.benchmarks]
    lines.append(f"reproduced: {reproduced.statement(results)}")
    lines += [f"pays: {told(results)}" for told in (shown_pays.pays, shown_pays.caption)]
    lines.append(f"not_compared: {shown_setup.not_compared(results)}")
    setup = (shown_setup.data, shown_setup.models, shown_setup.regularizers, shown_setup.naive)
    for table in (make(results) for make in (*setup, shown_regime.regime, shown_pays.prediction)):
        lines += [f"{table.name} {line}" for line in table.body.splitlines()]
    for file in sorted(results.folder.glob("*.csv")):
        frame = pd.read_csv(file)
        lines += [f"{file.stem}.{column}: {_summary(frame[column])}" for column in frame]
    return lines


def _summary(column: pd.Series) -> str:
    """What a number anywhere in a column changes; its place counts, too."""
    if not pd.api.types.is_numeric_dtype(column):
        return ", ".join(f"{v} {n}" for v, n in sorted(column.value_counts().items()))
    values = column.astype(float)
    finite = values[values.abs() < float("inf")]
    told = (finite.sum(), (finite * (1 + finite.index % 7)).sum(), finite.min(), finite.max())
    return " ".join([f"{len(finite)} of {len(values)}:", *(f"{v:.8g}" for v in told)])


def same(one: str, other: str) -> bool:
    """The same words, and numbers that differ by rounding at most; in what is read, as long."""
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    pairs = list(zip(NUMBER.findall(one), NUMBER.findall(other), strict=True))
    column = "." in one.partition(":")[0]  # of a CSV file
    if not column and any(len(a.partition(".")[2]) != len(b.partition(".")[2]) for a, b in pairs):
        return False
    return all(float(a) == pytest.approx(float(b), 1e-5, 1e-9, nan_ok=True) for a, b in pairs)


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_printed_is_what_was_printed(name, tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path, REGULARIZERS)
    now = printed(results(name, tmp_path))
    before = (PRINTED / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pairs = list(zip(before, now, strict=False))
    moved = [f"was: {a}\nis:  {b}" for a, b in pairs if not same(a, b)]
    assert not moved, "\n".join(moved)
    assert len(now) == len(before)


if __name__ == "__main__":
    for name in STUDIES:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as scratch:
            synthetic.use(patch, Path(scratch), REGULARIZERS)
            text = "\n".join(printed(results(name, Path(scratch)))) + "\n"
        PRINTED.mkdir(exist_ok=True)
        (PRINTED / f"{name}.txt").write_text(text, encoding="utf-8")
        sys.stdout.write(text)
