"""Axes of a study: values of fields that are crossed, and a variant of a benchmark at each point.

    axes: {optimizer: [adam, sgd], batch: [8, 32]}   # trec@optimizer_adam_batch_8, ...: 4 variants
    axes: [{batch: [8, 32]}, {layers: [1, 2]}]       # one axis after the other: 4 variants

An axis is a field of a budget, a model or a task, or a key of a variant, with its values. Any
other name is an axis, too, whose places have names and change several fields:

    axes: {descent: {adam: {optimizer: adam}, plain: {optimizer: sgd, learning_rate: [0.03, 3]}}}

Each benchmark that the study lists without a variant is replaced by its variants at all points.
What `budgets` says of `trec@batch_8` is added.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from rnnreg.errors import UserError, unknown
from rnnreg.study import schema, sizes, variants
from rnnreg.study.variants import NOTHING, Variant

KEY = "axes"
PARTS = {"budget": schema.BUDGET_KEYS, "model": sizes.TYPES, "task": variants.TASK}
ALONE = [key for key in variants.KEYS if key not in (*PARTS, "start")]
FIELDS = [*ALONE, *(name for own in PARTS.values() for name in own)]
MOST = 256  # points

Place = tuple[str, dict[str, object]]  # its text, and the fields that it gives


def placed(
    where: str, benchmarks: Iterable[str], given: object, named: dict[str, Variant]
) -> dict[str, Variant]:
    """The benchmarks of a study by full name, those without a variant at all points of its axes.

    `named` are those of its variants, by full name.
    """
    points = _points(f"{where}: {KEY}", given) if given else {}
    for name in named:
        if name.partition("@")[2] in points:
            raise UserError(
                f"{where}: variants: {name.partition('@')[2]}: has the name of a point of "
                f"'{KEY}'. Remedy: another name."
            )
    found = {}
    for name in benchmarks:
        if points and "@" not in name:
            found |= {f"{name}@{point}": own for point, own in points.items()}
        else:
            found[name] = named.get(name, NOTHING)
    return found


def _points(where: str, given: object) -> dict[str, Variant]:
    """Name of each point -> the variant there."""
    found: dict[str, Variant] = {}
    each = given if isinstance(given, list) else [given]
    for number, crossed in enumerate(each):
        at = f"{where}[{number}]" if isinstance(given, list) else where
        if not isinstance(crossed, dict) or not crossed:
            raise UserError(f"{at}: given {crossed!r}, expected axes with values: {{batch: [8]}}.")
        axes = {axis: _places(f"{at}: {axis}", axis, v) for axis, v in crossed.items()}
        for places in product(*axes.values()):
            name, point = _point(at, dict(zip(axes, places, strict=True)))
            if name in found:
                raise UserError(
                    f"{at}: two points are called {name}. Remedy: leave one out, or give the "
                    "places of the axis names: {few: {batch: 8}, many: {batch: 32}}."
                )
            found[name] = point
            if len(found) > MOST:
                raise UserError(f"{where}: more than {MOST} points. Remedy: fewer values.")
    return found


def _places(where: str, axis: str, given: object) -> list[Place]:
    """The places of an axis, each as text, with the fields that it gives."""
    if not re.fullmatch(r"\w+", str(axis), re.ASCII):
        raise UserError(f"{where}: an axis' name has letters, digits and '_' alone.")
    if isinstance(given, dict) and given:
        for name, fields in given.items():
            if not re.fullmatch(r"\w+", str(name), re.ASCII):
                raise UserError(f"{where}: {name}: a name has letters, digits and '_' alone.")
            schema.check_mapping(f"{where}: {name}", fields, dict.fromkeys(FIELDS, object))
        return [(str(name), fields) for name, fields in given.items()]
    if axis not in FIELDS:
        raise unknown(f"{where}: axis", axis, FIELDS)
    if not isinstance(given, list) or not given:
        raise UserError(
            f"{where}: given {given!r}, expected a list of values, or names with the fields that "
            "each changes."
        )
    return [(_text(value), {axis: value}) for value in given]


def _text(value: object) -> str:
    """A value as a title shows it.

    >>> _text(0.001), _text("1/4"), _text([64, 32]), _text(True)
    ('0.001', '1/4', '64-32', 'true')
    """
    if isinstance(value, list):
        return "-".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _point(where: str, places: dict[str, Place]) -> tuple[str, Variant]:
    """The variant at one place of each axis, and its name."""
    fields: dict[str, object] = {}
    for axis, (_, own) in places.items():
        if twice := fields.keys() & own.keys():
            raise UserError(f"{where}: {axis}: {min(twice)}: another axis gives it, too.")
        fields |= own
    changes = _of(fields, ALONE)
    changes |= {part: own for part, known in PARTS.items() if (own := _of(fields, known))}
    at = {axis: text for axis, (text, _) in places.items()}
    name = "_".join(re.sub(r"\W+", "_", f"{axis}_{text}") for axis, text in at.items())
    return name, replace(variants.read(where, {name: changes})[name], at=at)


def _of(fields: dict[str, object], known: Iterable[str]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name in known}
