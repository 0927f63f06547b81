"""Series for forecasting: tables read, split by time, standardised with the statistics of train."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnnreg.data.benchmark import Splits
from rnnreg.tasks import Forecast


def read_csv(file: Path, columns: Sequence[str] | None = None, **options: object) -> np.ndarray:
    """The columns of a table, or all that hold numbers, as float64 (rows, D); options of pandas."""
    import pandas as pd

    table = pd.read_csv(file, **options)
    table = table.select_dtypes("number") if columns is None else table[list(columns)]
    return table.to_numpy(np.float64)


def forecast(
    values: np.ndarray,
    task: Forecast,
    rows: Sequence[int] | None = None,
    shares: Sequence[float] = (0.7, 0.1, 0.2),
    observed: np.ndarray | None = None,
    keep: Sequence[int] = (),
) -> Splits:
    """Cut (rows, D) by time into train, validation and test, and standardise it.

    `rows` counts those of each split, else `shares` does; rows after the last split are not used.
    Validation and test begin `context` rows earlier than their first target, so that each row
    of theirs is predicted, from what came before. Columns in `keep` (0 or 1, say) stay as they are.
    """
    if rows is None:
        ends = np.round(np.cumsum(shares) * len(values)).astype(int)
        rows = np.diff([0, *ends])
    first, second, end = (int(n) for n in np.cumsum(rows))
    mean, deviation = values[:first].mean(0), values[:first].std(0)
    mean[list(keep)], deviation[list(keep)] = 0, 1
    scaled = ((values - mean) / np.where(deviation > 0, deviation, 1)).astype(np.float32)
    limits = {"train": (0, first), "validation": (first, second), "test": (second, end)}
    arrays, targets = {}, {}
    for split, (start, stop) in limits.items():
        begin = max(start - task.context, 0)
        arrays[split] = {"series": scaled[begin:stop]}
        if observed is not None:
            arrays[split]["observed"] = observed[begin:stop].astype(np.float32)
        targets[split] = range(begin + task.context, stop)
    counts = {"rows": len(values), "columns": values.shape[1]}
    counts["rows a split"] = {split: stop - start for split, (start, stop) in limits.items()}
    return Splits(**arrays, counts=counts, targets=targets)
