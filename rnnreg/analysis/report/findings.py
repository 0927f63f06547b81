"""What was found, in five sentences: a result that turns must turn its sentence.

What a sentence calls better, worse or nil is the verdict of a table (`simultaneous.verdict`); no
sentence looks at the ends of an interval.
"""

import numpy as np
import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.report.sentences import counted
from rnnreg.analysis.report.shown_pays import no_guide
from rnnreg.analysis.report.shown_regime import (
    not_over_fitting,
    over_fitting_controls,
    still_improving,
)
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics.advice import pick
from rnnreg.analysis.statistics.inference import FEWEST_TO_TEST
from rnnreg.analysis.statistics.simultaneous import MARGIN
from rnnreg.analysis.tables import fixed

NAMED = 4  # more regularizers than these are counted


def findings(results: Results) -> list[str]:
    """The abstract: what was compared, the answer, the advice, what could be found, the limits."""
    if not results.has_reference:
        return ["This study has no row `none`: it shows scores, but no effect of any regularizer."]
    if not words.comparable(results):
        return ["This study has nothing beside `none` that could improve on it."]
    return [f(results) for f in (compared, strongest, advised, decided, limits)]


def compared(results: Results) -> str:
    """What was held against what."""
    kinds = {"regularizers": "regularizer", "cells": "recurrent cell", "benchmarks": "data set"}
    sizes = {kind: len(results.study[kind]) for kind in kinds}
    sizes["regularizers"] -= 1
    told = [words.count(sizes[kind], noun) for kind, noun in kinds.items()]
    search = results.search(REFERENCE)
    same = "a grid of strengths each"
    if search:
        same = f"{words.count(search['trials'], 'trial')} of strength and learning rate each"
    return (
        f"{told[0]} and none are compared with {told[1]} on {told[2]}, with {same} and "
        f"the same seeds, in {len(results.members)} trained models."
    )


def strongest(results: Results) -> str:
    """Which regularizer helps most over all benchmarks, if any is shown to."""
    frame = words.scope(results, "best").sort_values("effect", ascending=False)
    top, sets = frame.iloc[0], words.count(len(results.benchmarks), "data set")
    if top["verdict"] == "untested":
        return (
            f"Over {sets} the largest improvement is that of **{words.name(results, top)}**, "
            f"{words.effect(top)}; with fewer than {FEWEST_TO_TEST} seeds nothing is said about "
            "chance."
        )
    picked = frame[frame["regularizer"] == pick(frame)]
    if picked.empty:
        text = (
            f"Over {sets} **no regularizer is shown to help** once checkpoints are selected by "
            f"validation: the largest improvement, that of {words.name(results, top)}, is "
            f"{words.effect(top)}"
        )
    else:
        best = picked.iloc[0]
        text = (
            f"Over {sets}, at the best validation check, **{words.name(results, best)}** improves "
            f"the test loss by {words.effect(best)}"
        )
        others = frame[(frame["verdict"] == "better") & (frame.index != best.name)]
        if len(others):
            text += f", followed by {_names(results, others)}"
        else:
            text += "; no other is shown to help"
        if top["regularizer"] != best["regularizer"]:
            text += (
                f" (the mean of {words.name(results, top)} is larger, {words.effect(top)}, but not "
                "told apart from chance)"
            )
    return text + "."


def others(results: Results) -> str:
    """Which are nil, which harm, and which are ruled out as the best."""
    if not words.comparable(results):
        return ""
    frame, said = words.scope(results, "best").sort_values("effect", ascending=False), []
    nil, worse = (frame[frame["verdict"] == verdict] for verdict in ("nil", "worse"))
    if len(nil):
        said.append(f"Within {MARGIN:g}% of none: {_names(results, nil)}.")
    if len(worse):
        said.append(f"{words.capital(_names(results, worse))} made things worse.")
    return " ".join([*said, *_rivals(results, frame)])


def _names(results: Results, frame: pd.DataFrame) -> str:
    """The first of them by name, the others counted."""
    names = [words.name(results, row) for _, row in frame.iterrows()]
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], words.count(len(names) - NAMED, "other")]
    return words.listed(names)


def _rivals(results: Results, frame: pd.DataFrame) -> list[str]:
    """How many may still be the best of their family."""
    out = frame[frame["best_high"] == 0]
    if frame["best_high"].isna().all() or len(frame) < 2 or "untested" in set(frame["verdict"]):
        return []
    if out.empty:
        return ["None is ruled out as the best."]
    if len(out) > NAMED + 1:
        return [f"{len(out)} of {len(frame)} are ruled out as the best of their family."]
    return [f"Ruled out as the best: {_names(results, out)}."]


def advised(results: Results) -> str:
    """What a choice on validation would have given, and what it misses."""
    frame = results.read("advice")
    frame = frame[frame["scope"] != "all"]
    if "untested" in set(words.scope(results, "best")["verdict"]):
        return f"With fewer than {FEWEST_TO_TEST} seeds no regularizer is recommended."
    counts = frame["regularizer"].value_counts()
    picks = [f"{results.title('regularizers', name)} in {n}" for name, n in counts.items()]
    if len(picks) > NAMED + 1:
        others = f"{len(picks) - NAMED} others in {counts.iloc[NAMED:].sum()}"
        picks = [*picks[:NAMED], others]
    always = results.title("regularizers", frame["always"].iloc[0])
    over = frame["over_always"].mean()
    return (
        "Picked on validation, by the same rule as every verdict here, the answer is "
        f"{words.listed(picks)} of {words.count(len(frame), 'pair')} of task and cell; on test "
        f"data that is {words.percent(frame['effect'].mean())} on average, "
        f"{fixed(frame['regret'].mean(), 1)} points short of the best in hindsight and "
        f"{fixed(abs(over), 1)} points {'more' if over > 0 else 'less'} than always taking "
        f"{always}, which is the largest mean on test."
    )


def decided(results: Results, criterion: str = "best") -> str:
    """How many comparisons with none are decided."""
    if not words.comparable(results):
        return "There is nothing here to compare with `none`."
    frame = words.rows(results, criterion)
    n, total = int(frame["n"].iloc[0]), len(frame)
    if n < FEWEST_TO_TEST:
        return (
            f"With {words.count(n, 'evaluation seed')} no verdict is given; it takes "
            f"{FEWEST_TO_TEST}."
        )
    return (
        f"Of {words.count(total, 'comparison')} with none ({n} paired seeds, corrected within each "
        f"data set, cell and family), {words.verdicts(frame)}; in half of all an improvement below "
        f"{fixed(frame['effect_detectable'].median(), 1)}% is missed more than one time in five."
    )


def limits(results: Results) -> str:
    """What this study cannot say, from what was measured of it."""
    sets, cells = len(results.benchmarks), len(results.cells)
    said = []
    if sets == cells == 1:
        said.append("with one data set and one cell, this study cannot say whether either matters")
    for odd, how in (
        (not_over_fitting(results), "did not over-fit when measured, though declared to"),
        (over_fitting_controls(results), "over-fitted when measured, though declared a control"),
    ):
        told = words.listed(odd) if len(odd) <= NAMED else f"{len(odd)} of {sets} data sets"
        said += [f"{told} {how}"] if odd else []
    said += [told for told in (still_improving(results), no_guide(results)) if told]
    families = len({f.get("family") or name for name, f in results.benchmarks.items()})
    if families < FEWEST_TO_TEST:
        kinds = words.count(families, "family", "families")
        said.append(f"{kinds} of data sets cannot speak for new ones")
    bad, total, told = counted(results)
    if bad:
        said.append(f"{bad} of {total} evaluated models diverged: {told}")
    said.append("all intervals are conditional on one search and one test split")
    return f"{words.capital('; '.join(said))}."


def by_itself(results: Results) -> str:
    """Effects after the last step beside those at the best check; then early stopping."""
    if not words.comparable(results):
        return "There is nothing here to compare with `none`."
    final = words.scope(results, "final")
    best = words.scope(results, "best").set_index("regularizer")["effect"]
    selected = ~final["regularizer"].isin(best.index)  # they restore their best check
    last = final[~selected].sort_values("effect", ascending=False)
    named = last[last["regularizer"] == pick(last)]
    top = (last if named.empty else named).iloc[0]
    said = "helps most with" if len(named) else "has the largest effect,"
    text = (
        "After the last step, without any selection of checkpoints, "
        f"{words.name(results, top)} {said} {words.judged(top)}; on top of selection it adds "
        f"{words.percent(best[top['regularizer']])}."
    )
    return " ".join([text, *(_stopping(results, row) for _, row in final[selected].iterrows())])


def _stopping(results: Results, row: pd.Series) -> str:
    """What a regularizer that restores its best check does, a group of data sets at a time."""
    frame = results.read("across").query("criterion == 'final'")
    frame = frame[(frame["regularizer"] == row["regularizer"]) & ~frame["scope"].str.contains(": ")]
    groups = frame[frame["scope"] != "all"] if len(frame) > 2 else frame[frame["scope"] == "all"]
    told = [f"{words.judged(r)} on {r['scope']}" for _, r in groups.iterrows()]
    told = [t.removesuffix(" on all") for t in told]
    return (
        f"{words.capital(words.name(results, row))} restores its best check, so it is held against "
        f"none after the last step: {words.listed(told)}."
    )


def choice(results: Results) -> str:
    """How tuning went."""
    frame = results.read("selected").query("criterion == 'best'")
    others = [n for n in results.compared("best") if n != REFERENCE]
    frame = frame[frame["regularizer"].isin(others)]
    tuned = frame[frame["grid"] > 1]
    searched = results.search(REFERENCE if results.has_reference else others[0])
    where = "an edge of their grid" if searched is None else "an outer tenth of their range"
    edges = tuned["edge"].value_counts()
    firm = tuned["stability"].mean()
    text = (
        f"Validation preferred none in {int(frame['prefers_none'].sum())} of {len(frame)} rows; "
        f"{edges.sum()} of {len(tuned)} tuned strengths lie at {where} "
        f"({edges.get('strongest', 0)} at the strong one), "
    )
    if np.isfinite(firm):
        text += (
            f"and a resample of the tuning seeds repeats the choice {100 * firm:.0f}% of the time"
        )
    else:
        text += "and one tuning seed cannot show how firm the choices are"
    if searched is not None:
        far = results.read("selected").query("criterion == 'best'")["rate_edge"]
        text += (
            f"; {far.notna().sum()} of {len(far)} learning rates lie at an outer tenth of theirs"
        )
    diverged = words.count(int(results.members["diverged"].sum()), "member")
    return f"{text}; {diverged} of {len(results.members)} diverged."
