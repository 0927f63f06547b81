"""Does validation predict test? Effects on both splits, correlated over regularizers and cells."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from rnnreg.analysis.results import REFERENCE, Results

FEWEST = 6  # pairs of regularizer and cell that a correlation is told from
RELIABLE = 0.2  # a correction by less than this would say more about the noise
COLUMNS = ["benchmark", "pairs", "seeds", "observed", "reliability_validation",
           "reliability_test", "corrected"]  # fmt: skip


def prediction(results: Results) -> pd.DataFrame:
    """One line a benchmark, at the best validation check.

    pairs            of regularizer and cell whose effects are correlated, each the mean log ratio
                     to `none` at the same seed
    observed         Spearman's rank correlation of validation and test effects over all seeds;
                     the two share models, so chance moves them together
    reliability_*    that of effects from one half of the seeds and from the other, the mean over
                     all halvings; it knows of seeds alone, not of another split
    corrected        that of validation effects from one half and test effects from the other, over
                     the root of the product of the two reliabilities (Spearman 1904); above 1 by
                     chance alone; empty where a reliability is below RELIABLE
    """
    scores = results.scores[results.scores["criterion"] == "best"]
    names = [name for name in results.compared("best") if name != REFERENCE]
    if not results.has_reference or not names:
        return pd.DataFrame(columns=COLUMNS)
    lines = []
    for benchmark, own in scores.groupby("benchmark", sort=False):
        both = [_effects(own, column, names) for column in ("log_validation", "log")]
        lines.append({"benchmark": benchmark, **_line(*both)})
    return pd.DataFrame(lines, columns=COLUMNS)


def _effects(scores: pd.DataFrame, column: str, names: list[str]) -> np.ndarray:
    """Log ratios to `none`, (pairs of regularizer and cell, seeds); positive is better."""
    wide = scores.set_index(["regularizer", "cell", "seed"])[column].unstack("seed")
    none = wide.loc[REFERENCE]
    there = [name for name in names if name in wide.index]  # a row may make no sense
    return np.concatenate([(none - wide.loc[name]).dropna().to_numpy() for name in there])


def _line(validation: np.ndarray, test: np.ndarray) -> dict:
    pairs, seeds = validation.shape
    found = dict.fromkeys(COLUMNS[3:], np.nan)
    if pairs < FEWEST or seeds < 2:
        return {"pairs": pairs, "seeds": seeds, **found}
    found["observed"] = correlation(validation.mean(1), test.mean(1))
    own = halved(validation, validation), halved(test, test)
    found["reliability_validation"], found["reliability_test"] = own
    if min(own) >= RELIABLE:
        crossed = (halved(validation, test) + halved(test, validation)) / 2
        found["corrected"] = crossed / np.sqrt(own[0] * own[1])
    return {"pairs": pairs, "seeds": seeds, **found}


def halved(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of means over half of the columns of one and over the others of the other.

    Of (pairs, columns) each, seeds or folds; the mean over all halvings.

    >>> same = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    >>> round(halved(same, same), 2), round(halved(same, -same), 2)
    (1.0, -1.0)
    """
    every = range(one.shape[1])
    halvings = [(list(a), [c for c in every if c not in a])
                for a in combinations(every, len(every) // 2)]  # fmt: skip
    found = [correlation(one[:, a].mean(1), other[:, b].mean(1)) for a, b in halvings]
    return float(np.mean(found))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation; 0 where one side is constant.

    >>> round(correlation(np.array([1, 2, 3, 4]), np.array([1, 3, 2, 4])), 2)
    0.8
    """
    ranks = np.stack([rankdata(one), rankdata(other)])
    if not ranks.std(1).all():
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])
