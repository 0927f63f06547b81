"""Effects on test with noise in its inputs, as the report shows and tells them."""

import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.results import REFERENCE, Results, columns_of
from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST
from rnnreg.analysis.statistics.robustness import COLUMNS
from rnnreg.analysis.tables import Table, number, show, spread, tabulated, word

NAMED = 4  # more rows of one verdict are counted
CAPTION = (
    "Noise in the inputs of the test split (a share of words replaced by the unknown symbol; in "
    "series, standard deviations of normal noise). Harm: how much it raises the test loss or error "
    "rate. Effects: improvement over none without and with noise. Robustness: how much less noise "
    "harms than without regularization, with a 95% interval over seeds, simultaneous within a "
    "family of regularizers, data set and cell. All in percent. Bold: better."
)


def robustness(results: Results) -> Table:
    """One line a row that has noisy scores."""

    def unless_none(cell):
        return lambda r: word("–") if r["regularizer"] == REFERENCE else cell(r)

    columns = words.titles(results) | {
        "Noise": lambda r: number(r["noise"], 2),
        "Harm": lambda r: number(r["harm"], 2, sign=True),
        "Effect": unless_none(lambda r: number(r["effect"], 2, sign=True)),
        "Effect, noisy": unless_none(lambda r: number(r["effect_noisy"], 2, sign=True)),
        "Robustness": unless_none(
            lambda r: spread(r, "robustness", 1, True, r["verdict"] == "better")
        ),
        "Verdict": unless_none(lambda r: r["verdict"]),
    }
    lines = columns_of(results, "robustness", COLUMNS).to_dict("records")
    return tabulated("robustness", CAPTION, lines, columns, 3)


def answer(results: Results) -> str:
    """Does a regularizer buy robustness: what noise does to none, and who loses less or more."""
    frame = columns_of(results, "robustness", COLUMNS)
    if frame.empty:
        return ""
    told = [_on(results, name, own) for name, own in frame.groupby("benchmark", sort=False)]
    if "untested" in set(frame["verdict"]):
        few = f"with fewer than {FEWEST_TO_TEST} seeds nothing is said about regularizers"
        return f"{words.capital('; '.join([*told, few]))}."
    better = frame.loc[frame["verdict"] == "better", "benchmark"].nunique()
    on = f"On {better} of {words.count(len(told), 'data set')} a" if better else "No"
    return (
        f"{on} regularizer is shown to lose less under noise than is lost without one: "
        f"{'; '.join(told)}."
    )


def _on(results: Results, name: str, frame: pd.DataFrame) -> str:
    """What noise does on one data set."""
    none = frame["regularizer"] == REFERENCE
    harm, frame = frame.loc[none, "harm"], frame[~none]
    raised = harm.min() > 0
    low, high = (f"{show(end, 2, sign=not raised)}%" for end in (harm.min(), harm.max()))
    score = "error rate" if results.benchmarks[name]["compared"] == "error" else "loss"
    title = words.short(results.title("benchmarks", name))
    by = low if low == high else f"{low} to {high}"
    verb = "raises" if raised else "changes"
    text = f"noise {verb} the test {score} of none by {by} on {title}"
    parts = []
    for verdict, loses in (("better", "loses less"), ("worse", "loses more")):
        rows = frame[frame["verdict"] == verdict].sort_values("robustness", ascending=False)
        parts += [_row(results, row, loses) for _, row in rows[:NAMED].iterrows()]
        if len(rows) > NAMED:
            count = len(rows) - NAMED
            parts.append(f"{words.count(count, 'other row')} {'does' if count == 1 else 'do'}, too")
    for verdict, said in (("nil", "nil"), ("cannot tell", "cannot be told")):
        if count := int((frame["verdict"] == verdict).sum()):
            verb = ("is " if count == 1 else "are ") if verdict == "nil" else ""
            parts.append(f"{count} of {words.count(len(frame), 'comparison')} {verb}{said}")
    if not parts:
        return text
    *first, last = parts
    return f"{text}, where {', '.join([*first, f'and {last}']) if first else last}"


def _row(results: Results, row: pd.Series, loses: str) -> str:
    ends = {end: row[f"robustness{end}"] for end in ("", "_low", "_high")}
    shown = pd.Series({f"effect{end}": value for end, value in ends.items()})
    return (
        f"{words.name(results, row)} with {results.title('cells', row['cell'])} {loses}, "
        f"{words.effect(shown, 'effect')}"
    )
