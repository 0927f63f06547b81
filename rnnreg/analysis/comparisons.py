"""Each regularizer against `none`, within a benchmark and cell, paired by seed."""

import numpy as np
import pandas as pd

from rnnreg.analysis import statistics as st
from rnnreg.analysis.results import REFERENCE, Results


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
    verdict                    better | worse | open (p_holm above 0.05) | untested | reference
    """
    groups = results.scores.groupby(["benchmark", "cell", "criterion"], sort=False)
    frames = [_group(results, *key, group) for key, group in groups]
    return pd.concat(frames, ignore_index=True)


def _group(
    results: Results, benchmark: str, cell: str, criterion: str, group: pd.DataFrame
) -> pd.DataFrame:
    facts = results.benchmarks[benchmark]
    lower = facts["metrics"][facts["headline"]]["better"] == "lower"
    names = [r for r in results.regularizers if r in set(group["regularizer"])]
    score = _by_seed(group, "score", names)  # (R, n)
    frame = pd.DataFrame(
        {
            "benchmark": benchmark, "cell": cell, "regularizer": names, "criterion": criterion,
            "strength": group.groupby("regularizer")["strength"].first()[names].to_numpy(),
            "metric": facts["headline"], "better": "lower" if lower else "higher",
            "n": score.shape[1],
        }
    )  # fmt: skip
    _interval(frame, "score", score)
    if REFERENCE not in names:
        return frame.assign(verdict="no reference")
    tests = len(names) - 1
    at = names.index(REFERENCE)
    difference = score - score[at]
    _interval(frame, "difference", difference)
    frame["p"] = st.paired_p(difference)
    frame.loc[at, "p"] = np.nan  # compared with itself
    frame["p_holm"] = st.holm(frame["p"].to_numpy())
    frame["wins"] = st.probability_of_improvement(-difference if lower else difference)
    frame["detectable"] = st.smallest_detectable(difference, tests)
    log = _by_seed(group, "log", names)
    ratio = log - log[at]
    _interval(frame, "effect", ratio)
    for column in ("effect", "effect_low", "effect_high"):
        frame[column] = percent(frame[column])
    frame = frame.rename(columns={"effect_low": "effect_high", "effect_high": "effect_low"})
    frame["effect_detectable"] = percent(-st.smallest_detectable(ratio, tests))
    frame["verdict"] = [_verdict(*v) for v in zip(frame["p_holm"], difference.mean(1), strict=True)]
    frame.loc[frame["verdict"] == "lower", "verdict"] = "better" if lower else "worse"
    frame.loc[frame["verdict"] == "higher", "verdict"] = "worse" if lower else "better"
    frame.loc[at, "verdict"] = "reference"
    return frame


def percent(log_ratio: np.ndarray) -> np.ndarray:
    """Relative improvement in percent: 100 x (1 - exp(log ratio)).

    >>> float(percent(np.log(0.9)).round(6))
    10.0
    """
    return -100 * np.expm1(log_ratio) + 0.0  # never -0


def _verdict(p: float, difference: float) -> str:
    if np.isnan(p):
        return "untested"
    if p > 0.05:
        return "open"
    return "lower" if difference < 0 else "higher"


def _by_seed(group: pd.DataFrame, column: str, names: list[str]) -> np.ndarray:
    """(R, n): regularizers by seeds, the same seeds in the same order for all."""
    return group.pivot(index="regularizer", columns="seed", values=column).loc[names].to_numpy()


def _interval(frame: pd.DataFrame, name: str, values: np.ndarray) -> None:
    frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = st.mean_interval(values)
