"""What is true of any prepared benchmark, whatever its data: checked before it is written."""

import warnings
from itertools import combinations

import numpy as np

from rnnreg.data.benchmark import Arrays, Benchmark, Splits
from rnnreg.data.sequences import REPEATED, repeated
from rnnreg.errors import UserError
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony, Task, Transduction

LAYOUTS = {  # array -> its kinds of numbers, and of how many dimensions it may be
    LanguageModel: {"tokens": ("iu", (1,))},
    Forecast: {"series": ("fiu", (2,))},
    Classification: {"x": ("fiu", (1, 2)), "length": ("iu", (1,)), "y": ("iu", (1,))},
    Polyphony: {"x": ("fiub", (2,)), "length": ("iu", (1,))},
    Transduction: {
        "x": ("iu", (1,)),
        "length": ("iu", (1,)),
        "y": ("iu", (1,)),
        "y_length": ("iu", (1,)),
    },
}
PIECE = {"character": 100, "word": 25}  # symbols in a row that nobody repeats by chance


def size(task: Task, arrays: Arrays) -> int:
    """How many targets a split has: symbols, sequences, windows or frames that are predicted."""
    if isinstance(task, LanguageModel):
        return max(len(arrays["tokens"]) - 1, 0)
    if isinstance(task, Forecast):
        if "starts" in arrays:
            return len(arrays["starts"])
        return max(len(arrays["series"]) - task.rows + 1, 0)
    if isinstance(task, Classification):
        return len(arrays["length"])
    if isinstance(task, Transduction):
        return len(arrays["y"])
    return int((arrays["length"] - 1).sum())


def check(benchmark: type[Benchmark], splits: Splits) -> None:
    """UserError where a split is empty, predicts what another does, or holds impossible values."""
    where = f"benchmarks/{benchmark.name}.py"
    for split, arrays in splits.items():
        _check_layout(f"{where}: {split}", benchmark.task, arrays)
        if size(benchmark.task, arrays) < 1:
            raise UserError(
                f"{where}: the {split} split is empty: it has nothing to predict. Remedy: give it "
                "more of the data, or ask for a shorter context and horizon."
            )
        _check_values(f"{where}: {split}", splits, arrays)
    if isinstance(benchmark.task, Classification):
        _check_classes(where, splits)
    if isinstance(benchmark.task, Forecast):
        _check_forecast(where, benchmark.task, splits)
    for one, other in combinations(splits.targets, 2):
        shared = np.intersect1d(list(splits.targets[one]), list(splits.targets[other]))
        if len(shared):
            raise UserError(
                f"{where}: {one} and {other} overlap: {len(shared)} targets are in both, the first "
                f"at position {shared[0]}. Remedy: let each row be predicted in one split only."
            )
    if splits.symbols and benchmark.model.embedding < 1:
        raise UserError(
            f"{where}: model: embedding: given {benchmark.model.embedding}, allowed are whole "
            "numbers from 1 where inputs are symbols."
        )


def _check_layout(where: str, task: Task, arrays: Arrays) -> None:
    """UserError where an array is missing, or is not laid out as the task's batches read it."""
    for key, (kinds, dimensions) in LAYOUTS[type(task)].items():
        if key not in arrays:
            raise UserError(f"{where}: {key}: missing. Its arrays: {', '.join(arrays) or 'none'}.")
        array = arrays[key]
        if array.dtype.kind not in kinds or array.ndim not in dimensions:
            words = "numbers" if "f" in kinds else "whole numbers"
            raise UserError(
                f"{where}: {key}: given {array.dtype} of shape {array.shape}, expected {words} in "
                f"{' or '.join(map(str, dimensions))} dimensions."
            )
    rows_of = {"y": "length", "observed": "series", "y_length": "length"}
    if isinstance(task, Transduction):
        del rows_of["y"]  # laid end to end
    for key, rows in rows_of.items():
        if key in arrays and len(arrays[key]) != len(arrays[rows]):
            raise UserError(
                f"{where}: {key}: given {len(arrays[key])}, expected {len(arrays[rows])}, as many "
                f"as {rows} has."
            )


def _check_classes(where: str, splits: Splits) -> None:
    """UserError where a split has one class only: most often a file sorted by label, then cut."""
    for split, arrays in splits.items():
        if len(np.unique(arrays["y"])) == 1:
            raise UserError(
                f"{where}: {split}: y: all {len(arrays['y'])} sequences are of one class, expected "
                "two classes or more. Remedy: hold_out takes a part of each class, in whatever "
                "order the file is."
            )


def _check_forecast(where: str, task: Forecast, splits: Splits) -> None:
    """UserError for targets that are not there; a warning where no season can be looked back on."""
    columns = splits.train["series"].shape[1]
    for split, arrays in splits.items():
        if "observed" in arrays and not arrays["observed"][task.context :].any():
            raise UserError(
                f"{where}: {split}: observed: no target was observed. Remedy: another cut by time."
            )
    for column in task.targets or ():
        if not 0 <= column < columns:
            raise UserError(
                f"{where}: task: targets: given {column}, allowed are columns 0 to {columns - 1}."
            )
    if task.season > task.context:
        warnings.warn(
            f"{where}: task: season: {task.season} rows are more than the context of "
            f"{task.context}, so the naive scores have no seasonal forecast. Remedy: "
            f"context={task.season}, or a shorter season.",
            stacklevel=2,
        )


def _check_values(where: str, splits: Splits, arrays: Arrays) -> None:
    x = arrays.get("x")
    if x is not None and (x.ndim == 1) != (splits.symbols > 0):
        raise UserError(
            f"{where}: x: given the shape {x.shape} and {splits.symbols} symbols. Remedy: symbols "
            "are (steps,), and Splits(symbols=...) counts them; numbers are (steps, columns)."
        )
    limits = {"tokens": splits.symbols, "y": splits.classes or splits.symbols}
    for key, high in {**limits, **({"x": splits.symbols} if splits.symbols else {})}.items():
        values = arrays.get(key)
        if values is not None and not (values.min() >= 0 and values.max() < high):
            raise UserError(f"{where}: {key}: found {values.max()}, expected 0 to {high - 1}.")
    for key, values in arrays.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise UserError(
                f"{where}: {key}: {int((~np.isfinite(values)).sum())} values are not finite. "
                "Remedy: fill the gaps, and mark them in `observed`."
            )
    for values, key in {"x": "length", "y": "y_length"}.items():
        if key not in arrays:
            continue
        length, steps = arrays[key], len(arrays[values])
        if length.min() < 1 or length.sum() != steps:
            raise UserError(
                f"{where}: {key}: sums to {length.sum()}, the shortest is {length.min()}; expected "
                f"{steps} steps in all and 1 at least."
            )


def duplicates(task: Task, splits: Splits) -> dict[str, dict[str, int]]:
    """How much of validation and test is in train too, unless the benchmark has counted it itself.

    Whole sequences; of one long text, those of its pieces of 100 characters (25 words) that are
    somewhere in train. Rows of a series are told apart by their time.
    """
    if isinstance(task, Forecast) or any(REPEATED in key for key in splits.counts):
        return {}
    if not isinstance(task, LanguageModel):
        return repeated("sequences", {split: _sequences(a) for split, a in splits.items()})
    length = PIECE[task.level]
    train, *others = (_pieces(arrays["tokens"], length) for _, arrays in splits.items())
    there = [int(np.isin(pieces[::length], train).sum()) for pieces in others]  # end to end
    counts = dict(zip(("validation", "test"), there, strict=True))
    return {f"pieces of {length} {task.level}s {REPEATED}": counts}


def _sequences(arrays: Arrays) -> list[bytes]:
    ends = np.cumsum(arrays["length"])[:-1]
    return [np.ascontiguousarray(x).tobytes() for x in np.split(arrays["x"], ends)]


def _pieces(tokens: np.ndarray, length: int) -> np.ndarray:
    """Hashes of all pieces: hash(i) = sum_k tokens[i + k] p^k mod 2^64, from running sums."""
    p = 6364136223846793005  # odd, so that it has an inverse modulo 2^64
    inverse = pow(p, -1, 1 << 64)
    powers = _powers(p, len(tokens))
    sums = np.concatenate([[np.uint64(0)], np.cumsum((tokens.astype(np.uint64) + 1) * powers)])
    found = sums[length:] - sums[:-length]  # none where the text is shorter than a piece
    return found * _powers(inverse, len(found))


def _powers(base: int, count: int) -> np.ndarray:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)
