"""How a row is tuned: the kinds of search, and the trials of those that draw them.

    sobol            trial i is point i of one scrambled Sobol sequence over learning rate and
                     strength (Bousquet, Gelly, Kurach, Teytaud and Vincent 2017, arXiv:1706.03200)
    random           trial i is an independent draw (Bergstra and Bengio 2012, Random Search for
                     Hyper-Parameter Optimization, JMLR 13)
    grid             every strength of the grid, at the learning rate of the budget
    small_to_large   the same strengths from weak to strong, until validation gets worse

Trial i of the first two depends on i alone: a larger budget only adds trials, and trial i has the
same learning rate under every regularizer.

With `folds: k` no member is tuned on the validation split. Each seed of tuning stands for a fold:
its members train on the training split without it, and are validated on it.
"""

import math
import random
from dataclasses import dataclass
from functools import cache

from rnnreg.errors import UserError, unknown
from rnnreg.study import registry, schema, stop

AXES = ("learning rate", "strength")
SCALES = ("log", "linear")
DRAWN, LISTED = ("sobol", "random"), ("grid", "small_to_large")  # kinds of search
MOST_TRIALS = 256
FIRST_FOLD = 10_000  # the seeds of folds are no other seeds
DIGITS = 6  # that a trial's numbers are rounded to, so that machines agree on them
KEYS = {"kind": str, "folds": int}
KEYS_DRAWN = {
    **KEYS, "trials": int, "survivors": int, "seeds": int, "learning_rate": list, "draw": int
}  # fmt: skip


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
    kind: str = DRAWN[0]
    draw: int = 0  # another number is another sequence

    def told(self) -> dict[str, object]:
        """Its fields by name, without those of the kinds that came later, where they are usual."""
        later = {"kind": DRAWN[0], "draw": 0}
        return {n: v for n, v in vars(self).items() if n not in later or v != later[n]}

    @property
    def settings(self) -> tuple[tuple[float, float], ...]:
        """(learning rate, strength) of each trial; a single one where neither is searched."""
        (low, high), (weak, strong) = self.learning_rate, self.strength
        if low == high and weak == strong:
            return ((low, weak),)
        drawn = points(self.trials, self.kind, self.draw)
        rates = (between(u, self.learning_rate, "log") for u, _ in drawn)
        strengths = (between(u, self.strength, self.scale) for _, u in drawn)
        return tuple(zip(rates, strengths, strict=True))


@cache
def points(trials: int, kind: str = DRAWN[0], draw: int = 0) -> tuple[tuple[float, float], ...]:
    """The first points of a sequence, in [0, 1) on each axis."""
    if kind == "random":
        each = random.Random(draw)  # Python keeps what it draws from version to version
        return tuple((each.random(), each.random()) for _ in range(trials))
    from scipy.stats import qmc  # takes a second

    with stop.afterwards():  # scipy ignores an exception while it initialises, and draws others
        sobol = qmc.Sobol(len(AXES), scramble=True, rng=draw)
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


def fold_seeds(folds: int) -> tuple[int, ...]:
    """The tuning seeds that stand for the folds of a cross-validation; `fold` reads them.

    >>> fold_seeds(3), fold(10_302), fold(2)
    ((10300, 10301, 10302), (2, 3), None)
    """
    first = FIRST_FOLD + (schema.MOST_FOLDS + 1) * folds
    return tuple(range(first, first + folds))


def fold(seed: int) -> tuple[int, int] | None:
    """Which fold of how many a seed leaves out; None: none, it is a seed like any other."""
    folds, left_out = divmod(seed - FIRST_FOLD, schema.MOST_FOLDS + 1)
    return (left_out, folds) if folds >= 2 else None


@dataclass(frozen=True)
class Plan:
    """How a study tunes: the kind, its folds (0: none), and the search of a kind that draws."""

    kind: str
    folds: int = 0
    search: Search | None = None


def plan(where: str, given: dict | str) -> Plan:
    """What a study file says under `search`: a mapping, or its kind alone."""
    given = {"kind": given} if isinstance(given, str) else given
    kind, kinds = given.get("kind", DRAWN[0]), (*DRAWN, *LISTED)
    if kind not in kinds:
        raise unknown(f"{where}: kind", kind, kinds)
    if kind in LISTED:
        for key in KEYS_DRAWN.keys() & given.keys() - KEYS.keys():
            raise UserError(
                f"{where}: {key}: given {given[key]!r}, but '{kind}' trains the strengths of a "
                "grid, on the seeds of `seeds: {tuning: ...}`, at the learning rate of the budget. "
                f"Remedy: leave it out, or take a kind that draws: {' or '.join(DRAWN)}."
            )
        schema.check_mapping(where, given, KEYS)
    else:
        schema.check_mapping(where, given, KEYS_DRAWN)
    folds = given.get("folds", 0)
    if "folds" in given:
        schema.check_folds(f"{where}: folds", folds)
    if folds and "seeds" in given:
        raise UserError(
            f"{where}: seeds: given {given['seeds']} beside {folds} folds, which stand in their "
            "place: trials on the first, the best of them on the others. Remedy: leave it out."
        )
    return Plan(kind, folds, read(where, given) if kind in DRAWN else None)


def read(where: str, given: dict) -> Search:
    """The search that a study file asks for, of a kind that draws; UserError where it cannot be."""
    schema.check_mapping(where, given, KEYS_DRAWN)
    folds = given.get("folds", 0)
    given = {key: value for key, value in given.items() if key != "folds"}
    given |= {"seeds": folds - 1} if folds else {}
    found = {**vars(Search()), **given}
    for key, most in {"trials": MOST_TRIALS, "survivors": found["trials"]}.items():
        if not 1 <= found[key] <= most:
            raise UserError(
                f"{where}: {key}: given {found[key]}, allowed are whole numbers from 1 to {most}."
            )
    schema.check_seeds(f"{where}: seeds", found["seeds"])
    if not 0 <= found["draw"] <= schema.MOST_SEEDS:
        raise UserError(
            f"{where}: draw: given {found['draw']}, allowed are whole numbers from 0 to "
            f"{schema.MOST_SEEDS}."
        )
    ends = schema.check_ends(f"{where}: learning_rate", list(found["learning_rate"]), "log")
    return Search(**{**found, "learning_rate": ends})


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
