"""benchmarks/regime.csv: whether each benchmark over-fits without regularization, as measured."""

import csv
import io
from pathlib import Path

from rnnreg.study import records, registry

TABLE = registry.ROOT / "benchmarks" / "regime.csv"  # made by `rnnreg regime`


def read(table: Path | None = None) -> list[dict[str, str]]:
    """Its lines, one a benchmark and cell; none where there is no such file."""
    table = table or TABLE
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def put(line: dict, table: Path | None = None) -> None:
    """Write a line in the place of the one of its benchmark and cell."""
    table = table or TABLE
    found = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in line.items()}
    others = [li for li in read(table) if _key(li) != _key(found)]
    text = io.StringIO()
    made = csv.DictWriter(text, list(found), lineterminator="\n")
    made.writeheader()
    made.writerows(sorted([*others, found], key=_key))
    records.write_text(table, text.getvalue())


def _key(line: dict) -> tuple[str, str]:
    return line["benchmark"], line["cell"]
