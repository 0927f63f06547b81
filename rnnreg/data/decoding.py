"""What turns a benchmark's arrays back into what they were made from.

    symbols          the vocabulary, in the order of its numbers; the last is any other symbol
    cut, longest     how a text becomes words, and how many of them are read
    classes          the labels, in the order of their numbers
    mean, deviation  what was subtracted from each column of numbers, and what it was divided by

It lies beside the prepared data, in data/prepared/<benchmark>.decoding.json: only a model that is
kept for use needs it.
"""

import json
import re
from pathlib import Path

import numpy as np

from rnnreg.errors import UserError
from rnnreg.study import facts, records

CUTS = {
    "spaces": str.split,
    "words": lambda text: re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text.lower()),
}


def words(text: str, cut: str = "words") -> list[str]:
    """The words of a text: lower case, punctuation apart; or, cut at "spaces", as they stand.

    >>> words("Don't wait: it's 5 o'clock!")
    ["don't", 'wait', ':', "it's", '5', "o'clock", '!']
    """
    return CUTS[cut](text)


def _file(name: str, folder: Path) -> Path:
    return folder / f"{name}.decoding.json"


def write(name: str, folder: Path, data_hash: str, decoding: dict) -> None:
    """Write it beside the arrays that have this hash."""
    found = {"data_hash": data_hash, **decoding}
    records.write_text(_file(name, folder), json.dumps(found, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    """A label that is a number of numpy."""
    return value.item() if isinstance(value, np.generic) else str(value)


def columns(name: str, folder: Path, data_hash: str) -> dict[str, list[float]]:
    """The mean and the deviation of each column of numbers; {} where they are not known."""
    try:
        found = read(name, folder, data_hash)
    except UserError:  # of what a model that is kept cannot do without, and others can
        return {}
    return {k: found[k] for k in ("mean", "deviation")} if "mean" in found else {}


def read(name: str, folder: Path, data_hash: str) -> dict:
    """What `write` wrote; UserError where there is none, or that of other data."""
    file = _file(name, folder)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found.pop("data_hash") == data_hash:
            return found
        told = "of other data than the prepared arrays"
    except FileNotFoundError:
        told = "not there, for the data was prepared by an earlier rnnreg"
    except (OSError, ValueError, KeyError, AttributeError) as error:
        told = f"damaged ({error})"
    raise UserError(f"{file}: {told}; a model cannot be kept without it. {facts.remedy(name)}")
