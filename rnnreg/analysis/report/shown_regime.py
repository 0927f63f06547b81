"""Whether there is something to regularize: the measured regime of each data set."""

from itertools import product
from math import nan

from rnnreg.analysis import words
from rnnreg.analysis.results import Results
from rnnreg.analysis.tables import Table, fixed, number, spread, tabulated, word
from rnnreg.study.regimes import GAP, LATE, LOW

OVER_FITS = "over-fits"  # as benchmarks declare it
CAPTION = (
    "Training without regularization, five seeds at the best of seven learning rates over the "
    "range that is searched. Gap: (validation - training loss) / validation loss at the best "
    "check, with its 95% interval; for series on blocks inside the training period. Late gain: "
    "how far the best loss falls over the last 30% of the steps. A data set over-fits where the "
    f"gap is {100 * GAP:g}% or more, its lower end above {100 * LOW:g}%, and the late gain below "
    f"{100 * LATE:g}%; a control could not be shown to. Late gain in this study: that of none on "
    "validation, at the learning rate that the study gives it, the mean over evaluation seeds. "
    f"Bold: measured not as declared, and a late gain in this study above {100 * LATE:g}% where "
    "over-fitting is declared. A dash: not measured."
)
PERCENT = ("gap", "gap_low", "gap_high", "late_gain", "best_check")
PLAIN = ("last_over_best", "passes", "targets_a_weight")


def regime(results: Results) -> Table:
    """A line a data set and cell: benchmarks/regime.csv, beside what this study trained."""
    late = results.read("late").set_index(["benchmark", "cell"])["late_gain"]
    measured = {(li["benchmark"], li["cell"]): li for li in results.study.get("regime", [])}
    places = product(results.benchmarks, results.cells)
    lines = [
        _line(results, place, measured.get(place, {}), late.get(place, nan))
        for place in places
        if place in measured or place in late.index
    ]
    columns = words.titles(results, ("benchmark", "cell")) | {
        "Declared": lambda line: line["declared"],
        "Measured": lambda line: word(
            line["measured"], line["measured"] not in ("–", _expected(line["declared"]))
        ),
        "Gap, %": lambda line: spread(line, "gap", 0),
        "Late gain, %": lambda line: number(line["late_gain"], 2),
        "Late gain in this study, %": lambda line: number(
            line["here"], 2, strong=line["declared"] == OVER_FITS and line["here"] > 100 * LATE
        ),
        "Best check at, %": lambda line: number(line["best_check"], 2),
        "Last / best": lambda line: number(line["last_over_best"], 3),
        "Passes": lambda line: number(line["passes"], 2),
        "Targets a weight": lambda line: number(line["targets_a_weight"], 2),
    }
    return tabulated("regime", CAPTION, lines, columns, 4)


def _line(results: Results, place: tuple[str, str], measured: dict, late: float) -> dict:
    """Numbers of one data set and cell; NaN and a dash where there are none."""
    over_fits = results.benchmarks[place[0]].get("regime") == OVER_FITS
    return {
        **dict(zip(("benchmark", "cell"), place, strict=True)),
        "declared": OVER_FITS if over_fits else "control",
        "measured": measured.get("measured", "–"),
        "here": 100 * late,
        **{key: 100 * float(measured.get(key, nan)) for key in PERCENT},
        **{key: float(measured.get(key, nan)) for key in PLAIN},
    }


def _expected(declared: str) -> str:
    """What a measurement says where it agrees with what is declared."""
    return OVER_FITS if declared == OVER_FITS else "does not"


def clause(results: Results, name: str) -> str:
    """The regime of one data set in few words: its group, what was measured, and the gap."""
    lines, told = _measured(results, name), results.benchmarks[name].get("regime")
    over_fits = told == OVER_FITS
    odd = _odd_cells(results, lines, over_fits)
    if over_fits:
        text = "Over-fits without regularization" if lines else "Declared to over-fit"
        text = "Declared to over-fit, and does not" if odd else text
    else:
        text = f"A control ({told})" if told else "A control"
        text += ", which over-fits" if odd else ""
    text += f" with {words.listed(odd)}" if odd else ""
    if not lines:
        return f"{text}; not measured."
    gaps = [
        f"{fixed(100 * float(li['gap']), 0)}% ({results.title('cells', li['cell'])})"
        for li in lines
    ]
    return f"{text}; the gap to training loss is {words.listed(gaps)} of the validation loss."


def still_improving(results: Results) -> str:
    """Data sets said to over-fit whose loss without regularization falls late; no full stop."""
    declared = [n for n, facts in results.benchmarks.items() if facts.get("regime") == OVER_FITS]
    frame = results.read("late")
    frame = frame[frame["benchmark"].isin(declared) & (frame["late_gain"] > LATE)]
    if frame.empty:
        return ""
    names = [_title(results, name) for name in frame["benchmark"].unique()]
    top = frame.loc[frame["late_gain"].idxmax()]
    most = fixed(100 * top["late_gain"], 1)
    return (
        "at the rates of this study the best loss of none still improves by more than "
        f"{100 * LATE:g}% over the last 30% of the steps on {len(names)} of "
        f"{words.count(len(declared), 'data set')} declared to over-fit, where more steps might "
        f"change a verdict: {words.listed(names)} (at most {most}% there: "
        f"{_title(results, top['benchmark'])}, {results.title('cells', top['cell'])})"
    )


def not_over_fitting(results: Results) -> list[str]:
    """Data sets declared to over-fit that did not when measured, with their cells."""
    return _out_of_group(results, declared=True)


def over_fitting_controls(results: Results) -> list[str]:
    """Controls that over-fitted when measured, with their cells."""
    return _out_of_group(results, declared=False)


def _measured(results: Results, name: str) -> list[dict]:
    """What was measured of one data set, a line a cell of the study."""
    lines = (li for li in results.study.get("regime", []) if li["benchmark"] == name)
    return [li for li in lines if li["cell"] in results.cells]


def _odd_cells(results: Results, lines: list[dict], declared: bool) -> list[str]:
    """Cells whose measure is not what was declared."""
    odd = [li["cell"] for li in lines if (li["measured"] == OVER_FITS) != declared]
    return [results.title("cells", cell) for cell in odd]


def _out_of_group(results: Results, declared: bool) -> list[str]:
    found = []
    for name, facts in results.benchmarks.items():
        odd = _odd_cells(results, _measured(results, name), declared)
        if odd and (facts.get("regime") == OVER_FITS) == declared:
            found.append(f"{_title(results, name)} ({words.listed(odd)})")
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
