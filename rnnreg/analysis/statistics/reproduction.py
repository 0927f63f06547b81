"""Two sets of records, figure by figure: are they the same, different, or can nobody tell?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, KEYS, Results
from rnnreg.analysis.statistics.inference import Estimate, estimate, holm
from rnnreg.errors import UserError
from rnnreg.study import records
from rnnreg.study.selection import choose

FILE, WHOLE = "reproduction.csv", "reproduction_whole.csv"
MARGIN = 1.5  # published standard deviations: of a figure
WHOLE_MARGIN = 1.5  # percent: of all figures together
COLUMNS = [
    *KEYS, "criterion", "metric", "n_a", "n_b", "strength_a", "strength_b", "a", "b", "difference",
    "low", "high", "margin", "p", "p_holm", "versions", "status",
]  # fmt: skip
WHOLE_COLUMNS = ["criterion", "rows", "difference", "low", "high", "p", "status"]


@dataclass(frozen=True)
class Figure:
    """What one run says of a row under one criterion: its scores by seed, and what made them."""

    metric: str
    strength: float
    scores: dict[int, float]
    losses: dict[int, float]
    data_hash: str
    versions: dict[str, str]


def compare_runs(a: Path, b: Path) -> Path:
    """Compare a published folder of results, a, with a fresh one, b; returns reproduction.csv in b.

    A figure is the mean test score of a row (error rate where there is one, else loss) under one
    criterion. Its status, in this order:

    missing      one of the two lacks it
    other data   the two were trained on other data: not compared
    same         every seed has the same score to the last digit; or equivalent: the 90% interval of
                 the difference lies within 1.5 published standard deviations (two one-sided
                 tests, Schuirmann 1987)
    different    not equivalent, and p, with Holm's correction over all figures, is below 0.05
    cannot tell  neither, or a single seed

    reproduction_whole.csv has a line a criterion: the mean over rows of the logarithm of fresh over
    published test losses, in percent, `same` where its 90% interval lies within 1.5%, `different`
    where it does not and the mean differs from zero (p < 0.05), else `cannot tell`. Differences
    are paired where both runs have the same seeds, else Welch's (1947).
    """
    left, right = (_figures(Path(folder)) for folder in (a, b))
    rows = [_compared(key, left.get(key), right.get(key)) for key in sorted({*left, *right})]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["p_holm"] = holm(frame["p"].to_numpy(dtype=float))
    unlike = (frame["status"] == "cannot tell") & (frame["p_holm"] < 0.05)
    frame.loc[unlike, "status"] = "different"
    whole = pd.DataFrame([_whole(c, left, right) for c in CRITERIA], columns=WHOLE_COLUMNS)
    for name, table in {FILE: frame, WHOLE: whole}.items():
        records.write_text(Path(b) / name, table.to_csv(index=False, float_format="%.10g"))
    return Path(b) / FILE


def check(results: Results) -> Path | None:
    """Compare a study with its published records, where there are any."""
    folder = results.folder.resolve()
    published = folder.parent / "published" / folder.name
    return compare_runs(published, folder) if (published / "records").is_dir() else None


def _figures(folder: Path) -> dict[tuple, Figure]:
    """Row and criterion -> what the run says of it."""
    files = sorted((folder / "records").glob("*/*/*.jsonl"))
    if not files:
        raise UserError(
            f"{folder}: no records. Expected there are records/<benchmark>/<cell>/"
            "<regularizer>.jsonl. Remedy: give two folders such as results/published/quick and "
            "results/quick."
        )
    found, counted = {}, _counted(folder)
    for file in files:
        members = records.read(file, "/".join(file.with_suffix("").parts[-3:]))
        if counted is not None:
            named = ((m, (m.row, m.phase, m.rate, m.strength, m.seed)) for m in members)
            members = [m for m, name in named if name in counted]
        for criterion in (
            CRITERIA if members else ()
        ):  # none: the row makes no sense, or is not asked
            chosen = choose(members, criterion)
            shown = [m for m in members if m.phase == "evaluate" and m.tuned == chosen]
            if not shown:
                continue
            first = shown[0]
            test = {m.seed: m.scores[criterion]["test"] for m in shown}
            metric = "error" if "error" in test[first.seed] else "loss"
            scores, losses = ({s: float(v[k]) for s, v in test.items()} for k in (metric, "loss"))
            key = (first.benchmark, first.cell, first.regularizer, criterion)
            made = first.data_hash, first.versions
            found[key] = Figure(metric, first.strength, scores, losses, *made)
    return found


def _counted(folder: Path) -> set[tuple] | None:
    """The members that a study asks for, where it was collected: others may lie beside them."""
    file = folder / "members.parquet"
    if not file.is_file():
        return None
    fields = [*KEYS, "phase", "learning_rate", "strength", "seed"]
    frame = pd.read_parquet(file, columns=fields)
    return {("/".join(line[:3]), *line[3:]) for line in frame.itertuples(index=False)}


def _compared(key: tuple, a: Figure | None, b: Figure | None) -> dict:
    row = dict(zip([*KEYS, "criterion"], key, strict=True)) | {"versions": ""}
    for side, found in {"a": a, "b": b}.items():
        if found:
            mean = np.mean(list(found.scores.values()))
            row |= {"metric": found.metric, f"strength_{side}": found.strength, side: mean}
        row[f"n_{side}"] = len(found.scores) if found else 0
    if a is None or b is None:
        return row | {"status": "missing"}
    row |= {"difference": row["b"] - row["a"], "versions": _changed(a.versions, b.versions)}
    if a.data_hash != b.data_hash:
        return row | {"status": "other data"}
    if a.scores == b.scores:
        return row | {"p": 1.0, "low": 0.0, "high": 0.0, "status": "same"}
    found = _difference(a.scores, b.scores)
    if np.isnan(found.error):
        return row | {"status": "cannot tell"}
    margin = MARGIN * np.std(list(a.scores.values()), ddof=1)
    low, high = found.mean - found.half(0.9), found.mean + found.half(0.9)
    row |= {"low": low, "high": high, "margin": margin, "p": float(found.p)}
    return row | {"status": "same" if low > -margin and high < margin else "cannot tell"}


def _difference(a: dict[int, float], b: dict[int, float]) -> Estimate:
    """Mean of b minus that of a: paired where the seeds are the same, else by Welch's formula."""
    if a.keys() == b.keys():
        return estimate(np.array([[b[seed] - a[seed] for seed in a]]))
    x, y = (np.array(list(side.values())) for side in (a, b))
    if min(len(x), len(y)) < 2:
        nothing = np.array(np.nan)
        return Estimate(np.array(y.mean() - x.mean()), nothing, nothing)
    return _sum([estimate(y[None]), estimate(-x[None])])


def _sum(parts: list[Estimate]) -> Estimate:
    """The sum of independent estimates, with Satterthwaite's degrees of freedom."""
    mean, error, freedom = (
        np.array([getattr(part, name) for part in parts]) for name in ("mean", "error", "freedom")
    )
    total, spread = (error**2).sum(), (error**4 / freedom).sum()
    whole = total**2 / spread if spread > 0 else freedom.sum()
    return Estimate(mean.sum(), np.sqrt(total), np.array(whole))


def _changed(a: dict[str, str], b: dict[str, str]) -> str:
    """What was upgraded in between, as in `torch 2.12 -> 2.13`."""
    names = [n for n in sorted({*a, *b}) if a.get(n) != b.get(n)]
    return ", ".join(f"{n} {a.get(n, 'none')} -> {b.get(n, 'none')}" for n in names)


def _whole(criterion: str, left: dict, right: dict) -> dict:
    """All rows together under one criterion."""
    both = [k for k in sorted({*left} & {*right}) if k[-1] == criterion]
    pairs = [(left[k], right[k]) for k in both if left[k].data_hash == right[k].data_hash]
    row = {"criterion": criterion, "rows": len(pairs)}
    if not pairs:
        return row | {"status": "missing"}
    if all(a.losses == b.losses for a, b in pairs):
        return row | {"difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0, "status": "same"}
    parts = [_difference(*({s: np.log(v) for s, v in f.losses.items()} for f in pair))
             for pair in pairs]  # fmt: skip
    total = _sum(parts)
    found = Estimate(total.mean / len(parts), total.error / len(parts), total.freedom)
    half = found.half(0.9)
    ends = found.mean, found.mean - half, found.mean + half
    difference, low, high = (100 * float(np.expm1(v)) for v in ends)
    status = "different" if found.p < 0.05 else "cannot tell"
    if low > -WHOLE_MARGIN and high < WHOLE_MARGIN:
        status = "same"
    row |= {"difference": difference, "low": low, "high": high, "p": float(found.p)}
    return row | {"status": status}
