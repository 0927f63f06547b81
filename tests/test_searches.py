"""Kinds of search: random draws, strengths from small to large, and folds in place of seeds."""

import random
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from own import CSV, add, make
from scripts import script
from toys import KINDS, arrays, setting

from rnnreg.analysis.report import sentences
from rnnreg.analysis.results import Results
from rnnreg.cli import main
from rnnreg.data import folds, naive
from rnnreg.data.benchmark import Splits
from rnnreg.errors import UserError
from rnnreg.study import schema, study
from rnnreg.study import search as searches
from rnnreg.study.protocol import asked, phases
from rnnreg.study.records import read
from rnnreg.study.search import Search, fold, fold_seeds
from rnnreg.study.study import Row
from rnnreg.tasks import Forecast
from rnnreg.training.estimate import members
from rnnreg.training.population import Population
from rnnreg.training.row import train
from rnnreg.training.setting import setting as resolved

STUDY = """
title: Searches
benchmarks: [house]
cells: [gru]
regularizers: [none, l2, clip_norm]
"""


@pytest.fixture
def asking(project):
    add(project, "house", CSV)

    def ask(text):
        (project / "s.yaml").write_text(STUDY + text)
        return study.read("s.yaml")

    return ask


class TestStudy:
    def test_random_trials_are_independent_draws_that_a_larger_budget_adds_to(self, asking):
        row = asking("seeds: {evaluation: 2}\nsearch: {kind: random, trials: 6}").rows[1]
        more = asking("seeds: {evaluation: 2}\nsearch: {kind: random, trials: 9}").rows[1]
        other = asking("seeds: {evaluation: 2}\nsearch: {kind: random, draw: 1}").rows[1]
        assert more.settings[:6] == row.settings
        assert other.settings[0] != row.settings[0]
        each = random.Random(0)
        rate, strength = row.settings[0]
        assert rate == searches.between(each.random(), row.search.learning_rate, "log")
        assert strength == searches.between(each.random(), row.search.strength, row.search.scale)
        sobol = asking("seeds: {evaluation: 2}\nsearch: {trials: 6}").rows[1]
        assert not {*sobol.settings} & {*row.settings}

    def test_another_kind_changes_the_request_and_no_fingerprint(self, asking):
        kinds = ["{}", "random", "{draw: 1}", "{folds: 3}"]
        rows = [asking(f"seeds: {{evaluation: 2}}\nsearch: {kind}").rows[1] for kind in kinds]
        assert len({r.request for r in rows}) == 4
        assert len({r.fingerprint for r in rows}) == 1
        assert rows[0].request == asking("seeds: {evaluation: 2}").rows[1].request
        assert "kind" not in rows[0].request, "as before there were kinds"

    def test_small_to_large_goes_from_near_off_to_far(self, asking):
        text = "seeds: {tuning: 2, evaluation: 2}\nsearch: small_to_large\n"
        text += "strengths: {l2: [1e-2, 1e-4, 1e-3], clip_norm: [0.1, 5, 1]}"
        _, l2, clip = asking(text).rows
        assert l2.strengths == (1e-4, 1e-3, 1e-2)
        assert clip.strengths == (5, 1, 0.1)
        assert l2.rising
        assert members(l2) == (2 * 2 + 2, 2 * 3 + 2 * 2)

    def test_folds_take_the_place_of_the_seeds(self, asking):
        row = asking("seeds: {evaluation: 2}\nsearch: {trials: 4, folds: 5}").rows[1]
        assert [fold(seed) for seed in row.tuning_seeds] == [(i, 5) for i in range(5)]
        assert row.search.seeds == 4
        grid = asking("seeds: {evaluation: 2}\nsearch: {kind: grid, folds: 3}").rows[1]
        assert grid.search is None
        assert grid.tuning_seeds == fold_seeds(3)

    def test_a_data_set_can_have_folds_of_its_own(self, asking, project):
        add(project, "flat", CSV)
        text = "seeds: {evaluation: 2}\nsearch: {trials: 4, seeds: 2}\nbudgets: {flat: "
        both = STUDY.replace("[house]", "[house, flat]") + text
        (project / "both.yaml").write_text(f"{both}{{steps: 9, folds: 6}}}}")
        rows = {row.benchmark: row for row in study.read("both.yaml").rows}
        assert rows["flat"].tuning_seeds == fold_seeds(6)
        assert rows["house"].tuning_seeds == (0, 1, 2)
        assert [rows[name].search.seeds for name in ("flat", "house")] == [5, 2]
        assert rows["flat"].settings == rows["house"].settings
        (project / "plain.yaml").write_text(f"{both}{{steps: 9}}}}")
        plain = {row.benchmark: row for row in study.read("plain.yaml").rows}
        assert plain["flat"].fingerprint == rows["flat"].fingerprint, "models of evaluation stay"
        grid = asking(
            "seeds: {tuning: 2, evaluation: 2}\nsearch: grid\nbudgets: {house: {folds: 3}}"
        )
        assert grid.rows[1].tuning_seeds == fold_seeds(3)

    def test_seeds_of_folds_are_no_others(self):
        every = [seed for k in range(2, schema.MOST_FOLDS + 1) for seed in fold_seeds(k)]
        assert len(every) == len({*every})
        assert min(every) > study.FIRST_EVALUATION_SEED + 2000
        assert not any(fold(seed) for seed in (*range(4000), 10_000, 10_100))


BAD = {
    "a kind": ("search: {kind: randm}", "search: kind: unknown 'randm'; did you mean 'random'?"),
    "a word": ("search: gird", "search: kind: unknown 'gird'; did you mean 'grid'?"),
    "trials of a grid": (
        "search: {kind: grid, trials: 3}",
        "search: trials: given 3, but 'grid' trains the strengths of a grid",
    ),
    "folds in words": ("search: {folds: five}", "folds: given 'five'"),
    "one fold": ("search: {folds: 1}", "search: folds: given 1, allowed are whole numbers from 2"),
    "many folds": ("search: {kind: grid, folds: 100}", "folds: given 100, allowed are whole"),
    "folds and seeds": ("search: {folds: 3, seeds: 2}", "search: seeds: given 2 beside 3 folds"),
    "one fold of a data set": (
        "search: {trials: 4}\nbudgets: {house: {folds: 1}}",
        "budgets: house: folds: given 1, allowed are whole numbers from 2 to 99",
    ),
    "a draw": ("search: {draw: -1}", "search: draw: given -1, allowed are whole numbers from 0"),
    "no tuning": ("search: small_to_large", "seeds: the key 'tuning' is missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_is_told_in_one_message(asking, case):
    text, message = BAD[case]
    with pytest.raises(UserError) as told:
        asking(f"seeds: {{evaluation: 2}}\n{text}")
    assert message in str(told.value)
    assert str(told.value).startswith("s.yaml: ")


def test_folds_and_seeds_of_tuning_are_told(asking):
    with pytest.raises(UserError, match="tuning: given 2, but folds stand in their place"):
        asking("seeds: {tuning: 2, evaluation: 2}\nsearch: {kind: grid, folds: 3}")


class Told:
    """Records by member, with validation losses that a test makes up."""

    def __init__(self, best, final=None):
        self.best, self.final = best, final or best

    def __getitem__(self, member):
        phase, rate, strength, seed = member
        scores = {
            name: {"validation": {"loss": losses[strength]}}
            for name, losses in {"best": self.best, "final": self.final}.items()
        }
        return SimpleNamespace(phase=phase, tuned=(rate, strength), seed=seed, scores=scores)


@pytest.mark.parametrize(
    ("best", "final", "tried", "chosen"),
    [
        ((3, 2, 1, 0), None, 4, {3}),  # better to the last
        ((3, 2, 4, 0), None, 3, {1}),  # worse at the third: the fourth is not seen
        ((3, 4, 0, 0), None, 2, {0}),
        ((3, 2, 4, 5), (3, 2, 1, 5), 4, {1, 2}),  # while either criterion gains
        ((3, 3, 3, 3), None, 4, {0}),  # no worse
    ],
)
def test_strengths_stop_when_validation_gets_worse_by_both_criteria(best, final, tried, chosen):
    strengths = (0.1, 0.2, 0.3, 0.4)
    row = Row("b", "gru", "l2", strengths, (0, 1), (1000,), rising=True)
    told = Told(*(dict(zip(strengths, own, strict=True)) for own in (best, final) if own))
    *tuning, evaluation = phases(row, told)
    assert [{m[2] for m in phase} for phase in tuning] == [{s} for s in strengths[:tried]]
    assert all(len(phase) == 2 for phase in tuning)
    assert {m[2] for m in evaluation} == {strengths[i] for i in chosen}


class TestFolds:
    """Each target is left out once, and what is left out is not trained on."""

    def test_of_a_series_are_blocks_in_time(self):
        task, series = Forecast(context=4, horizon=2, season=1), np.arange(44.0)[:, None]
        train = {"series": series}
        ahead = folds.in_blocks(task, train, 4)
        seen = []
        for left_out in range(4):
            inside = folds.inside(train, ahead, left_out)["starts"]
            outside = folds.outside(train, ahead, left_out)["starts"]
            targets = {int(s) + 4 + k for s in inside for k in range(2)}
            trained = {int(s) + 4 + k for s in outside for k in range(2)}
            assert not targets & trained
            assert targets == set(range(4 + 10 * left_out, 14 + 10 * left_out)), "one block"
            seen += sorted(targets)
        assert seen == list(range(4, 44))

    def test_of_windows_that_are_named_are_some_of_them(self):
        task, named = Forecast(context=4, horizon=1, season=1), np.arange(0, 40, 5)
        train = {"series": np.arange(40.0)[:, None], "starts": named}
        ahead = folds.in_blocks(task, train, 4)
        inside = [folds.inside(train, ahead, n)["starts"] for n in range(4)]
        assert sorted(np.concatenate(inside)) == list(named)
        for n, own in enumerate(inside):
            assert sorted([*own, *folds.outside(train, ahead, n)["starts"]]) == list(named)

    @pytest.mark.parametrize("kind", [k for k in KINDS if k != "series"])
    def test_of_texts_and_sequences_are_parts(self, kind):
        train = arrays(kind, 41, 0)
        facts = setting(kind).facts | {"name": kind, "classes": 3}
        splits = dict.fromkeys(("train", "validation", "test"), train)
        whole = []
        for left_out in range(3):
            made, found = folds.folded(KINDS[kind].task, facts, splits, left_out, 3)
            parts = [found["train"], found["validation"]]
            sizes = [folds._size(part) for part in parts]
            assert sum(sizes) == folds._size(train)
            assert abs(sizes[1] - sum(sizes) / 3) <= 2
            whole.append(found["validation"])
            own = Splits(*parts, parts[1], facts["symbols"], 3)
            assert made["naive"] == naive.scores(KINDS[kind].task, own)
            assert found["test"] is train
        key = "tokens" if kind == "language" else "length"
        joined = np.concatenate([part[key] for part in whole])
        assert sorted(joined.tolist()) == sorted(train[key].tolist())

    def test_of_a_classification_have_each_class(self):
        train = {"x": np.arange(12), "length": np.ones(12, int), "y": np.repeat([0, 1], [9, 3])}
        owner = folds._dealt(train, 3)
        assert all(sorted(train["y"][owner == i]) == [0, 0, 0, 1] for i in range(3))

    def test_naive_scores_of_a_fold_are_of_its_windows(self):
        task = Forecast(context=2, horizon=1, season=1)
        series = np.array([0.0, 1, 2, 3, 4, 9])[:, None]
        own = {"series": series, "starts": np.array([3])}
        scores = naive.scores(task, Splits(own, own, own))
        assert scores["last value"]["validation"]["mse"] == 25

    def test_too_many_are_told(self):
        task = Forecast(context=4, horizon=6, season=1)
        facts = setting("series").facts | {"name": "house", "classes": 0}
        splits = {n: {"series": np.zeros((40, 2))} for n in ("train", "validation", "test")}
        with pytest.raises(UserError, match="house: search: folds: given 9, but of 40 rows or"):
            folds.folded(task, facts, splits, 0, 9)


def test_members_of_a_fold_train_without_it_and_are_validated_on_it(project):
    """Each alone, by hand, on the arrays of the fold: the same validation loss to the bit."""
    add(project, "house", CSV)
    facts, splits = make(project, "house")
    budget = {"steps": 6, "checks": 2, "batch": 8}
    row = Row("house", "gru", "l2", (1e-4, 1e-2), fold_seeds(3), (1000,), budget)
    found = train(row, facts, splits)
    tuned = [r for r in found if r.phase == "tune"]
    assert len(tuned) == 6
    for r in tuned:
        own = folds.folded(Forecast(24, 12, 24), facts, splits, fold(r.seed)[0], 3)
        population = Population(resolved(row, *own), [r.strength], [r.seed])
        population.run()
        assert population.curves.loss[:, 0].tolist() == r.validation_loss
    tested = [r for r in found if r.phase == "evaluate"]
    whole = train(replace(row, strengths=(tested[0].strength,), tuning_seeds=(0,)), facts, splits)
    assert tested[0].scores == whole[-1].scores, "evaluation is of the whole split"


def test_random_draws_on_folds_from_a_study_file_to_its_tables(asking):
    search = "{kind: random, trials: 3, survivors: 2, folds: 3}"
    asking(
        f"seeds: {{evaluation: 2}}\nsearch: {search}\nbudgets: {{house: {{steps: 6, checks: 2}}}}"
    )
    assert main(["download", "--study", "s.yaml"]) == main(["prepare", "--study", "s.yaml"]) == 0
    assert main(["train", "--study", "s.yaml", "--missing", "--jobs", "1"]) == 0
    assert main(["collect", "s.yaml"]) == 0
    assert main(["compare", "results/s"]) == 0


def test_small_to_large_from_a_study_file_to_its_tables(asking):
    chosen = asking(
        "seeds: {tuning: 1, evaluation: 2}\nsearch: small_to_large\n"
        "strengths: {l2: [1e-4, 1.0, 10.0, 100.0], clip_norm: [1.0]}\n"
        "budgets: {house: {steps: 30, checks: 2}}"
    )
    assert main(["download", "--study", "s.yaml"]) == main(["prepare", "--study", "s.yaml"]) == 0
    assert main(["train", "--study", "s.yaml", "--missing", "--jobs", "1"]) == 0
    row = chosen.row("house", "gru", "l2")
    found = read(chosen.records(row))
    tried = {r.strength for r in found if r.phase == "tune"}
    assert 1 < len(tried) < 4, "strong ones are not tried"
    assert len(asked(row, {r.member: r for r in found})) == len(found)
    assert main(["collect", "s.yaml"]) == 0
    assert main(["compare", "results/s"]) == 0


def described(rows):
    """Results of a study with these rows."""
    facts = {row["benchmark"]: {"title": row["benchmark"].upper()} for row in rows}
    return Results(Path("s"), {"rows": rows, "benchmarks": facts}, pd.DataFrame())


@pytest.mark.parametrize(
    ("search", "seeds", "rising", "told"),
    [
        (None, (0, 1), False, "Each strength is tuned on 2 seeds"),
        (None, fold_seeds(5), False, "Each strength is tuned on 5 folds of the training split"),
        (None, (0,), True, "until validation gets worse, each on 1 seed"),
        (Search(8, 3, 2), (0, 1, 2), False, "8 trials of learning rate (0.0003 to 0.03) and "
         "strength on one seed; the best 3 are trained on 2 more seeds, which decide"),
        (Search(8, 3, 2, kind="random"), fold_seeds(3), False, "8 independent draws of learning "
         "rate (0.0003 to 0.03) and strength on one fold of the training split; the best 3 are "
         "trained on 2 more folds, which decide"),
    ],
)  # fmt: skip
def test_the_report_says_how_it_was_tuned(search, seeds, rising, told):
    row = {"benchmark": "a", "tuning_seeds": list(seeds), "rising": rising}
    row["search"] = search and vars(search)
    assert told in sentences._tuned(described([row]))


def test_the_report_says_where_folds_stand_for_seeds():
    seeds = {"a": fold_seeds(6), "b": (0, 1, 2), "c": fold_seeds(6)}
    rows = [
        {"benchmark": name, "tuning_seeds": [*own], "search": vars(Search(seeds=len(own) - 1))}
        for name, own in seeds.items()
    ]
    assert sentences._tuned(described(rows)).endswith(
        "on one seed; the best 3 are trained on 2 more seeds, which decide (on A and C: 6 folds of "
        "the training split in place of seeds)"
    )


def test_the_report_says_where_another_range_of_rates_is_searched():
    rows = [
        {"benchmark": name, "tuning_seeds": [0, 1, 2], "search": vars(Search(learning_rate=ends))}
        for name, ends in {"a": (3e-4, 0.1), "b": (3e-4, 0.03), "c": (3e-4, 0.03)}.items()
        for _ in range(2)  # regularizers
    ]
    told = sentences._tuned(described(rows))
    assert "rate (0.0003 to 0.03; 0.0003 to 0.1 on 1 data set) and" in told


@pytest.fixture(scope="module")
def compare():
    """The script that makes the table of docs/training.md."""
    return script("searches/compare.py")


def test_each_kind_compared_is_a_row_and_repeats_share_no_member_but_those_of_folds(compare):
    for title, search in compare.KINDS.items():
        first, second = (compare.row(search, "us_macro", "l2", repeat) for repeat in (0, 1))
        assert first.fingerprint == second.fingerprint
        drawn = "trials" in search
        assert (first.settings != second.settings) == drawn, title
        shared = {*first.tuning_seeds} & {*second.tuning_seeds}
        assert bool(shared) == ("folds" in search), title
        assert first.evaluation_seeds == second.evaluation_seeds
        assert members(first)[0] >= 12


def test_the_table_of_searches_is_that_of_its_lines(compare):
    tests = {"Sobol sequence": 1.0, "random": 1.1, "grid": 0.5, "small to large": 0.5}
    tests |= {"Sobol sequence, 5 folds": 1.2, "grid, 5 folds": 0.45}
    lines = [
        {"benchmark": benchmark, "search": title, "regularizer": name, "repeat": 0,
         "members": 9 if "small" in title else 12, "test": test * scale,
         "strength": 1.0 if name == "l2" or "small" not in title else 2.0}
        for benchmark in compare.BENCHMARKS
        for title, test in tests.items()
        for name, scale in (("l2", 1.0), ("dropout", 3.0))
    ]  # fmt: skip
    told = compare.shown(pd.DataFrame(lines))
    for benchmark in (r"us\_macro", "elnino"):
        assert f"| {benchmark} | random | 12 | 2.20 | +10.0 | +10.0 to +10.0 |" in told
        assert f"| {benchmark} | Sobol sequence | 12 | 2.00 | – | – |" in told
    assert "the whole grid finds in 2 of 4 searches, with 75% of its models." in told
    assert told.count("by +20.0% with the Sobol sequence and −10.0% with the grid.") == 2
