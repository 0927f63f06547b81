"""Generated records and facts: a study that looks like a true one, without training anything.

Curves fall and then, without regularization, rise again; some strong members diverge; the best
strength may lie at the edge of its grid; seeds have effects that all rows of a cell share.
"""

import math
from functools import partial
from pathlib import Path

import numpy as np

from rnnreg.study import records, regimes, registry
from rnnreg.study.facts import write as write_facts
from rnnreg.study.search import Search
from rnnreg.study.study import Row, Study

STEPS = 600
CHECKS = 20
NAMES = (
    "none",
    "l1",
    "l2",
    "dropout",
    "recurrent_dropout",
    "early_stopping",
    "clip_norm",
    "clip_value",
    "zoneout",
    "weight_noise",
    "gradient_noise",
    "input_noise",
    "label_smoothing",
    "weight_drop",
    "layer_norm",
    "activation_penalty",
    "slowness_penalty",
    "word_dropout",
    "norm_stabilizer",
    "max_norm",
)
CELLS = ("elman_tanh", "elman_relu", "gru", "lstm")
TASKS = {  # task -> headline, metrics, scale of the loss without regularization
    "LanguageModel": (
        "bits_per_character",
        {"bits_per_character": ("bits per character", "lower")},
        1.3,
    ),
    "Forecast": (
        "mse",
        {"mse": ("MSE, standardised", "lower"), "mae": ("MAE, standardised", "lower")},
        0.5,
    ),
    "Classification": (
        "accuracy",
        {
            "accuracy": ("accuracy", "higher"),
            "error": ("error rate", "lower"),
            "macro_f1": ("macro-averaged F1", "higher"),
        },
        0.4,
    ),
    "Polyphony": ("nll", {"nll": ("NLL per frame (nats)", "lower")}, 8.0),
}
BENCHMARKS = {  # name -> task, family
    "python_docs": ("LanguageModel", "python_docs"),
    "elnino": ("Forecast", "elnino"),
    "trec": ("Classification", "trec"),
    "jsb_chorales": ("Polyphony", "folk"),
    "ptb_char": ("LanguageModel", "ptb"),
    "nottingham": ("Polyphony", "folk"),
    "etth1": ("Forecast", "etth1"),
    "sst2": ("Classification", "sst2"),
    "tinyshakespeare": ("LanguageModel", "ptb"),
    "exchange_rate": ("Forecast", "exchange_rate"),
    "r8": ("Classification", "r8"),
    "beijing_pm25": ("Forecast", "beijing_pm25"),
    "pendigits": ("Classification", "pendigits"),
    "japanese_vowels": ("Classification", "japanese_vowels"),
}
NLP = ("LanguageModel", "Classification")


def grid(regularizer: str) -> tuple[float, ...]:
    grids = {
        "none": (0.0,),
        "early_stopping": (5.0,),
        "clip_norm": (5.0, 1.0, 0.25, 0.1),
        "clip_value": (1.0, 0.1, 0.01, math.inf),
        "l1": (1e-6, 1e-5, 1e-4, 1e-3),
        "l2": (1e-6, 1e-5, 1e-4, 1e-3),
    }
    return grids.get(regularizer, (0.1, 0.2, 0.35, 0.5))


def project(root: Path, regularizers: tuple[str, ...] = NAMES) -> dict[str, Path]:
    """A registry of tiny files: the folders to put in place of `registry.FOLDERS`."""
    base = "class {0}:\n    title = ''\n    off = 0.0\n    scored_at = 'last'\n"
    base += "    range = (0.0, inf)\n    second = 'none'\n    clips = False\n"
    for kind, names in {
        "regularizer": regularizers,
        "cell": CELLS,
        "benchmark": BENCHMARKS,
    }.items():
        folder = root / "benchmarks" if kind == "benchmark" else root / "rnnreg" / f"{kind}s"
        folder.mkdir(parents=True, exist_ok=True)
        parent = kind.capitalize()
        (folder / "base.py").write_text(base.format(parent))
        (root / "rnnreg" / "benchmark.py").parent.mkdir(exist_ok=True)
        (root / "rnnreg" / "benchmark.py").write_text(base.format("Benchmark"))
        for name in names:
            best = name == "early_stopping"
            (folder / f"{name}.py").write_text(
                f"class Made{name.title().replace('_', '')}({parent}):\n"
                f"    title = {name.replace('_', ' ')!r}\n    source = 'Somebody 1999, a paper'\n"
                f"    strengths = {grid(name)}\n"
                f"    off = {'inf' if 'clip' in name or best else 0.0}\n"
                + ("    scored_at = 'best'\n" if best else "")
                + ("    group = 'others'\n" if name in NAMES[8:] else "")
            )
        (folder / "shipped.txt").write_text("\n".join(names))
    return {
        "benchmark": root / "benchmarks",
        "cell": root / "rnnreg" / "cells",
        "regularizer": root / "rnnreg" / "regularizers",
    }


def study(
    name: str = "made",
    benchmarks: tuple[str, ...] = ("python_docs", "elnino"),
    cells: tuple[str, ...] = CELLS,
    regularizers: tuple[str, ...] = NAMES[:8],
    tuning: int = 2,
    evaluation: int = 8,
    trials: int = 0,
) -> Study:
    """A grid of strengths; with `trials` a search, whose survivors train on `tuning` seeds more."""
    first = (tuple(range(tuning + bool(trials))), tuple(range(1000, 1000 + evaluation)), {})
    made = {r: (grid(r), *first, None) for r in regularizers}
    if trials:
        made = {r: ((), *first, _search(r, trials, tuning)) for r in regularizers}
    rows = [Row(b, c, r, *made[r]) for b in benchmarks for c in cells for r in regularizers]
    return Study(name, f"A generated study of {len(rows)} rows", tuple(rows))


def _search(regularizer: str, trials: int, seeds: int) -> Search:
    ends = (min(grid(regularizer)), min(1e9, max(grid(regularizer))))
    return Search(trials, min(3, trials), seeds, strength=ends)


def facts(benchmark: str) -> dict:
    """What data/prepared/<benchmark>.json holds."""
    task, family = BENCHMARKS[benchmark]
    headline, labels, scale = TASKS[task]
    naive = _metrics(task, 2.2 * scale)
    return {
        "name": benchmark,
        "title": benchmark.replace("_", " ").title(),
        "family": family,
        "group": "NLP" if task in NLP else "time series",
        "task": task,
        "setting": "windows of 64 steps",
        "headline": headline,
        "metrics": {m: {"label": label, "better": better} for m, (label, better) in labels.items()},
        "compared": "error" if task == "Classification" else "loss",
        "symbols": 100,
        "classes": 6,
        "inputs": 100,
        "outputs": 100,
        "sizes": {"train": 20000, "validation": 2000, "test": 2000},
        "counts": {"rows": 24000, "duplicates between splits": 3},
        "naive": {"a simple guess": {"validation": naive, "test": naive}},
        "naive_best": "a simple guess",
        "sources": [{"name": "raw.txt", "url": "https://example.org/raw.txt", "sha256": "0" * 64}],
        "licence": "CC BY 4.0",
        "citation": "Somebody 2001, A data set",
        "regime": "over-fits",
        "published": [
            {"model": "LSTM", "metric": headline, "value": 1.5, "reference": "Somebody 2005"}
        ],
        "data_hash": f"{abs(hash_of(benchmark)):016x}"[:16],
    }


def hash_of(*parts: object) -> int:
    """A number from words, the same in every process."""
    value = 1469598103934665603
    for byte in "/".join(map(str, parts)).encode():
        value = ((value ^ byte) * 1099511628211) % (1 << 64)
    return value


def write(root: Path, study: Study, strength_of: dict[str, float] | None = None) -> None:
    """Write prepared facts and all records of a study under `root`."""
    for benchmark in study.benchmarks:
        write_facts(facts(benchmark), benchmark, root / "data" / "prepared")
    for row in study.rows:
        records.write(root / study.records(row), row_records(row, strength_of))


def row_records(row: Row, benefit: dict[str, float] | None = None) -> list[records.Record]:
    """All members of a row: the tuning ones, and those of the strengths that they choose."""
    from rnnreg.study.protocol import phases

    made = partial(_member, row, row.fingerprint, benefit)
    found = {}
    for phase in phases(row, found):
        found |= {member: made(*member) for member in phase}
    return list(found.values())


def _member(
    row: Row,
    fingerprint: str,
    benefit: dict | None,
    phase: str,
    rate: float | None,
    strength: float,
    seed: int,
) -> records.Record:
    task, _ = BENCHMARKS[row.benchmark]
    scale = TASKS[task][2]
    shared = np.random.default_rng(hash_of(row.benchmark, row.cell, seed) % (1 << 32))
    words = (row.name, strength, seed) if rate is None else (row.name, rate, strength, seed)
    own = np.random.default_rng(hash_of(*words) % (1 << 32))
    strengths = row.strengths or sorted({s for _, s in row.settings})
    grid_place = strengths.index(strength) / max(1, len(strengths) - 1)
    far = 0.0 if rate is None else math.log10(rate / 0.003)
    good = (benefit or {}).get(row.regularizer, (hash_of(row.regularizer) % 100) / 100 - 0.3)
    if row.regularizer == "none":
        good, grid_place = 0.0, 0.0
    if row.regularizer == "early_stopping":
        good = 0.0
    peak = (hash_of(row.benchmark, row.regularizer) % 5) / 4
    gain = good * (1 - 1.2 * (grid_place - peak) ** 2)
    x = np.arange(1, CHECKS + 1) / CHECKS
    cell = 1 + 0.08 * (CELLS.index(row.cell) if row.cell in CELLS else 0)
    noise = 1 + 0.02 * shared.standard_normal() + 0.008 * own.standard_normal()
    falling = 1.6 * np.exp(-x * 7)
    rising = 0.5 * (1 - 0.5 * gain) * np.clip(x - 0.5, 0, None) ** 1.5
    validation = scale * noise / cell * (1 + falling + rising - 0.12 * gain + 0.2 * far**2)
    validation *= 1 + 0.004 * own.standard_normal(CHECKS)
    train = scale / cell * (0.9 + falling - 0.45 * x**2 + 0.2 * max(gain, 0))
    gradient = 0.5 + 2 * np.exp(-x * 4) + 0.02 * own.standard_normal(CHECKS)
    diverged = (
        row.cell == "elman_relu" and row.regularizer in ("l1", "zoneout") and own.random() < 0.4
    )
    best, last = int(validation.argmin()), CHECKS
    if row.regularizer == "early_stopping":
        since = [i for i in range(CHECKS) if i - int(validation[: i + 1].argmin()) >= strength]
        last = since[0] + 1 if since else CHECKS
        best = int(validation[:last].argmin())
    final = best if row.regularizer == "early_stopping" else last - 1
    luck, scores = own.standard_normal(CHECKS), {}
    for criterion, check in {"best": best, "final": final}.items():
        naive = _metrics(task, 2.2 * scale)
        test = validation[check] * (1.02 + 0.004 * luck[check])
        parts = {"train": train[check], "validation": validation[check], "test": test}
        scores[criterion] = {
            part: naive if diverged else _metrics(task, float(loss))
            for part, loss in parts.items()
            if part != "test" or phase == "evaluate"
        }
    steps = [round((i + 1) * STEPS / CHECKS) for i in range(last)]
    curve = [None if diverged and i > 4 else float(v) for i, v in enumerate(validation[:last])]
    return records.Record(
        benchmark=row.benchmark,
        cell=row.cell,
        regularizer=row.regularizer,
        phase=phase,
        strength=strength,
        seed=seed,
        steps=steps[-1],
        check_steps=steps,
        train_loss=[float(v) for v in train[:last]],
        validation_loss=curve,
        gradient_norm=[float(v) for v in gradient[:last]],
        clipped=0.3 if "clip" in row.regularizer else 0.0,
        best_step=steps[best],
        scores=scores,
        diverged=bool(diverged),
        setting={
            **{"steps": STEPS, "batch": 32, "learning_rate": rate or 0.003, "checks": CHECKS},
            **{"optimizer": "adam", "schedule": "constant", "base_clip": None},
            **{"hidden": 64, "layers": 1, "embedding": 0},
        },
        parameters=20000,
        weight_norm=None if diverged else 12.0 - 3 * gain,
        small_weights=None if diverged else 0.02 + 0.3 * (row.regularizer == "l1"),
        seconds=2.0 + 0.5 * own.random(),
        data_hash=facts(row.benchmark)["data_hash"],
        fingerprint=fingerprint,
        versions={"rnnreg": "0.1.0", "torch": "2.13.0"},
        device="cpu",
        path="plain",
        learning_rate=rate,
        trial=None if rate is None else row.settings.index((rate, strength)),
    )


def _metrics(task: str, loss: float) -> dict[str, float]:
    if task == "LanguageModel":
        return {"loss": loss, "bits_per_character": loss / math.log(2)}
    if task == "Forecast":
        return {"loss": loss, "mse": loss, "mae": math.sqrt(loss) * 0.8}
    if task == "Polyphony":
        return {"loss": loss, "nll": loss}
    error = round(2000 * (1 - math.exp(-loss / 2))) / 2000
    return {"loss": loss, "accuracy": 1 - error, "error": error, "macro_f1": 0.97 * (1 - error)}


def use(monkeypatch, root: Path, regularizers: tuple[str, ...] = NAMES) -> None:
    """Let the registry look into a generated project under `root`, and work there."""
    for kind, folder in project(root, regularizers).items():
        monkeypatch.setitem(registry.FOLDERS, kind, folder)
    monkeypatch.setattr(registry, "ROOT", root)
    monkeypatch.setattr(regimes, "TABLE", root / "benchmarks" / "regime.csv")
    monkeypatch.chdir(root)
