"""Folds of a training split, for cross-validation: one is left out of training and validated on.

    series       blocks of consecutive rows, evenly spread in time (blocked cross-validation:
                 Bergmeir and Benitez 2012, Information Sciences 191)
    texts        blocks of consecutive symbols
    sequences    every k-th; of a classification every k-th of each class

No row of a series that is left out is a target in training. It may be an input: as in validation,
the past is known.
"""

import numpy as np

from rnnreg.data import naive
from rnnreg.data.benchmark import Arrays, Splits
from rnnreg.data.sequences import some
from rnnreg.errors import UserError
from rnnreg.tasks import Forecast, LanguageModel, Task


def folded(
    task: Task, facts: dict, splits: dict[str, Arrays], left_out: int, folds: int
) -> tuple[dict, dict[str, Arrays]]:
    """Facts and splits of one fold: it is the validation split, and training lacks it.

    Naive scores are those of the fold; there is a test split, which no member of tuning sees.
    """
    train, validation = _cut(task, splits["train"], left_out, folds)
    if not (_size(train) and _size(validation)):
        raise UserError(
            f"{facts['name']}: search: folds: given {folds}, but of {_size(splits['train'])} rows "
            f"or sequences in training, fold {left_out + 1} has no target, or leaves none. Remedy: "
            "fewer folds."
        )
    own = Splits(train, validation, validation, facts["symbols"], facts["classes"])
    scores = naive.scores(task, own)
    best = min(scores, key=lambda name: scores[name]["validation"]["loss"])
    made = {**splits, "train": train, "validation": validation}
    return {**facts, "naive": scores, "naive_best": best}, made


def _size(arrays: Arrays) -> int:
    """Windows, symbols or sequences."""
    keys = ("starts", "tokens", "length", "series")
    return next(len(arrays[key]) for key in keys if key in arrays)


def _cut(task: Task, train: Arrays, left_out: int, folds: int) -> tuple[Arrays, Arrays]:
    """What training is without a fold, and the fold."""
    if isinstance(task, Forecast):
        blocks = in_blocks(task, train, folds)
        return outside(train, blocks, left_out), inside(train, blocks, left_out)
    if isinstance(task, LanguageModel):
        edges = np.linspace(0, len(train["tokens"]), folds + 1).round().astype(int)
        first, last = edges[left_out : left_out + 2]
        rest = np.concatenate([train["tokens"][:first], train["tokens"][last:]])
        return {"tokens": rest}, {"tokens": train["tokens"][first:last]}
    owner = _dealt(train, folds)
    return some(train, np.flatnonzero(owner != left_out)), some(
        train, np.flatnonzero(owner == left_out)
    )


def _dealt(train: Arrays, folds: int) -> np.ndarray:
    """The fold of each sequence: dealt out one by one, of a classification a class at a time."""
    count = len(train["length"])
    classes = train["y"] if "y_length" not in train and "y" in train else np.zeros(count, int)
    turn = np.empty(count, int)
    turn[np.argsort(classes, kind="stable")] = np.arange(count) % folds
    return turn


def in_blocks(task: Forecast, train: Arrays, folds: int, blocks: int = 1) -> np.ndarray:
    """The fold of each row that a window predicts, (windows, horizon), from its first row.

    The folds take turns in time, with so many blocks each.
    """
    rows = len(train["series"])
    edges = np.linspace(task.context, rows, folds * blocks + 1).round().astype(int)
    owner = np.repeat(np.arange(folds * blocks) % folds, np.diff(edges))  # of each target row
    first = np.arange(rows - task.rows + 1)
    return owner[first[:, None] + task.gap + np.arange(task.horizon)]


def inside(train: Arrays, ahead: np.ndarray, fold: int) -> Arrays:
    """The windows whose targets are all of a fold."""
    return _windows(train, ahead == fold)


def outside(train: Arrays, ahead: np.ndarray, fold: int) -> Arrays:
    """The windows that have no target in a fold."""
    return _windows(train, ahead != fold)


def _windows(train: Arrays, chosen: np.ndarray) -> Arrays:
    """Those windows, of the ones that training has."""
    first = np.flatnonzero(chosen.all(1))
    return {**train, "starts": np.intersect1d(first, train.get("starts", first))}
