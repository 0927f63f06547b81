"""The tables of the report's results, built from the tables of numbers."""

import numpy as np
import pandas as pd

from rnnreg.analysis.report.shown_axes import axes
from rnnreg.analysis.report.shown_claims import claims
from rnnreg.analysis.report.shown_pays import prediction
from rnnreg.analysis.report.shown_regime import regime
from rnnreg.analysis.report.shown_robustness import robustness
from rnnreg.analysis.report.shown_rows import criterion_rows, diagnostics, every_row, selection
from rnnreg.analysis.report.shown_setup import TASKS, data, models, naive, regularizers
from rnnreg.analysis.report.shown_taught import taught, taught_by_set
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import (
    LONGEST,
    Cell,
    Table,
    decimals_for,
    fixed,
    interval,
    latex,
    number,
    p_value,
    spread,
    strength,
    tabulated,
    whole,
    word,
)
from rnnreg.study import records


def tables(results: Results) -> list[Table]:
    """Every table of the report that is also written for papers."""
    makers = (
        data, models, regularizers, naive, across, advice, sensitivity, standing, regime,
        prediction, robustness, axes, claims, taught, taught_by_set, selection, every_row,
        diagnostics,
    )  # fmt: skip
    found = [make(results) for make in makers]
    found += [every_row(results, "final"), *(scores(results, b) for b in results.benchmarks)]
    return [t for t in found if t.rows]


def write(results: Results) -> None:
    """Write every table as CSV, Markdown and, but for long ones, LaTeX under tables/."""
    found = tables(results)
    short = [table for table in found if len(table.rows) <= LONGEST]
    tex = dict(zip((table.name for table in short), latex(short), strict=True))
    for table in found:
        kinds = {"csv": table.as_csv(), "md": table.as_markdown(), "tex": tex.get(table.name)}
        for kind, text in kinds.items():
            if text is not None:
                records.write_text(results.folder / "tables" / f"{table.name}.{kind}", text)


def scores(results: Results, benchmark: str, criterion: str = "best") -> Table:
    """Test scores on one benchmark: a row a regularizer, a column a cell."""
    frame = criterion_rows(results, criterion)
    frame = frame[frame["benchmark"] == benchmark].set_index(["regularizer", "cell"])
    facts = results.benchmarks[benchmark]
    decimals, lines = decimals_for(frame["score"]), frame.to_dict("index")

    def score(name: str, cell: str) -> Cell:
        row = lines.get((name, cell))
        if row is None:  # it makes no sense here
            return word("–")
        return spread(row, "score", decimals, strong=row["verdict"] == "better")

    columns = {
        "Family": results.group,
        "Regularizer": lambda name: results.title("regularizers", name),
    }
    columns |= {results.title("cells", c): lambda name, c=c: score(name, c) for c in results.cells}
    metric = facts["metrics"][facts["headline"]]
    caption = (
        f"{facts['title']}: {metric['label']} on the test split ({metric['better']} is better), "
        f"mean and 95% interval over seeds, each alone. Bold: better than none{decided_on(facts)}."
    )
    names = [name for group in results.groups(results.regularizers).values() for name in group]
    return tabulated(f"scores_{benchmark}", caption, names, columns, 2)


def decided_on(facts: dict) -> str:
    """What a verdict rests on, where the number beside it is another metric.

    >>> decided_on({"compared": "error", "headline": "macro_f1"})
    ', which is decided on the error rate'
    >>> decided_on({"compared": "error", "headline": "accuracy"})
    ''
    """
    same = {"error": ("error", "accuracy"), "loss": ("loss", "nll", "mse", "perplexity")}
    shown = facts["headline"]
    if shown in same[facts["compared"]] or (facts["compared"] == "loss" and "bits" in shown):
        return ""
    return f", which is decided on the {'error rate' if facts['compared'] == 'error' else 'loss'}"


def across(results: Results) -> Table:
    """Effects over all benchmarks and by group."""
    if not results.has_reference:
        return Table("across", "", ())
    frame = results.read("across")
    frame = frame[frame["regularizer"] != REFERENCE]
    frame = frame[~frame["scope"].str.contains(": ")]
    wide = frame.set_index(["regularizer", "criterion", "scope"])
    order = frame[frame["scope"] == "all"]
    order = order.sort_values(["criterion", "effect"], ascending=[True, False])
    # Those of the best check first, those that are not everywhere last.
    names = list(dict.fromkeys([*order["regularizer"], *frame["regularizer"]]))

    def effect(name: str, criterion: str, scope: str, over: str = "seeds") -> Cell:
        key = (name, criterion, scope)
        return _effect(wide.loc[key], over) if key in wide.index else word("–")

    columns = {
        "Regularizer": lambda name: results.title("regularizers", name),
        "Family": results.group,
        "All": lambda name: effect(name, "best", "all"),
    }
    if wide["sets_low"].notna().any():
        columns["All, for new data sets"] = lambda name: effect(name, "best", "all", "sets")
    for scope in frame["scope"].unique()[1:]:
        head = f"{scope[0].upper()}{scope[1:]}"
        columns[head] = lambda name, scope=scope: effect(name, "best", scope)
    columns["All, after the last step"] = lambda name: effect(name, "final", "all")
    caption = (
        "Relative improvement over none in percent: geometric mean over data sets and cells, with "
        "a 95% interval over seeds for these data sets, simultaneous within a family of "
        "regularizers. For new data sets: the interval over families of data sets, each alone, "
        "where there are six of them. Bold: better. A dash: it restores its best check, so at the "
        "best check it can only save steps; or it makes no sense on one of the data sets."
    )
    return tabulated("across", caption, names, columns, 2)


def _effect(row: pd.Series, over: str) -> Cell:
    low, high = row[f"{over}_low"], row[f"{over}_high"]
    if over == "sets" and np.isnan(low):
        return word("–")
    better = over == "seeds" and row["verdict"] == "better"
    return interval(row["effect"], low, high, 1, True, strong=better)


def advice(results: Results) -> Table:
    """Which should I use? Picked on validation, shown on test, by task and cell."""
    if not results.has_reference or len(results.regularizers) < 2:
        return Table("advice", "", ())

    def unless_none(r: dict, cell: Cell | str) -> Cell | str:
        return "–" if r["regularizer"] == REFERENCE else cell

    columns = {
        "Task": lambda r: TASKS.get(r["task"], r["task"]),  # all, where it is over all
        "Cell": lambda r: "all" if r["scope"] == "all" else results.title("cells", r["cell"]),
        "Use": lambda r: word(
            results.title("regularizers", r["regularizer"]), r["verdict"] == "better"
        ),
        "On test": lambda r: unless_none(r, r["verdict"]),
        "Effect on test, %": lambda r: unless_none(r, spread(r, "effect", 1, True)),
        "Could have been found, %": lambda r: number(r["detectable"], 2),
        "Best in hindsight": lambda r: results.title("regularizers", r["hindsight"]),
        "Missed, points": lambda r: number(r["regret"], 2),
        "Start at strength": lambda r: unless_none(r, strength(float(f"{r['strength']:.2g}"))),
    }
    caption = (
        "Which should I use? For each task and cell, and over all, the regularizer with the "
        "largest improvement on validation among those shown to improve it there, else none; and "
        "what it then did on the test split. Could have been found: the smallest effect that a "
        "paired t-test on one data set, corrected for its family, finds with power 0.8. Missed: "
        "how much more the best on test did, which chance alone makes positive. Strength: the "
        "median of those chosen."
    )
    return tabulated("advice", caption, results.read("advice").to_dict("records"), columns, 4)


def sensitivity(results: Results) -> Table:
    """The effects over all data sets, measured in other ways."""
    if not results.has_reference:
        return Table("sensitivity", "", ())
    frame = results.read("sensitivity")
    wide = frame.set_index(["regularizer", "check"])
    left = [c for c in frame["check"].unique() if c.startswith("without ")]
    checks = {
        "as reported": "As reported, %",
        "diverged as naive": "Diverged at naive, %",
        "scaled": "Scaled, points",
        "interquartile mean": "Interquartile mean, %",
    }
    columns = {"Regularizer": lambda name: results.title("regularizers", name)}
    for check, head in checks.items():
        if check in set(frame["check"]):
            columns[head] = lambda name, check=check: _effect(wide.loc[(name, check)], "seeds")

    def without(name: str, end: str) -> Cell:
        effects = wide.loc[name].loc[left]["effect"]
        label = effects.idxmin() if end == "lowest" else effects.idxmax()
        cell = _effect(wide.loc[(name, label)], "seeds")
        title = results.title("benchmarks", label.removeprefix("without "))
        return Cell(f"{cell.text} ({title})", cell.strong)

    for end in ("lowest", "highest") if left else ():
        columns[f"One set left out, {end}, %"] = lambda name, end=end: without(name, end)
    caption = (
        "Effects over all data sets at the best check, measured in other ways. Diverged at naive: "
        "a member that diverged counts as the naive score, not as the worst that did not diverge. "
        "Scaled: test loss (error rate in classification) from naive (0) to the best row of a data "
        "set (100), difference from none. Interquartile mean: of the middle half of all runs. "
        "Bold: better."
    )
    return tabulated("sensitivity", caption, frame["regularizer"].unique(), columns)


def standing(results: Results) -> Table:
    """Each beside the others: the best of them, how often it wins, ranks where tested."""
    if not results.has_reference:
        return Table("standing", "", ())
    frame = results.read("across").query("criterion == 'best' and scope == 'all'")
    tested = frame["critical_difference"].notna().any()
    columns = {
        "Regularizer": lambda r: results.title("regularizers", r["regularizer"]),
        "Over the best other, %": _to_the_best,
        "P(better than none), %": lambda r: number(100 * r["wins"], 2),
        "Best on, % of data sets": lambda r: whole(100 * r["best_in"]),
    }
    if tested:
        columns |= {
            "Mean rank": lambda r: number(r["mean_rank"]),
            "Wilcoxon against none, p (Holm)": lambda r: p_value(r["wilcoxon_p_holm"]),
        }
    caption = (
        "Over the best other: 95% interval of the effect against the best of the others of its "
        "family and none, simultaneous, which contains zero; an upper end of zero rules out that "
        "it is the best. P(better than none): share of seeds, mean over data sets and cells."
    )
    if tested:
        caption += " Ranks over families of data sets, cells averaged."
    order = frame.sort_values(["best_high", "effect"], ascending=False)
    return tabulated("standing", caption, order.to_dict("records"), columns)


def _to_the_best(row: dict) -> Cell:
    low, high = row["best_low"], row["best_high"]
    return word("–") if np.isnan(high) else Cell(f"[{fixed(low, 1)}, {fixed(high, 1)}]")
