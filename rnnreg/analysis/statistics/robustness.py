"""Does a regularizer buy robustness: effects on test with noise in its inputs."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics.simultaneous import percent, told

COLUMNS = ["benchmark", "cell", "regularizer", "noise", "n", "harm", "effect", "effect_noisy",
           "robustness", "robustness_low", "robustness_high", "verdict"]  # fmt: skip


def robustness(results: Results) -> pd.DataFrame:
    """One line a row of the benchmarks that have noisy scores, at the best validation check.

    noise                  as the benchmark's file gives it: a share of words, standard deviations
    harm                   how much noise raises the test loss (or error rate), in percent
    effect, effect_noisy   improvement over `none` in percent, on test and on noisy test
    robustness, *_low, *_high   how much less noise harms than it harms `none`, in percent, paired
                           by seed; the 95% interval is simultaneous over the family in this
                           benchmark and cell; 0 for `none`
    verdict                of robustness, by the rule of effects (see `comparisons`)
    """
    scores = results.scores
    scores = scores[(scores["criterion"] == "best") & scores["log_noisy"].notna()]
    lines = []
    for (benchmark, cell), own in scores.groupby(["benchmark", "cell"], sort=False):
        wide = own.pivot(index="regularizer", columns="seed", values=["log", "log_noisy"]).dropna()
        names = [name for name in results.compared("best") if name in wide.index]
        if REFERENCE not in names:
            continue
        place = {"benchmark": benchmark, "cell": cell}
        place["noise"] = results.benchmarks[benchmark].get("noisy", np.nan)
        clean, noisy = (wide[column].loc[names].to_numpy() for column in ("log", "log_noisy"))
        found = _against_none(results, names, clean, noisy)
        lines += [{**place, **line} for line in found]
    return pd.DataFrame(lines, columns=COLUMNS)


def _against_none(
    results: Results, names: list[str], clean: np.ndarray, noisy: np.ndarray
) -> list[dict]:
    """Lines of one benchmark and cell, from logarithms of losses (R, N)."""
    at, harm = names.index(REFERENCE), noisy - clean
    columns = {
        "harm": 100 * np.expm1(harm.mean(1)),
        "effect": percent((clean - clean[at]).mean(1)),
        "effect_noisy": percent((noisy - noisy[at]).mean(1)),
        **{f"robustness{end}": np.zeros(len(names)) for end in ("", "_low", "_high")},
    }
    verdicts = ["reference"] * len(names)
    for places in results.families(names).values():
        family = told((harm[at] - harm[places])[:, None])
        for end, values in {"": family.effect, "_low": family.low, "_high": family.high}.items():
            columns[f"robustness{end}"][places] = values
        for place, verdict in zip(places, family.verdicts, strict=True):
            verdicts[place] = verdict
    lines = pd.DataFrame({"regularizer": names, "n": harm.shape[1], **columns})
    return lines.assign(verdict=verdicts).to_dict("records")
