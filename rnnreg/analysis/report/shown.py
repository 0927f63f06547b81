"""The tables of the report's results, built from the tables of numbers."""

import numpy as np
import pandas as pd

from rnnreg.analysis.report.shown_pays import prediction
from rnnreg.analysis.report.shown_robustness import robustness
from rnnreg.analysis.report.shown_rows import criterion_rows, diagnostics, every_row, selection
from rnnreg.analysis.report.shown_setup import TASKS, data, models, naive, regularizers
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import (
    Cell,
    Table,
    decimals_for,
    fixed,
    interval,
    number,
    p_value,
    strength,
    whole,
    word,
)
from rnnreg.study import records


def tables(results: Results) -> list[Table]:
    """Every table of the report that is also written for papers."""
    found = [data(results), models(results), regularizers(results), naive(results), across(results)]
    found += [
        advice(results),
        sensitivity(results),
        ranks(results),
        prediction(results),
        robustness(results),
        selection(results),
        every_row(results),
        every_row(results, "final"),
    ]
    found += [diagnostics(results), *(scores(results, b) for b in results.benchmarks)]
    return [t for t in found if t.rows]


def write(results: Results) -> None:
    """Write every table of `tables` as CSV, Markdown and LaTeX under tables/."""
    for table in tables(results):
        kinds = {"csv": table.as_csv(), "md": table.as_markdown(), "tex": table.as_latex()}
        for kind, text in kinds.items():
            records.write_text(results.folder / "tables" / f"{table.name}.{kind}", text)


def scores(results: Results, benchmark: str, criterion: str = "best") -> Table:
    """Test scores on one benchmark: a row a regularizer, a column a cell."""
    frame = criterion_rows(results, criterion)
    frame = frame[frame["benchmark"] == benchmark].set_index(["regularizer", "cell"])
    facts = results.benchmarks[benchmark]
    decimals = decimals_for(frame["score"])
    rows = []
    for name in results.regularizers:
        cells = []
        for cell in results.cells:
            if (name, cell) not in frame.index:  # it makes no sense here
                cells.append(word("–"))
                continue
            r = frame.loc[(name, cell)]
            better = r["verdict"] == "better"
            cells.append(
                interval(r["score"], r["score_low"], r["score_high"], decimals, strong=better)
            )
        rows.append((word(results.title("regularizers", name)), *cells))
    metric = facts["metrics"][facts["headline"]]
    caption = (
        f"{facts['title']}: {metric['label']} on the test split ({metric['better']} is better), "
        f"mean and 95% interval over seeds, each alone. Bold: better than none{decided_on(facts)}."
    )
    columns = ("Regularizer", *(results.title("cells", c) for c in results.cells))
    return Table(f"scores_{benchmark}", caption, columns, rows)


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
    scopes = list(frame["scope"].unique())
    shown = [("best", s) for s in scopes] + [("final", "all")]
    order = frame[frame["scope"] == "all"]
    order = order.sort_values(["criterion", "effect"], ascending=[True, False])
    rows = []
    # Those of the best check first, those that are not everywhere last.
    for name in dict.fromkeys([*order["regularizer"], *frame["regularizer"]]):
        found = {key: wide.loc[(name, *key)] for key in shown if (name, *key) in wide.index}
        cells = [_effect(found[key], "seeds") if key in found else word("–") for key in shown]
        new = _effect(found[shown[0]], "sets") if shown[0] in found else word("–")
        rows.append((word(results.title("regularizers", name)), *cells[:1], new, *cells[1:]))
    columns = (
        "Regularizer",
        "All",
        "All, for new data sets",
        *(f"{s[0].upper()}{s[1:]}" for s in scopes[1:]),
        "All, after the last step",
    )
    caption = (
        "Relative improvement over none in percent: geometric mean over data sets and cells, with "
        "a 95% interval over seeds for these data sets, simultaneous within a family of "
        "regularizers; second column: the interval for new data sets, each alone (none below six "
        "families of them). Bold: better. A dash: it restores its best check, so at the best check "
        "it can only save steps; or it makes no sense on one of the data sets."
    )
    return Table("across", caption, columns, rows)


def _effect(row: pd.Series, over: str) -> object:
    low, high = row[f"{over}_low"], row[f"{over}_high"]
    if over == "sets" and np.isnan(low):
        return word("–")
    better = over == "seeds" and row["verdict"] == "better"
    return interval(row["effect"], low, high, 1, True, strong=better)


def advice(results: Results) -> Table:
    """Which should I use? Picked on validation, shown on test, by task and cell."""
    if not results.has_reference or len(results.regularizers) < 2:
        return Table("advice", "", ())
    frame = results.read("advice")
    rows = []
    for r in frame.to_dict("records"):
        everywhere, none = r["scope"] == "all", r["regularizer"] == REFERENCE
        rows.append(
            (
                word("all" if everywhere else TASKS.get(r["task"], r["task"])),
                word("all" if everywhere else results.title("cells", r["cell"])),
                word(results.title("regularizers", r["regularizer"]), r["verdict"] == "better"),
                word("–" if none else r["verdict"]),
                interval(r["effect"], r["effect_low"], r["effect_high"], 1, True),
                number(r["detectable"], 2),
                word(results.title("regularizers", r["hindsight"])),
                number(r["regret"], 2),
                number(r["over_always"], 2, True),
                word("–") if none else strength(r["strength"]),
                number(r["cost"], 2),
            )
        )
    always = results.title("regularizers", frame["always"].iloc[0]) if len(frame) else ""
    columns = (
        "Task",
        "Cell",
        "Picked on validation",
        "On test",
        "Effect on test, %",
        "Smallest detectable, %",
        "Best in hindsight",
        "Missed, points",
        f"Over always {always}, points",
        "Start at strength",
        "Time, relative",
    )
    caption = (
        "Which should I use? For each task and cell, and over all, the regularizer with the "
        "largest improvement on validation among those shown to improve it there, else none; and "
        "what it then did on the test split. Missed: how much more the best on test did, which "
        "chance alone makes positive. Over always: how much more than the one with the largest "
        "effect on test over all data sets. Smallest detectable: the effect that a paired t-test "
        "on one data set, corrected for its family, finds with power 0.8. Strength: the median of "
        "those chosen. Time: of training, over that of none, which looks dearer than it is: its "
        "population is smaller."
    )
    return Table("advice", caption, columns, rows, 4)


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
    checks = {key: title for key, title in checks.items() if key in set(frame["check"])}
    rows = []
    for name in frame["regularizer"].unique():
        cells = [_effect(wide.loc[(name, key)], "seeds") for key in checks]
        row = word(results.title("regularizers", name)), *cells
        if left:
            out = wide.loc[name].loc[left]["effect"]
            for label in (out.idxmin(), out.idxmax()):
                without = results.title("benchmarks", label.removeprefix("without "))
                row += (_effect(wide.loc[(name, label)], "seeds"), word(without))
        rows.append(row)
    columns = ("Regularizer", *checks.values())
    if left:
        columns += ("One set left out: lowest, %", "Left out", "Highest, %", "Left out ")
    caption = (
        "Effects over all data sets at the best check, measured in other ways. Diverged at naive: "
        "a member that diverged counts as the naive score, not as the worst that did not diverge. "
        "Scaled: test loss (error rate in classification) from naive (0) to the best row of a data "
        "set (100), difference from none. Interquartile mean: of the middle half of all runs. "
        "Bold: better."
    )
    return Table("sensitivity", caption, columns, rows)


def ranks(results: Results) -> Table:
    """Mean ranks and tests over families of data sets."""
    if not results.has_reference:
        return Table("ranks", "", ())
    frame = (
        results.read("across")
        .query("criterion == 'best' and scope == 'all'")
        .sort_values("mean_rank")
    )
    rows = [
        (
            word(results.title("regularizers", r["regularizer"])),
            number(r["mean_rank"]),
            whole(100 * r["best_in"]),
            p_value(r["wilcoxon_p_holm"]),
            number(100 * r["wins"], 2),
            _to_the_best(r),
        )
        for r in frame.to_dict("records")
    ]
    columns = (
        "Regularizer",
        "Mean rank",
        "Best on, % of data sets",
        "Wilcoxon against none, p (Holm)",
        "P(better than none), %",
        "Over the best other, %",
    )
    caption = (
        "Ranks over families of data sets, cells averaged. P(better than none): share of seeds, "
        "mean over data sets and cells. Over the best other: 95% interval of the effect against "
        "the best of the others of its family and none, simultaneous, which contains zero; an "
        "upper end of zero rules out that it is the best."
    )
    return Table("ranks", caption, columns, rows)


def _to_the_best(row: dict) -> Cell:
    low, high = row["best_low"], row["best_high"]
    if np.isnan(high):
        return word("–")
    return Cell(f"[{fixed(low, 1)}, {fixed(high, 1)}]", float(high))
