"""Whether there is something to regularize: the measured regime of each data set."""

from rnnreg.analysis import words
from rnnreg.analysis.results import Results
from rnnreg.analysis.tables import Table, fixed, number, word

OVER_FITS = "over-fits"  # as benchmarks declare it
COLUMNS = (
    "Data set", "Cell", "Declared", "Measured", "Gap", "Interval", "Late gain", "Best check at",
    "Last / best", "Passes", "Targets a weight",
)  # fmt: skip
CAPTION = (
    "Training without regularization, five seeds at the best of seven learning rates. Gap: "
    "(validation - training loss) / validation loss at the best check, with its 95% interval; for "
    "series on blocks inside the training period. Late gain: how far the best loss falls over the "
    "last 30% of the steps. A data set over-fits where the gap is 0.10 or more, its lower end "
    "above 0.05, and the late gain below 0.01."
)


def regime(results: Results) -> Table:
    """The lines of benchmarks/regime.csv for the data sets of a study."""
    rows = []
    for line in results.study.get("regime", []):
        if line["benchmark"] not in results.benchmarks or line["cell"] not in results.cells:
            continue
        found = {k: float(line[k]) for k in ("gap", "gap_low", "gap_high", "late_gain")}
        odd = line["measured"] != line["declared"] and line["declared"] == OVER_FITS
        rows.append(
            (
                word(results.title("benchmarks", line["benchmark"])),
                word(results.title("cells", line["cell"])),
                word(line["declared"]),
                word(line["measured"], strong=odd),
                number(found["gap"], 2),
                word(f"{fixed(found['gap_low'], 2)} to {fixed(found['gap_high'], 2)}"),
                number(found["late_gain"], 1),
                word(f"{100 * float(line['best_check']):.0f}%"),
                number(float(line["last_over_best"]), 3),
                number(float(line["passes"]), 2),
                number(float(line["targets_a_weight"]), 2),
            )
        )
    return Table("regime", CAPTION, COLUMNS, rows, 4)


def out_of_group(results: Results) -> str:
    """A sentence on data sets whose declared regime was not measured, or not found."""
    lines = results.study.get("regime", [])
    declared = [n for n, f in results.benchmarks.items() if f.get("regime") == OVER_FITS]
    measured = {(li["benchmark"], li["cell"]): li["measured"] for li in lines}
    lacking = [n for n in declared if not any(b == n for b, _ in measured)]
    odd = [n for n in declared if any(b == n and m != OVER_FITS for (b, _), m in measured.items())]
    controls = [n for n in results.benchmarks if n not in declared]
    said = []
    if odd:
        said.append(f"{_listed(results, odd)} did not over-fit as declared, when it was measured")
    if lacking:
        said.append(f"whether {_listed(results, lacking)} over-fits has not been measured")
    if controls:
        said.append(f"{_listed(results, controls)} is a control, with little to regularize")
    text = "; ".join(said)
    return text and f"{text[0].upper()}{text[1:]}."


def _listed(results: Results, names: list[str]) -> str:
    return words.listed([results.title("benchmarks", n) for n in names])
