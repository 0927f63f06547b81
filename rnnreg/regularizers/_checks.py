"""What a regularizer's file must keep, checked once: attributes, hooks and what they return.

A population takes its first step through `Checked`, whose hooks are those of the regularizer with
a look at each result. Every fault is one message that names the file and the hook.
"""

from difflib import get_close_matches

from torch import Tensor

from rnnreg.errors import UserError
from rnnreg.kernels.noise import Site
from rnnreg.regularizers._combination import Chain
from rnnreg.regularizers.base import GROUPS, HOOKS, SECOND, SITES, Regularizer

ATTRIBUTES = {
    "title", "group", "source", "strengths", "off", "range", "searched", "scale", "scored_at",
    "clips", "second", "ratios", "name",
}  # fmt: skip


def attributes(kind: type[Regularizer]) -> None:
    """UserError where a class attribute is missing, misspelt, or not what it must be."""
    where = f"rnnreg/regularizers/{kind.name}.py"
    for key in ("title", "group", "source"):
        value = getattr(kind, key, None)
        if not isinstance(value, str) or not value.strip():
            raise UserError(f"{where}: {key}: given {value!r}, expected text.")
    strengths = getattr(kind, "strengths", None)
    if not isinstance(strengths, tuple | list) or not strengths:
        raise UserError(
            f"{where}: strengths: given {strengths!r}, expected a tuple of at least one number; "
            "one number is written with a comma: (0.1,)."
        )
    for key, allowed in (
        ("group", GROUPS),
        ("second", SECOND),
        ("scored_at", ("last", "best")),
    ):
        if getattr(kind, key) not in allowed:
            given = getattr(kind, key)
            raise UserError(f"{where}: {key}: given '{given}', allowed are {', '.join(allowed)}.")
    for name in vars(kind):
        known = {*HOOKS, *ATTRIBUTES}
        if name in known or name.startswith("_") or name.isupper():
            continue
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise UserError(
            f"{where}: '{name}' is no hook and no attribute of a regularizer{hint} Hooks: "
            f"{', '.join(HOOKS)}. A function of your own has a name that starts with _."
        )


def checked(reg: Regularizer, members: int) -> Regularizer:
    """The same regularizer, whose hooks look at what they return; of a chain, each part."""
    if isinstance(reg, Chain):
        return Chain(*(checked(part, members) for part in reg.parts))
    return Checked(reg, members)


class Checked:
    """A regularizer whose results are looked at; M members."""

    def __init__(self, reg: Regularizer, members: int):
        self.reg, self.count = reg, members

    def __getattr__(self, name: str):
        found = getattr(self.reg, name)
        look = _LOOKS.get(name)
        if look is None:
            return found

        def looked(*given, **more):
            return look(self, name, found, *given, **more)

        return looked

    def fault(self, hook: str, given: object, expected: str) -> UserError:
        return UserError(
            f"rnnreg/regularizers/{self.reg.name}.py: {hook}: given {_told(given)}, expected "
            f"{expected}."
        )

    def _same(self, hook, function, tensors, *given, **more):
        """A dict of tensors with the names and shapes of the one that it was given."""
        found = function(tensors, *given, **more)
        if not isinstance(found, dict):
            raise self.fault(hook, found, "a dict of tensors, with the names that it was given")
        for name in {*tensors, *found}:
            if name not in found or name not in tensors:
                what = "lacks" if name not in found else "has the unknown"
                raise UserError(
                    f"rnnreg/regularizers/{self.reg.name}.py: {hook}: the dict {what} '{name}'; "
                    f"expected are {', '.join(tensors)}."
                )
            if found[name].shape != tensors[name].shape:
                expected = f"{name} {_told(tensors[name])}"
                raise self.fault(hook, found[name], expected)
        return found

    def _site(self, hook, function, site, shape, *given, **more):
        """A number, or what broadcasts to (M, T, B, units)."""
        known = _Site(str(site), self.reg.name, getattr(site, "layer", 0))
        found = function(known, shape, *given, **more)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return float(found)
        wanted = (self.count, *shape)
        fits = isinstance(found, Tensor) and found.ndim == 4
        fits = fits and all(a in (1, b) for a, b in zip(found.shape, wanted, strict=True))
        if not fits:
            expected = f"a number or (M, T or 1, B, units) of {wanted}"
            raise self.fault(f"{hook} at {site}", found, expected)
        return found

    def _per_member(self, hook, function, *given, **more):
        """(M,), or a number for all."""
        found = function(*given, **more)
        if isinstance(found, int | float):
            return found
        if not isinstance(found, Tensor) or found.shape != (self.count,):
            raise self.fault(hook, found, f"one number a member, (M,) = ({self.count},)")
        return found

    def _batch(self, hook, function, batch, *given, **more):
        """Inputs and targets in the shapes of the batch given."""
        found = function(batch, *given, **more)
        if type(found) is not type(batch):
            raise self.fault(hook, found, "a Batch: dataclasses.replace(batch, x=...)")
        for key in ("x", "y"):
            old, new = getattr(batch, key), getattr(found, key)
            if old.shape != new.shape or old.dtype != new.dtype:
                raise self.fault(f"{hook}: {key}", new, _told(old))
        return found


_LOOKS = {
    "batch": Checked._batch,
    "weights": Checked._same,
    "mask": Checked._site,
    "shift": Checked._site,
    "penalty": Checked._per_member,
    "gradients": Checked._same,
    "project": Checked._same,
    "keep": Checked._same,
    "ascend": Checked._same,
    "adapt": Checked._same,
}


class _Site(Site):
    """A site that is compared with known names alone: a misspelt one would be silent."""

    def __new__(cls, name: str, regularizer: str, layer: int = 0):
        site = super().__new__(cls, name, layer)
        site.regularizer = regularizer
        return site

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and other not in SITES:
            near = get_close_matches(other, SITES, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise UserError(
                f"rnnreg/regularizers/{self.regularizer}.py: there is no site '{other}'{hint} "
                f"Known: {', '.join(SITES)}"
            )
        return str.__eq__(self, other)

    __hash__ = Site.__hash__


def _told(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
    return f"{value!r} ({type(value).__name__})"
