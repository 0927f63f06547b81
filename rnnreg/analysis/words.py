"""Numbers and rows as the words of a sentence."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import fixed


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> count(1, "family"), count(3, "family", "families")
    ('1 family', '3 families')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """A time in hours, or, below two of them, in minutes.

    >>> duration(40), duration(400), duration(9000)
    ('1 minute', '7 minutes', '2.5 hours')
    """
    minutes = max(1, round(seconds / 60))
    return count(minutes, "minute") if minutes < 120 else f"{fixed(seconds / 3600, 1)} hours"


def listed(words: list[str]) -> str:
    """Words joined by commas and a last `and`.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def short(title: str) -> str:
    """A title without what follows its first comma, so that a list of titles can be read.

    >>> short("TREC, kinds of questions"), short("TREC, kinds of questions (quarter)")
    ('TREC', 'TREC (quarter)')
    """
    return re.sub(r",[^()]*(?= \()|,[^()]*$", "", title)


def capital(text: str) -> str:
    """The text with a capital first letter, the others as they are."""
    return text[:1].upper() + text[1:]


def percent(value: float) -> str:
    """A signed effect.

    >>> percent(-1.26)
    '−1.3%'
    """
    return f"{fixed(value, 1, True)}%"


def effect(row: pd.Series, over: str = "seeds") -> str:
    """An effect with its interval, where it has one."""
    text = percent(row["effect"])
    low, high = row[f"{over}_low"], row[f"{over}_high"]
    if np.isfinite(low):
        text += f" (95% interval {fixed(low, 1, True)} to {fixed(high, 1, True)})"
    return text


def judged(row: pd.Series, over: str = "seeds") -> str:
    """An effect with its interval and its verdict."""
    text = effect(row, over)
    if not text.endswith(")"):
        return text
    return f"{text[:-1]}: {row['verdict']})"


def verdicts(frame: pd.DataFrame) -> str:
    """How many lines have each verdict.

    >>> verdicts(pd.DataFrame({"verdict": ["nil", "better", "nil"]}))
    '1 is better, 0 are worse, 2 are nil and 0 cannot be told'
    """
    n = frame["verdict"].value_counts()
    better, worse, nil, open_ = (
        int(n.get(k, 0)) for k in ("better", "worse", "nil", "cannot tell")
    )
    parts = [
        f"{k} {'is' if k == 1 else 'are'} {word}"
        for k, word in ((better, "better"), (worse, "worse"), (nil, "nil"))
    ]
    return listed([*parts, f"{open_} cannot be told"])


def p(value: float) -> str:
    """A p-value after its letter."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def data_sets(results: Results, names: list[str]) -> str:
    """Data sets by their short titles, listed."""
    return listed([short(results.title("benchmarks", name)) for name in names])


def name(results: Results, row: pd.Series) -> str:
    """What the regularizer of a row is called."""
    return results.title("regularizers", row["regularizer"])


def titles(
    results: Results, keys: tuple[str, ...] = ("benchmark", "cell", "regularizer")
) -> dict[str, Callable[[dict], str]]:
    """First columns of a table: what the data set, cell and regularizer of a line are called."""
    heads = {"benchmark": "Data set"}
    return {
        heads.get(key, key.capitalize()): lambda line, key=key: results.title(f"{key}s", line[key])
        for key in keys
    }


def devices(results: Results) -> str:
    """What the members were trained on."""
    found = results.members["device"].replace("cpu", "CPU")
    return listed(sorted(found.unique()))


def scope(results: Results, criterion: str, of: str = "all") -> pd.DataFrame:
    """The rows of `across` in one scope, without `none`."""
    frame = results.read("across")
    frame = frame[(frame["criterion"] == criterion) & (frame["scope"] == of)]
    return frame[frame["regularizer"] != REFERENCE]


def rows(results: Results, criterion: str, benchmark: str = "") -> pd.DataFrame:
    """The rows of `comparisons`, without `none`."""
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == criterion) & (frame["regularizer"] != REFERENCE)]
    frame = frame[frame["verdict"] != "saving"]
    return frame[frame["benchmark"] == benchmark] if benchmark else frame


def comparable(results: Results) -> bool:
    """Whether the study has `none`, and something that can improve on it."""
    return results.has_reference and len(results.compared("best")) > 1
