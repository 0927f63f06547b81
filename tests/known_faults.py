"""Faults that the tests of the analysis must notice; `python tests/mutants.py faults` tries them.

The first ten were once put into the analysis by hand, and the tests of that day let them pass. Each
is wrong in a way that a reader of the report could not see.
"""

from pathlib import Path
from typing import NamedTuple

ANALYSIS = Path("rnnreg/analysis")


class Fault(NamedTuple):
    """A text that occurs once in a file of the analysis, and what stands there when it is wrong."""

    name: str
    file: str
    old: str
    new: str

    @property
    def path(self) -> Path:
        return ANALYSIS / self.file

    def place(self, text: bytes) -> tuple[int, int]:
        """Where the old text begins and ends; ValueError where it does not occur once."""
        old = self.old.encode()
        if (times := text.count(old)) != 1:
            raise ValueError(f"{self.path}: {self.old!r} is there {times} times, not once")
        start = text.index(old)
        return start, start + len(old)


FAULTS = [
    Fault(
        "the advice is the worst that is better than none",
        "statistics/advice.py",
        '["effect"].to_numpy().argmax()',
        '["effect"].to_numpy().argmin()',
    ),
    Fault(
        "the advice is picked on the test split",
        "statistics/advice.py",
        'gains(results, "best", "log_validation")',
        'gains(results, "best", "log")',
    ),
    Fault(
        "the effect of a strength has the wrong sign",
        "statistics/tuning.py",
        "better = 100 * (1 - own.common / none.common[none.first.argmin()])",
        "better = 100 * (own.common / none.common[none.first.argmin()] - 1)",
    ),
    Fault(
        "nothing is ever called worse",
        "statistics/simultaneous.py",
        'return "worse"',
        'return "cannot tell"',
    ),
    Fault(
        "seeds are not paired across data sets",
        "statistics/across.py",
        "return log[[orders[0].index(REFERENCE)]] - log, orders[1]",
        "return log[[orders[0].index(REFERENCE)]][..., ::-1] - log, orders[1]",
    ),
    Fault(
        "the ends of an interval are swapped",
        "statistics/across.py",
        "ends = [found.effect, found.low, found.high,",
        "ends = [found.effect, found.high, found.low,",
    ),
    Fault(
        "the detectable effect is not corrected for its family",
        "statistics/comparisons.py",
        "st.smallest_detectable(gain[places], tests)",
        "st.smallest_detectable(gain[places])",
    ),
    Fault(
        "the band of a profile is one of 90%",
        "statistics/aggregate.py",
        "for q in ((1 - LEVEL) / 2, (1 + LEVEL) / 2)]",
        "for q in (1 - LEVEL, LEVEL)]",
    ),
    Fault(
        "over-fitting is counted where there is none",
        "report/sentences.py",
        "past = int((rise > 1).sum())",
        "past = int((rise <= 1).sum())",
    ),
    Fault(
        "speed is measured to the last loss of none, not to its best",
        "statistics/diagnostics.py",
        "_known(losses) <= _known(targets).min()",
        "_known(losses) <= _known(targets)[-1]",
    ),
    Fault(
        "Holm's correction is left out",
        "statistics/inference.py",
        "p[made][order] * times",
        "p[made][order]",
    ),
    Fault(
        "a member that diverged counts as the naive score, though others are worse",
        "results.py",
        "here.loc[index, column].clip(lower=beside[column].max())",
        "here.loc[index, column]",
    ),
    Fault(
        "both criteria have the records that the best check chose",
        "results.py",
        'column = f"place_{criterion}"',
        'column = "place_best"',
    ),
    Fault(
        "effects on validation are told as those on test",
        "results.py",
        'LOGS = {"log": "test", "log_validation": "validation",',
        'LOGS = {"log": "validation", "log_validation": "test",',
    ),
]
