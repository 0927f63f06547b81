"""The facts that `prepare` writes beside a benchmark's arrays: data/prepared/<benchmark>.json."""

import json
import math
from pathlib import Path

from rnnreg.errors import UserError
from rnnreg.study import records, registry
from rnnreg.study.fingerprint import WORDS, code, digest
from rnnreg.study.variants import NOTHING, Variant, base

PREPARED = Path("data/prepared")  # where commands have it, in the folder that they run in
# Raise this when rnnreg.data makes other arrays or facts from the same raw files than before:
# prepared data is then made again. Pinned hashes in tests/test_preparation.py fail when it should
# have been raised.
PREPARED_VERSION = 1
# Attributes that decide nothing of the data. One that comes to decide it leaves this list.
APART = WORDS | {"model", "budget", "base_clip"}

KEYS = [
    "name", "title", "group", "family", "task", "setting", "headline", "metrics", "compared",
    "symbols", "classes", "inputs", "outputs", "sizes", "counts", "naive", "naive_best", "sources",
    "licence", "citation", "published", "regime", "data_hash",
]  # fmt: skip


def read(benchmark: str, folder: Path) -> dict:
    """The facts of a benchmark's prepared data; UserError where they are missing or damaged."""
    file = folder / f"{benchmark}.json"
    if not file.is_file():
        raise UserError(
            f"{file.with_suffix('.npz')}: the data of {benchmark} is not prepared. Remedy: "
            f"python -m rnnreg download {base(benchmark)} && {_command(benchmark)}"
        )
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{file}: cannot be read ({error}). {remedy(benchmark)}") from error
    missing = [k for k in KEYS if k not in found] if isinstance(found, dict) else KEYS
    if missing:
        raise UserError(
            f"{file}: lacks {', '.join(missing[:3])}: damaged, or of another version of rnnreg. "
            f"{remedy(benchmark)}"
        )
    if found.pop("content", "") != digest(found):
        raise UserError(f"{file}: edited or damaged since it was written. {remedy(benchmark)}")
    return found


def write(facts: dict, benchmark: str, folder: Path) -> None:
    """Write what `read` reads, with a hash of the content, which tells an edit."""
    plain = json.loads(json.dumps(facts))
    text = json.dumps({**plain, "content": digest(plain)}, indent=1, ensure_ascii=False)
    records.write_text(folder / f"{benchmark}.json", text + "\n")


def in_unit(facts: dict, errors: dict[str, float]) -> dict[str, float]:
    """A forecast's "mse" and "mae" in the unit of the data, with "rmse".

    Errors are in standard deviations of train, s: mse x s^2, sqrt(mse) x s, mae x s. Empty where s
    is not known, or differs between the columns that are predicted: a mean over them has no unit.

    >>> in_unit({"scale": [10.0]}, {"mse": 0.25, "mae": 0.4})
    {'mse': 25.0, 'rmse': 5.0, 'mae': 4.0}
    """
    if len(set(facts.get("scale", []))) != 1:
        return {}
    s = facts["scale"][0]
    return {
        "mse": errors["mse"] * s**2,
        "rmse": math.sqrt(errors["mse"]) * s,
        "mae": errors["mae"] * s,
    }


def told_in_unit(facts: dict, errors: dict[str, float]) -> str:
    """The same in words; "" where there is no unit."""
    found = in_unit(facts, errors)
    return ", ".join(f"{name.upper()} {value:.4g}" for name, value in found.items())


def remedy(benchmark: str) -> str:
    """The command that renews prepared data."""
    return f"Remedy: {_command(benchmark)}"


def _command(benchmark: str) -> str:
    study = " --study STUDY" if base(benchmark) != benchmark else ""
    return f"python -m rnnreg prepare {benchmark}{study}"


def made_from(benchmark: str, variant: Variant = NOTHING) -> str:
    """A hash of what decides a benchmark's data beside its raw files: its file's code and ours.

    And what a variant changes of it.
    """
    parts = [PREPARED_VERSION, code(registry.path("benchmark", base(benchmark)), APART)]
    return digest([*parts, *variant.prepared])
