"""Two sets of records, figure by figure: is what differs more than chance?"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from rnnreg.analysis.results import CRITERIA, KEYS, Results
from rnnreg.analysis.statistics.inference import holm
from rnnreg.analysis.tables import Table, decimals_for, interval, number, p_value, word
from rnnreg.errors import UserError
from rnnreg.study import records
from rnnreg.study.selection import choose

FILE = "reproduction.csv"
COLUMNS = [
    *KEYS, "criterion", "metric", "n_a", "n_b", "strength_a", "strength_b", "a", "b", "difference",
    "low", "high", "p", "p_holm", "status",
]  # fmt: skip


def compare_runs(a: Path, b: Path) -> Path:
    """Compare the test scores of two result folders; write reproduction.csv into b, and return it.

    A figure is the mean test score of a row (error rate where there is one, else loss) under one
    criterion. Welch's test (Welch 1947) of the difference of the two means, with Holm's correction
    over all figures, says `same` (not told apart) or `different`; `missing` is a figure that one of
    the two lacks; `untested` one that differs and has a single seed. (That the fresh mean
    lies in the published interval would be the wrong question: of two perfect runs it fails 15%.)
    """
    left, right = (_figures(Path(folder)) for folder in (a, b))
    rows = [_compared(key, left.get(key), right.get(key)) for key in sorted({*left, *right})]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["p_holm"] = holm(frame["p"].to_numpy(dtype=float))
    frame.loc[frame["p_holm"] < 0.05, "status"] = "different"
    records.write_text(Path(b) / FILE, frame.to_csv(index=False, float_format="%.10g"))
    return Path(b) / FILE


def check(results: Results) -> Path | None:
    """Compare a study with its published records, where there are any."""
    folder = results.folder.resolve()
    published = folder.parent / "published" / folder.name
    return compare_runs(published, folder) if (published / "records").is_dir() else None


def _figures(folder: Path) -> dict[tuple, tuple[str, float, np.ndarray]]:
    """Row and criterion -> metric, chosen strength, test scores (seeds,)."""
    files = sorted((folder / "records").glob("*/*/*.jsonl"))
    if not files:
        raise UserError(
            f"{folder}: no records. Expected there are records/<benchmark>/<cell>/"
            "<regularizer>.jsonl. Remedy: give two folders such as results/published/quick and "
            "results/quick."
        )
    found = {}
    for file in files:
        members = records.read(file)
        for criterion in CRITERIA:
            strength = choose(members, criterion)
            shown = [m for m in members if m.phase == "evaluate" and m.strength == strength]
            if not shown:
                continue
            scores = [m.scores[criterion]["test"] for m in shown]
            metric = "error" if "error" in scores[0] else "loss"
            first = shown[0]
            key = (first.benchmark, first.cell, first.regularizer, criterion)
            found[key] = metric, strength, np.array([s[metric] for s in scores], dtype=float)
    return found


def _compared(key: tuple, a: tuple | None, b: tuple | None) -> dict:
    row = dict(zip([*KEYS, "criterion"], key, strict=True))
    for side, found in {"a": a, "b": b}.items():
        if found:
            row |= {"metric": found[0], f"strength_{side}": found[1], side: found[2].mean()}
        row[f"n_{side}"] = len(found[2]) if found else 0
    if a is None or b is None:
        return row | {"status": "missing"}
    x, y = a[2], b[2]
    row["difference"] = y.mean() - x.mean()
    if np.array_equal(np.sort(x), np.sort(y)):
        return row | {"p": 1.0, "low": 0.0, "high": 0.0, "status": "same"}
    if min(len(x), len(y)) < 2:
        return row | {"status": "untested"}
    if np.ptp(x) == np.ptp(y) == 0:  # constant on both sides, and not equal
        return row | {
            "p": 0.0,
            "low": row["difference"],
            "high": row["difference"],
            "status": "same",
        }
    found = stats.ttest_ind(y, x, equal_var=False)
    low, high = found.confidence_interval(0.95)
    return row | {"p": found.pvalue, "low": low, "high": high, "status": "same"}


def statement(results: Results) -> str:
    """One paragraph on whether this run repeats the published one."""
    file = results.folder / FILE
    if not file.is_file():
        return (
            "No published records of this study are in the repository (`results/published`), so "
            "there is nothing to compare this run with."
        )
    frame = pd.read_csv(file)
    counts = frame["status"].value_counts()
    parts = [
        f"{counts[s]} {s}" for s in ("same", "different", "missing", "untested") if s in counts
    ]
    text = f"Of {len(frame)} published or fresh figures: {', '.join(parts)}."
    if "different" in counts:
        names = [
            f"{r.benchmark}/{r.cell}/{r.regularizer}"
            for r in frame[frame["status"] == "different"].itertuples()
        ]
        shown = ", ".join(f"`{n}`" for n in dict.fromkeys(names[:5]))
        more = " and others" if len(names) > 5 else ""
        return f"{text} **This run does not repeat the published one** in {shown}{more}."
    if "missing" in counts:
        return f"{text} What is in both agrees; the two do not cover the same rows."
    identical = int((frame["difference"] == 0).sum())
    return f"{text} This run repeats the published one ({identical} figures to the last digit)."


def comparison(results: Results) -> Table:
    """Published and fresh, figure by figure."""
    file = results.folder / FILE
    columns = (
        "Data set",
        "Cell",
        "Regularizer",
        "At",
        "Status",
        "Published",
        "Fresh",
        "Difference",
        "p (Holm)",
    )
    caption = (
        "Mean test scores of the published run and of this one (error rate in classification, "
        "else loss: nats or squared error)."
    )
    rows = []
    for r in pd.read_csv(file).to_dict("records") if file.is_file() else []:
        decimals = decimals_for([r["a"], r["b"]]) + 1
        names = [_title(results, f"{key}s", r[key]) for key in KEYS]
        rows.append(
            (
                *map(word, names),
                word(r["criterion"]),
                word(r["status"], r["status"] == "different"),
                number(r["a"], 4),
                number(r["b"], 4),
                interval(r["difference"], r["low"], r["high"], decimals, True),
                p_value(r["p_holm"]),
            )
        )
    return Table("reproduction", caption, columns, rows, 5)


def _title(results: Results, kind: str, name: str) -> str:
    return results.title(kind, name) if name in results.study[kind] else name
