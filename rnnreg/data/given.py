"""From one file of one's own to splits, in one call each: a table of numbers, texts, a text."""

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnreg.data import timed
from rnnreg.data.benchmark import Splits
from rnnreg.data.decoding import words
from rnnreg.data.numbers import numbers
from rnnreg.data.sequences import hold_out, pick
from rnnreg.data.series import forecast
from rnnreg.data.tables import read_frame, read_text
from rnnreg.data.text import contiguous, language, texts
from rnnreg.errors import UserError, unknown
from rnnreg.tasks import Forecast

HELD = 0.2, 0.125  # of all texts test, of the rest validate: 70, 10 and 20 per cent
PIECE = 100  # characters of a paragraph that nobody writes twice by chance


def read_series(
    file: Path,
    task: Forecast,
    columns: Sequence[str],
    time: str = "",
    every: str = "",
    dayfirst: bool = False,
    **options: object,
) -> Splits:
    """Columns of a table, cut by time as `forecast` does it.

    Rows are sorted by the column `time`, if there is one, and missing ones put in where they are
    `every` so far apart ("h", "D", "M": see `timed.spacing`). A gap takes the value before it, and
    is marked: no loss and no score counts it. `options` are the reader's, as of `read_frame`.
    """
    read = {"columns": list(columns), "time": time, "every": every, "dayfirst": dayfirst}
    values, _ = rows(file, **read, options=options)
    observed = ~np.isnan(values)
    found = forecast(filled(values), task, observed=None if observed.all() else observed)
    decoding = {**found.decoding, "read": {**read, "options": options}}
    return replace(found, decoding=decoding)


def rows(file: Path, columns: Sequence[str], time: str, every: str, dayfirst: bool, options: dict):
    """Values (rows, D) with NaN for gaps, in the order of time, and their times (None: none)."""
    frame = read_frame(file, **options)
    known = {str(name): frame[name] for name in frame}
    for name in (*columns, *([time] if time else [])):
        if name not in known:
            raise unknown(f"{file}: column", name, known)
    marks = {k: options[k] for k in ("decimal", "thousands") if k in options}
    values = np.stack([numbers(file, known[c], True, **marks) for c in columns], axis=1)
    if not time:
        return values, None
    return timed.regular(file, values, timed.times(file, known[time], dayfirst), every)


def filled(values: np.ndarray) -> np.ndarray:
    """Each gap with the value before it; those at the start, where there is none, with the next."""
    import pandas as pd

    return pd.DataFrame(values).ffill().bfill().to_numpy()


def read_texts(
    file: Path, text: str, label: str, longest: int | None = None, least: int = 1, **options: object
) -> Splits:
    """Labelled texts of a table, a part of each class held out: 70% train, 10% validate, 20% test.

    Rows without a text or a label are left out; so is a text that was there before, whatever its
    label, so that none is in two splits; so are classes of fewer than `least` texts.
    """
    cases, left_out = labelled_texts(file, text, label, least, options)
    rest, test = (pick(cases, part) for part in hold_out(cases[1], HELD[0]))
    train, validation = (pick(rest, part) for part in hold_out(rest[1], HELD[1]))
    found = texts(train, validation, test, least=2, longest=longest, cut="words")
    read = {"text": text, "label": label, "options": options}
    return replace(
        found, counts={**found.counts, **left_out}, decoding={**found.decoding, "read": read}
    )


def labelled_texts(
    file: Path, text: str, label: str, least: int, options: dict
) -> tuple[tuple[list[list[str]], list[str]], dict[str, int]]:
    """(Words, labels), and how many texts are left out, by reason. Labels are text."""
    frame = read_frame(file, **options)
    known = {str(name): frame[name] for name in frame}
    for name in (text, label):
        if name not in known:
            raise unknown(f"{file}: column", name, known)
    cases, seen, missing = [], set(), 0
    for given, name in zip(known[text], known[label], strict=True):
        cut = words(given) if isinstance(given, str) else []
        if not cut or name is None or name != name or not str(name).strip():  # NaN
            missing += 1
            continue
        if (key := tuple(cut)) not in seen:
            seen.add(key)
            cases.append((cut, _label(name)))
    count: dict[str, int] = {}
    for _, name in cases:
        count[name] = count.get(name, 0) + 1
    kept = [case for case in cases if count[case[1]] >= least]
    left_out = {
        "texts or labels missing, left out": missing,
        "repeated texts, left out": len(frame) - missing - len(cases),
        "texts of rare classes, left out": len(cases) - len(kept),
    }
    return ([c for c, _ in kept], [n for _, n in kept]), left_out


def _label(name: Hashable) -> str:
    """A label as text; 4.0 is 4, which a gap elsewhere in its column has made of it."""
    return str(int(name)) if isinstance(name, float) and name.is_integer() else str(name).strip()


def read_language(file: Path, level: str = "character", encoding: str = "utf-8") -> Splits:
    """One text, cut by position: 80% train, 10% validate, 10% test; words or characters.

    A paragraph of 100 characters or more that was there before is left out, so that none is in two
    splits. In a text without empty lines a line is a paragraph.
    """
    whole = read_text(file, encoding)
    blocks, between = paragraphs(whole), "\n\n"
    if len(blocks) == 1:
        blocks, between = [line for line in whole.splitlines() if line.strip()], "\n"
    once, repeated = unrepeated(blocks)
    text = between.join(once)
    symbols = text if level == "character" else _words(text)
    left_out = {"repeated paragraphs, left out": repeated}
    found = language(*contiguous(symbols), paragraphs=len(once), **left_out)
    return replace(found, decoding={**found.decoding, "cut": "words", "encoding": encoding})


def _words(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in [*words(line), "<eos>"]]


def paragraphs(text: str) -> list[str]:
    """What stands between empty lines."""
    return [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]


def unrepeated(blocks: Iterable[str]) -> tuple[list[str], int]:
    """Paragraphs without those that were there before, and how many these are.

    Short ones may be: a heading, a refrain.
    """
    once, seen, repeated = [], set(), 0
    for block in blocks:
        key = " ".join(block.split())
        if len(key) >= PIECE and key in seen:
            repeated += 1
            continue
        seen.add(key)
        once.append(block)
    return once, repeated


def check_all_there(file: Path, share: float, what: str) -> None:
    """UserError where more than half of something is missing."""
    if share > 0.5:
        raise UserError(
            f"{file}: {what}: {share:.0%} of the rows have none. Remedy: name another column, or "
            "leave those rows out."
        )
