"""The folder of a trial: tried/<name>/, with a registry of benchmarks of its own."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rnnreg.data import prepared
from rnnreg.errors import UserError
from rnnreg.study import records, registry
from rnnreg.study.study import Row
from rnnreg.study.variants import Variant
from rnnreg.trying.understood import Sizes, Understood


@dataclass(frozen=True)
class Place:
    """Where a trial of one file, under one name, has its files."""

    folder: Path
    name: str

    @property
    def benchmarks(self) -> Path:
        """The benchmark's file is here, as in benchmarks/ of the project."""
        return self.folder / "benchmarks"

    @property
    def prepared(self) -> Path:
        return self.folder / "data"

    def check_free(self, file: Path) -> None:
        """UserError where the folder has the trial of another file."""
        told = self.folder / "tried.json"
        if not told.is_file():
            return
        try:
            source = json.loads(told.read_text(encoding="utf-8")).get("source")
        except (ValueError, AttributeError) as error:
            raise UserError(f"{told}: no trial: {error}. Remedy: remove or rename it.") from error
        if source and Path(source) != file.resolve():
            raise UserError(
                f"{self.folder} has the trial of another file, {source}. Remedy: --out FOLDER, or "
                "remove that trial."
            )

    def clear(self) -> None:
        """Remove the models of an earlier trial, and nothing else."""
        for name in ("model", *(f"model_{n}" for n in registry.names("regularizer"))):
            for ending in ("safetensors", "json"):
                (self.folder / f"{name}.{ending}").unlink(missing_ok=True)

    def prepare(self, understood: Understood, sizes: Sizes) -> tuple[dict, dict]:
        """Write the benchmark's file, and its data by it; facts and arrays."""
        file = self.benchmarks / f"{self.name}.py"
        records.write_text(file, understood.code(sizes, self.name))
        registry.load.cache_clear()
        prepared.prepare(self.name, self.folder, self.prepared)
        return self.read()

    def read(self) -> tuple[dict, dict]:
        """Facts and arrays."""
        return prepared.read(self.name, self.prepared)

    @contextmanager
    def registered(self) -> Iterator[None]:
        """Benchmarks are looked up here."""
        before = registry.FOLDERS["benchmark"]
        registry.FOLDERS["benchmark"] = self.benchmarks
        registry.load.cache_clear()
        try:
            yield
        finally:
            registry.FOLDERS["benchmark"] = before
            registry.load.cache_clear()


def none_row(name: str, cell: str, sizes: Sizes, model: dict) -> Row:
    """The row of `none` at these sizes, whatever the benchmark's file says."""
    budget = {k: getattr(sizes, k) for k in ("steps", "batch", "checks", "validated")}
    return Row(name, cell, "none", (0.0,), (0,), (), budget, variant=Variant(model=model))
