"""Series for forecasting: split by time, standardised with the statistics of train."""

from collections.abc import Sequence

import numpy as np

from rnnreg.data.benchmark import Splits
from rnnreg.errors import UserError
from rnnreg.tasks import Forecast


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
    `observed`, (rows, D) or (rows, 1) for all columns, is 0 where a value was filled in: no loss
    and no score counts it as a target.
    """
    if np.ndim(values) != 2:
        raise UserError(
            f"forecast: values: given the shape {np.shape(values)}, expected (rows, columns). "
            "Remedy: values.reshape(-1, 1), if they are one series."
        )
    if observed is not None:
        observed = _of_targets(np.asarray(observed), values, task)
    if rows is None:
        ends = np.round(np.cumsum(shares) * len(values)).astype(int)
        rows = np.diff([0, *ends])
    if len(rows) != 3 or sum(rows) > len(values):
        raise UserError(
            f"forecast: rows: given {' + '.join(map(str, rows))}, expected those of train, "
            f"validation and test, at most {len(values)} in all."
        )
    first, second, end = (int(n) for n in np.cumsum(rows))
    _check_gaps(values[:end])
    mean, deviation = values[:first].mean(0), values[:first].std(0)
    mean[list(keep)], deviation[list(keep)] = 0, 1
    deviation = np.where(deviation > 0, deviation, 1)
    scaled = ((values - mean) / deviation).astype(np.float32)
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
    predicted = range(values.shape[1]) if task.targets is None else task.targets
    scale = [float(deviation[column]) for column in predicted if column < len(deviation)]
    decoding = {"mean": mean.tolist(), "deviation": deviation.tolist()}
    return Splits(**arrays, counts=counts, targets=targets, scale=scale, decoding=decoding)


def _of_targets(observed: np.ndarray, values: np.ndarray, task: Forecast) -> np.ndarray:
    """The columns of `observed` that are predicted; one that stands for all stays one."""
    rows, columns = values.shape
    if observed.shape not in ((rows, columns), (rows, 1)):
        raise UserError(
            f"forecast: observed: given the shape {observed.shape}, expected {(rows, columns)}, as "
            f"that of values, or {(rows, 1)}, for all columns."
        )
    if task.targets is None or observed.shape[1] == 1:
        return observed
    return observed[:, [column for column in task.targets if 0 <= column < columns]]


def _check_gaps(values: np.ndarray) -> None:
    """UserError where values are not finite; names rows and columns."""
    rows, columns = (np.unique(numbers).tolist() for numbers in np.nonzero(~np.isfinite(values)))
    if rows:
        first = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise UserError(
            f"forecast: values: gaps in rows {first} (of 0 to {len(values) - 1}), "
            f"columns {', '.join(map(str, columns))}. Remedy: fill them, and mark them in "
            "`observed`; CONTRIBUTING.md has a line that does it."
        )
