"""In which unit members read numbers, and predict them: what `scaling` of a budget names.

    standard   less the mean of the training split, over its standard deviation, as prepared
    minmax     0 and 1 are the least and the largest value of the training split in use
    raw        the unit of the data

A column x of prepared data becomes factor (x - zero). Validation and test are scaled by the numbers
of train. Scores of forecasts are in standard deviations, whatever members are trained in, so that
they stand beside each other and beside the naive ones; training losses are in the members' unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnreg.data.benchmark import Arrays, Benchmark
from rnnreg.errors import UserError
from rnnreg.tasks import Forecast, Polyphony

SCALINGS = ("standard", "minmax", "raw")
READ = ("series", "inputs", "x")  # arrays that members read


@dataclass(frozen=True)
class Scaling:
    """Prepared columns x -> factor (x - zero); both (D,)."""

    zero: np.ndarray
    factor: np.ndarray

    def __call__(self, arrays: Arrays) -> Arrays:
        """A split with its numbers scaled."""
        return {n: self._of(v) if n in READ else v for n, v in arrays.items()}

    def _of(self, values: np.ndarray) -> np.ndarray:
        return ((values - self.zero) * self.factor).astype(np.float32)

    def unit(self, columns: Sequence[int]) -> tuple[float, ...]:
        """What 1 is in standard deviations, for each of these columns."""
        return tuple(float(1 / self.factor[column]) for column in columns)

    def decoding(self, known: dict) -> dict:
        """What turns the scaled numbers back into those of the data: another mean and deviation."""
        mean, deviation = np.array(known["mean"]), np.array(known["deviation"])
        new = {"mean": mean + deviation * self.zero, "deviation": deviation / self.factor}
        return {**known, **{name: values.tolist() for name, values in new.items()}}


def scaling(
    where: str, name: str, benchmark: type[Benchmark], facts: dict, train: Arrays
) -> Scaling | None:
    """The scaling of that name; None: as prepared. UserError where there is nothing to scale."""
    if name == "standard":
        return None
    if facts["symbols"] or isinstance(benchmark.task, Polyphony):
        kind = "symbols" if facts["symbols"] else "keys that sound or do not"
        raise UserError(
            f"{where}: budget: scaling: given '{name}', but inputs are {kind}. Remedy: leave it "
            "out."
        )
    if name == "minmax":
        values = train["series" if "series" in train else "x"].astype(np.float64)
        least, most = values.min(0), values.max(0)
        return Scaling(least, 1 / np.where(most > least, most - least, 1))
    if not (known := facts.get("columns")):
        raise UserError(
            f"{where}: budget: scaling: given 'raw', but the unit of the data is not known: its "
            "`prepare` gives no mean and deviation, or an earlier rnnreg made the data. Remedy: "
            f"python -m rnnreg prepare {facts['name']}, or another scaling."
        )
    mean, deviation = np.array(known["mean"]), np.array(known["deviation"])
    return Scaling(-mean / deviation, deviation)


def applied(
    found: Scaling, benchmark: type[Benchmark], splits: dict[str, Arrays]
) -> tuple[type[Benchmark], dict[str, Arrays]]:
    """The benchmark, whose scores stay in standard deviations, and its splits scaled."""
    task = benchmark.task
    if isinstance(task, Forecast):
        task = replace(task, unit=found.unit(task.columns(len(found.zero))))
    own = {"__module__": benchmark.__module__, "task": task}
    scaled = {split: found(arrays) for split, arrays in splits.items()}
    return type(benchmark.__name__, (benchmark,), own), scaled
