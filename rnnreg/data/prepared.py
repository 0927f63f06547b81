"""Prepared data: data/prepared/<benchmark>.npz, plain arrays, and .json beside it, the facts.

`download` and `prepare` make it, `read` reads it. Both files are the same to the byte whenever
the raw files are, and are moved into place whole.
"""

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from rnnreg.data import checks, naive, sources
from rnnreg.data.benchmark import Arrays, Benchmark, Splits
from rnnreg.errors import UserError
from rnnreg.study import records, registry
from rnnreg.tasks import Classification, Forecast, LanguageModel, Task


def download(name: str, raw: Path, mirror: str | None = None) -> Path:
    """Fetch a benchmark's raw files and record source and licence beside them, in sources.json."""
    benchmark = registry.load("benchmark", name)
    found = sources.fetch(name, benchmark.sources, raw, mirror)
    facts = {
        "benchmark": name,
        "licence": benchmark.licence,
        "citation": benchmark.citation,
        "files": [sources.origin(s, found[s.name]) for s in benchmark.sources],
    }
    file = raw / name / "sources.json"
    records.write_text(file, _json(facts))
    return file


def prepare(name: str, raw: Path, folder: Path) -> Path:
    """Check raw files, prepare them, check the splits, compute naive scores; write both files."""
    benchmark = registry.load("benchmark", name)
    files = sources.checked(name, benchmark.sources, raw)
    splits = benchmark().prepare(files)
    checks.check(benchmark, splits)
    facts = {
        **_facts(benchmark, splits),
        "sources": [sources.origin(s, files[s.name]) for s in benchmark.sources],
    }
    arrays = {f"{split}/{key}": a for split, part in splits.items() for key, a in part.items()}
    file = folder / f"{name}.npz"
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # not compressed: the bytes would depend on the version of zlib
    records.write_bytes(file, stream.getvalue())
    records.write_text(file.with_suffix(".json"), _json(facts))
    return file


def read(name: str, folder: Path) -> tuple[dict, dict[str, Arrays]]:
    """Facts and {"train" | "validation" | "test": arrays}; UserError where there are none yet."""
    file = folder / f"{name}.npz"
    if not (file.is_file() and file.with_suffix(".json").is_file()):
        raise UserError(
            f"{file}: the data of {name} is not prepared. Remedy: python -m rnnreg download {name} "
            f"&& python -m rnnreg prepare {name}"
        )
    splits = {"train": {}, "validation": {}, "test": {}}
    with np.load(file, allow_pickle=False) as arrays:
        for key in arrays.files:
            split, _, part = key.partition("/")
            splits[split][part] = arrays[key]
    return json.loads(file.with_suffix(".json").read_text(encoding="utf-8")), splits


def data_hash(splits: Splits) -> str:
    """The first 16 hex digits of sha256 over all arrays: names, types, shapes and bytes."""
    total = hashlib.sha256()
    for split, arrays in splits.items():
        for key, array in sorted(arrays.items()):
            total.update(f"{split}/{key} {array.dtype.str} {array.shape}\n".encode())
            total.update(np.ascontiguousarray(array))
    return total.hexdigest()[:16]


def _facts(benchmark: type[Benchmark], splits: Splits) -> dict:
    task = benchmark.task
    scores = naive.scores(task, splits)
    first = next(iter(scores.values()))["validation"]
    inputs = splits.symbols or next(iter(splits.train.values())).shape[1]
    return {
        "name": benchmark.name,
        "title": benchmark.title,
        "group": benchmark.group,
        "family": benchmark.family or benchmark.name,
        "task": type(task).__name__,
        "setting": _setting(task, splits),
        "headline": task.headline,
        "metrics": {
            m: {"label": label, "better": better}
            for m, (label, better) in task.labels.items()
            if m in first
        },
        "compared": task.compared,
        "symbols": splits.symbols,
        "classes": splits.classes,
        "inputs": inputs,
        "outputs": task.outputs(inputs, splits.classes),
        "sizes": {split: checks.size(task, arrays) for split, arrays in splits.items()},
        "counts": {**splits.counts, **checks.duplicates(task, splits)},
        "naive": scores,
        "naive_best": min(scores, key=lambda s: scores[s]["validation"]["loss"]),
        "licence": benchmark.licence,
        "citation": benchmark.citation,
        "published": list(benchmark.published),
        "data_hash": data_hash(splits),
    }


def _setting(task: Task, splits: Splits) -> str:
    if isinstance(task, LanguageModel):
        return f"windows of {task.window} {task.level}s, state carried on"
    if isinstance(task, Forecast):
        return f"{task.horizon} rows ahead from the last {task.context}"
    length = np.concatenate([arrays["length"] for _, arrays in splits.items()])
    what = "classes" if isinstance(task, Classification) else "keys"
    count = splits.classes or splits.train["x"].shape[1]
    return f"{count} {what}, sequences of {length.min()} to {length.max()} steps"


def _json(facts: dict) -> str:
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
