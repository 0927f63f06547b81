"""What a regularizer's file must keep, checked once: attributes, hooks and what they return.

A population begins, and takes its first step and its first check, through `Checked`, whose hooks
are those of the regularizer with a look at each result. Every fault is one message that names the
file and the hook.
"""

from difflib import get_close_matches
from math import isnan
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnreg.errors import UserError
from rnnreg.kernels.noise import Site
from rnnreg.network import Network
from rnnreg.regularizers._combination import Chain, Combination
from rnnreg.regularizers.base import GROUPS, HOOKS, SECOND, SITES, Regularizer
from rnnreg.study import combine, schema
from rnnreg.study.search import SCALES

if TYPE_CHECKING:
    from rnnreg.tasks import Task

ROUNDING = 1e-6  # of the ends of a range that are written with a few digits
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
        ("scale", SCALES),
    ):
        if getattr(kind, key) not in allowed:
            given = getattr(kind, key)
            raise UserError(f"{where}: {key}: given '{given}', allowed are {', '.join(allowed)}.")
    _numbers(where, kind)
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


def _numbers(where: str, kind: type[Regularizer]) -> None:
    """UserError where an attribute is no number, no two in order, or no truth value."""
    if not isinstance(kind.clips, bool):
        raise UserError(f"{where}: clips: given {kind.clips!r}, expected True or False.")
    if not _is_number(kind.off):
        raise UserError(f"{where}: off: given {kind.off!r}, expected a number; math.inf is one.")
    if not _are_ends(kind.range):
        raise UserError(
            f"{where}: range: given {kind.range!r}, expected two numbers, the lowest strength and "
            "the highest: (0.0, math.inf)."
        )
    if kind.searched != () and not _are_ends(kind.searched):
        raise UserError(
            f"{where}: searched: given {kind.searched!r}, expected the lowest strength and the "
            "highest that are searched, or (): the first and the last of strengths."
        )
    for name in ("strengths", "searched"):
        for i, strength in enumerate(getattr(kind, name)):
            schema.check_strength(f"{where}: {name}[{i}]", strength, kind.range)
    if kind.searched:
        schema.check_ends(f"{where}: searched", list(kind.searched), kind.scale)
    if issubclass(kind, Combination):
        _within_parts(where, kind)


def _within_parts(where: str, kind: type[Combination]) -> None:
    """UserError where a strength of a combination is none of its parts' ranges."""
    low, high = combine.within(kind.ratios)
    if kind.range[0] < low * (1 - ROUNDING) or kind.range[1] > high * (1 + ROUNDING):
        raise UserError(
            f"{where}: range: given {kind.range}, allowed are strengths from {low:g} to {high:g}, "
            f"at which each part stays within its own range. Remedy: range = ({low:g}, {high:g})."
        )


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and not isnan(given)


def _are_ends(given: object) -> bool:
    """Whether it is two numbers, the lower one first; they may be equal."""
    pair = isinstance(given, tuple | list) and len(given) == 2 and all(map(_is_number, given))
    return pair and given[0] <= given[1]


def _fault(name: str, hook: str, given: object, expected: str) -> UserError:
    return UserError(
        f"rnnreg/regularizers/{name}.py: {hook}: given {_told(given)}, expected {expected}."
    )


def suits(kind: type[Regularizer], network: Network, task: "Task") -> str:
    """Why a regularizer makes no sense for this network and task; "" where it does."""
    found = kind.suits(network, task)
    if not isinstance(found, str):
        raise _fault(kind.name, "suits", found, 'the reason in words, or "" where it suits')
    return found


def network(kind: type[Regularizer], given: Network) -> Network:
    """The network that a regularizer asks for."""
    found = kind.network(given)
    if not isinstance(found, Network):
        expected = "a Network: dataclasses.replace(network, tied=True), say"
        raise _fault(kind.name, "network", found, expected)
    return found


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
        return _fault(self.reg.name, hook, given, expected)

    def _same(self, hook, function, tensors, *given, **more):
        """A dict of tensors with the names and shapes of the one that it was given."""
        found = function(tensors, *given, **more)
        if not isinstance(found, dict):
            raise self.fault(hook, found, "a dict of tensors, with the names that it was given")
        for name in tensors | found:
            if name not in found or name not in tensors:
                what = "lacks" if name not in found else "has the unknown"
                raise UserError(
                    f"rnnreg/regularizers/{self.reg.name}.py: {hook}: the dict {what} '{name}'; "
                    f"expected are {', '.join(tensors)}."
                )
            if not isinstance(found[name], Tensor) or found[name].shape != tensors[name].shape:
                expected = f"{name} {_told(tensors[name])}"
                raise self.fault(hook, found[name], expected)
        return found

    def _starts(self, hook, function, params):
        """A dict of tensors that have the members first."""
        found = function(params)
        if not isinstance(found, dict):
            raise self.fault(hook, found, "a dict of the tensors to keep, by names of its own")
        for name, kept in found.items():
            if not isinstance(kept, Tensor) or kept.shape[:1] != (self.count,):
                expected = f"a tensor that has the members first, (M, ...) with M = {self.count}"
                raise self.fault(f"{hook}: {name}", kept, expected)
        return found

    def _goes_on(self, hook, function, losses):
        """True, False or (M,) of truth values."""
        found = function(losses)
        if isinstance(found, bool):
            return found
        fits = isinstance(found, Tensor) and found.shape == (self.count,)
        if not fits or found.dtype != torch.bool:
            expected = f"True, False or one of them a member, (M,) = ({self.count},) of bool"
            raise self.fault(hook, found, expected)
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
    "start": Checked._starts,
    "keep": Checked._same,
    "told": Checked._same,
    "average": Checked._same,
    "keep_training": Checked._goes_on,
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
