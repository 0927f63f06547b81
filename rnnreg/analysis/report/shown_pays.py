"""When regularization pays, and whether validation predicts test, as the report tells it."""

from rnnreg.analysis import words
from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics.pays import growth
from rnnreg.analysis.tables import Table, fixed, number, tabulated, whole

FEWEST = 6  # pairs of data set and cell for a correlation over them
NAMED = 3  # regularizers named at each end of a long list
CAPTION = (
    "Does validation predict test? Rank correlation of validation and test effects over the pairs "
    "of regularizer and cell of a data set. Reliability: that of effects from half of the seeds "
    "with those from the other. Corrected: validation effects from one half with test effects from "
    "the other, over the root of the two reliabilities; a dash where one is below 0.2."
)
NUMBERS = {
    "Observed": "observed",
    "Reliability, validation": "reliability_validation",
    "Reliability, test": "reliability_test",
    "Corrected": "corrected",
}


def pays(results: Results) -> str:
    """Whether effects grow with how far none over-fits."""
    frame = results.read("pays")
    places = frame[["benchmark", "cell"]].drop_duplicates()
    if len(places) < FEWEST:
        return (
            f"{words.capital(words.count(len(places), 'pair'))} of data set and cell: too few to "
            "tell whether effects grow with over-fitting."
        )
    found = growth(frame)
    told = [f"{results.title('regularizers', name)} ({fixed(r, 2)})" for name, r in found.items()]
    text = words.listed(told)
    if len(told) > 2 * NAMED:
        text = f"from {words.listed(told[:NAMED])} down to {words.listed(told[-NAMED:])}"
    low, high = frame["overfit"].min(), frame["overfit"].max()
    return (
        f"Without regularization the gap between validation and training loss is {fixed(low, 0)}% "
        f"to {fixed(high, 0)}% of the validation loss, over {len(places)} pairs of data set and "
        f"cell. Rank correlation of that share and the effect: {text}. Pairs that "
        "share data are not independent, so no test is made."
    )


def prediction(results: Results) -> Table:
    """Whether validation predicts test, one line a data set."""
    frame = results.read("prediction").dropna(subset="observed")
    columns = words.titles(results, ("benchmark",)) | {"Pairs": lambda r: whole(r["pairs"])}
    columns |= {title: lambda r, key=key: number(r[key], 2) for title, key in NUMBERS.items()}
    return tabulated("prediction", CAPTION, frame.to_dict("records"), columns, 1)
