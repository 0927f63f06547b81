"""Does a regularizer buy robustness: effects on test with noise in its inputs."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics import inference as st
from rnnreg.analysis.statistics.simultaneous import percent

COLUMNS = ["benchmark", "cell", "regularizer", "noise", "n", "harm", "effect", "effect_noisy",
           "robustness", "robustness_low", "robustness_high"]  # fmt: skip


def robustness(results: Results) -> pd.DataFrame:
    """One line a row of the benchmarks that have noisy scores, at the best validation check.

    noise                  as the benchmark's file gives it: a share of words, standard deviations
    harm                   how much noise raises the test loss (or error rate), in percent
    effect, effect_noisy   improvement over `none` in percent, on test and on noisy test
    robustness, *_low, *_high   how much less noise harms than it harms `none`, in percent, paired
                           by seed, with Student's 95% interval, each alone; 0 for `none`
    """
    scores = results.scores
    scores = scores[(scores["criterion"] == "best") & scores["log_noisy"].notna()]
    lines = []
    for (benchmark, cell), own in scores.groupby(["benchmark", "cell"], sort=False):
        wide = own.pivot(index="regularizer", columns="seed", values=["log", "log_noisy"]).dropna()
        if REFERENCE not in wide.index:
            continue
        clean, noisy = wide["log"], wide["log_noisy"]
        none = noisy.loc[REFERENCE] - clean.loc[REFERENCE]
        for name in (n for n in results.compared("best") if n in wide.index):
            gain = none - (noisy.loc[name] - clean.loc[name])
            mean, low, high = st.mean_interval(gain.to_numpy())
            lines.append(
                {
                    "benchmark": benchmark,
                    "cell": cell,
                    "regularizer": name,
                    "noise": results.benchmarks[benchmark].get("noisy", np.nan),
                    "n": len(gain),
                    "harm": 100 * np.expm1((noisy.loc[name] - clean.loc[name]).mean()),
                    "effect": percent(-(clean.loc[REFERENCE] - clean.loc[name]).mean()),
                    "effect_noisy": percent(-(noisy.loc[REFERENCE] - noisy.loc[name]).mean()),
                    "robustness": percent(-mean),
                    "robustness_low": percent(-low),
                    "robustness_high": percent(-high),
                }
            )
    return pd.DataFrame(lines, columns=COLUMNS)
