"""Equal search: the trials of a row, and the range that they are searched in.

Trial i is point i of one scrambled Sobol sequence over learning rate and strength, so it depends on
i alone: a larger budget only adds trials, and trial i has the same learning rate under every
regularizer. Quasi-random points cover a small budget more evenly than independent draws do
(Bousquet, Gelly, Kurach, Teytaud and Vincent 2017, arXiv:1706.03200).
"""

import math
from dataclasses import dataclass
from functools import cache

from rnnreg.errors import UserError
from rnnreg.study import registry, schema

AXES = ("learning rate", "strength")
SCALES = ("log", "linear")
MOST_TRIALS = 256
SCRAMBLED_BY = 0  # another number is another sequence
DIGITS = 6  # that a trial's numbers are rounded to, so that machines agree on them
KEYS = {"trials": int, "survivors": int, "seeds": int, "learning_rate": list}


@dataclass(frozen=True)
class Search:
    """How a row is searched: K trials on one seed, and the best of them again on fresh seeds.

    A range whose ends are equal is not searched.
    """

    trials: int = 16
    survivors: int = 3
    seeds: int = 2  # fresh ones, on which the survivors are trained; they decide
    learning_rate: tuple[float, float] = (3e-4, 3e-2)
    strength: tuple[float, float] = (0.0, 0.0)
    scale: str = "log"  # of the strength

    @property
    def settings(self) -> tuple[tuple[float, float], ...]:
        """(learning rate, strength) of each trial; a single one where neither is searched."""
        (low, high), (weak, strong) = self.learning_rate, self.strength
        if low == high and weak == strong:
            return ((low, weak),)
        rates = (between(u, self.learning_rate, "log") for u, _ in points(self.trials))
        strengths = (between(u, self.strength, self.scale) for _, u in points(self.trials))
        return tuple(zip(rates, strengths, strict=True))


@cache
def points(trials: int) -> tuple[tuple[float, float], ...]:
    """The first points of the sequence, in [0, 1) on each axis."""
    from scipy.stats import qmc  # takes a second

    sobol = qmc.Sobol(len(AXES), scramble=True, rng=SCRAMBLED_BY)
    drawn = sobol.random_base2(math.ceil(math.log2(MOST_TRIALS)))
    return tuple((float(a), float(b)) for a, b in drawn[:trials])


def between(share: float, ends: tuple[float, float], scale: str) -> float:
    """The number at a share of the way from the lower end of a range to the upper.

    >>> between(0.5, (1e-4, 1e-2), "log"), between(0.25, (0.0, 0.6), "linear")
    (0.001, 0.15)
    """
    low, high = ends
    if low == high:
        return low
    value = low + share * (high - low) if scale == "linear" else low * (high / low) ** share
    return float(f"{value:.{DIGITS}g}")


def place(value: float, ends: tuple[float, float], scale: str) -> float:
    """The share of the way at which a number lies: `between`, back; NaN in a range of one number.

    >>> round(place(0.001, (1e-4, 1e-2), "log"), 6)
    0.5
    """
    low, high = ends
    if low == high:
        return math.nan
    if scale == "linear":
        return (value - low) / (high - low)
    return math.log(value / low) / math.log(high / low)


def read(where: str, given: dict) -> Search:
    """The search that a study file asks for; UserError where it cannot be."""
    schema.check_mapping(where, given, KEYS)
    found = {**vars(Search()), **given}
    for key, most in {"trials": MOST_TRIALS, "survivors": found["trials"]}.items():
        if not 1 <= found[key] <= most:
            raise UserError(
                f"{where}: {key}: given {found[key]}, allowed are whole numbers from 1 to {most}."
            )
    schema.check_seeds(f"{where}: seeds", found["seeds"])
    ends = schema.check_ends(f"{where}: learning_rate", list(found["learning_rate"]), "log")
    return Search(found["trials"], found["survivors"], found["seeds"], ends)


def strengths(
    where: str, regularizer: str, given: object, facts: dict | None = None
) -> tuple[tuple[float, float], str]:
    """The range of a regularizer's strength and its scale: the study's range, or its file's.

    A file that says nothing of a range has that from the first to the last of its `strengths`.
    `facts` are those of a combination that has no file.
    """
    file = "" if facts else registry.short(registry.path("regularizer", regularizer))
    facts = facts or registry.facts("regularizer", regularizer)
    scale = facts.get("scale", "log")
    if scale not in SCALES:
        raise UserError(f"{file}: scale: given {scale!r}, allowed are {' and '.join(SCALES)}.")
    if given is not None:
        where = f"{where}: {regularizer}"
    elif facts.get("searched"):
        where, given = f"{file}: searched", facts["searched"]
    else:
        grid = schema.grid(where, regularizer, None)
        where, given = f"{file}: strengths", sorted({min(grid), max(grid)})
    if not isinstance(given, list | tuple) or not 1 <= len(given) <= 2:
        raise UserError(
            f"{where}: given {given!r}, expected the two ends of the range that is searched, or a "
            "list of one number that is not."
        )
    for i, value in enumerate(given):
        schema.check_strength(f"{where}[{i}]", value, facts["range"])
    if len(given) == 1:
        return (float(given[0]), float(given[0])), scale
    return schema.check_ends(where, list(given), scale), scale
