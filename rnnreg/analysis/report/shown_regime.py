"""Whether there is something to regularize: the measured regime of each data set."""

from rnnreg.analysis import words
from rnnreg.analysis.results import Results
from rnnreg.analysis.tables import Table, fixed, number, tabulated, word

OVER_FITS = "over-fits"  # as benchmarks declare it
CAPTION = (
    "Training without regularization, five seeds at the best of seven learning rates. Gap: "
    "(validation - training loss) / validation loss at the best check, with its 95% interval; for "
    "series on blocks inside the training period. Late gain: how far the best loss falls over the "
    "last 30% of the steps. A data set over-fits where the gap is 0.10 or more, its lower end "
    "above 0.05, and the late gain below 0.01."
)


def regime(results: Results) -> Table:
    """The lines of benchmarks/regime.csv for the data sets of a study."""
    lines = [
        line
        for line in results.study.get("regime", [])
        if line["benchmark"] in results.benchmarks and line["cell"] in results.cells
    ]

    def odd(line: dict) -> bool:
        return line["measured"] != line["declared"] and line["declared"] == OVER_FITS

    def ends(line: dict) -> str:
        return " to ".join(fixed(float(line[f"gap_{end}"]), 2) for end in ("low", "high"))

    columns = words.titles(results, ("benchmark", "cell")) | {
        "Declared": lambda line: line["declared"],
        "Measured": lambda line: word(line["measured"], strong=odd(line)),
        "Gap": lambda line: number(float(line["gap"]), 2),
        "Interval": ends,
        "Late gain": lambda line: number(float(line["late_gain"]), 1),
        "Best check at": lambda line: f"{100 * float(line['best_check']):.0f}%",
        "Last / best": lambda line: number(float(line["last_over_best"]), 3),
        "Passes": lambda line: number(float(line["passes"]), 2),
        "Targets a weight": lambda line: number(float(line["targets_a_weight"]), 2),
    }
    return tabulated("regime", CAPTION, lines, columns, 4)


def not_over_fitting(results: Results) -> list[str]:
    """Data sets declared to over-fit that did not, with one cell at least, when measured."""
    return [
        name
        for name, facts in results.benchmarks.items()
        if facts.get("regime") == OVER_FITS
        and any(
            line["benchmark"] == name and line["measured"] != OVER_FITS
            for line in results.study.get("regime", [])
        )
    ]


def out_of_group(results: Results) -> str:
    """A sentence on data sets whose declared regime was not measured, or not found."""
    lines = results.study.get("regime", [])
    declared = [n for n, f in results.benchmarks.items() if f.get("regime") == OVER_FITS]
    measured = {(li["benchmark"], li["cell"]): li["measured"] for li in lines}
    lacking = [n for n in declared if not any(b == n for b, _ in measured)]
    odd = not_over_fitting(results)
    controls = [n for n in results.benchmarks if n not in declared]
    said = []
    if odd:
        said.append(f"{_listed(results, odd)} did not over-fit as declared, when it was measured")
    if lacking:
        verb = "over-fits" if len(lacking) == 1 else "over-fit"
        said.append(f"whether {_listed(results, lacking)} {verb} has not been measured")
    if controls:
        what = "is a control" if len(controls) == 1 else "are controls"
        said.append(f"{_listed(results, controls)} {what}, with little to regularize")
    text = "; ".join(said)
    return text and f"{text[0].upper()}{text[1:]}."


def _listed(results: Results, names: list[str]) -> str:
    return words.listed([results.title("benchmarks", n) for n in names])
