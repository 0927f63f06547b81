"""One study worked by hand: two data sets, one cell, three regularizers, six seeds.

Test losses of El Nino are exp(seed) without regularization, and exp(seed - gain + wobble) with: the
seeds differ much (by 0.1 each), the wobbles little (0.01), so whoever forgets to pair sees nothing.
The wobbles of L2 and dropout have mean zero and no correlation with each other: squared error
6 x 0.01^2 / 5 / 6 = 0.00002, and the two intervals together are Sidak's: each at 1 - sqrt(0.95).

    gain on              L2      dropout
    El Nino, validation  +0.10   +0.05      L2 is picked ...
    El Nino, test        +0.10   +0.20      ... and misses what dropout does
    TREC, validation     -0.10    0.00      none is picked
    TREC, test           -0.10   about 0
"""

import dataclasses
import math

import numpy as np
import pytest
import synthetic
from scipy import stats

from rnnreg.analysis import words
from rnnreg.analysis.collect import collect
from rnnreg.analysis.report import findings, sentences, shown, shown_claims
from rnnreg.analysis.report.shown_setup import TASKS
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.study import records

SEEDS = np.arange(6) * 0.1
WOBBLE = {
    "none": np.zeros(6),
    "l2": 0.01 * np.array([1, -1, 1, -1, 1, -1]),
    "dropout": 0.01 * np.array([1, 1, -1, -1, 0, 0]) * math.sqrt(1.5),
}
GAIN = {
    ("elnino", "validation"): {"none": 0.0, "l2": 0.10, "dropout": 0.05},
    ("elnino", "test"): {"none": 0.0, "l2": 0.10, "dropout": 0.20},
    ("trec", "validation"): {"none": 0.0, "l2": -0.10, "dropout": 0.0},
    ("trec", "test"): {"none": 0.0, "l2": -0.10, "dropout": 0.0},
}
ERROR = math.sqrt(0.00002)  # of the mean of six paired differences
TARGETS = 2_000_000  # so many that half an error more or less changes nothing
CURVES = {  # validation losses at checks 1 to 4; none over-fits on El Nino alone
    ("elnino", "none"): [4.0, 2.0, 3.0, 3.0],
    ("elnino", "l2"): [2.0, 1.0, 1.0, 1.0],
    ("elnino", "dropout"): [4.0, 3.0, 2.5, 2.2],
    ("trec", "none"): [4.0, 2.0, 2.0, 2.01],
    ("trec", "l2"): [4.0, 3.0, 2.0, 1.5],
    ("trec", "dropout"): [4.0, 2.0, 1.0, 1.0],
}


def losses(benchmark, regularizer, part):
    """The six seeds' losses on a split; of the error rate on TREC."""
    scale = 0.1 if benchmark == "trec" else 1.0
    gain = GAIN[benchmark, part][regularizer]
    return scale * np.exp(SEEDS - gain + WOBBLE[regularizer])


def metrics(benchmark, value):
    if benchmark == "elnino":
        return {"loss": value, "mse": value, "mae": value}
    return {"loss": value, "error": value, "accuracy": 1 - value, "macro_f1": 1 - value}


def by_hand(row, benefit=None):
    """A row's records, its scores and curves written over."""
    generated = {
        (m.phase, m.strength * (m.phase == "tune"), m.seed): m for m in original(row, benefit)
    }
    curve = CURVES[row.benchmark, row.regularizer]
    chosen = row.strengths[min(1, len(row.strengths) - 1)]
    return [_written_over(row, member, curve, chosen) for member in generated.values()]


def _written_over(row, member, curve, chosen):
    """The second strength of a grid is 10% better than none when tuned, the others 10% worse."""
    if member.phase == "tune":
        good = {"none": 1.0}.get(row.regularizer, 0.9 if member.strength == chosen else 1.1)
        scale = 0.1 if row.benchmark == "trec" else 1.0  # an error rate of one tenth
        value = {"train": scale, "validation": scale * good}
    else:
        place = row.evaluation_seeds.index(member.seed)
        value = {
            p: losses(row.benchmark, row.regularizer, p)[place] for p in ("validation", "test")
        }
        value["train"] = 0.5 * value["test"]
    scores = {
        c: {p: metrics(row.benchmark, v) for p, v in value.items()} for c in ("best", "final")
    }
    if member.phase == "evaluate" and row.regularizer == "none":  # where over-fitting is counted
        scores["final"]["validation"]["loss"] *= {"elnino": 1.5, "trec": 1.004}[row.benchmark]
    return dataclasses.replace(
        member,
        strength=member.strength if member.phase == "tune" else chosen,
        scores=scores,
        validation_loss=curve,
        check_steps=[10, 20, 30, 40],
        best_step=10 * (int(np.argmin(curve)) + 1),
        seconds=2.0 if row.regularizer == "l2" else 1.0,
        diverged=False,
    )


original = synthetic.row_records


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("worked")
    with pytest.MonkeyPatch.context() as patch:
        facts = synthetic.facts
        sizes = {"train": TARGETS, "validation": TARGETS, "test": TARGETS}
        patch.setattr(synthetic, "facts", lambda b: facts(b) | {"sizes": sizes})
        patch.setattr(synthetic, "row_records", by_hand)
        synthetic.use(patch, root)
        study = synthetic.study("worked", ("elnino", "trec"), ("lstm",), tuple(WOBBLE), 2, 6)
        synthetic.write(root, study)
        yield load(root / compare(collect(study)))


def percent(gain):
    """An effect from a gain, on paper."""
    return 100 * (1 - math.exp(-gain))


def line(results, table, **where):
    frame = results.read(table)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1, (table, where)
    return frame.iloc[0]


def row(results, benchmark, regularizer):
    where = {"benchmark": benchmark, "regularizer": regularizer, "criterion": "best"}
    return line(results, "comparisons", **where)


SIDAK = stats.t.isf((1 - math.sqrt(0.95)) / 2, 5)


def test_effects_and_intervals_are_those_of_paper(results):
    for benchmark, gains in (("elnino", {"l2": 0.1, "dropout": 0.2}), ("trec", {"l2": -0.1})):
        for name, gain in gains.items():
            found = row(results, benchmark, name)
            assert found["effect"] == pytest.approx(percent(gain), abs=2e-3)
            half = SIDAK * ERROR
            ends = percent(gain - half), percent(gain + half)
            assert (found["effect_low"], found["effect_high"]) == pytest.approx(ends, abs=2e-3)
    none = row(results, "elnino", "none")
    assert none["verdict"] == "reference"
    assert (none["effect"], none["effect_low"], none["effect_high"]) == (0, 0, 0)


def test_p_is_corrected_for_two(results):
    found = row(results, "trec", "dropout")  # a mean of zero but for rounding
    assert found["p"] > 0.9
    alone = row(results, "elnino", "l2")["p"]
    assert alone == pytest.approx(2 * stats.t.sf(0.1 / ERROR, 5))
    together = row(results, "elnino", "l2")["p_adjusted"]
    assert together == pytest.approx(1 - (1 - alone) ** 2, rel=1e-6)


def test_verdicts_have_their_signs(results):
    said = {(b, r): row(results, b, r)["verdict"] for b, r in CURVES}
    assert said == {
        ("elnino", "none"): "reference",
        ("elnino", "l2"): "better",
        ("elnino", "dropout"): "better",
        ("trec", "none"): "reference",
        ("trec", "l2"): "worse",
        ("trec", "dropout"): "nil",  # 90% interval 0 +- 2.02 x 0.45%
    }
    assert row(results, "trec", "l2")["difference"] < 0  # accuracy fell
    assert row(results, "elnino", "l2")["difference"] < 0  # the error fell
    assert row(results, "elnino", "l2")["wins"] == 1
    assert row(results, "trec", "l2")["wins"] == 0


def test_the_detectable_effect_is_corrected_for_two(results):
    found = row(results, "elnino", "l2")["effect_detectable"]
    deviation = ERROR * math.sqrt(6)
    gain = -math.log(1 - found / 100)  # power of a paired t-test at 0.05 / 2
    shift, cut = gain / deviation * math.sqrt(6), stats.t.isf(0.05 / 2 / 2, 5)
    power = stats.nct.sf(cut, 5, shift) + stats.nct.cdf(-cut, 5, shift)
    assert power == pytest.approx(0.8, abs=1e-4)


def test_over_both_data_sets_errors_add_in_squares(results):
    found = line(results, "across", regularizer="dropout", criterion="best", scope="all")
    assert found["effect"] == pytest.approx(percent(0.1), abs=2e-3)  # (0.2 + 0) / 2
    half = stats.t.isf((1 - math.sqrt(0.95)) / 2, 10) * ERROR / math.sqrt(2)
    assert found["seeds_low"] == pytest.approx(percent(0.1 - half), abs=2e-3)
    assert found["seeds_high"] == pytest.approx(percent(0.1 + half), abs=2e-3)
    one = stats.t.isf(0.05, 10) * ERROR / math.sqrt(2)
    assert found["low_90"] == pytest.approx(percent(0.1 - one), abs=2e-3)
    assert found["high_90"] == pytest.approx(percent(0.1 + one), abs=2e-3)
    verdicts = results.read("across").query("criterion == 'best'")
    verdicts = verdicts.set_index(["scope", "regularizer"])["verdict"]
    assert verdicts["all", "dropout"] == "better"
    assert verdicts["all", "l2"] == "nil"  # +0.1 and -0.1
    assert verdicts["NLP", "l2"] == "worse"
    assert verdicts["time series", "l2"] == "better"
    assert found["wins"] == 0.5 * (1 + row(results, "trec", "dropout")["wins"])
    assert found["best_in"] >= 0.5


def test_the_best_is_told_from_the_others(results):
    frame = results.read("across").query("criterion == 'best' and scope == 'time series'")
    ends = frame.set_index("regularizer")[["best_low", "best_high"]]
    assert ends["best_high"].gt(0).to_dict() == {"none": False, "l2": False, "dropout": True}
    assert ends.loc["dropout", "best_low"] == 0  # shown to be the best
    assert ends.loc["none", "best_low"] < percent(-0.2)
    table = {r[0].text: r[2:0:-1] for r in shown.standing(results).rows}
    assert table["dropout"][0].text == f"{50 + 50 * row(results, 'trec', 'dropout')['wins']:.0f}"
    assert table["l2"][0].text == "50"
    assert table["none"][1].text.endswith(", 0.0]")


def test_the_pick_is_made_on_validation_and_may_be_none(results):
    forecast = line(results, "advice", scope="Forecast: lstm")
    assert forecast["regularizer"] == "l2"
    assert forecast["validation"] == pytest.approx(percent(0.1))
    assert forecast["effect"] == pytest.approx(percent(0.1))
    assert forecast["verdict"] == "better"
    assert forecast["hindsight"] == "dropout"
    assert forecast["regret"] == pytest.approx(percent(0.2) - percent(0.1))
    assert forecast["always"] == "dropout"
    assert forecast["over_always"] == pytest.approx(percent(0.1) - percent(0.2))
    assert forecast["strength"] == synthetic.grid("l2")[1]
    assert forecast["cost"] == pytest.approx(2.0)
    other = line(results, "advice", scope="Classification: lstm")
    assert (other["regularizer"], other["effect"], other["cost"]) == ("none", 0, 1)
    assert other["over_always"] == pytest.approx(-row(results, "trec", "dropout")["effect"])
    everywhere = line(results, "advice", scope="all")
    assert everywhere["regularizer"] == "dropout"  # 0.025 on validation, where L2 has zero
    assert everywhere["validation"] == pytest.approx(percent(0.025), abs=2e-3)
    assert everywhere["regret"] == 0
    table = shown.advice(results).rows
    assert [r[2].text for r in table] == ["dropout", "l2", "none"]


def test_sentences_say_it(results):
    first, second = findings.findings(results)[1:3]
    assert "**dropout** improves the test loss by +9.5%" in first
    assert first.endswith("no other is shown to help.")
    assert findings.others(results).startswith("Within 1% of none: l2.")
    assert "the answer is l2 in 1 and none in 1 of 2 pairs of task and cell" in second
    effects = (percent(0.1), 0.0)
    assert f"is +{np.mean(effects):.1f}% on average" in second
    assert f"{(percent(0.2) - percent(0.1)) / 2:.1f} points short" in second
    assert "4.3 points less than always taking dropout" in second
    text = findings.decided(results)
    assert "2 are better, 1 is worse, 1 is nil and 0 cannot be told" in text


def test_the_abstract_says_what_was_compared_and_what_it_cannot_say(results, monkeypatch):
    said = findings.findings(results)
    assert len(said) == 5
    assert said[0] == (
        "2 regularizers and none are compared with 1 recurrent cell on 2 data sets, with a grid of "
        f"strengths each and the same seeds, in {len(results.members)} trained models."
    )
    odd = dataclasses.replace(results, study=dict(results.study))
    line = {"benchmark": "elnino", "cell": "lstm", "measured": "does not", "declared": "over-fits"}
    odd.study["regime"] = [line]
    for facts in odd.benchmarks.values():
        assert facts["regime"] == "over-fits"
    assert findings.limits(odd) == (
        "Elnino (lstm) did not over-fit when measured, though declared to; 2 families of data sets "
        "cannot speak for new ones; all intervals are conditional on one search and one test split."
    )
    control = {"elnino": odd.benchmarks["elnino"] | {"regime": "a random walk"}}
    odd.study["benchmarks"] = odd.benchmarks | control
    odd.study["regime"] = [line | {"measured": "over-fits"}]
    assert findings.limits(odd).startswith(
        "Elnino (lstm) over-fitted when measured, though declared a control; 2 families"
    )
    frame = results.read("prediction").assign(reliability_validation=[0.1, 0.9], corrected=1.0)
    late = results.read("late")
    assert late["late_gain"].tolist() == [0, 0], "their best loss is that of the second of 4 checks"
    reads = {"prediction": frame, "late": late.assign(late_gain=[0.3, 0.02])}
    monkeypatch.setattr(type(odd), "read", lambda self, name: reads[name])
    assert (
        "a control; at the rates of this study the best loss of none still improves by more than "
        "1% over the last 30% of the steps on 1 of 1 data set declared to over-fit, where more "
        "steps might change a verdict: Trec (at most 2.0% there: Trec, lstm); validation is no "
        "guide on Elnino (one half of"
    ) in findings.limits(odd)


def test_what_it_means_follows_from_verdicts(results):
    """Dropout is better than none on El Nino, and nil on TREC, where its interval lies below."""
    said = sentences.meaning(results)
    assert said == (
        "The largest improvement that is shown is that of dropout on time series, and none is "
        "shown on NLP. What helps depends on the data: the intervals of dropout on different "
        "groups do not overlap."
    ), "there is one family"
    groups = {"l2": "penalties", "dropout": "masks"}
    split = dataclasses.replace(results, study=dict(results.study))
    split.study["regularizers"] = {
        n: f | {"group": groups.get(n)} for n, f in results.study["regularizers"].items()
    }
    assert sentences.meaning(split).startswith(
        "Over all data sets a regularizer is shown to help in 1 of 2 families: masks (1 of 1). "
        "Families are not tested against each other: which helps most cannot be told."
    )
    told = sentences.described(results)
    assert "a line a regularizer (2)" in told
    assert "the largest effect is that of dropout, +9.5% (95% interval" in told


def test_a_claim_stands_beside_what_was_found(results, monkeypatch):
    places = [("Forecast", "lstm"), ("LanguageModel", "lstm")]
    monkeypatch.setattr(shown_claims, "CLAIMS", (("dropout", "Who 1999", "it helps", places),))
    (row,) = shown_claims.claims(results).rows
    half = SIDAK * ERROR
    ends = (percent(0.2), percent(0.2 - half), percent(0.2 + half))
    assert [c.text for c in row] == [
        "dropout", "Who 1999", "it helps", "forecasting, lstm", "better",
        "+{:.1f} [+{:.1f}, +{:.1f}]".format(*ends),
    ]  # fmt: skip
    assert {task for *_, places in shown_claims.CLAIMS for task, _ in places} <= set(TASKS)


def test_long_lists_are_counted(results):
    frame = words.scope(results, "best").iloc[[0] * 6]
    assert findings._names(results, frame.iloc[:5]).count("l2") == 5
    assert findings._names(results, frame) == "l2, l2, l2, l2 and 2 others"


def test_a_strength_that_lowers_loss_has_a_positive_effect(results):
    frame = results.read("strengths").query("benchmark == 'elnino' and criterion == 'best'")
    frame = frame[frame["regularizer"] == "l2"].sort_values("strength")
    assert frame["effect"].tolist() == pytest.approx([-10, 10, -10, -10])


def test_the_profile_is_a_share_of_runs_with_its_band(results):
    frame = results.read("profiles").query("criterion == 'best' and scope == 'all'")
    frame = frame[frame["regularizer"] == "l2"].set_index("threshold")
    assert frame.loc[0, "share"] == 0.5  # all of El Nino, none of TREC
    assert (frame.loc[0, "low"], frame.loc[0, "high"]) == (0.5, 0.5)
    # at 9.5% the three runs of El Nino with a wobble below zero: five of six drawn, from one half
    part = frame.loc[9.5]
    assert part["share"] == 0.25
    assert part["low"] == pytest.approx(stats.binom.ppf(0.025, 5, 0.5) / 10)
    assert part["high"] == pytest.approx(stats.binom.ppf(0.975, 5, 0.5) / 10)


def test_over_fitting_is_counted(results):
    said = sentences.overfitting(results)
    assert "in 1 of 2 pairs of data set and cell" in said  # +50% and +0.4%
    assert "(median 25.2%)" in said
    for benchmark, past in (("elnino", 1), ("trec", 0)):
        members = results.members[results.members["benchmark"] == benchmark]
        said = sentences.overfitting(dataclasses.replace(results, members=members))
        assert f"in {past} of 1 pair of data set and cell" in said
        assert ("Elsewhere it does not turn within the budget" in said) == (not past)


def test_speed_is_that_to_the_best_loss_of_none(results):
    where = {"benchmark": "elnino", "criterion": "best"}
    l2 = line(results, "diagnostics", regularizer="l2", **where)
    assert (l2["reached"], l2["speed"]) == (1.0, 2.0)  # 2.0 at step 10, none's best at step 20
    dropout = line(results, "diagnostics", regularizer="dropout", **where)
    assert dropout["reached"] == 0  # 2.2 is not 2.0
    assert np.isnan(dropout["speed"])
    assert l2["seconds_ratio"] == 2
    assert l2["gap"] == pytest.approx(0.5 * losses("elnino", "l2", "test").mean())
    trec = line(results, "diagnostics", benchmark="trec", criterion="best", regularizer="l2")
    assert (trec["reached"], trec["speed"]) == (1.0, pytest.approx(2 / 3))


def test_early_stopping_would_save_what_the_curves_say(results):
    frame = results.read("patience").query("benchmark == 'elnino'").set_index("patience")
    assert frame.loc[1, ["saved", "lost"]].tolist() == [25, 0]  # best 2, stops after 3 of 4
    assert frame.loc[2, "saved"] == 0
    said = sentences.saving(results, 1)
    assert (
        "With a patience of 1 check, on average over data sets and cells: time series, 25%" in said
    )
    assert "NLP, 25% of the steps of none saved" in said


def test_measured_in_other_ways(results):
    frame = results.read("sensitivity").set_index(["check", "regularizer"])["effect"]
    assert frame["without trec", "dropout"] == pytest.approx(percent(0.2))
    assert frame["without elnino", "l2"] == pytest.approx(percent(-0.1), abs=2e-3)
    runs = np.sort(np.concatenate([0.1 - WOBBLE["l2"], -0.1 - WOBBLE["l2"]]))
    assert frame["interquartile mean", "l2"] == pytest.approx(percent(runs[3:9].mean()), abs=2e-3)
    scaled = []
    for b, naive in (("elnino", 1.1), ("trec", 1 - math.exp(-0.44))):
        mean = {r: losses(b, r, "test").mean() for r in WOBBLE}
        naive = synthetic.facts(b)["naive"]["a simple guess"]["test"][
            "mse" if b == "elnino" else "error"
        ]
        if naive > min(mean.values()):
            scaled.append((mean["none"] - mean["l2"]) / (naive - min(mean.values())))
    assert scaled
    assert frame["scaled", "l2"] == pytest.approx(100 * np.mean(scaled), rel=1e-3)
    assert "None of the 2" not in sentences.sensitivity(results)


def test_no_record_was_left_as_it_was_generated(results):
    """Else a number above could be right by chance."""
    seen = {m.scores["best"]["validation"]["loss"]
            for f in results.folder.glob("records/*/*/*.jsonl") for m in records.read(f)
            if m.phase == "tune"}  # fmt: skip
    assert sorted(seen) == pytest.approx([0.09, 0.1, 0.11, 0.9, 1.0, 1.1])
