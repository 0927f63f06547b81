"""Checks of what a study file says; each fault is one message that names file, key and remedy."""

import math
import re

from rnnreg.errors import UserError, unknown
from rnnreg.study import registry

RESERVED = {"published": "published records", "by_hand": "rows trained by hand"}
MOST_SEEDS = 1000
MOST_FOLDS = 99
BUDGET_KEYS = {
    "steps": int,
    "batch": int,
    "checks": int,
    "validated": int,
    "learning_rate": (float, list),
    "folds": int,
    "optimizer": str,
    "schedule": str,
    "hold": int,
    "factor": float,
    "patience": int,
    "summed": bool,
    "columns": int,
    "precision": str,
    "loss": str,
    "scaling": str,
    "diverged": float,
}

FROM_ZERO = {"validated": "0, for all,", "hold": "0", "patience": "0"}


def check_study_name(where: str, name: str) -> None:
    """A name that can be that of a folder, and of no other's in results/."""
    if name in RESERVED:
        raise UserError(
            f"{where}: results/{name} is for {RESERVED[name]}. Remedy: rename the study's file."
        )
    if not re.fullmatch(r"\w([\w. -]*\w)?", name):
        raise UserError(
            f"{where}: '{name}' cannot name a study, whose results lie in a folder of that name. "
            "Allowed are letters, digits, '_', '-', '.' and spaces, the first and the last one a "
            "letter, a digit or '_'. Remedy: rename the file."
        )


def check_seeds(where: str, count: int) -> None:
    """A number of seeds that makes sense."""
    if not 1 <= count <= MOST_SEEDS:
        raise UserError(
            f"{where}: given {count}, allowed are whole numbers from 1 to {MOST_SEEDS}."
        )


def check_folds(where: str, count: int) -> None:
    """A number of folds, of cross-validation."""
    if not 2 <= count <= MOST_FOLDS:
        raise UserError(
            f"{where}: given {count}, allowed are whole numbers from 2 to {MOST_FOLDS}."
        )


def chosen_names(
    where: str, given: list | str, kind: str, left_out: list[str], more: list[str]
) -> list[str]:
    """The names of a list, in which a group stands for its members; or of 'all'.

    `more` names are known to this study alone; no group has them, nor 'all'.
    """
    if given == "all":
        return [n for n in registry.shipped(kind) if n not in left_out]
    known = [*registry.names(kind), *more]
    if isinstance(given, str):
        raise UserError(
            f"{where}: given '{given}', allowed are 'all' or a list of: {', '.join(known)}"
        )
    if not given:
        raise UserError(
            f"{where}: the list is empty; name at least one of: {', '.join(known)}, or write 'all'."
        )
    groups = {} if all(name in known for name in given) else registry.groups(kind)
    check_names(where, given, [*known, *groups])
    chosen = []
    for name in given:
        chosen += [name] if name in known else [n for n in groups[name] if n not in left_out]
    return list(dict.fromkeys(chosen))


def check_names(where: str, given: list | dict, known: list[str]) -> None:
    """Every name is known, and listed once."""
    for index, name in enumerate(given):
        if name not in known:
            place = where if isinstance(given, dict) else f"{where}[{index}]"
            raise unknown(place, name, known)
        if isinstance(given, list) and given.index(name) != index:
            raise UserError(f"{where}[{index}]: '{name}' is listed twice; list it once.")


def check_mapping(where: str, given: object, types: dict, required: tuple = ()) -> None:
    """A mapping with no other keys than those of `types`, each of its type, and the required."""
    if not isinstance(given, dict):
        raise UserError(
            f"{where}: given {given!r}, expected a mapping with keys {', '.join(types)}."
        )
    for key, value in given.items():
        if key not in types:
            raise unknown(f"{where}: key", key, types)
        _check_type(f"{where}: {key}", value, types[key])
    for key in required:
        if key not in given:
            raise UserError(
                f"{where}: the key '{key}' is missing; needed are {', '.join(required)}."
            )


def _check_type(where: str, value: object, wanted: type | tuple) -> None:
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    number = float in wanted and isinstance(value, int)
    right = bool in wanted if type(value) is bool else isinstance(value, wanted) or number
    if not right:
        words = {
            list: "a list",
            str: "text",
            dict: "a mapping",
            int: "a whole number",
            float: "a number",
            bool: "true or false",
        }
        allowed = " or ".join(words[t] for t in wanted)
        raise UserError(f"{where}: given {value!r} ({type(value).__name__}), expected {allowed}.")


def check_budget(where: str, budget: object) -> None:
    """Fields of a benchmark's Budget, and what is said beside them of its search."""
    check_mapping(where, budget, BUDGET_KEYS)
    for key, value in budget.items():
        if key == "folds":
            check_folds(f"{where}: {key}", value)
        if isinstance(value, str | bool):
            continue
        if isinstance(value, list):
            check_ends(f"{where}: {key}", value, "log")
            continue
        if key in FROM_ZERO and value < 0:
            told = FROM_ZERO[key]
            raise UserError(f"{where}: {key}: given {value}, allowed are {told} and above.")
        if key not in FROM_ZERO and not 0 < value < math.inf:
            raise UserError(f"{where}: {key}: given {value}, allowed are numbers above 0.")


def grid(
    where: str, regularizer: str, override: object, facts: dict | None = None
) -> tuple[float, ...]:
    """The strengths of a regularizer: the study's, or its file's; each within its range.

    `facts` are those of a combination that has no file.
    """
    facts = facts or registry.facts("regularizer", regularizer)
    where = f"{where}: {regularizer}"
    if override is None:
        where = f"{registry.short(registry.path('regularizer', regularizer))}: strengths"
        if "strengths" not in facts:
            raise UserError(
                f"{where}: not there, or computed; a study reads them without running the file. "
                "Remedy: write numbers, as in strengths = (0.1, 0.2)."
            )
        override = facts["strengths"]
    if not isinstance(override, list | tuple) or not override:
        raise UserError(f"{where}: given {override!r}, expected a list of at least one number.")
    strengths = []
    for i, given in enumerate(override):
        value = check_strength(f"{where}[{i}]", given, facts["range"])
        if value in strengths:
            raise UserError(f"{where}[{i}]: {value:g} is listed twice; list it once.")
        strengths.append(value)
    return tuple(strengths)


def check_ends(where: str, given: list, scale: str) -> tuple[float, float]:
    """The two ends of a range that can be searched on a scale, the lower one first."""
    numbers = [v for v in given if isinstance(v, int | float) and not isinstance(v, bool)]
    least = 0 if scale == "log" else -math.inf
    if len(numbers) == len(given) == 2 and least < numbers[0] < numbers[1] < math.inf:
        return float(numbers[0]), float(numbers[1])
    above = " above 0" if scale == "log" else ""
    raise UserError(
        f"{where}: given {given}, expected two numbers{above}, the lower one first: the ends of a "
        f"range that is searched on a {scale} scale."
    )


def check_strength(where: str, given: object, allowed: tuple[float, float]) -> float:
    """The strength as a float; UserError where it is no number, or outside the range.

    >>> check_strength("l2", 1, (0.0, 1.0))
    1.0
    """
    low, high = allowed
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise UserError(f"{where}: given {given!r}, expected a number from {low} to {high}.")
    value = float(given)
    if not low <= value <= high:
        raise UserError(f"{where}: given {value}, allowed are numbers from {low} to {high}.")
    return value
