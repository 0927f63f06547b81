"""When regularization pays, and whether validation predicts test, as the report tells it."""

import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.figures.pays import MOST
from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics.pays import BLOCKS, DRIFT, growth, table
from rnnreg.analysis.statistics.prediction import RELIABLE
from rnnreg.analysis.tables import Table, fixed, number, tabulated, whole

FEWEST = 6  # pairs of data set and cell for a correlation over them
NAMED = 3  # regularizers named at each end of a long list
CAPTION = (
    "Does validation predict test? Rank correlation of validation and test effects over the pairs "
    "of regularizer and cell of a data set. Reliability: that of effects from half of the seeds "
    "with those from the other. Corrected: validation effects from one half with test effects from "
    f"the other, over the root of the two reliabilities; a dash where one is below {RELIABLE}. "
    "Bold: validation is no guide, its reliability below that, which regularizers that are alike "
    "make it, too, or the corrected correlation below zero."
)
NO_GUIDE = {"reliability_validation": lambda r: r < RELIABLE, "corrected": lambda r: r < 0}
WHY = {
    "reliability_validation": "one half of the seeds orders regularizers there otherwise than the "
    f"other: a reliability below {RELIABLE}",
    "corrected": "what does better there tends to do worse on test: a corrected correlation below "
    "zero, without an interval",
}
NUMBERS = {
    "Observed": "observed",
    "Reliability, validation": "reliability_validation",
    "Reliability, test": "reliability_test",
    "Corrected": "corrected",
}


def pays(results: Results) -> str:
    """Whether effects grow with how far none over-fits; without pairs whose gap counts drift."""
    frame = table(results)
    drifting = frame["gap"] == DRIFT
    places, left = (_places(frame[chosen]) for chosen in (~drifting, drifting))
    frame, out = frame[~drifting], ""
    if left:
        out = (
            f" Left out: {words.count(left, 'pair')} of forecast and cell for which no gap inside "
            "the training period was measured; validation comes after it, and drift would count."
        )
    if places < FEWEST:
        return (
            f"{words.capital(words.count(places, 'pair'))} of data set and cell: too few to "
            f"tell whether effects grow with over-fitting.{out}"
        )
    found = growth(frame)
    told = [f"{results.title('regularizers', name)} ({fixed(r, 2)})" for name, r in found.items()]
    text = words.listed(told)
    if len(told) > 2 * NAMED:
        text = f"from {words.listed(told[:NAMED])} down to {words.listed(told[-NAMED:])}"
    low, high = frame["overfit"].min(), frame["overfit"].max()
    return (
        f"Without regularization the gap between validation and training loss is {fixed(low, 0)}% "
        f"to {fixed(high, 0)}% of the validation loss, over {places} pairs of data set and "
        f"cell. Rank correlation of that share and the effect: {text}. Pairs that "
        f"share data are not independent, so no test is made.{out}"
    )


def _places(frame: pd.DataFrame) -> int:
    """How many pairs of data set and cell."""
    return len(frame[["benchmark", "cell"]].drop_duplicates())


def caption(results: Results) -> str:
    """That of the figure "when does it pay"."""
    frame = table(results)
    count, gaps = frame["regularizer"].nunique(), set(frame["gap"])
    text = (
        "When does it pay: improvement over none at the best validation check, against how far "
        "none over-fits, the gap between validation and training loss in percent of the "
        "validation loss. One point a data set and cell, with its 95% interval. Lines join data "
        "sets of one family, with one cell."
    )
    if count > MOST:
        text += f" Of {count} regularizers the {MOST} with the largest mean effects."
    if BLOCKS in gaps:
        text += (
            " For forecasts the gap is that of blocks inside the training period, left out of "
            "training: drift is no over-fitting."
        )
    if DRIFT in gaps:
        text += (
            " Hollow: forecasts where that was not measured (`rnnreg regime STUDY` measures it "
            "for LSTM and GRU); validation comes after training, and drift counts, too."
        )
    return text


def prediction(results: Results) -> Table:
    """Whether validation predicts test, one line a data set."""
    frame = results.read("prediction").dropna(subset="observed")
    columns = words.titles(results, ("benchmark",)) | {"Pairs": lambda r: whole(r["pairs"])}
    columns |= {
        title: lambda r, key=key: number(
            r[key], 2, strong=key in NO_GUIDE and NO_GUIDE[key](r[key])
        )
        for title, key in NUMBERS.items()
    }
    return tabulated("prediction", CAPTION, frame.to_dict("records"), columns, 1)


def no_guide(results: Results) -> str:
    """Data sets on which validation is no guide, by the rule of the table; without a full stop."""
    frame = results.read("prediction")
    said, named = [], set()
    for key, why in WHY.items():
        found = list(frame.loc[NO_GUIDE[key](frame[key]), "benchmark"])
        said += [f"on {words.data_sets(results, found)} ({why})"] if found else []
        named |= {*found}
    if not said:
        return ""
    text = f"validation is no guide {words.listed(said)}"
    folded = [name for name in results.on_folds if name in named]
    if folded:
        text += (
            f"; on {words.data_sets(results, folded)} settings are chosen on folds of the training "
            "split instead, and validation chooses the check alone"
        )
    return text
