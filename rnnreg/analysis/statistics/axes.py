"""Along the axes of a study: what a place on one does to `none`, and to the effects over it."""

from collections.abc import Iterator

import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics import inference as st
from rnnreg.analysis.statistics.simultaneous import percent

COLUMNS = ["axis", "place", "regularizer", "n", "gap", "effect", "effect_low", "effect_high"]


def axes(results: Results) -> pd.DataFrame:
    """One line a place and regularizer, axis by axis, at the best validation check.

    effect, *_low, *_high   improvement in percent, 100 x (1 - exp(mean log ratio)), with Student's
                            95% interval over seeds, each alone: of `none` over `none` at the first
                            place of the axis, all else equal; of any other over `none` there
    gap                     100 x (validation - train) / validation loss, in evaluation: how far it
                            over-fits

    A mean over data sets, cells and the places on the other axes; n seeds.
    """
    scores = results.scores[results.scores["criterion"] == "best"]
    at = {row["benchmark"]: row["variant"].get("at") for row in results.study["rows"]}
    at = {benchmark: own for benchmark, own in at.items() if own}
    lines = [
        line
        for axis in dict.fromkeys(axis for own in at.values() for axis in own)
        for line in _along(axis, at, scores, results.compared("best"))
    ]
    return pd.DataFrame(lines, columns=COLUMNS)


def _along(axis: str, at: dict, scores: pd.DataFrame, names: list[str]) -> Iterator[dict]:
    on = {name: own for name, own in at.items() if axis in own}
    rest = {
        name: str((name.partition("@")[0], sorted((a, p) for a, p in own.items() if a != axis)))
        for name, own in on.items()
    }
    frame = scores[scores["benchmark"].isin(list(on)) & scores["regularizer"].isin(names)]
    frame = frame.assign(
        place=frame["benchmark"].map({name: own[axis] for name, own in on.items()}),
        rest=frame["benchmark"].map(rest),
        gap=100 * (1 - frame["train_loss"] / frame["validation_loss"]),
    )
    index = ["place", "rest", "cell", "seed"]
    logs = frame.pivot(index=index, columns="regularizer", values="log")
    gaps = frame.groupby(["place", "regularizer"])["gap"].mean()
    if REFERENCE not in logs:
        return
    places = list(dict.fromkeys(own[axis] for own in on.values()))
    for place in places:
        here, first = logs.loc[place], logs.loc[places[0], REFERENCE]
        for name in (n for n in names if n in here):
            over = first if name == REFERENCE else here[REFERENCE]
            gain = (over - here[name]).dropna().groupby("seed").mean()
            if gain.empty:  # it makes no sense there, or nothing was trained beside it
                continue
            mean, low, high = st.mean_interval(gain.to_numpy())
            yield {
                "axis": axis,
                "place": place,
                "regularizer": name,
                "n": len(gain),
                "gap": gaps[place, name],
                "effect": percent(-mean),
                "effect_low": percent(-low),
                "effect_high": percent(-high),
            }
