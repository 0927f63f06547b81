"""Sequences of unequal length, laid end to end, with or without labels; a part held out."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnreg.data.benchmark import Arrays, Splits
from rnnreg.errors import UserError

REPEATED = "that are in train too"
Labelled = tuple[Sequence[np.ndarray], Sequence]  # sequences (T,) or (T, D), and their labels


def end_to_end(sequences: Sequence[np.ndarray]) -> Arrays:
    """{"x": all steps, "length": (N,)}."""
    length = np.array([len(s) for s in sequences], np.int32)
    return {"x": np.concatenate(sequences), "length": length}


def some(arrays: Arrays, chosen: Sequence[int]) -> Arrays:
    """Some of the sequences that are laid end to end, with their labels or targets.

    >>> arrays = {"x": np.array([5, 6, 7]), "length": np.array([1, 2]), "y": np.array([0, 1])}
    >>> {key: values.tolist() for key, values in some(arrays, [1]).items()}
    {'x': [6, 7], 'length': [2], 'y': [1]}
    """
    picked = {"x": _steps(arrays["x"], arrays["length"], chosen)}
    picked["length"] = arrays["length"][chosen]
    if "y_length" in arrays:
        picked["y"] = _steps(arrays["y"], arrays["y_length"], chosen)
        picked["y_length"] = arrays["y_length"][chosen]
    elif "y" in arrays:
        picked["y"] = arrays["y"][chosen]
    return picked


def _steps(values: np.ndarray, length: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    ends = np.cumsum(length)
    return values[np.concatenate([np.arange(ends[i] - length[i], ends[i]) for i in chosen])]


def labelled(train: Labelled, validation: Labelled, test: Labelled, **counts: object) -> Splits:
    """Splits of a classification; classes are numbered in sorted order."""
    parts = {"train": train, "validation": validation, "test": test}
    known = {label for label in train[1] if isinstance(label, Hashable)}
    for split, (x, y) in parts.items():
        _check_labels(split, x, y, known)
    names = sorted(set(train[1]))
    number = {name: n for n, name in enumerate(names)}
    arrays = {
        split: {**end_to_end(x), "y": np.array([number[label] for label in y], np.int32)}
        for split, (x, y) in parts.items()
    }
    counts = {
        "sequences": {split: len(y) for split, (_, y) in parts.items()},
        "sequences a class": {
            split: dict(
                zip(
                    map(str, names), np.bincount(a["y"], minlength=len(names)).tolist(), strict=True
                )
            )
            for split, a in arrays.items()
        },
        **counts,
    }
    return Splits(**arrays, classes=len(names), counts=counts, decoding={"classes": names})


def _check_labels(split: str, x: Sequence, y: Sequence, known: set) -> None:
    """UserError where a split has no sequences, or labels that are not those of train."""
    if len(x) != len(y) or not len(x):
        raise UserError(
            f"{split}: given {len(x)} sequences and {len(y)} labels, expected as many of both, and "
            "one at least."
        )
    kinds = {str if isinstance(name, str) else float for name in known}
    if len(kinds) > 1:
        raise UserError(
            "train: some labels are text and some are numbers. Remedy: [str(y) for y in labels]"
        )
    for case, (steps, label) in enumerate(zip(x, y, strict=True)):
        if not len(steps):
            raise UserError(f"{split}: sequence {case} is empty. Remedy: leave it out.")
        if not isinstance(label, Hashable):
            raise UserError(
                f"{split}: sequence {case} has the label {label!r}, expected text or a number."
            )
        if label not in known:
            raise UserError(
                f"{split}: sequence {case} has the label {label!r}, which train lacks; it has "
                f"{', '.join(map(repr, sorted(known)[:10]))}. Remedy: hold_out takes a part of "
                "each class; or leave such sequences out."
            )


def repeated(what: str, contents: Mapping[str, Iterable[Hashable]]) -> dict[str, dict[str, int]]:
    """How many pieces of validation and test are in train too. They are counted, not removed.

    >>> repeated("words", {"train": "ab", "validation": "bc", "test": "aab"})
    {'words that are in train too': {'validation': 1, 'test': 3}}
    """
    train = set(contents["train"])
    found = {s: sum(c in train for c in contents[s]) for s in ("validation", "test")}
    return {f"{what} {REPEATED}": found}


def piano_rolls(file: Path, longest: int | None = None) -> Splits:
    """Splits of polyphonic music from a MATLAB file of cells, each (frames, 88) of 0 and 1.

    Training pieces longer than `longest` are cut; a cut shares one frame with the one before, so
    that the same frames are predicted.
    """
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    names = {"train": "traindata", "validation": "validdata", "test": "testdata"}
    try:
        cells = loadmat(file, variable_names=names.values())
        rolls = {s: [x.astype(np.uint8) for x in cells[name][0]] for s, name in names.items()}
    except (MatReadError, ValueError, TypeError, LookupError, AttributeError, OSError) as error:
        raise UserError(
            f"{file}: cannot be read as MATLAB's cells {', '.join(names.values())}, one piece of "
            f"(frames, 88) each ({error})."
        ) from error
    counts = {
        "sequences": {split: len(x) for split, x in rolls.items()},
        "frames": {split: sum(map(len, x)) for split, x in rolls.items()},
        **repeated("pieces", {split: [r.tobytes() for r in x] for split, x in rolls.items()}),
    }
    if longest:
        starts = [(x, s) for x in rolls["train"] for s in range(0, len(x) - 1, longest - 1)]
        rolls["train"] = [x[start : start + longest] for x, start in starts]
        counts[f"pieces of train, cut at {longest} frames"] = len(rolls["train"])
    return Splits(**{split: end_to_end(x) for split, x in rolls.items()}, counts=counts)


def standardised(splits: Splits) -> Splits:
    """Each column of x with mean 0 and variance 1 over all steps of train."""
    mean, deviation = splits.train["x"].mean(0), splits.train["x"].std(0)

    def scaled(arrays: Arrays) -> Arrays:
        return {**arrays, "x": ((arrays["x"] - mean) / deviation).astype(np.float32)}

    parts = {split: scaled(arrays) for split, arrays in splits.items()}
    scale = {"mean": mean.tolist(), "deviation": deviation.tolist()}
    return replace(splits, **parts, decoding={**splits.decoding, **scale})


def with_noise_columns(splits: Splits, count: int) -> Splits:
    """Labelled sequences of numbers with columns more, of normal noise: the last ones.

    UserError where inputs are no such sequences.
    """
    if not splits.classes or splits.train["x"].ndim != 2:
        raise UserError(
            "noise_columns: its inputs are no sequences of numbers with labels, to which alone "
            "columns are added. Remedy: leave it out."
        )
    rng = np.random.RandomState(0)  # as in `hold_out`

    def wider(arrays: Arrays) -> Arrays:
        noise = rng.normal(size=(len(arrays["x"]), count))
        return {**arrays, "x": np.concatenate([arrays["x"], noise], 1).astype(np.float32)}

    parts = {split: wider(arrays) for split, arrays in splits.items()}
    decoding = dict(splits.decoding)
    for key, value in {"mean": 0.0, "deviation": 1.0}.items():
        if key in decoding:
            decoding[key] = [*decoding[key], *[value] * count]
    return replace(splits, **parts, decoding=decoding)


def hold_out(labels: Sequence, share: float) -> tuple[list[int], list[int]]:
    """Numbers of the cases to keep and to hold out: `share` of each class, the same for everyone.

    >>> hold_out(["a"] * 4 + ["b"] * 8, 0.25)
    ([0, 1, 3, 5, 7, 8, 9, 10, 11], [2, 4, 6])
    """
    rng = np.random.RandomState(0)  # its stream is frozen for good, that of default_rng is not
    labels = np.asarray(labels)
    held = []
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        held += rng.permutation(of_class)[: max(1, round(share * len(of_class)))].tolist()
    return sorted(set(range(len(labels))) - set(held)), sorted(held)


def pick(cases: Labelled, chosen: Sequence[int]) -> Labelled:
    """Some of the labelled sequences."""
    return [cases[0][i] for i in chosen], [cases[1][i] for i in chosen]
