"""Text into symbols: vocabularies, texts for language models, texts with labels."""

import csv
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np

from rnnreg.data.benchmark import Splits
from rnnreg.data.sequences import labelled, repeated
from rnnreg.data.tables import read_columns

UNKNOWN = "<unk>"
LINES = {"sep": "\t", "header": None, "quoting": csv.QUOTE_NONE, "keep_default_na": False}


def vocabulary(symbols: Iterable[Hashable], least: int = 1) -> dict[Hashable, int]:
    """Numbers for the symbols of train, in sorted order, and one for any other, the last.

    Symbols that are seen fewer than `least` times count as unknown. Where train itself has the
    word <unk>, that is the unknown symbol.

    >>> vocabulary("abracadabra", least=2)
    {'a': 0, 'b': 1, 'r': 2, '<unk>': 3}
    """
    count: dict[Hashable, int] = {}
    for symbol in symbols:
        count[symbol] = count.get(symbol, 0) + 1
    known = sorted(s for s, n in count.items() if n >= least and s != UNKNOWN)
    return {s: number for number, s in enumerate([*known, UNKNOWN])}


def encode(symbols: Iterable[Hashable], numbers: dict[Hashable, int]) -> np.ndarray:
    """The numbers of symbols, int32."""
    unknown = numbers[UNKNOWN]
    return np.array([numbers.get(s, unknown) for s in symbols], np.int32)


def language(train: Sequence, validation: Sequence, test: Sequence, **counts: object) -> Splits:
    """Splits of a language model: three texts, each a string or a list of words.

    >>> language("aab", "abc", "b").validation["tokens"]
    array([0, 1, 2], dtype=int32)
    """
    numbers = vocabulary(train)
    texts = {"train": train, "validation": validation, "test": test}
    counts["symbols"] = {split: len(text) for split, text in texts.items()}
    counts["vocabulary"] = len(numbers)
    unknown = {s: sum(w not in numbers for w in texts[s]) for s in ("validation", "test")}
    counts["symbols not in train"] = unknown
    arrays = {split: {"tokens": encode(text, numbers)} for split, text in texts.items()}
    return Splits(**arrays, symbols=len(numbers), counts=counts)


def words(file: Path, end: str = "<eos>") -> list[str]:
    """The words of a text that is tokenised already; a line, an empty one too, ends with `end`."""
    lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return [word for line in lines for word in [*line.split(), end]]


def read_labelled(
    file: Path, text: str | int, label: str | int, **options: object
) -> tuple[list[list[str]], list]:
    """Words and labels of a table: named columns of a CSV, JSON or Parquet file; or numbered ones
    of tab-separated lines without header, where quotes and "NA" are words.
    """
    if isinstance(text, int):
        options = {"kind": "csv", **LINES, **options}
    texts, labels = read_columns(file, str(text), str(label), **options)
    return [line.split() for line in texts], labels


def contiguous(text: Sequence, train: float = 0.8, validation: float = 0.1) -> list[Sequence]:
    """Cut one text by position: the first part trains, the next validates, the rest tests.

    >>> contiguous("abcdefghij")
    ['abcdefgh', 'i', 'j']
    """
    first, second = round(len(text) * train), round(len(text) * (train + validation))
    return [text[:first], text[first:second], text[second:]]


def texts(
    train: tuple[list[list[str]], Sequence],
    validation: tuple[list[list[str]], Sequence],
    test: tuple[list[list[str]], Sequence],
    least: int = 1,
    longest: int | None = None,
) -> Splits:
    """Splits of a classification of texts: (lists of words, labels); cut at `longest` words."""
    numbers = vocabulary((w for words in train[0] for w in words), least)

    def arrays(split: tuple[list[list[str]], Sequence]) -> tuple[list[np.ndarray], Sequence]:
        return [encode(words[:longest], numbers) for words in split[0]], split[1]

    whole = {"train": train, "validation": validation, "test": test}
    contents = {split: map(tuple, cases[0]) for split, cases in whole.items()}
    counts = {"vocabulary": len(numbers), **repeated("texts", contents)}
    if longest:
        counts[f"texts cut at {longest} words"] = {
            split: sum(len(words) > longest for words in cases[0]) for split, cases in whole.items()
        }
    found = labelled(arrays(train), arrays(validation), arrays(test), **counts)
    return Splits(**{**vars(found), "symbols": len(numbers)})
