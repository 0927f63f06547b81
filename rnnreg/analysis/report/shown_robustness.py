"""Effects on test with noise in its inputs, as the report shows them."""

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import Table, interval, number, word

CAPTION = (
    "Noise in the inputs of the test split (a share of words replaced by the unknown symbol; in "
    "series, standard deviations of normal noise). Harm: how much it raises the test loss or error "
    "rate. Effects: improvement over none without and with noise. Robustness: how much less noise "
    "harms than without regularization, with a 95% interval over seeds, each alone. All in percent."
)
COLUMNS = ("Data set", "Cell", "Regularizer", "Noise", "Harm", "Effect", "Effect, noisy",
           "Robustness")  # fmt: skip


def robustness(results: Results) -> Table:
    """One line a row that has noisy scores."""
    rows = []
    for line in results.read("robustness").itertuples():
        ends = line.robustness, line.robustness_low, line.robustness_high
        apart = line.robustness_low > 0
        none = line.regularizer == REFERENCE
        rows.append(
            (
                word(results.title("benchmarks", line.benchmark)),
                word(results.title("cells", line.cell)),
                word(results.title("regularizers", line.regularizer)),
                number(line.noise, 2),
                number(line.harm, 2, sign=True),
                word("–") if none else number(line.effect, 2, sign=True),
                word("–") if none else number(line.effect_noisy, 2, sign=True),
                word("–") if none else interval(*ends, 1, sign=True, strong=apart),
            )
        )
    return Table("robustness", CAPTION, COLUMNS, rows, 3)
