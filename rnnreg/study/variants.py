"""Variants of a benchmark, `name@variant`: what a study changes of its data, task, model, budget.

    benchmarks: [trec, trec@small, trec@attended, etth1@far]
    variants:
      small: {train: 1/4, model: {hidden: 32, initial: 0.05}, base_clip: 5}
      attended: {model: {hidden: [64, 32], bidirectional: true, head: additive}}
      far: {task: {context: 192, horizon: 48}}
      words: {language: 20}      # its labelled texts as a language model, in windows of 20 words
      noisy: {noise_columns: 8}  # columns of normal noise beside those of sequences of numbers
      fast: {budget: {learning_rate: 3e-2}}
      checked: {train: 1000, validation: rest}  # validated on what that leaves of train, too
      tuned: {start: {benchmark: trec@words}}  # from the weights of another row: see starts.py

A variant has rows, records and prepared data of its own. Test is the benchmark's; so is validation,
unless the rest of the training split joins it, as it may where sequences stand alone.
Fields of a model are those of rnnreg/study/sizes.py. A variant's budget is added to that which the
study gives the benchmark; so is what `budgets` says of `trec@small`.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from rnnreg.errors import UserError, unknown
from rnnreg.study import schema, sizes, starts

ALL, REST = "all", "rest"
PARTS = ("train", "validation")  # what a budget may say of a benchmark, too
KEYS = {
    "train": (int, str), "model": dict, "task": dict, "base_clip": float, "language": int,
    "noise_columns": int, "start": dict, "budget": dict, "validation": str,
}  # fmt: skip
TASK = {
    "window": int, "context": int, "horizon": int, "season": int, "gap": int, "anchored": bool
}  # fmt: skip
SHARE = r"[1-9][0-9]*/[1-9][0-9]*"


@dataclass(frozen=True)
class Variant:
    """What is changed; nothing by default.

    `train` is how much of the training split there is: symbols, sequences or rows; a share as text,
    "1/4"; or "all". None: as the benchmark's file has it. `validation` is "rest" where what that
    leaves of the training split joins the validation split. `model`, `task` and `budget` hold
    fields of its Model, Task and Budget. `at` is where it stands on the axes of the study, as text:
    axis -> place.
    """

    train: int | str | None = None
    model: dict[str, object] = field(default_factory=dict)
    task: dict[str, int] = field(default_factory=dict)
    base_clip: float | None = None
    language: int = 0
    noise_columns: int = 0
    start: dict[str, str] = field(default_factory=dict)
    budget: dict[str, object] = field(default_factory=dict)
    validation: str = ""
    at: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """How it is called, where it is not by its name.

        >>> Variant(at={"batch": "8", "learning_rate": "0.1"}).title
        'batch 8, learning rate 0.1'
        """
        return ", ".join(f"{axis.replace('_', ' ')} {place}" for axis, place in self.at.items())

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

    @property
    def trained(self) -> dict[str, object]:
        """What a member's result depends on beside its data, as the fingerprint has it."""
        own = {"task": self.task} if self.task else {}
        own |= {} if self.base_clip is None else {"base_clip": self.base_clip}
        own |= {key: value for key in ("language", "start") if (value := getattr(self, key))}
        return {**self.model, **own}

    @property
    def prepared(self) -> list:
        """What prepared data depends on: nothing of a benchmark as it is."""
        own = ("language", "noise_columns", "validation")
        more = {key: value for key in own if (value := getattr(self, key))}
        return [p for p in (self.train, self.task or None, more or None) if p is not None]


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
        _check_parts(at, changes)
        model = changes.get("model", {})
        schema.check_mapping(f"{at}: model", model, sizes.TYPES)
        for key, fault in sizes.faults(model):
            raise UserError(f"{at}: model: {key}: {fault}")
        _check_task(f"{at}: task", changes.get("task", {}))
        clip = changes.get("base_clip", 1.0)
        if not 0 < clip < math.inf:
            raise UserError(f"{at}: base_clip: given {clip}, allowed are numbers above 0.")
        for key in ("language", "noise_columns"):
            if (value := changes.get(key, 1)) < 1:
                raise UserError(f"{at}: {key}: given {value}, allowed are whole numbers from 1.")
        starts.check(f"{at}: start", changes.get("start", {}))
        schema.check_budget(f"{at}: budget", changes.get("budget", {}))
    return {name: Variant(**changes) for name, changes in given.items()}


def _check_task(where: str, given: dict) -> None:
    schema.check_mapping(where, given, TASK)
    for key, value in given.items():
        least = 0 if key == "gap" else 1
        if TASK[key] is int and value < least:
            raise UserError(
                f"{where}: {key}: given {value}, allowed are whole numbers from {least}."
            )


def applied(benchmark: type, variant: Variant) -> type:
    """The benchmark's class with what the variant changes of its task, model and clip."""
    changed = {"__module__": benchmark.__module__}
    for key in ("task", "model"):
        given, own = getattr(variant, key), getattr(benchmark, key)
        for name in given:
            if not hasattr(own, name):
                raise unknown(f"variants: {benchmark.name}: {key}: key", name, [*vars(own)])
        if given:
            changed[key] = replace(own, **given)
    if variant.base_clip is not None:
        changed["base_clip"] = variant.base_clip
    if variant.language:
        from rnnreg.tasks import Classification, LanguageModel  # imports torch

        if not isinstance(benchmark.task, Classification):
            raise UserError(
                f"variants: {benchmark.name}: language: its task is "
                f"{type(benchmark.task).__name__}; allowed are texts with labels. Remedy: leave it "
                "out."
            )
        changed |= {"task": LanguageModel("word", variant.language), "noisy": 0.0}
    return type(benchmark.__name__, (benchmark,), changed) if len(changed) > 1 else benchmark


def _check_train(where: str, given: int | str) -> None:
    number = type(given) is int and given > 0
    share = isinstance(given, str) and re.fullmatch(SHARE, given) and Fraction(given) <= 1
    if not (number or share or given == ALL):
        raise UserError(
            f"{where}: given {given!r}, allowed are whole numbers from 1, shares such as 1/4, and "
            f"'{ALL}'."
        )


def _check_parts(where: str, given: dict) -> None:
    """What is said of the training split and of its rest."""
    if "train" in given:
        _check_train(f"{where}: train", given["train"])
    if given.get("validation", REST) != REST:
        raise UserError(
            f"{where}: validation: given {given['validation']!r}, allowed is '{REST}': what "
            "`train` leaves of the training split joins the validation split."
        )


def parts(where: str, budgets: dict) -> tuple[dict[str, dict], dict[str, dict[str, int | str]]]:
    """Budgets without `train` and `validation`, and what they say of these, checked."""
    rest, found = {}, {}
    for name, budget in budgets.items():
        if isinstance(budget, dict) and (own := {k: budget[k] for k in PARTS if k in budget}):
            _check_parts(f"{where}: {name}", found.setdefault(name, own))
            budget = {key: value for key, value in budget.items() if key not in own}
        rest[name] = budget
    return rest, found


def in_part(
    where: str, placed: dict[str, Variant], given: dict[str, dict[str, int | str]]
) -> dict[str, tuple[str, Variant]]:
    """Benchmarks by full name, with the name that the study has and what is changed.

    One whose budget says `train` or `validation` is a variant, as its prepared data is:
    ptb_char@train_all, trec@validation_rest. What a variant itself says of them holds, unless
    `budgets` names the variant.
    """
    found = {}
    for name, variant in placed.items():
        told = {key: value for key in PARTS if (value := getattr(variant, key))}
        own = {**given.get(base(name), {}), **told, **given.get(name, {})}
        full = name
        if own and name == base(name):
            text = "_".join(re.sub(r"\W+", "_", f"{key}_{own[key]}") for key in PARTS if key in own)
            full = f"{name}@{text}"
        if full != name and full in placed:
            raise UserError(
                f"{where}: {name}: {' and '.join(own)}: makes the variant {full}, which the study "
                "has, too. Remedy: leave one of them out."
            )
        found[full] = name, replace(variant, **own)
    return found


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
