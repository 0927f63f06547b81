"""Combinations that a study makes of regularizers, each a row of it.

    combine: {zoneout+l2: {zoneout: 0.1, l2: 1e-4}}   # the parts' strengths at strength 1

One strength scales all parts, as in a combination that is a file of its own: see `Combination`.
The name is that of the parts, in the order in which their hooks are called.
"""

import math

from rnnreg.errors import UserError, unknown
from rnnreg.study import registry, schema

Ratios = dict[str, float]  # name of a part -> its strength at strength 1

GRID = (0.25, 0.5, 1.0, 2.0, 4.0)  # strengths, where the study names none
INSIDE = 0.999  # of the largest strength: a product in single precision may be above it


def read(where: str, given: dict) -> dict[str, Ratios]:
    """What a study file says under `combine`, checked."""
    for name, ratios in given.items():
        at = f"{where}: {name}"
        if not isinstance(ratios, dict) or len(ratios) < 2:
            raise UserError(
                f"{at}: given {ratios!r}, expected two parts or more with their strengths, as in "
                "{dropout: 0.1, l2: 1e-3}."
            )
        for part, strength in ratios.items():
            _check_part(at, part, strength)
        if name != "+".join(ratios):
            raise UserError(
                f"{at}: its parts are {', '.join(ratios)}. Remedy: call it {'+'.join(ratios)}."
            )
        asking = [part for part in ratios if _facts(part)["second"] != "none"]
        if len(asking) > 1:
            raise UserError(
                f"{at}: {' and '.join(asking)} both ask for a second pass. Remedy: combine one of "
                "them."
            )
    return {n: {p: float(s) for p, s in ratios.items()} for n, ratios in given.items()}


def _check_part(where: str, part: object, strength: object) -> None:
    known = [n for n in registry.names("regularizer") if n != "none"]
    if part not in known:
        raise unknown(where, part, known)
    facts, where = _facts(part), f"{where}: {part}"
    if facts.get("ratios"):
        own = ", ".join(f"{name}: {ratio:g}" for name, ratio in facts["ratios"].items())
        raise UserError(f"{where}: is a combination itself. Remedy: name its parts, {own}.")
    value = schema.check_strength(where, strength, facts["range"])
    if not 0 < value < math.inf or value == facts["off"]:
        raise UserError(
            f"{where}: given {value:g}, expected a number above 0 at which it is not off. Remedy: "
            "leave it out, or give the strength that it has at strength 1 of the combination."
        )


def facts(name: str, ratios: Ratios) -> dict:
    """What `registry.facts` says of a file, of a combination that has none."""
    parts = {part: _facts(part) for part in ratios}
    low, high = within(ratios)
    first, last = min(low / INSIDE, 1.0), max(high * INSIDE, 1.0)
    grid = tuple(s for s in GRID if first <= s <= last)
    ends = max(first, GRID[0]), min(last, GRID[-1])
    titles = [facts["title"] for facts in parts.values()]
    return {
        **_facts("none"),  # what a file need not say
        "name": name,
        "title": " + ".join(titles),
        "group": "combinations",
        "source": "a combination of this study: " + "; ".join(f["source"] for f in parts.values()),
        "doc": " and ".join([", ".join(titles[:-1]), titles[-1]]) + " together.",
        "ratios": ratios,
        "range": (low, high),
        "strengths": grid,
        "searched": ends if len(grid) > 1 else grid,
        "scored_at": "best" if any(f["scored_at"] == "best" for f in parts.values()) else "last",
        "second": next((f["second"] for f in parts.values() if f["second"] != "none"), "none"),
        "clips": any(f["clips"] for f in parts.values()),
    }


def within(ratios: Ratios) -> tuple[float, float]:
    """The strengths at which each part is within its range; 1 is one of them."""
    scaled = {p: r for p, r in ratios.items() if len({*_facts(p)["range"]}) > 1}
    if not scaled:
        return 1.0, 1.0
    low, high = 0.0, math.inf
    for part, ratio in scaled.items():
        least, most = (end / ratio for end in _facts(part)["range"])
        if math.isinf(_facts(part)["off"]):  # it is divided by the strength
            least, most = 1 / most, 1 / least if least else math.inf
        low, high = max(low, least), min(high, most)
    return low, high


def _facts(part: str) -> dict:
    return registry.facts("regularizer", part)
