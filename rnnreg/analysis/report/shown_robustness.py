"""Effects on test with noise in its inputs, as the report shows them."""

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import Table, number, spread, tabulated, word
from rnnreg.analysis.words import titles

CAPTION = (
    "Noise in the inputs of the test split (a share of words replaced by the unknown symbol; in "
    "series, standard deviations of normal noise). Harm: how much it raises the test loss or error "
    "rate. Effects: improvement over none without and with noise. Robustness: how much less noise "
    "harms than without regularization, with a 95% interval over seeds, each alone. All in percent."
)


def robustness(results: Results) -> Table:
    """One line a row that has noisy scores."""

    def unless_none(cell):
        return lambda r: word("–") if r["regularizer"] == REFERENCE else cell(r)

    columns = titles(results) | {
        "Noise": lambda r: number(r["noise"], 2),
        "Harm": lambda r: number(r["harm"], 2, sign=True),
        "Effect": unless_none(lambda r: number(r["effect"], 2, sign=True)),
        "Effect, noisy": unless_none(lambda r: number(r["effect_noisy"], 2, sign=True)),
        "Robustness": unless_none(
            lambda r: spread(r, "robustness", 1, True, r["robustness_low"] > 0)
        ),
    }
    lines = results.read("robustness").to_dict("records")
    return tabulated("robustness", CAPTION, lines, columns, 3)
