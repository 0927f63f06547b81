"""What was found, in five sentences: a result that turns must turn its sentence."""

import numpy as np
import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST
from rnnreg.analysis.tables import fixed


def findings(results: Results) -> list[str]:
    """The five sentences; one, where a study cannot show an effect."""
    if not results.has_reference:
        return ["This study has no row `none`: it shows scores, but no effect of any regularizer."]
    if not words.comparable(results):
        return ["This study has nothing beside `none` that could improve on it."]
    return [f(results) for f in (strongest, where, decided, by_itself, choice)]


def strongest(results: Results) -> str:
    """Which regularizer helps most over all benchmarks, if any is shown to."""
    frame = words.scope(results, "best").sort_values("effect", ascending=False)
    top = frame.iloc[0]
    name, effect = words.name(results, top), words.effect(top)
    sets = words.count(len(results.benchmarks), "data set")
    if np.isnan(top["seeds_low"]):
        return (
            f"Over {sets} the largest improvement is that of **{name}**, {effect}; with one seed "
            "nothing can be said about chance."
        )
    shown = frame[frame["seeds_low"] > 0]
    if shown.empty:
        return (
            f"Over {sets} **no regularizer is shown to help** once checkpoints are selected by "
            f"validation: the largest improvement, that of {name}, is {effect}."
        )
    first, *others = (row for _, row in shown.iterrows())
    text = f"Over {sets}, at the best validation check, **{words.name(results, first)}** improves "
    text += f"the test loss by {words.effect(first)}"
    if others:
        text += f", followed by {words.listed([words.name(results, r) for r in others[:3]])}"
    else:
        text += "; no other has an interval above zero"
    if first["regularizer"] != top["regularizer"]:
        text += f" (the mean of {name} is larger, {effect}, but not told apart from chance)"
    harmful = [words.name(results, r) for _, r in frame[frame["seeds_high"] < 0].iterrows()]
    if harmful:
        text += f". {words.capital(words.listed(harmful))} made things worse"
    return text + "."


def where(results: Results) -> str:
    """On which benchmarks and cells the largest and the smallest effects lie."""
    frame = words.rows(results)
    sets, cells = len(results.benchmarks), len(results.cells)
    if sets == cells == 1:
        return "With one data set and one cell, this study cannot say whether either matters."
    text = f"All results are on {results.title('benchmarks', next(iter(results.benchmarks)))}"
    if sets > 1:
        best = frame.loc[frame.groupby("benchmark", sort=False)["effect"].idxmax()]
        most, least = (best.sort_values("effect").iloc[place] for place in (-1, 0))
        text = (
            f"The best row of all is {_row(results, most)}; where the best row gains least, it is "
            f"{_row(results, least)}"
        )
    if cells > 1:
        middle = frame.groupby("cell", sort=False)["effect"].median()
        low, high = middle.idxmin(), middle.idxmax()
        text += (
            f"; by cell, the median effect lies between {words.percent(middle[low])} "
            f"({results.title('cells', low)}) and {words.percent(middle[high])} "
            f"({results.title('cells', high)})"
        )
    return text + "."


def _row(results: Results, row: pd.Series) -> str:
    """What a row is called, and its effect."""
    title, cell = results.title("benchmarks", row["benchmark"]), results.title("cells", row["cell"])
    return f"{words.name(results, row)} with {cell} on {title}, {words.effect(row, 'effect')}"


def decided(results: Results, criterion: str = "best") -> str:
    """How many comparisons with none are decided."""
    if not words.comparable(results):
        return "There is nothing here to compare with `none`."
    frame = words.rows(results, criterion)
    n, total = int(frame["n"].iloc[0]), len(frame)
    if n < 2:
        return "There is one evaluation seed: effects have no interval and no test is made."
    if n < FEWEST_TO_TEST:
        up, down = int((frame["effect_low"] > 0).sum()), int((frame["effect_high"] < 0).sum())
        return (
            f"With {n} seeds no test is made; of {total} paired intervals, {up} lie wholly above "
            f"zero and {down} wholly below, where chance alone would put about "
            f"{0.025 * total:.1f} on each side."
        )
    verdicts = frame["verdict"].value_counts()
    better, worse = int(verdicts.get("better", 0)), int(verdicts.get("worse", 0))
    return (
        f"Of {total} comparisons with none ({n} paired seeds, Holm's correction within each data "
        f"set and cell), {better} are decided for the regularizer, {worse} against it, and "
        f"{total - better - worse} stay open; in half of all an improvement below "
        f"{fixed(frame['effect_detectable'].median(), 1)}% is missed more than one time in five."
    )


def by_itself(results: Results) -> str:
    """Effects after the last step beside those at the best check."""
    if not words.comparable(results):
        return "There is nothing here to compare with `none`."
    final = words.scope(results, "final")
    best = words.scope(results, "best").set_index("regularizer")["effect"]
    top = final.sort_values("effect").iloc[-1]
    text = (
        "After the last step, without any selection of checkpoints, "
        f"**{words.name(results, top)}** leads with {words.effect(top)}"
    )
    if top["regularizer"] in best:
        text += f"; on top of selection it adds {words.percent(best[top['regularizer']])}"
    else:
        text += "; on top of selection it saves steps and cannot lower validation loss"
    others = final.set_index("regularizer")
    if top["regularizer"] != "early_stopping" and "early_stopping" in others.index:
        text += f". Early stopping by itself: {words.effect(others.loc['early_stopping'])}"
    return text + "."


def choice(results: Results) -> str:
    """How tuning went."""
    frame = results.read("selected").query("criterion == 'best'")
    others = [n for n in results.compared("best") if n != REFERENCE]
    frame = frame[frame["regularizer"].isin(others)]
    tuned = frame[frame["grid"] > 1]
    edges = tuned["edge"].value_counts()
    firm = tuned["stability"].mean()
    text = (
        f"Validation preferred none in {int(frame['prefers_none'].sum())} of {len(frame)} rows; "
        f"{edges.sum()} of {len(tuned)} tuned strengths lie at an edge of their grid "
        f"({edges.get('strongest', 0)} at the strong one), "
    )
    if np.isfinite(firm):
        text += (
            f"and a resample of the tuning seeds repeats the choice {100 * firm:.0f}% of the time"
        )
    else:
        text += "and one tuning seed cannot show how firm the choices are"
    diverged = words.count(int(results.members["diverged"].sum()), "member")
    return f"{text}; {diverged} of {len(results.members)} diverged."
