"""Text into symbols: vocabularies, texts for language models, texts with labels."""

import csv
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnreg.data.benchmark import Splits
from rnnreg.data.sequences import labelled, repeated
from rnnreg.data.tables import read_columns, read_text
from rnnreg.errors import UserError

UNKNOWN = "<unk>"
NOT_TEXT = " Remedy: name the column of the texts; in a CSV, dtype=str makes text of numbers."
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
    return Splits(**arrays, symbols=len(numbers), counts=counts, decoding={"symbols": [*numbers]})


def words(file: Path, end: str = "<eos>") -> list[str]:
    """The words of a text that is tokenised already; a line, an empty one too, ends with `end`."""
    lines = read_text(file).removesuffix("\n").split("\n")
    return [word for line in lines for word in [*line.split(), end]]


def read_labelled(
    file: Path, text: str | int | None = None, label: str | int | None = None, **options: object
) -> tuple[list[list[str]], list]:
    """Words and labels of a file: named columns of a CSV, JSON or Parquet file; or numbered ones
    of tab-separated lines without header, where quotes and "NA" are words; or, without columns,
    lines that begin with their label: `spam You have won`. `options` are the reader's.

    UserError names the row, or line, that has no words or no label.
    """
    if text is None:
        return _lines(file, **options)
    if isinstance(text, int):
        options = {"kind": "csv", **LINES, **options}
    texts, labels = read_columns(file, str(text), str(label), **options)
    for row, (words, name) in enumerate(zip(texts, labels, strict=True)):
        where = f"{file}: row {row} (of 0 to {len(texts) - 1})"
        if not isinstance(words, str):
            raise UserError(f"{where}: column '{text}': given {words!r}, expected text.{NOT_TEXT}")
        if not words.strip():
            raise UserError(f"{where}: column '{text}': no words. Remedy: leave the row out.")
        if not isinstance(name, str | int | float) or not str(name).strip():
            raise UserError(
                f"{where}: column '{label}': given {name!r}, expected a label: text or a number. "
                "Remedy: leave the row out, or name the column of the labels."
            )
    return [line.split() for line in texts], labels


def _lines(file: Path, encoding: str = "utf-8") -> tuple[list[list[str]], list]:
    """Words and labels of lines that begin with their label; empty lines are passed over."""
    cases = [line.split() for line in read_text(file, encoding).split("\n")]
    for number, case in enumerate(cases, 1):
        if len(case) == 1:
            raise UserError(
                f"{file}: line {number}: given '{case[0]}' alone, expected a label and the words "
                "of a text after it. Remedy: leave the line out."
            )
    return [case[1:] for case in cases if case], [case[0] for case in cases if case]


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
    cut: str = "spaces",
) -> Splits:
    """Splits of a classification of texts: (lists of words, labels); no more than `longest` words.

    `cut` says how a text became words: see `rnnreg.data.decoding`.
    """
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
    decoding = {**found.decoding, "symbols": [*numbers], "cut": cut, "longest": longest}
    return replace(found, symbols=len(numbers), decoding=decoding)


def as_language(splits: Splits) -> Splits:
    """The labelled texts of each split, one after another without their labels.

    UserError where there are none.
    """
    if not (splits.symbols and splits.classes):
        raise UserError(
            "language: its inputs are no texts with labels, which alone can be read as a language "
            "model's text. Remedy: leave it out."
        )
    parts = {split: {"tokens": arrays["x"]} for split, arrays in splits.items()}
    counts = {
        "vocabulary": splits.symbols,
        "words": {s: len(p["tokens"]) for s, p in parts.items()},
    }
    decoding = {k: v for k, v in splits.decoding.items() if k in ("symbols", "cut")}
    return replace(splits, **parts, classes=0, counts=counts, decoding=decoding)
