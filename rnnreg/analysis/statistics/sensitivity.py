"""Do the effects over all data sets stand if they are measured in another way?"""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics.across import gains, shown
from rnnreg.analysis.statistics.aggregate import interquartile_mean
from rnnreg.analysis.statistics.simultaneous import percent

COLUMNS = ["check", "regularizer", "effect", "seeds_low", "seeds_high", "verdict"]


def sensitivity(results: Results) -> pd.DataFrame:
    """One line a check and regularizer, at the best check, over all data sets.

    as reported         the line of `across`
    diverged as naive   a member that diverged counts at the naive score, also where some that did
                        not diverge are worse
    scaled              test loss (or error rate) scaled so that the naive score is 0 and the best
                        mean of the data set's rows is 1; the effect is a difference, in hundredths.
                        Data sets on which no row beats the naive score are left out
    interquartile mean  over runs (see `aggregate.interquartile_mean`); it has no interval
    without NAME        all data sets but this one, where there are two at least
    """
    if not results.has_reference or len(results.everywhere("best")) < 2:
        return pd.DataFrame(columns=COLUMNS)
    names = results.everywhere("best")
    gain, sets = gains(results, "best")
    checks = {"as reported": shown(results, names, gain)}
    naive, _ = gains(results, "best", "log_naive")
    checks["diverged as naive"] = shown(results, names, naive)
    scaled = _scaled(results)
    if scaled.shape[1]:
        checks["scaled"] = shown(results, names, scaled, lambda v: -100 * v + 0.0)
    middle = percent(-interquartile_mean(gain.reshape(len(names), -1)))
    checks["interquartile mean"] = pd.DataFrame({"regularizer": names, "effect": middle})
    for i, name in enumerate(sets if len(sets) > 1 else []):
        checks[f"without {name}"] = shown(results, names, np.delete(gain, i, axis=1))
    frame = pd.concat([f.assign(check=check) for check, f in checks.items()], ignore_index=True)
    return frame[frame["regularizer"] != REFERENCE][COLUMNS]


def _scaled(results: Results) -> np.ndarray:
    """How much further each gets on the way from naive to best than `none` does, (R, D, C, N)."""
    names, scores = results.everywhere("best"), results.scores
    scores = scores[(scores["criterion"] == "best") & scores["regularizer"].isin(names)]
    loss = np.exp(scores["log"])
    best = loss.groupby([scores[c] for c in ("benchmark", "cell", "regularizer")]).mean()
    best = best.groupby("benchmark").min()
    naive = {b: f["naive"][f["naive_best"]]["test"][f["compared"]] for b, f in
             results.benchmarks.items()}  # fmt: skip
    span = scores["benchmark"].map(naive) - scores["benchmark"].map(best)
    frame = scores.assign(scaled=(loss / span).where(span > 0))
    gain, sets = gains(results, "best", "scaled", frame)
    return gain[:, [i for i in range(len(sets)) if np.isfinite(gain[:, i]).all()]]
