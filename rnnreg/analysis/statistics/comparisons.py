"""Each regularizer against `none`, within a benchmark and cell, paired by seed."""

from itertools import product

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, REFERENCE, Results
from rnnreg.analysis.statistics import inference as st


def comparisons(results: Results) -> pd.DataFrame:
    """One line a row and criterion.

    score, *_low, *_high       headline metric on the test split: mean and 95% interval over n seeds
    difference, *_low, *_high  score minus that of `none` at the same seed
    p, p_holm                  paired t-test, and Holm's correction over the regularizers of this
                               benchmark, cell and criterion; empty below six seeds
    wins                       probability of improvement
    detectable                 smallest true difference that this design finds with power 0.8
    effect, *_low, *_high      relative improvement in percent, 100 x (1 - exp(mean log ratio));
                               positive is better, on the scale of loss or error rate
    effect_detectable          the same smallest difference, as an effect
    verdict                    better | worse | open (p_holm above 0.05) | untested | reference |
                               saving (see `Results.compared`; not tested)
    """
    wide = results.scores.set_index(["benchmark", "cell", "criterion", "regularizer", "seed"])
    score, log = (wide[column].unstack("seed") for column in ("score", "log"))  # a column a seed
    frames = [
        _group(results, *key, score.loc[key], log.loc[key])
        for key in product(results.benchmarks, results.cells, CRITERIA)
    ]
    frame = pd.concat(frames, ignore_index=True)
    chosen = wide["strength"].groupby(["benchmark", "cell", "criterion", "regularizer"]).first()
    keys = ["benchmark", "cell", "criterion", "regularizer"]
    frame.insert(4, "strength", chosen.loc[list(frame[keys].itertuples(index=False))].to_numpy())
    return frame


def _group(
    results: Results,
    benchmark: str,
    cell: str,
    criterion: str,
    score: pd.DataFrame,
    log: pd.DataFrame,
) -> pd.DataFrame:
    """The lines of one benchmark, cell and criterion; score and log are regularizers by seeds."""
    facts = results.benchmarks[benchmark]
    lower = facts["metrics"][facts["headline"]]["better"] == "lower"
    names = results.regularizers
    score, log = score.loc[names].to_numpy(), log.loc[names].to_numpy()  # (R, n)
    frame = pd.DataFrame({"benchmark": benchmark, "cell": cell, "regularizer": names})
    frame = frame.assign(criterion=criterion, metric=facts["headline"], n=score.shape[1])
    frame["better"] = "lower" if lower else "higher"
    _interval(frame, "score", score)
    if REFERENCE not in names:
        return frame.assign(verdict="no reference")
    compared = results.compared(criterion)
    tests = len(compared) - 1
    at = names.index(REFERENCE)
    difference = score - score[at]
    _interval(frame, "difference", difference)
    frame["p"] = st.paired_p(difference)
    saving = ~frame["regularizer"].isin(compared)
    frame.loc[saving | (frame["regularizer"] == REFERENCE), "p"] = np.nan
    frame["p_holm"] = st.holm(frame["p"].to_numpy())
    gain = -difference if lower else difference
    frame["wins"] = st.probability_of_improvement(gain)
    frame["detectable"] = st.smallest_detectable(difference, tests)
    _interval(frame, "effect", log[at] - log)  # more is better, as in percent
    for column in ("effect", "effect_low", "effect_high"):
        frame[column] = percent(-frame[column])
    frame["effect_detectable"] = percent(-st.smallest_detectable(log - log[at], tests))
    frame["verdict"] = [_verdict(*v) for v in zip(frame["p_holm"], gain.mean(1), strict=True)]
    frame.loc[saving, "verdict"] = "saving"
    frame.loc[at, "verdict"] = "reference"
    return frame


def percent(log_ratio: np.ndarray) -> np.ndarray:
    """Relative improvement in percent: 100 x (1 - exp(log ratio)).

    >>> float(percent(np.log(0.9)).round(6))
    10.0
    """
    return -100 * np.expm1(log_ratio) + 0.0  # never -0


def _verdict(p: float, gain: float) -> str:
    if np.isnan(p):
        return "untested"
    if p > 0.05:
        return "open"
    return "better" if gain > 0 else "worse"


def _interval(frame: pd.DataFrame, name: str, values: np.ndarray) -> None:
    frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = st.mean_interval(values)
