"""From results to prose: a result that turns must turn its sentence."""

import json

import numpy as np
import pandas as pd

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.shown import TASKS
from rnnreg.analysis.statistics import FEWEST_TO_TEST
from rnnreg.analysis.tables import fixed


def findings(results: Results) -> list[str]:
    """What was found, in five sentences whose numbers are computed."""
    if not results.has_reference:
        return [
            "This study has no row `none`, so it shows scores, but no effect of any regularizer."
        ]
    if len(results.regularizers) < 2:
        return ["This study has the row `none` only, so there is no regularizer to judge."]
    return [
        strongest(results),
        where(results),
        decided(results),
        by_itself(results),
        choice(results),
    ]


def strongest(results: Results) -> str:
    """Which regularizer helps most over all benchmarks, if any is shown to."""
    frame = _scope(results, "best", "all").sort_values("effect", ascending=False)
    top = frame.iloc[0]
    name, sets = _title(results, top), _count(len(results.benchmarks), "data set")
    effect = _effect(top)
    if np.isnan(top["seeds_low"]):
        return (f"Over {sets} the largest improvement is that of **{name}**, {effect}; with one seed "
                "nothing can be said about chance.")  # fmt: skip
    if top["seeds_low"] <= 0:
        return (f"Over {sets} **no regularizer is shown to help** once checkpoints are selected by validation: "
                f"the largest improvement, that of {name}, is {effect}.")  # fmt: skip
    helpful = frame[frame["seeds_low"] > 0]
    others = [_title(results, r) for _, r in helpful.iloc[1:4].iterrows()]
    follow = f", followed by {_list(others)}" if others else "; no other has an interval above zero"
    harmful = [_title(results, r) for _, r in frame[frame["seeds_high"] < 0].iterrows()]
    harm = f" {_capital(_list(harmful))} made things worse on average." if harmful else ""
    return (f"Over {sets}, at the best validation check, **{name}** improves the test loss most: "
            f"{effect}{follow}.{harm}")  # fmt: skip


def where(results: Results) -> str:
    """On which benchmarks and cells the largest and the smallest effects lie."""
    frame = _rows(results, "best")
    if len(results.benchmarks) == 1 and len(results.cells) == 1:
        return "With one data set and one cell, this study cannot say whether an effect depends on either."
    if len(results.benchmarks) > 1:
        best = frame.groupby("benchmark", sort=False)["effect"].max()
        most, least = best.idxmax(), best.idxmin()
        text = (f"The data matter: the best regularizer of a row gains up to {_percent(best[most])} on "
                f"{results.title('benchmarks', most)}, and at most {_percent(best[least])} on "
                f"{results.title('benchmarks', least)}")  # fmt: skip
    else:
        text = f"All results are on {results.title('benchmarks', next(iter(results.benchmarks)))}"
    if len(results.cells) > 1:
        means = frame.groupby("cell", sort=False)["effect"].median()
        text += (f"; by cell, the median effect lies between {_percent(means.min())} "
                 f"({results.title('cells', means.idxmin())}) and {_percent(means.max())} "
                 f"({results.title('cells', means.idxmax())})")  # fmt: skip
    return text + "."


def decided(results: Results, criterion: str = "best") -> str:
    """How many comparisons with none are decided."""
    if not _comparable(results):
        return "There is nothing here to compare with `none`."
    frame = _rows(results, criterion)
    n, count = int(frame["n"].iloc[0]), len(frame)
    if n < 2:
        return "There is one evaluation seed: effects have no interval and no test is made."
    if n < FEWEST_TO_TEST:
        up, down = int((frame["effect_low"] > 0).sum()), int((frame["effect_high"] < 0).sum())
        return (f"With {n} seeds no test is made; of {count} paired intervals, {up} lie wholly above zero and "
                f"{down} wholly below, where chance alone would put about {0.025 * count:.1f} on each side.")  # fmt: skip
    verdicts = frame["verdict"].value_counts()
    better, worse = int(verdicts.get("better", 0)), int(verdicts.get("worse", 0))
    detectable = fixed(frame["effect_detectable"].median(), 1)
    return (f"Of {count} comparisons with none ({n} paired seeds, Holm's correction within each data set and "
            f"cell), {better} are decided for the regularizer, {worse} against it, and {count - better - worse} stay "
            f"open; the median design could detect an improvement of {detectable}%.")  # fmt: skip


def by_itself(results: Results) -> str:
    """Effects after the last step beside those at the best check."""
    final, best = _scope(results, "final", "all"), _scope(results, "best", "all")
    top = final.sort_values("effect").iloc[-1]
    name = top["regularizer"]
    with_selection = best.set_index("regularizer").loc[name, "effect"]
    text = f"After the last step, without any selection of checkpoints, **{_title(results, top)}** leads with {_effect(top)}"
    if name != "early_stopping" and "early_stopping" in set(final["regularizer"]):
        stop = final.set_index("regularizer").loc["early_stopping"]
        text += f" (early stopping: {_effect(stop)})"
    return f"{text}; on top of selection it adds {_percent(with_selection)}."


def choice(results: Results) -> str:
    """How tuning went."""
    frame = results.read("selected").query("criterion == 'best'")
    frame = frame[frame["regularizer"] != REFERENCE]
    tuned = frame[frame["grid"] > 1]
    edge = int((tuned["edge"].fillna("") != "").sum())
    strong = int((tuned["edge"].fillna("") == "strongest").sum())
    none = int(frame["prefers_none"].sum())
    diverged = int(results.members["diverged"].sum())
    text = (f"Validation preferred none in {none} of {len(frame)} rows; {edge} of {len(tuned)} tuned strengths lie at an "
            f"edge of their grid ({strong} at the strong one)")  # fmt: skip
    if tuned["stability"].notna().any():
        text += f", and a resample of the tuning seeds repeats the choice {100 * tuned['stability'].mean():.0f}% of the time"
    else:
        text += ", and with one tuning seed nobody knows how firm the choices are"
    return f"{text}; {_count(diverged, 'member')} of {len(results.members)} diverged."


def saving(results: Results, patience: int = 5) -> str:
    """What early stopping saves and gives up."""
    if not results.has_reference:
        return "Without a row `none` there are no curves to read a saving from."
    frame = results.read("patience")
    patience = min(patience, int(frame["patience"].max()))
    here = frame[frame["patience"] == patience]
    lossless = frame.groupby("patience")["lost"].mean()
    free = lossless[lossless < 0.1]
    text = (f"With a patience of {patience} checks, early stopping would have saved {fixed(here['saved'].mean(), 0)}% of the "
            f"steps of none and given up {fixed(here['lost'].mean(), 2)}% of validation loss, on average over data sets "
            "and cells")  # fmt: skip
    if len(free):
        first = int(free.index.min())
        kept = fixed(frame[frame["patience"] == first]["saved"].mean(), 0)
        text += f"; a patience of {first} is the smallest that gives up less than 0.1% (it saves {kept}%)"
    return text + "."


def ranks(results: Results) -> str:
    """What ranks over data sets can and cannot resolve."""
    if not results.has_reference:
        return "Ranks need effects, and effects need a row `none`."
    frame = (
        results.read("across")
        .query("criterion == 'best' and scope == 'all'")
        .sort_values("mean_rank")
    )
    families, critical, p = (
        int(frame["families"].iloc[0]),
        frame["critical_difference"].iloc[0],
        frame["friedman_p"].iloc[0],
    )
    top = frame.iloc[0]
    lead = f"The best mean rank is that of {_title(results, top)} ({fixed(top['mean_rank'], 2)} of {len(frame)})"
    if np.isnan(critical):
        return (f"{lead}. With {_count(families, 'family', 'families')} of data sets no test of ranks is made: "
                f"it takes at least {FEWEST_TO_TEST}.")  # fmt: skip
    against = "rejects" if p < 0.05 else "does not reject"
    apart = frame[frame["wilcoxon_p_holm"] < 0.05]
    names = [_title(results, r) for _, r in apart.iterrows()]
    named = _list(names) if len(names) < 6 else f"{len(names)} of {len(frame) - 1} regularizers"
    return (
        f"{lead}. Friedman's test {against} that all are alike (p {_p(p)}, {families} families); "
        f"ranks must differ by {fixed(critical, 2)} to be told apart by Nemenyi's test. Wilcoxon's test "
        f"with Holm's correction separates {named or 'no regularizer'} from none."
    )


def overfitting(results: Results) -> str:
    """Whether there was anything to regularize."""
    frame = results.read("diagnostics")
    none = frame[frame["regularizer"] == REFERENCE]
    if none.empty:
        return ""
    ends = results.scores[results.scores["regularizer"] == REFERENCE]
    loss = ends.pivot_table(
        index=["benchmark", "cell"], columns="criterion", values="validation_loss"
    )
    rise = 100 * (loss["final"] / loss["best"] - 1)
    past = int((rise > 1).sum())
    text = (f"Without regularization, validation loss rises by more than 1% after its best check in {past} of {len(rise)} pairs of "
            f"data set and cell (median rise {fixed(rise.median(), 1)}%).")  # fmt: skip
    if past < len(rise) / 2:
        text += " Where it does not rise, the budget ends before over-fitting begins, and there is little to regularize."
    return text


def diverged(results: Results) -> str:
    """Which rows diverged."""
    members = results.members
    bad = members[members["diverged"]]
    if bad.empty:
        return f"None of the {len(members)} members diverged."
    rows = bad.groupby(["cell", "regularizer"]).size().sort_values(ascending=False)
    (cell, name), most = rows.index[0], int(rows.iloc[0])
    verb = "counts" if len(bad) == 1 else "count"
    return (f"{_count(len(bad), 'member')} of {len(members)} diverged and {verb} at the naive score, most often "
            f"{results.title('cells', cell)} with {results.title('regularizers', name)} ({most}).")  # fmt: skip


def benchmark(results: Results, name: str) -> str:
    """One paragraph on one benchmark."""
    frame = _rows(results, "best", name)
    facts = results.benchmarks[name]
    text = f"{facts['title']} ({TASKS.get(facts['task'], facts['task'])}; {facts['setting']}). "
    if frame.empty or not results.has_reference:
        return text
    best = frame.loc[frame["effect"].idxmax()]
    sure = frame[frame["effect_low"] > 0]
    text += (f"The largest improvement is {_title(results, best)} with {results.title('cells', best['cell'])}: "
             f"{_effect(best, 'effect')}. ")  # fmt: skip
    text += f"Of {len(frame)} intervals {len(sure)} lie wholly above zero and {int((frame['effect_high'] < 0).sum())} wholly below."
    return text


def setup(results: Results) -> str:
    """The size of the study, its seeds and its machine."""
    rows, members = results.rows, results.members
    tuning, evaluation = len(rows["tuning_seeds"].iloc[0]), len(rows["evaluation_seeds"].iloc[0])
    sizes = [
        _count(len(results.study[kind]), noun)
        for kind, noun in (
            ("benchmarks", "data set"),
            ("cells", "cell"),
            ("regularizers", "regularizer"),
        )
    ]
    versions = {k: v for text in members["versions"].unique() for k, v in json.loads(text).items()}
    made = _list([f"{name} {version}" for name, version in sorted(versions.items())])
    return (
        f"The study crosses {_list(sizes)} (none among them): {_count(len(rows), 'row')}, {len(members)} "
        f"trained models, {fixed(members['seconds'].sum() / 3600, 1)} hours of "
        f"{_list(sorted(members['device'].unique()))} time ({made}). Each strength is tuned on "
        f"{_count(tuning, 'seed')}; the chosen one is evaluated on {_count(evaluation, 'fresh seed')}."
    )


def _comparable(results: Results) -> bool:
    """Whether the study has `none`, and something beside it."""
    return results.has_reference and len(results.regularizers) > 1


def _scope(results: Results, criterion: str, scope: str) -> pd.DataFrame:
    frame = results.read("across")
    frame = frame[(frame["criterion"] == criterion) & (frame["scope"] == scope)]
    return frame[frame["regularizer"] != REFERENCE]


def _rows(results: Results, criterion: str, benchmark: str | None = None) -> pd.DataFrame:
    frame = results.read("comparisons")
    frame = frame[(frame["criterion"] == criterion) & (frame["regularizer"] != REFERENCE)]
    return frame if benchmark is None else frame[frame["benchmark"] == benchmark]


def _title(results: Results, row: pd.Series) -> str:
    return results.title("regularizers", row["regularizer"])


def _effect(row: pd.Series, over: str = "seeds") -> str:
    text = _percent(row["effect"])
    if np.isfinite(row[f"{over}_low"]):
        text += f" (95% interval {fixed(row[f'{over}_low'], 1, True)} to {fixed(row[f'{over}_high'], 1, True)})"
    return text


def _percent(value: float) -> str:
    return f"{fixed(value, 1, True)}%"


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def _list(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
