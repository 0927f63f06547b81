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
    chosen = np.arange(amount) * whole // amount
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
