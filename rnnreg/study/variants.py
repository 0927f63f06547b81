"""Variants of a benchmark, `name@variant`: what a study changes of its data and its model.

    benchmarks: [trec, trec@small]
    variants: {small: {train: 1/4, model: {hidden: 32}}}

A variant has rows, records and prepared data of its own. Validation and test are the benchmark's.
It has the budget that the study gives the benchmark; what `budgets` says of `trec@small` is added.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from rnnreg.errors import UserError, unknown
from rnnreg.study import schema

ALL = "all"
KEYS = {"train": (int, str), "model": dict}
LEAST = {"hidden": 1, "layers": 1, "embedding": 1}
SHARE = r"[1-9][0-9]*/[1-9][0-9]*"


@dataclass(frozen=True)
class Variant:
    """What is changed; nothing by default.

    `train` is how much of the training split there is: symbols, sequences or rows; a share as text,
    "1/4"; or "all". None: as the benchmark's file has it. `model` holds fields of its Model.
    """

    train: int | str | None = None
    model: dict[str, int] = field(default_factory=dict)

    def amount(self, whole: int) -> int:
        """How much of a training split of that size, rounded down; at least 1.

        >>> Variant("1/16").amount(5_452), Variant(100).amount(5_452), Variant("all").amount(5_452)
        (340, 100, 5452)
        """
        if self.train is None or self.train == ALL:
            return whole
        if isinstance(self.train, int):
            return self.train
        return max(int(whole * Fraction(self.train)), 1)


NOTHING = Variant()


def base(benchmark: str) -> str:
    """The benchmark whose file a variant shares.

    >>> base("trec@small"), base("trec")
    ('trec', 'trec')
    """
    return benchmark.partition("@")[0]


def read(where: str, given: dict) -> dict[str, Variant]:
    """What the study file says under `variants`, checked."""
    for name, changes in given.items():
        at = f"{where}: {name}"
        if not (isinstance(name, str) and re.fullmatch(r"\w+", name, re.ASCII)):
            raise UserError(f"{at}: a variant's name has letters, digits and '_' alone.")
        schema.check_mapping(at, changes, KEYS)
        if not changes:
            raise UserError(f"{at}: changes nothing; give one of: {', '.join(KEYS)}.")
        if "train" in changes:
            _check_train(f"{at}: train", changes["train"])
        model = changes.get("model", {})
        schema.check_mapping(f"{at}: model", model, dict.fromkeys(LEAST, int))
        for key, value in model.items():
            if value < LEAST[key]:
                raise UserError(
                    f"{at}: model: {key}: given {value}, allowed are whole numbers from "
                    f"{LEAST[key]}."
                )
    return {name: Variant(**changes) for name, changes in given.items()}


def _check_train(where: str, given: int | str) -> None:
    number = isinstance(given, int) and given > 0
    share = isinstance(given, str) and re.fullmatch(SHARE, given) and Fraction(given) <= 1
    if not (number or share or given == ALL):
        raise UserError(
            f"{where}: given {given!r}, allowed are whole numbers from 1, shares such as 1/4, and "
            f"'{ALL}'."
        )


def named(
    where: str, given: Iterable, known: list[str], variants: dict[str, Variant]
) -> dict[str, Variant]:
    """Of the names in a study's list, those of variants: full name -> what is changed.

    UserError where the part before or after the "@" is not known, or a variant is used nowhere.
    """
    found = {}
    for index, name in enumerate(given):
        if isinstance(name, str) and "@" in name:
            before, _, after = name.partition("@")
            if before not in known:
                raise unknown(f"{where}: benchmarks[{index}]", before, known)
            if after not in variants:
                raise unknown(f"{where}: benchmarks[{index}]: variant", after, variants)
            found[name] = variants[after]
    for name in variants:
        if name not in {full.partition("@")[2] for full in found}:
            raise UserError(
                f"{where}: variants: {name}: no benchmark has it. Remedy: list one as "
                f"{known[0]}@{name}, say, or leave the variant out."
            )
    return found
