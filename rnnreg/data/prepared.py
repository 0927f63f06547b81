"""Prepared data: data/prepared/<benchmark>.npz, plain arrays, and .json beside it, the facts.

`download` and `prepare` make it, `read` reads it. All files are the same to the byte whenever
the raw files are, and are moved into place whole. The facts hold hashes of the arrays and of what
they were made from, which `read` compares. What turns arrays back into words and units lies beside
them, for models that are kept.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np

from rnnreg.data import checks, decoding, naive, sources
from rnnreg.data.benchmark import Arrays, Benchmark, Splits
from rnnreg.data.declared import Raw, load
from rnnreg.data.part import part_of_train, validated_on_rest, whole_train
from rnnreg.data.sequences import with_noise_columns
from rnnreg.data.tables import undecodable
from rnnreg.data.text import as_language
from rnnreg.errors import UserError
from rnnreg.study import facts, records
from rnnreg.study.variants import NOTHING, Variant, applied, base
from rnnreg.tasks import Classification, Forecast, LanguageModel, Task, Transduction


def download(name: str, raw: Path, mirror: str | None = None) -> Path:
    """Fetch a benchmark's raw files and record source and licence beside them, in sources.json."""
    benchmark = load(name)
    found = sources.fetch(name, benchmark.sources, raw, mirror)
    described = {
        "benchmark": name,
        "licence": benchmark.licence,
        "citation": benchmark.citation,
        "files": [sources.origin(s, found[s.name]) for s in benchmark.sources],
    }
    file = raw / name / "sources.json"
    records.write_text(file, json.dumps(described, indent=1, ensure_ascii=False) + "\n")
    return file


def prepare(name: str, raw: Path, folder: Path, variant: Variant = NOTHING) -> Path:
    """Check raw files, prepare them, check the splits, compute naive scores; write both files."""
    benchmark = applied(load(base(name)), variant)
    files = sources.checked(base(name), benchmark.sources, raw)
    try:
        splits = _splits(benchmark, files, variant)
        checks.check(benchmark, splits)
    except UserError as error:
        if name == base(name):
            raise
        raise UserError(f"{name}: {error}") from error
    described = {
        **_facts(benchmark, splits, name, variant),
        "sources": [sources.origin(s, files[s.name]) for s in benchmark.sources],
        "made_from": facts.made_from(name, variant),
    }
    arrays = {f"{split}/{key}": a for split, part in splits.items() for key, a in part.items()}
    file = folder / f"{name}.npz"
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # not compressed: the bytes would depend on the version of zlib
    records.write_bytes(file, stream.getvalue())
    decoding.write(name, folder, described["data_hash"], splits.decoding)
    facts.write(described, name, folder)
    return file


def _splits(benchmark: type[Benchmark], files: dict[str, Path], variant: Variant) -> Splits:
    """What the benchmark's own `prepare` makes of its raw files, with the part of train asked."""
    where = f"benchmarks/{benchmark.name}.py: prepare"
    try:
        found = benchmark().prepare(Raw(where, files))
    except UserError as error:
        told = str(error)  # `expect` and `Raw` have named the benchmark's file themselves
        raise UserError(told if told.startswith("benchmarks/") else f"{where}: {told}") from error
    except UnicodeDecodeError as error:
        for file in files.values():
            try:
                file.read_text(encoding=error.encoding)
            except UnicodeDecodeError:
                raise UserError(f"{where}: {undecodable(file, error)}") from error
        raise
    if not isinstance(found, Splits):
        raise UserError(
            f"{where}: returned {type(found).__name__}, expected Splits. Remedy: return what "
            "forecast, language, texts, labelled or piano_rolls makes."
        )
    task = load(benchmark.name).task if variant.language else benchmark.task
    try:
        amount = variant.amount(whole_train(task, found))
        amount = benchmark.train if variant.train is None else amount
        cut = validated_on_rest if variant.validation else part_of_train
        part = cut(task, found, amount)
        if variant.noise_columns:
            part = with_noise_columns(part, variant.noise_columns)
        return as_language(part) if variant.language else part
    except UserError as error:
        raise UserError(f"benchmarks/{benchmark.name}.py: {error}") from error


def read(name: str, folder: Path, variant: Variant = NOTHING) -> tuple[dict, dict[str, Arrays]]:
    """Facts and {"train" | "validation" | "test": arrays}.

    The facts have what standardised the "columns" of numbers, too, where that is known.
    UserError where they are missing or damaged, do not belong together, or are older than what
    the benchmark's file, the study's variant or a raw file of one's own says now.
    """
    benchmark = applied(load(base(name)), variant)
    file, found = folder / f"{name}.npz", facts.read(name, folder)
    if found.get("made_from") != facts.made_from(name, variant):
        raise UserError(
            f"{file}: prepared by another state of benchmarks/{benchmark.name}.py, "
            f"{'of the study, ' if name != base(name) else ''}or of rnnreg, than the present one. "
            f"{facts.remedy(name)}"
        )
    made = {source["name"]: source["sha256"] for source in found["sources"]}
    for source in benchmark.sources:
        own = isinstance(source, sources.Local) and source.place.is_file()
        if own and sources.content(source.place) != made.get(source.name):
            raise UserError(
                f"{source.place}: another file than the one that the data of {name} was prepared "
                f"from. {facts.remedy(name)}"
            )
    splits = _arrays(name, file)
    given = data_hash(splits)
    if given != found["data_hash"]:
        raise UserError(
            f"{file}: holds other arrays than {name}.json beside it says (hash {given}, expected "
            f"{found['data_hash']}): replaced, or not written to the end. {facts.remedy(name)}"
        )
    if not found["symbols"]:
        found["columns"] = decoding.columns(name, folder, given)
    return found, splits


def _arrays(name: str, file: Path) -> dict[str, Arrays]:
    splits = {"train": {}, "validation": {}, "test": {}}
    try:
        with zipfile.ZipFile(file) as members:
            for key in members.namelist():
                split, _, part = key.removesuffix(".npy").partition("/")
                with members.open(key) as stream:
                    splits[split][part] = np.lib.format.read_array(stream, allow_pickle=False)
    except Exception as error:  # zipfile, zlib and numpy have errors of their own for damage
        raise UserError(
            f"{file}: cannot be read as arrays ({error}). {facts.remedy(name)}"
        ) from error
    return splits


def data_hash(splits: Splits) -> str:
    """The first 16 hex digits of sha256 over all arrays: names, types, shapes and bytes."""
    total = hashlib.sha256()
    for split, arrays in splits.items():
        for key, array in sorted(arrays.items()):
            total.update(f"{split}/{key} {array.dtype.str} {array.shape}\n".encode())
            total.update(np.ascontiguousarray(array))
    return total.hexdigest()[:16]


def _facts(benchmark: type[Benchmark], splits: Splits, name: str, variant: Variant) -> dict:
    task = benchmark.task
    scores = naive.scores(task, splits)
    first = next(iter(scores.values()))["validation"]
    change = variant.title or name.partition("@")[2].replace("_", " ")
    inputs = splits.symbols or next(iter(splits.train.values())).shape[1]
    return {
        "name": name,
        "title": benchmark.title if name == base(name) else f"{benchmark.title} ({change})",
        "group": benchmark.group,
        "family": benchmark.family or benchmark.name,
        "regime": benchmark.regime,
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
        "scale": list(splits.scale),
        "data_hash": data_hash(splits),
    }


def _setting(task: Task, splits: Splits) -> str:
    if isinstance(task, LanguageModel):
        return f"windows of {task.window} {task.level}s, state carried on"
    if isinstance(task, Forecast):
        after = f", the first {task.gap} left out" if task.gap else ""
        return f"{task.horizon} rows ahead from the last {task.context}{after}"
    length = np.concatenate([arrays["length"] for _, arrays in splits.items()])
    if isinstance(task, Transduction):
        longest = max(int(arrays["y_length"].max()) for _, arrays in splits.items())
        return f"{length.min()} to {length.max()} symbols into {longest} at the most"
    what = "classes" if isinstance(task, Classification) else "keys"
    count = splits.classes or splits.train["x"].shape[1]
    return f"{count} {what}, sequences of {length.min()} to {length.max()} steps"
