"""Conclusions of papers in words, that a regularizer does not improve on none, held against ours.

The gain is the score of none minus that with the regularizer, seed by seed: above zero is better.
Its mean has an interval (Student 1908), and those of all lines of a conclusion hold at once
(Bonferroni). A line says

    gain             where the interval lies above the margin that was stated before
    below the margin where it lies below it
    cannot be told   otherwise; and where seeds are missing, one diverged, or data differ

and ours, of the regularizers that are named, contradict the conclusion where a line says gain,
agree where all lines lie below the margin, and cannot tell otherwise.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnreg.analysis.families import REFERENCE
from rnnreg.analysis.report import shelf
from rnnreg.analysis.statistics.inference import LEVEL, estimate
from rnnreg.study import study
from rnnreg.study.published import Conclusion
from rnnreg.study.records import Record
from rnnreg.study.study import Row

GAIN, BELOW, OPEN = "gain", "below the margin", "cannot be told"
AGREE, CONTRADICT, UNTOLD = "agree", "contradict it", "cannot tell"  # ours


@dataclass(frozen=True)
class Line:
    """A regularizer beside none on a data set; NaN where there are no pairs of seeds."""

    row: Row
    claimed: bool
    score: float
    none: float
    gain: float
    low: float
    high: float
    hours: float
    word: str
    faults: tuple[str, ...] = ()


def lines(conclusion: Conclusion, root: Path) -> list[Line]:
    """One for each regularizer and data set of the study but none."""
    asked = study.read(conclusion.study)
    tried = [row for row in asked.rows if row.regularizer != REFERENCE]
    level = 1 - (1 - LEVEL) / len(tried)
    known = {row.name: (row, *shelf.current(root, asked, row)) for row in asked.rows}
    found = []
    for row in tried:
        pair = [known[f"{row.benchmark}/{row.cell}/{REFERENCE}"], known[row.name]]
        word = shelf.STALE if any(stale for *_, stale in pair) else shelf.NOT_RUN
        found.append(_line(conclusion, [(r, own) for r, own, _ in pair], level, word))
    return found


def _line(
    conclusion: Conclusion, pair: list[tuple[Row, list[Record]]], level: float, without: str
) -> Line:
    """`without` is said where the two rows share no seed."""
    row, own = pair[1]
    claimed = row.regularizer in conclusion.no_gain
    hours = sum(r.seconds for r in own) / 3600
    members = [shelf.evaluated(found, conclusion.at) for _, found in pair]
    if not {m.seed for m in members[0]} & {m.seed for m in members[1]}:
        return Line(row, claimed, *[math.nan] * 5, hours, without)
    scores = [shelf.scores(each, conclusion.at, conclusion.metric) for each in members]
    shared = sorted(scores[0].keys() & scores[1].keys())
    none, regularized = np.array([[each[seed] for seed in shared] for each in scores])
    found = estimate((none - regularized)[None])
    gain, half = float(found.mean), float(found.half(level))
    versions = len({r.data_hash for _, known in pair for r in known})
    faults = shelf.faults(members[0], pair[0][0], 1) + shelf.faults(members[1], row, versions)
    ends = gain - half, gain + half
    word = OPEN if faults else said(*ends, conclusion.margin)
    means = float(regularized.mean()), float(none.mean())
    return Line(row, claimed, *means, gain, *ends, hours, word, tuple(faults))


def said(low: float, high: float, margin: float) -> str:
    """What one interval of a gain says.

    >>> said(-0.2, 0.04, 0.05), said(0.06, 0.1, 0.05), said(0.01, 0.06, 0.05)
    ('below the margin', 'gain', 'cannot be told')
    """
    return BELOW if high < margin else GAIN if low > margin else OPEN


def verdict(words: list[str]) -> str:
    """Of ours on a conclusion, from the lines of the regularizers that it names.

    >>> verdict(["below the margin"] * 2), verdict(["below the margin", "gain"])
    ('agree', 'contradict it')
    >>> verdict(["below the margin", "cannot be told"])
    'cannot tell'
    """
    for word in (shelf.NOT_RUN, shelf.STALE):
        if word in words:
            return word
    if GAIN in words:
        return CONTRADICT
    return AGREE if all(word == BELOW for word in words) else UNTOLD


def section(conclusion: Conclusion, root: Path) -> list[str]:
    """The part of the page: the conclusion, its verdict, and a table."""
    found = lines(conclusion, root)
    names = " and ".join(conclusion.no_gain)
    told = verdict([line.word for line in found if line.claimed])
    return [
        f"## {conclusion.title}",
        "",
        f"The paper concludes that {conclusion.says} ({conclusion.read}). Ours, of {names}: "
        f"**{told}**. Differs: {conclusion.differs}.",
        "",
        f"The gain is the {conclusion.metric} of none minus that with the regularizer, on test at "
        f"the {conclusion.at} check, over shared seeds; above zero is better. The intervals hold "
        f"for all lines at once. The margin is {conclusion.margin:g}: {conclusion.why}. Ours "
        "contradict the conclusion where an interval of what it names lies above the margin, and "
        f"agree where all lie below. `rnnreg train --study {conclusion.study} --missing` trains "
        "the rows.",
        "",
        f"| Data set | Regularizer | {conclusion.metric} of none | {conclusion.metric} "
        "| Gain (95% interval) | Hours | Says |",
        "| :--- | :--- | ---: | ---: | ---: | ---: | :--- |",
        *map(_cells, found),
        "",
    ]


def _cells(line: Line) -> str:
    numbers = "– | – | – | –"
    if not math.isnan(line.gain):
        numbers = (
            f"{line.none:.4g} | {line.score:.4g} | {line.gain:+.3f} "
            f"[{line.low:+.3f}, {line.high:+.3f}] | {line.hours:.2f}"
        )
    why = f" ({', '.join(line.faults)})" if line.faults else ""
    return f"| {line.row.benchmark} | {line.row.regularizer} | {numbers} | {line.word}{why} |"
