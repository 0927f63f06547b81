"""A part of the training split, where a benchmark's file or a study asks for one."""

from dataclasses import replace

import numpy as np

from rnnreg.data.benchmark import Splits
from rnnreg.data.sequences import some
from rnnreg.errors import UserError
from rnnreg.tasks import Forecast, LanguageModel, Task


def whole_train(task: Task, splits: Splits) -> int:
    """How much the training split has of what a part is counted in: symbols, rows or sequences.

    Of a series whose windows are named ("starts"): windows.
    """
    if "starts" in splits.train:
        return len(splits.train["starts"])
    key = {LanguageModel: "tokens", Forecast: "series"}.get(type(task), "length")
    return len(splits.train[key])


def part_of_train(task: Task, splits: Splits, amount: int) -> Splits:
    """Splits whose training split is a part: that many symbols, rows or sequences; 0: all.

    Of a text or a series the last ones, next to validation; of sequences, and of windows that are
    named, evenly spread ones.
    Vocabulary and scaling stay those of the whole training split, so that scores on validation and
    test mean what they do with the whole.
    """
    whole = whole_train(task, splits)
    if amount > whole:
        raise UserError(f"train: given {amount}, allowed are 0, for all, to {whole}.")
    if amount in (0, whole):
        return splits
    counts = {**splits.counts, "part of train": f"{amount} of {whole}"}
    chosen = spread(amount, whole)
    if "starts" in splits.train:
        train = {**splits.train, "starts": splits.train["starts"][chosen]}
        return replace(splits, train=train, counts=counts)
    if isinstance(task, Forecast | LanguageModel):
        train = {key: values[-amount:] for key, values in splits.train.items()}
        targets = dict(splits.targets)
        if "train" in targets and isinstance(task, Forecast):
            targets["train"] = list(targets["train"])[task.context - amount :]
        return replace(splits, train=train, targets=targets, counts=counts)
    return replace(splits, train=some(splits.train, chosen), counts=counts)


def spread(amount: int, whole: int) -> np.ndarray:
    """So many places of 0, ..., whole - 1, evenly spread."""
    return np.arange(amount) * whole // amount


def validated_on_rest(task: Task, splits: Splits, amount: int) -> Splits:
    """Splits with a part of the training split, and what it leaves joined to validation.

    Of sequences alone: the rest of a text or a series lies before what is trained on.
    """
    whole = whole_train(task, splits)
    why = ""
    if isinstance(task, Forecast | LanguageModel):
        why = f"its task is {type(task).__name__}, whose rest of the training split comes first"
    elif amount in (0, whole):
        why = f"its training split, of {whole} sequences, is in use whole"
    if why:
        raise UserError(
            f"validation: given 'rest', but {why}. Remedy: leave it out, or give sequences a part, "
            "`train: 1/2`."
        )
    part = part_of_train(task, splits, amount)
    left = np.setdiff1d(np.arange(whole), spread(amount, whole))
    rest = some(splits.train, left)
    joined = {k: np.concatenate([v, rest[k]]) for k, v in splits.validation.items()}
    counts = {**part.counts, "rest of train, in validation": len(left)}
    return replace(part, validation=joined, counts=counts)
