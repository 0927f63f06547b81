"""Does a regularizer buy robustness: one case worked by hand, its table and its sentence.

Noise raises the loss of none by half at each of six seeds. With a regularizer it is raised by 1.5 x
exp(-gain + wobble), and losses of seeds differ tenfold, so that who forgets to pair sees nothing.
Wobbles have mean zero; those of L2 and dropout are not correlated, with 6 x 0.01^2 / 5 / 6 =
0.00002 for the squared error of a mean: their intervals together are Sidak's, each at sqrt(0.95).

    gain       x       y
    L2        +0.10    0.00
    dropout   -0.10    0.00, with wobbles ten times as large
    zoneout   +0.10    0.00, of another family, alone in it
"""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rnnreg.analysis.families import families
from rnnreg.analysis.report import shown_robustness
from rnnreg.analysis.statistics.robustness import robustness
from rnnreg.errors import UserError

WOBBLE = {
    "none": np.zeros(6),
    "l2": 0.01 * np.array([1, -1, 1, -1, 1, -1]),
    "dropout": 0.01 * np.array([1, 1, -1, -1, 0, 0]) * math.sqrt(1.5),
    "zoneout": 0.01 * np.array([1, -1, 1, -1, 1, -1]),
}
GAIN = {
    "x": {"none": 0.0, "l2": 0.1, "dropout": -0.1, "zoneout": 0.1},
    "y": dict.fromkeys(WOBBLE, 0.0),
}
ERROR = math.sqrt(0.00002)


def results(seeds=6, names=tuple(WOBBLE), harm=1.5):
    lines = []
    for benchmark, gains in GAIN.items():
        for name in names:
            wobble = WOBBLE[name] * (10 if (benchmark, name) == ("y", "dropout") else 1)
            for seed in range(seeds):
                clean = 0.4 * seed - 0.2 * (name == "l2")  # L2 is better without noise, too
                noisy = clean + math.log(harm) - gains[name] + wobble[seed]
                lines.append((benchmark, "gru", name, "best", seed, clean, noisy))
    lines.append(("z", "gru", "none", "best", 0, 0.0, np.nan))  # of a data set without such scores
    columns = ["benchmark", "cell", "regularizer", "criterion", "seed", "log", "log_noisy"]
    facts = {"zoneout": {"shipped": True, "group": "masks"}}
    made = SimpleNamespace(
        scores=pd.DataFrame(lines, columns=columns),
        compared=lambda criterion: list(names),
        families=lambda compared: families(facts, compared),
        benchmarks={"x": {"noisy": 0.3, "compared": "loss"}, "y": {"compared": "error"}, "z": {}},
        title=lambda kind, name: name,
    )
    frame = robustness(made)
    made.read = lambda name: {"robustness": frame}[name]
    return made


def of(made, benchmark, regularizer):
    frame = made.read("robustness").set_index(["benchmark", "regularizer"])
    return frame.loc[(benchmark, regularizer)]


def percent(gain):
    """An improvement from a gain, on paper."""
    return 100 * (1 - math.exp(-gain))


def test_effects_are_those_of_paper():
    made = results()
    assert set(made.read("robustness")["benchmark"]) == {"x", "y"}
    none, l2 = (of(made, "x", name) for name in ("none", "l2"))
    assert (none["noise"], none["n"], none["robustness"]) == (0.3, 6, 0)
    assert none["harm"] == pytest.approx(50)
    assert l2["harm"] == pytest.approx(100 * (1.5 * math.exp(-0.1) - 1))
    assert l2["effect"] == pytest.approx(percent(0.2))
    assert l2["effect_noisy"] == pytest.approx(percent(0.3)), "0.2 without noise, 0.1 by it"
    assert l2["robustness"] == pytest.approx(percent(0.1))
    assert of(made, "x", "dropout")["robustness"] == pytest.approx(percent(-0.1))


def test_intervals_are_simultaneous_within_a_family():
    made = results()
    halves = {
        "l2": stats.t.isf((1 - math.sqrt(0.95)) / 2, 5),  # two in its family
        "dropout": stats.t.isf((1 - math.sqrt(0.95)) / 2, 5),
        "zoneout": stats.t.isf(0.025, 5),  # one in its family
    }
    for name, half in halves.items():
        found, gain = of(made, "x", name), GAIN["x"][name]
        ends = percent(gain - half * ERROR), percent(gain + half * ERROR)
        low, high = found["robustness_low"], found["robustness_high"]
        assert (low, high) == pytest.approx(ends, abs=1e-3)


def test_verdicts_have_their_signs():
    frame = results().read("robustness")
    said = frame.set_index(["benchmark", "regularizer"])["verdict"].to_dict()
    assert said == {
        ("x", "none"): "reference",
        ("x", "l2"): "better",
        ("x", "dropout"): "worse",
        ("x", "zoneout"): "better",
        ("y", "none"): "reference",
        ("y", "l2"): "nil",  # 90% interval 0 +- 2.02 x 0.45%
        ("y", "dropout"): "cannot tell",
        ("y", "zoneout"): "nil",
    }


def test_the_table_has_the_verdicts_and_marks_what_is_better():
    rows = {(r[0].text, r[2].text): r[3:] for r in shown_robustness.robustness(results()).rows}
    l2 = [cell.text for cell in rows["x", "l2"]]
    assert l2[:4] == ["0.30", "+36", "+18", "+26"]
    assert l2[4].startswith("+9.5 [+8.")
    assert [row[4].strong for row in rows.values()] == [False, True, False, True] + 4 * [False]
    assert [row[5].text for row in rows.values()][:3] == ["–", "better", "worse"]
    assert rows["x", "none"][4].text == "–"


def test_the_sentence_says_who_loses_less_and_who_more():
    half = stats.t.isf((1 - math.sqrt(0.95)) / 2, 5) * ERROR
    told = shown_robustness.answer(results())
    assert told.startswith(
        "On 1 of 2 data sets a regularizer is shown to lose less under noise than is lost without "
        "one: noise raises the test loss of none by 50% on x, where "
    )
    ends = [f"{percent(0.1 + end):+.1f}" for end in (-half, half)]
    assert f"l2 with gru loses less, +9.5% (95% interval {' to '.join(ends)}), " in told
    assert "zoneout with gru loses less, +9.5% " in told
    assert "dropout with gru loses more, −10.5% (95% interval −" in told
    assert told.endswith(
        "; noise raises the test error rate of none by 50% on y, where 2 of 3 comparisons are nil, "
        "and 1 of 3 comparisons cannot be told."
    )


def test_where_none_is_shown_the_sentence_says_so(monkeypatch):
    monkeypatch.setitem(GAIN, "x", GAIN["y"])
    told = shown_robustness.answer(results())
    assert told.startswith("No regularizer is shown to lose less under noise than is lost without")
    assert "loses less" not in told
    assert "loses more" not in told


def test_few_seeds_have_no_verdict_and_no_scores_no_sentence():
    made = results(seeds=5)
    told = shown_robustness.answer(made)
    assert told == (
        "Noise raises the test loss of none by 50% on x; noise raises the test error rate of none "
        "by 50% on y; with fewer than 6 seeds nothing is said about regularizers."
    )
    assert not any(row[-2].strong for row in shown_robustness.robustness(made).rows)
    made.scores["log_noisy"] = np.nan
    empty = robustness(made)
    made.read = lambda name: empty
    assert shown_robustness.answer(made) == ""


def test_many_are_counted(monkeypatch):
    names = ["none", *(f"r{i}" for i in range(6))]
    for name in names[1:]:
        monkeypatch.setitem(GAIN["x"], name, 0.1)
        monkeypatch.setitem(GAIN["y"], name, 0.0)
        monkeypatch.setitem(WOBBLE, name, WOBBLE["l2"])
    told = shown_robustness.answer(results(names=tuple(names)))
    assert told.count("loses less") == shown_robustness.NAMED
    assert ", and 2 other rows do, too; noise raises" in told


def test_noise_that_lowers_a_loss_is_told_as_a_change():
    told = shown_robustness.answer(results(harm=0.9))
    assert "noise changes the test loss of none by −10% on x" in told


def test_a_table_of_an_older_version_says_how_to_make_it_anew(tmp_path):
    made = results()
    older = made.read("robustness").drop(columns="verdict")
    made.read, made.folder = lambda name: older, tmp_path
    with pytest.raises(UserError, match=r"robustness\.csv: lacks verdict: .* rnnreg report"):
        shown_robustness.robustness(made)
