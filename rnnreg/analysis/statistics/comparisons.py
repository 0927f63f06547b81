"""Each regularizer against `none`, within a benchmark and cell, paired by seed."""

from itertools import product

import numpy as np
import pandas as pd

from rnnreg.analysis.results import CRITERIA, REFERENCE, Results
from rnnreg.analysis.statistics import inference as st
from rnnreg.analysis.statistics.simultaneous import percent, told


def comparisons(results: Results) -> pd.DataFrame:
    """One line a row and criterion.

    score, *_low, *_high       headline metric on the test split: mean and 95% interval over n seeds
    difference, *_low, *_high  score minus that of `none` at the same seed: each alone
    effect, *_low, *_high      relative improvement in percent, 100 x (1 - exp(mean log ratio)), on
                               the scale of loss or error rate (`compared`); positive is better; the
                               interval is simultaneous over the family in this benchmark and cell
    p, p_adjusted              paired t-test of the log ratio, and its correction for the family,
                               which is below 0.05 where the interval excludes zero; empty below six
                               seeds
    wins                       probability of improvement
    effect_detectable          smallest true effect that this design finds with power 0.8
    verdict                    better | worse | nil | cannot tell (see `simultaneous.verdict`) |
                               untested | reference | saving (see `Results.compared`; not tested)
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
    names = [n for n in results.regularizers if n in log.index]  # a row may make no sense
    score, log = score.loc[names].to_numpy(), log.loc[names].to_numpy()  # (R, n)
    frame = pd.DataFrame({"benchmark": benchmark, "cell": cell, "regularizer": names})
    frame = frame.assign(criterion=criterion, metric=facts["headline"], compared=facts["compared"])
    frame["n"], frame["better"] = score.shape[1], "lower" if lower else "higher"
    _interval(frame, "score", score)
    if REFERENCE not in names:
        return frame.assign(verdict="no reference")
    at = names.index(REFERENCE)
    _interval(frame, "difference", score - score[at])
    gain = log[at] - log
    frame["wins"] = st.probability_of_improvement(gain)
    frame["effect"] = percent(-gain.mean(1))
    columns = ["effect_low", "effect_high", "p", "p_adjusted", "effect_detectable"]
    found, verdicts = np.full((len(names), len(columns)), np.nan), ["saving"] * len(names)
    compared = [n for n in results.compared(criterion) if n in names]
    for members in results.families(compared).values():
        places = [names.index(compared[i]) for i in members]
        family, tests = told(gain[places][:, None]), len(places)
        detectable = percent(-st.smallest_detectable(gain[places], tests))
        ends = [family.low, family.high, st.paired_p(gain[places]), family.p, detectable]
        found[places] = np.stack(ends, 1)
        for place, verdict in zip(places, family.verdicts, strict=True):
            verdicts[place] = verdict
    frame[columns], frame["verdict"] = found, verdicts
    frame.loc[at, "verdict"] = "reference"
    frame.loc[at, ["effect_low", "effect_high"]] = 0.0
    return frame


def _interval(frame: pd.DataFrame, name: str, values: np.ndarray) -> None:
    frame[name], frame[f"{name}_low"], frame[f"{name}_high"] = st.mean_interval(values)
