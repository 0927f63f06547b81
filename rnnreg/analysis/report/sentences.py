"""Sentences of the report's sections, computed from results like those of `findings`."""

import json
from collections import Counter

import numpy as np
import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.report.shown_regime import clause
from rnnreg.analysis.report.shown_setup import TASKS
from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.statistics.advice import pick
from rnnreg.analysis.tables import fixed
from rnnreg.study import registry

LITTLE = 0.1  # percent of validation loss: what a reader would give up without regret
COVERAGE = registry.ROOT / "report/coverage.csv"  # from tests/test_analysis_coverage.py
LAWS = {"heavy": "heavy-tailed", "skewed": "strongly skewed"}


def setup(results: Results) -> str:
    """The size of the study, its seeds and its machine."""
    rows, members = results.rows, results.members
    evaluation = len(rows["evaluation_seeds"].iloc[0])
    kinds = {"benchmarks": "data set", "cells": "cell", "regularizers": "regularizer"}
    sizes = [words.count(len(results.study[kind]), noun) for kind, noun in kinds.items()]
    versions = {k: v for text in members["versions"].unique() for k, v in json.loads(text).items()}
    made = words.listed([f"{name} {version}" for name, version in sorted(versions.items())])
    included = " (`none` among them)" if results.has_reference else ""
    return (
        f"The study crosses {words.listed(sizes)}{included}: {words.count(len(rows), 'row')}, "
        f"{len(members)} trained models, {words.duration(members['seconds'].sum())} of "
        f"{words.devices(results)} time ({made}). {_tuned(results)}; the chosen one is "
        f"evaluated on {words.count(evaluation, 'fresh seed')}."
    )


def _tuned(results: Results) -> str:
    """How settings were tuned, in the words of the search's kind; folds stand for seeds."""
    rows, folded = {r["benchmark"]: r for r in results.study["rows"]}, results.on_folds
    seeded = [name for name in rows if name not in folded]
    row = rows[(seeded or folded)[0]]
    seeds, search = row["tuning_seeds"], row.get("search")
    one, of = ("seed", "") if seeded else ("fold", " of the training split")
    folds = ""
    if seeded and folded:
        names = words.data_sets(results, folded)
        counts = sorted({len(rows[name]["tuning_seeds"]) for name in folded})
        told = words.listed([*map(str, counts)])
        folds = f" (on {names}: {told} folds of the training split in place of seeds)"
    if search is None:
        tried = "Each strength is tuned"
        if row.get("rising"):
            tried = "Strengths are tried from weak to strong, until validation gets worse, each"
        return f"{tried} on {words.count(len(seeds), one)}{of}{folds}"
    own = {name: tuple(r["search"]["learning_rate"]) for name, r in rows.items()}
    ((low, high), _), *others = Counter(own.values()).most_common()
    rates = f"{low:g} to {high:g}"
    for (low, high), count in others:
        rates += f"; {low:g} to {high:g} on {words.count(count, 'data set')}"
    drawn = "independent draw" if search.get("kind") == "random" else "trial"
    return (
        f"Every regularizer, none included, has {words.count(search['trials'], drawn)} of "
        f"learning rate ({rates}) and strength on one {one}{of}; the best "
        f"{search['survivors']} are trained on {words.count(search['seeds'], f'more {one}')}, "
        f"which decide{folds}"
    )


def described(results: Results) -> str:
    """What the figure of effects shows, for those who cannot see it."""
    if not words.comparable(results):
        return ""
    frame = words.scope(results, "best").sort_values("effect")
    ends = [
        f"{words.name(results, r)}, {words.effect(r)}" for _, r in frame.iloc[[-1, 0]].iterrows()
    ]
    return (
        f"Dots with intervals, a line a regularizer ({len(frame)}), a panel a group of data sets. "
        f"Over all data sets the largest effect is that of {ends[0]}; the smallest {ends[1]}"
    )


def meaning(results: Results) -> str:
    """What verdicts say of families and of groups of data sets; the rest stays open."""
    if not words.comparable(results) or "untested" in set(words.scope(results, "best")["verdict"]):
        return ""
    return " ".join(filter(None, [_by_family(results), _by_data(results)]))


def _by_family(results: Results) -> str:
    """In which families a regularizer is better than none."""
    frame = words.scope(results, "best").set_index("regularizer")
    groups = results.groups(list(frame.index))
    if len(groups) < 2:
        return ""
    better = {
        g: int((frame.loc[names, "verdict"] == "better").sum()) for g, names in groups.items()
    }
    told = [f"{group} ({n} of {len(groups[group])})" for group, n in better.items() if n]
    where = f"{len(told)} of {len(groups)} families: {words.listed(told)}" if told else "no family"
    return (
        f"Over all data sets a regularizer is shown to help in {where}. Families are not tested "
        "against each other: which helps most cannot be told."
    )


def _by_data(results: Results) -> str:
    """What helps on each group of data sets; it depends on them only where intervals say so."""
    scopes = dict.fromkeys(facts["group"] for facts in results.benchmarks.values())
    frames = {s: words.scope(results, "best", s) for s in scopes}
    frames = {s: frame.set_index("regularizer", drop=False) for s, frame in frames.items()}
    if len(frames) < 2:
        return ""
    picks = {s: pick(frame) for s, frame in frames.items()}
    shown = {s: name for s, name in picks.items() if name != REFERENCE}
    if not shown:
        return f"On {words.listed(list(scopes))}, each alone, no regularizer is shown to help."
    told = [f"{results.title('regularizers', name)} on {s}" for s, name in shown.items()]
    text = f"The largest improvement that is shown is that of {words.listed(told)}"
    found = list(dict.fromkeys(shown.values()))
    if len(shown) < len(scopes):
        text += f", and none is shown on {words.listed([s for s in scopes if s not in shown])}"
    elif len(found) == 1:
        return f"{text}: it helps on each."
    apart = []
    for name in found:
        own = [frame.loc[name] for frame in frames.values() if name in frame.index]
        if max(row["seeds_low"] for row in own) > min(row["seeds_high"] for row in own):
            apart.append(results.title("regularizers", name))
    if not apart:
        return f"{text}: whether what helps depends on the data cannot be told."
    return (
        f"{text}. What helps depends on the data: the intervals of {words.listed(apart)} on "
        "different groups do not overlap."
    )


def ranks(results: Results) -> str:
    """What ranks over data sets resolve; nothing where they are not tested."""
    if not results.has_reference:
        return ""
    frame = results.read("across").query("criterion == 'best' and scope == 'all'")
    frame = frame.sort_values("mean_rank")
    top = frame.iloc[0]
    if np.isnan(top["critical_difference"]):
        return ""
    against = "rejects" if top["friedman_p"] < 0.05 else "does not reject"
    apart = frame[frame["wilcoxon_p_holm"] < 0.05]
    names = [words.name(results, r) for _, r in apart.iterrows()]
    named = (
        words.listed(names) if len(names) < 6 else f"{len(names)} of {len(frame) - 1} regularizers"
    )
    return (
        f"Friedman's test {against} that all are alike (p {words.p(top['friedman_p'])}, "
        f"{words.count(int(top['families']), 'family', 'families')} of data sets); mean ranks must "
        f"differ by {fixed(top['critical_difference'], 2)} to be told apart by Nemenyi's test. "
        f"Wilcoxon's test with Holm's correction separates {named or 'no regularizer'} from none."
    )


def saving(results: Results, patience: int = 5) -> str:
    """What early stopping saves and gives up, a group of data sets at a time."""
    if not results.has_reference:
        return "Without a row `none` there are no curves to read a saving from."
    frame = results.read("patience")
    group = frame["benchmark"].map({b: f["group"] for b, f in results.benchmarks.items()})
    means = frame.groupby([group, "patience"], sort=False)[["saved", "lost"]].mean()
    patience = min(patience, int(frame["patience"].max()))
    told = [_saved(name, means.loc[name], patience) for name in dict.fromkeys(group)]
    return (
        "At the best check early stopping can only end at the same or at a higher validation "
        f"loss: it saves steps. With a patience of {words.count(patience, 'check')}, on average "
        f"over data sets and cells: {'; '.join(told)}."
    )


def _saved(group: str, means: pd.DataFrame, patience: int) -> str:
    here, free = means.loc[min(patience, means.index.max())], means[means["lost"] < LITTLE]
    text = (
        f"{group}, {fixed(here['saved'], 0)}% of the steps of none saved and its validation loss "
        f"raised by {fixed(here['lost'], 2)}%"
    )
    if len(free):
        text += (
            f" (a patience of {free.index[0]} is the smallest that raises it by less than "
            f"{LITTLE}%, and saves {fixed(free.iloc[0]['saved'], 0)}%)"
        )
    return text


def overfitting(results: Results) -> str:
    """Whether there was anything to regularize."""
    none = results.scores[results.scores["regularizer"] == REFERENCE]
    if none.empty:
        return ""
    loss = none.pivot_table(
        index=["benchmark", "cell"], columns="criterion", values="validation_loss"
    )
    rise = 100 * (loss["final"] / loss["best"] - 1)
    past = int((rise > 1).sum())
    text = (
        "Without regularization, validation loss ends more than 1% above its best check in "
        f"{past} of {words.count(len(rise), 'pair')} of data set and cell (median "
        f"{fixed(rise.median(), 1)}%)."
    )
    if past < len(rise) / 2:
        text += (
            " Elsewhere it does not turn within the budget; whether there is something to "
            "regularize is told by the gap to training loss, in the table of regimes."
        )
    return text


def diverged(results: Results) -> str:
    """Which rows diverged, and what they count as."""
    members = results.members
    bad = members[members["diverged"]]
    if bad.empty:
        return f"None of the {len(members)} members diverged."
    by_row = bad.groupby(["cell", "regularizer"]).size().sort_values(ascending=False)
    (cell, name), most = by_row.index[0], int(by_row.iloc[0])
    return (
        f"{words.count(len(bad), 'member')} of {len(members)} diverged, most often "
        f"{results.title('cells', cell)} with {results.title('regularizers', name)} ({most}). Of "
        f"those evaluated, {counted(results)[2]}, where that is worse than naive."
    )


def counted(results: Results) -> tuple[int, int, str]:
    """Of the members evaluated at the best check: how many diverged, of all, counted as what.

    The others are of tuning, which no score rests on.
    """
    scores = results.scores[results.scores["criterion"] == "best"]
    bad = scores[scores["diverged"]]
    worse = int((bad["log"] > bad["log_naive"]).sum())
    told = f"{len(bad) - worse} count at the naive score and {worse} at that of the worst which"
    return len(bad), len(scores), f"{told} did not diverge"


def coverage(simulated: pd.DataFrame | None = None) -> str:
    """What intervals cover in simulation; a line a law of differences, strata and seeds."""
    frame = pd.read_csv(COVERAGE) if simulated is None else simulated
    least = frame.loc[frame["simultaneous"].idxmin()]
    low, high, one_low, one_high = (
        f"{100 * end:.0f}"
        for column in ("simultaneous", "bootstrap")
        for end in (frame[column].min(), frame[column].max())
    )
    return (
        f"With {frame['seeds'].min()} to {frame['seeds'].max()} seeds these intervals cover {low} "
        f"to {high}% in simulation ({frame['studies'].min()} studies a case), least for "
        f"{LAWS.get(least['law'], least['law'])} differences in "
        f"{words.count(least['strata'], 'pair')} of data set and cell; a percentile bootstrap of "
        f"one comparison covers {one_low} to {one_high}%."
    )


def sensitivity(results: Results) -> str:
    """Which verdicts over all data sets change when they are measured in another way."""
    frame = results.read("sensitivity")
    if frame.empty:
        return ""
    wide = frame.pivot(index="regularizer", columns="check", values="verdict")
    wide = wide.drop(columns="interquartile mean")
    moved = wide.ne(wide["as reported"], axis=0)
    names = [results.title("regularizers", n) for n in wide.index[moved.any(axis=1)]]
    count = len(names)
    if count > 5:
        names = [*names[:4], f"{count - 4} others"]
    if not names:
        return (
            f"None of the {len(wide)} verdicts over all data sets changes in any of these checks."
        )
    return (
        f"The verdict over all data sets changes in one of these checks at least for "
        f"{words.listed(names)} ({count} of {len(wide)})."
    )


def benchmark(results: Results, name: str) -> str:
    """One paragraph on one benchmark."""
    facts = results.benchmarks[name]
    text = f"{words.capital(TASKS.get(facts['task'], facts['task']))}; {facts['setting']}. "
    text += clause(results, name)
    if not words.comparable(results):
        return text
    frame = words.rows(results, "best", name)
    if "untested" in set(frame["verdict"]):
        return text
    shown = frame[frame["verdict"] == "better"]
    if len(shown):
        best = shown.loc[shown["effect"].idxmax()]
        text += (
            f" The largest improvement that is shown is that of {words.name(results, best)} with "
            f"{results.title('cells', best['cell'])}: {words.judged(best, 'effect')}."
        )
    return f"{text} Of {words.count(len(frame), 'row')}, {words.verdicts(frame)}."
