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
    "above 0.05, and the late gain below 0.01; a control "
    "could not be shown to. Bold: not as declared."
)


def regime(results: Results) -> Table:
    """The lines of benchmarks/regime.csv for the data sets of a study."""
    lines = [
        line
        for line in results.study.get("regime", [])
        if line["benchmark"] in results.benchmarks and line["cell"] in results.cells
    ]

    def odd(line: dict) -> bool:
        return (line["measured"] == OVER_FITS) != (line["declared"] == OVER_FITS)

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
    """Data sets declared to over-fit that did not when measured, with their cells."""
    return _out_of_group(results, declared=True)


def over_fitting_controls(results: Results) -> list[str]:
    """Controls that over-fitted when measured, with their cells."""
    return _out_of_group(results, declared=False)


def _out_of_group(results: Results, declared: bool) -> list[str]:
    found = []
    for name, facts in results.benchmarks.items():
        lines = [li for li in results.study.get("regime", []) if li["benchmark"] == name]
        cells = [li["cell"] for li in lines if (li["measured"] == OVER_FITS) != declared]
        if cells and (facts.get("regime") == OVER_FITS) == declared:
            told = words.listed([results.title("cells", cell) for cell in cells])
            found.append(f"{_title(results, name)} ({told})")
    return found


def out_of_group(results: Results) -> str:
    """Data sets whose declared regime was not measured, or not found; and why some are controls."""
    measured = {li["benchmark"] for li in results.study.get("regime", [])}
    regimes = {name: facts.get("regime") for name, facts in results.benchmarks.items()}
    lacking = [n for n, told in regimes.items() if told == OVER_FITS and n not in measured]
    controls = {name: told for name, told in regimes.items() if told != OVER_FITS}
    said = []
    if odd := not_over_fitting(results):
        said.append(f"{words.listed(odd)} did not over-fit when measured, though declared to")
    if lacking:
        verb = "over-fits" if len(lacking) == 1 else "over-fit"
        names = words.listed([_title(results, n) for n in lacking])
        said.append(f"whether {names} {verb} has not been measured")
    if controls:
        what = "is a control" if len(controls) == 1 else "are controls"
        said.append(f"{words.listed([_why(results, *c) for c in controls.items()])} {what}")
    if odd := over_fitting_controls(results):
        said.append(f"{words.listed(odd)} over-fitted when measured, though declared a control")
    return f"{words.capital('; '.join(said))}." if said else ""


def _why(results: Results, name: str, reason: str | None) -> str:
    title = _title(results, name)
    return f"{title} ({reason})" if reason else title


def _title(results: Results, name: str) -> str:
    return words.short(results.title("benchmarks", name))
