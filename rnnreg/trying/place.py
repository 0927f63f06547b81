"""The folder of a trial: tried/<name>/, with a registry of benchmarks of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rnnreg.data import prepared
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
