"""Whether a run repeats the published one: the sentence, and the table of all figures."""

import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.results import KEYS, Results
from rnnreg.analysis.statistics.reproduction import FILE, WHOLE, WHOLE_MARGIN
from rnnreg.analysis.tables import (
    Cell,
    Table,
    decimals_for,
    fixed,
    interval,
    number,
    p_value,
    tabulated,
    word,
)

AT = {"best": "at the best check", "final": "after the last step"}


def statement(results: Results) -> str:
    """One paragraph on whether this run repeats the published one."""
    if not (results.folder / FILE).is_file():
        return (
            "No published records of this study are in the repository (`results/published`), so "
            "there is nothing to compare this run with."
        )
    frame, whole = (pd.read_csv(results.folder / name) for name in (FILE, WHOLE))
    counts = frame["status"].value_counts()
    told = [f"{n} {status}" for status, n in counts.items()]
    exact = int(((frame["status"] == "same") & (frame["difference"] == 0)).sum())
    text = (
        f"Of {words.count(len(frame), 'published or fresh figure')}: {words.listed(told)} "
        f"({exact} to the last digit). Over all rows, fresh test losses differ from the published "
        f"ones by {words.listed([_mean(r) for r in whole.to_dict('records')])}; margin "
        f"{WHOLE_MARGIN:g}%. {_verdict(frame, whole)}"
    )
    moved = sorted(frame.loc[frame["status"] == "other data", "benchmark"].unique())
    if moved:
        text += f" Trained on other data, so not compared: {words.listed(moved)}."
    upgraded = frame["versions"].dropna().unique()
    if len(upgraded):
        text += f" Between the two runs: {'; '.join(upgraded)}."
    return text


def _mean(row: dict) -> str:
    if row["status"] == "missing":
        return f"nothing that could be compared {AT[row['criterion']]}"
    return (
        f"{fixed(row['difference'], 2, True)}% {AT[row['criterion']]} (90% interval "
        f"{fixed(row['low'], 2, True)} to {fixed(row['high'], 2, True)}: {row['status']})"
    )


def _verdict(frame: pd.DataFrame, whole: pd.DataFrame) -> str:
    """Repeats, does not, or cannot tell: of all figures together, and of each."""
    different = frame[frame["status"] == "different"]
    if len(different) or "different" in set(whole["status"]):
        rows = ["/".join(r) for r in different[KEYS].drop_duplicates().itertuples(index=False)]
        more = f" and {len(rows) - 5} others" if len(rows) > 5 else ""
        where = f", in {', '.join(f'`{r}`' for r in rows[:5])}{more}" if rows else " as a whole"
        return f"**This run does not repeat the published one{where}.**"
    if set(whole["status"]) == {"same"}:
        return "This run repeats the published one."
    return "**Whether this run repeats the published one cannot be told.**"


def comparison(results: Results) -> Table:
    """Published and fresh, figure by figure."""
    file = results.folder / FILE

    def difference(r: dict) -> Cell:
        decimals = decimals_for([r["a"], r["b"]]) + 1
        return interval(r["difference"], r["low"], r["high"], decimals, True)

    columns = words.titles(results) | {
        "At": lambda r: r["criterion"],
        "Status": lambda r: word(r["status"], r["status"] == "different"),
        "Published": lambda r: number(r["a"], 4),
        "Fresh": lambda r: number(r["b"], 4),
        "Difference": difference,
        "Margin": lambda r: number(r["margin"], 2),
        "p (Holm)": lambda r: p_value(r["p_holm"]),
    }
    caption = (
        "Mean test scores of the published run and of this one (error rate in classification, "
        "else loss: nats or squared error); difference with 90% interval. Same: identical, or the "
        "interval lies within the margin, 1.5 published standard deviations."
    )
    lines = pd.read_csv(file).to_dict("records") if file.is_file() else []
    return tabulated("reproduction", caption, lines, columns, 5)
