"""benchmarks/regime.csv: whether each benchmark over-fits without regularization, as measured.

`rnnreg.training.regime` measures it and says by which rule; the numbers of that rule stand here.
"""

import csv
import io
from pathlib import Path

import numpy as np

from rnnreg.study import records, registry

GAP, LOW, LATE, EARLY = 0.10, 0.05, 0.01, 0.7
TABLE = registry.ROOT / "benchmarks" / "regime.csv"  # made by `rnnreg regime`


def read(table: Path | None = None) -> list[dict[str, str]]:
    """Its lines, one a benchmark and cell; none where there is no such file."""
    table = table or TABLE
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def late_gain(losses: np.ndarray) -> np.ndarray:
    """How far the best loss still falls after EARLY of the checks, (checks, M) -> (M,).

    As a share of the best of those before; a check that is NaN does not count.

    >>> late_gain(np.array([[4.0, 2.0], [2.0, 1.0], [1.0, 3.0]])).tolist()
    [0.5, 0.0]
    """
    early = np.nanmin(losses[: max(int(EARLY * len(losses)), 1)], axis=0)
    return (early - np.nanmin(losses, axis=0)) / early


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
