"""Comparisons told together: against exact laws, by hand, and which family a row belongs to."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import synthetic
from scipy import stats

from rnnreg.analysis.collect import collect
from rnnreg.analysis.families import families
from rnnreg.analysis.report import findings, sentences, shown
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics import inference, simultaneous
from rnnreg.analysis.statistics.compare import compare
from rnnreg.analysis.statistics.tuning import tuning
from rnnreg.study import records, registry
from rnnreg.study import study as studies
from rnnreg.study.facts import write as write_facts

RNG = np.random.default_rng(0)


def test_one_comparison_has_students_interval_and_p():
    x = RNG.normal(0.02, 0.03, size=8)
    found, test = simultaneous.told(x[None, None]), stats.ttest_1samp(x, 0)
    low, high = (100 * (1 - np.exp(-end)) for end in test.confidence_interval())
    assert (found.low[0], found.high[0]) == pytest.approx((low, high))
    assert found.p[0] == pytest.approx(test.pvalue)


def test_two_independent_comparisons_have_sidaks_level():
    assert stats.norm.sf(simultaneous.quantile(np.eye(2), 2)) == pytest.approx(
        (1 - np.sqrt(0.95)) / 2
    )
    assert stats.norm.sf(simultaneous.quantile(np.eye(2), 1)) == pytest.approx(1 - np.sqrt(0.95))


@pytest.mark.parametrize("correlation", [-0.9, -0.4, 0.0, 0.5, 0.99])
def test_pairs_are_those_of_the_bivariate_normal(correlation):
    z = 1.7
    exact = stats.multivariate_normal.cdf([-z, -z], cov=[[1, correlation], [correlation, 1]])
    found = simultaneous._joint(z, np.array([correlation]))
    assert found[0] == pytest.approx(exact, abs=1e-8)


def test_the_bound_is_close_to_the_law_of_seven_that_share_their_reference():
    together = np.full((7, 7), 0.5) + 0.5 * np.eye(7)
    law = np.abs(RNG.multivariate_normal(np.zeros(7), together, size=100_000)).max(1)
    exact = np.quantile(law, 0.95)
    assert exact < simultaneous.quantile(together, 2) < 1.03 * exact
    assert simultaneous.quantile(together, 2) < stats.norm.isf(0.05 / 14)  # Bonferroni's


def test_the_same_comparison_twice_counts_once():
    x = RNG.normal(size=(1, 3, 6))
    once, twice = simultaneous.told(x), simultaneous.told(np.concatenate([x, x]))
    assert twice.low == pytest.approx(np.repeat(once.low, 2))
    assert twice.p == pytest.approx(np.repeat(once.p, 2))


def test_p_is_below_five_percent_where_the_interval_excludes_zero():
    for _ in range(40):
        found = simultaneous.told(RNG.normal(0.5, 1.0, size=(5, 2, 6)) / 10)
        excluded = (found.low > 0) | (found.high < 0)
        assert ((found.p < 0.05) == excluded).all()


def test_differences_that_do_not_vary_are_defined():
    found = simultaneous.told(np.stack([np.zeros((2, 6)), np.full((2, 6), 0.1)]))
    assert found.p.tolist() == [1, 0]
    assert found.low.tolist() == pytest.approx([0, 100 * (1 - np.exp(-0.1))])
    assert found.verdicts == ["nil", "better"]


@pytest.mark.parametrize(("gain", "said"), [(0.1, "better"), (-0.1, "worse")])
def test_verdicts_need_six_seeds(gain, said):
    x = gain + RNG.normal(0, 0.001, size=(1, 1, 6))
    assert simultaneous.told(x).verdicts == [said]
    five = simultaneous.told(x[..., :5])
    assert five.verdicts == ["untested"]
    assert np.isnan(five.p).all()
    assert np.isfinite(five.low).all()


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((0.1, 3, 0.4, 2.6), "better"),
        ((-3, -0.1, -2.6, -0.4), "worse"),
        ((-1.3, 1.2, -0.99, 0.99), "nil"),
        ((-1.3, 1.2, -1.01, 0.9), "cannot tell"),
        ((-1.2, 1.3, -0.9, 1.01), "cannot tell"),
        ((0.0, 3, 0.4, 2.6), "cannot tell"),
        ((0.1, 0.5, 0.2, 0.4), "better"),  # small, but shown
    ],
)
def test_the_rule(ends, said):
    assert simultaneous.verdict(*ends) == said


def test_comparisons_with_the_best_by_hand():
    """Three that lie far apart, one of them twice: the two best cannot be told from each other."""
    wobble = RNG.normal(0, 0.001, size=(2, 1, 8))
    gain = np.stack([np.zeros((1, 8)), 0.1 + wobble[0], 0.1 + wobble[1], 0.05 + wobble[0]])
    low, high = simultaneous.against_best(gain)
    assert high[0] == high[3] == 0
    assert (high[1:3] > 0).all()
    assert (low < 0).all()
    assert low[0] == pytest.approx(-100 * (np.exp(0.1) - 1), abs=0.5)
    assert low[3] == pytest.approx(-100 * (np.exp(0.05) - 1), abs=0.5)


def test_comparisons_with_the_best_hold_together():
    """Every interval holds its true distance to the best of the others in 95 of 100 studies."""
    truth, held = np.array([0.0, 0.5, 0.5]), 0
    distance = [truth[i] - np.delete(truth, i).max() for i in range(3)]
    for _ in range(150):
        low, high = simultaneous.against_best(truth[:, None, None] + RNG.normal(size=(3, 2, 6)))
        gain = 100 * -np.expm1(-np.array(distance))
        held += bool(((low <= gain + 1e-9) & (gain <= high + 1e-9)).all())
    assert held >= 135  # of 150


def test_a_row_that_was_not_held_against_the_best_silences_no_other():
    frame = pd.DataFrame({"best_high": [np.nan, 1.2, 2.0], "verdict": "cannot tell"})
    assert findings._rivals(None, frame) == ["None is ruled out as the best."]
    assert findings._rivals(None, frame.assign(best_high=np.nan)) == []
    assert findings._rivals(None, frame.assign(verdict="untested")) == []


def test_families_are_the_eight_each_group_and_each_file_of_ones_own():
    facts = {
        "l1": {"shipped": True, "group": "penalties"},
        "zoneout": {"shipped": True, "group": "masks"},
        "word_dropout": {"shipped": True, "group": "masks"},
        "mine": {"shipped": False, "group": "masks"},
        "odd": {"shipped": True},
    }
    names = ["none", "l1", "mine", "zoneout", "early_stopping", "word_dropout", "odd"]
    assert families(facts, names) == {
        "the eight": [1, 4], "mine": [2], "masks": [3, 5], "odd": [6],
    }  # fmt: skip


def made(root, patch, regularizers, mine=(), **asked):
    synthetic.use(patch, root)
    listed = root / "rnnreg/regularizers/shipped.txt"
    listed.write_text("\n".join(n for n in synthetic.NAMES if n not in mine))
    study = synthetic.study("made", ("elnino", "trec"), ("lstm",), regularizers, 1, 6, **asked)
    synthetic.write(root, study)
    return load(root / compare(collect(study)))


def test_another_row_changes_nobody_elses_verdict(tmp_path, monkeypatch):
    few = ("none", "l1", "dropout", "zoneout")
    more = (*few, "weight_noise", "max_norm")  # a group's and a file of one's own
    tables = []
    for name, names in {"few": few, "more": more}.items():
        results = made(tmp_path / name, monkeypatch, names, mine=("max_norm",))
        tables.append(results)
    for table, keys in {"comparisons": ["benchmark"], "across": ["scope"]}.items():
        one, other = (
            r.read(table).set_index(["regularizer", "criterion", *keys]).sort_index()
            for r in tables
        )
        same = ["effect", "verdict", *("effect_low" if "benchmark" in keys else "seeds_low",)]
        for name in ("l1", "dropout"):
            assert one.loc[name, same].equals(other.loc[name, same])
    grouped = tables[1].read("across").query("scope == 'all' and criterion == 'best'")
    mine = grouped.set_index("regularizer").loc["max_norm"]
    gain = (
        tables[1]
        .scores.query("criterion == 'best'")
        .set_index(["regularizer", "benchmark", "seed"])
        .sort_index()
    )
    x = (gain.loc["none", "log"] - gain.loc["max_norm", "log"]).to_numpy().reshape(2, 6)
    alone = inference.estimate(x)
    assert mine["seeds_low"] == pytest.approx(100 * (1 - np.exp(-(alone.mean - alone.half(0.95)))))
    assert mine["p"] == pytest.approx(float(alone.p))


def test_a_group_is_corrected_for_all_of_it(tmp_path, monkeypatch):
    few = made(tmp_path / "few", monkeypatch, ("none", "zoneout"))
    more = made(tmp_path / "more", monkeypatch, ("none", "zoneout", "weight_noise"))
    width = []
    for results in (few, more):
        row = results.read("across").query("regularizer == 'zoneout' and scope == 'all'").iloc[0]
        width.append(row["seeds_high"] - row["seeds_low"])
    assert width[1] > 1.05 * width[0]


def quick(root):
    """The quick study and its published records, as if the present code had made them.

    Facts of its data are made up: tests have no prepared data.
    """
    there, asked = registry.ROOT / "results/published", studies.read("quick")
    shipped = [r for r in asked.rows if (there / asked.records(r).relative_to("results")).is_file()]
    for row in shipped:
        members = records.read(there / asked.records(row).relative_to("results"))
        now = [dataclasses.replace(m, fingerprint=row.fingerprint) for m in members]
        records.write(root / asked.records(row), now)
        facts = synthetic.facts(row.benchmark) | {"data_hash": now[0].data_hash}
        write_facts(facts, row.benchmark, root / "data/prepared")
    return dataclasses.replace(asked, rows=tuple(shipped))


def test_nothing_is_drawn_for_the_quick_study(tmp_path, monkeypatch):
    """Whatever the seed of the analysis, its findings are the same, word for word.

    Intervals, p and the bands of profiles are computed from their laws. What is left to draw is how
    often a resample of the tuning seeds repeats a choice, above six of them; here two decide, and
    their four resamples are counted.
    """
    monkeypatch.setitem(synthetic.BENCHMARKS, "us_macro", ("Forecast", "us_macro"))
    asked = quick(tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = collect(asked)  # which asks for the trials of the search: points of a sequence
    monkeypatch.setattr(np.random, "default_rng", lambda *_: pytest.fail("a number is drawn"))
    before = np.random.get_state()[1].tolist()
    results = load(compare(folder))
    assert len(results.rows) == len(asked.rows) > 30
    assert len(findings.findings(results)) == 5
    assert np.random.get_state()[1].tolist() == before
    assert results.read("selected")["stability"].between(0.25, 1).all()


def test_ten_seeds_of_the_analysis_move_one_column_and_no_sentence(tmp_path, monkeypatch):
    """Of seven tuning seeds 50,000 resamples are drawn: all 7^7 would be too many to count."""
    synthetic.use(monkeypatch, tmp_path)
    asked = synthetic.study("made", ("elnino", "trec"), ("lstm",), ("none", "l2"), 7, 6)
    synthetic.write(tmp_path, asked)
    folder, fresh = collect(asked), np.random.default_rng
    drawn, said, tables = [], [], []
    for seed in range(10):
        monkeypatch.setattr(np.random, "default_rng", lambda *_, seed=seed: fresh(100 + seed))
        if seed in (0, 9):
            compare(folder)
            found = load(folder)
            tables.append({f.stem: found.read(f.stem) for f in sorted(folder.glob("*.csv"))})
            drawn.append(tables[-1]["selected"].pop("stability").tolist())
        else:
            selected, *_ = tuning(load(folder))
            drawn.append(selected["stability"].tolist())
            records.write_text(folder / "selected.csv", selected.to_csv(index=False))
        results = load(folder)
        said.append([*findings.findings(results), findings.choice(results)])
    assert len(set(map(str, drawn))) == 10, "each seed draws its own"
    assert all(own == said[0] for own in said)
    assert all(table.equals(tables[1][name]) for name, table in tables[0].items())


def diverged(value, survivor):
    """A study in which one member of l1 diverged and one of l2 did not; their losses over naive."""

    def how(row, benefit=None):
        changed = []
        for member in original(row, benefit):
            first = member.phase == "evaluate" and member.seed == 1000
            if first and row.regularizer in ("l1", "l2") and row.benchmark == "elnino":
                factor = value if row.regularizer == "l1" else survivor
                test = dict.fromkeys(("loss", "mse", "mae"), 1.1 * factor)
                scores = {c: {**p, "test": test} for c, p in member.scores.items()}
                member = dataclasses.replace(
                    member, scores=scores, diverged=row.regularizer == "l1"
                )
            changed.append(member)
        return changed

    return how


original = synthetic.row_records


@pytest.mark.parametrize(("survivor", "counts"), [(0.9, 1.0), (1.3, 1.3)])
def test_divergence_does_not_pay(survivor, counts, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "row_records", diverged(1.0, survivor))
    results = made(tmp_path, monkeypatch, ("none", "l1", "l2", "zoneout"))
    scores = results.scores.query("benchmark == 'elnino' and seed == 1000 and criterion == 'best'")
    scores = scores.set_index("regularizer")
    for column in ("score", "test_loss"):
        assert scores.loc["l1", column] == pytest.approx(1.1 * counts)
    assert scores.loc["l1", "log"] == pytest.approx(np.log(1.1 * counts))
    assert scores.loc["l1", "log_naive"] == pytest.approx(np.log(1.1))
    assert scores.loc["l2", "score"] == pytest.approx(1.1 * survivor)
    said = sentences.diverged(results)
    told = f"{int(survivor < 1)} count at the naive score and {int(survivor > 1)} at that of"
    assert told in said
    last = findings.limits(results)
    assert f"1 of {len(results.evaluated('best'))} evaluated models diverged: {told}" in last
    checks = results.read("sensitivity").set_index(["check", "regularizer"])["effect"]
    assert (checks["diverged as naive", "l1"] > checks["as reported", "l1"]) == (survivor > 1)


def test_a_bold_mark_names_its_metric_where_the_number_is_another(tmp_path, monkeypatch):
    facts = synthetic.facts
    monkeypatch.setattr(
        synthetic, "facts", lambda b: facts(b) | ({"headline": "macro_f1"} if b == "trec" else {})
    )
    results = made(tmp_path, monkeypatch, ("none", "l2"))
    assert (
        "better than none, which is decided on the error rate."
        in shown.scores(results, "trec").caption
    )
    assert "Bold: better than none." in shown.scores(results, "elnino").caption
