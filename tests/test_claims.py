"""Claims of tutorials: the list, the measures, the rule, and the table, on generated records."""

import json
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnreg.analysis.block import WHY, block, complete
from rnnreg.analysis.report import shown_taught
from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics import claims
from rnnreg.analysis.statistics.measures import MEASURES
from rnnreg.errors import UserError
from rnnreg.study import claims as listed
from rnnreg.study import document, study
from rnnreg.study.claims import Claim

SEEDS = 8
STEPS = [10, 20, 30, 40]
CURVE = [4.0, 2.0, 1.0, 1.0]
PLAIN = {
    "best_test_loss": 1.0, "final_test_loss": 1.2, "final_train_loss": 0.4, "small_weights": 0.01,
    "weight_norm": 5.0, "parameters": 1000, "diverged": False,
}  # fmt: skip


def made(rows: dict[str, dict], noise: float = 0.0) -> Results:
    """A collected study of these rows: what each has beside PLAIN; `tune` is {strength: loss}.

    Numbers get noise of their own in each row and seed.
    """
    rng, lines, members = np.random.default_rng(0), [], []
    for name, own in rows.items():
        benchmark, cell, regularizer = name.split("/")
        keys = {"benchmark": benchmark, "cell": cell, "regularizer": regularizer}
        tuned = own.get("tune", {0.0: 1.0})
        lines.append({
            **keys, "strengths": [*tuned], "learning_rates": [1e-3] * len(tuned),
            "chosen": own.get("chosen", {"best": 0, "final": 0}),
            "variant": own.get("variant", {}),
        })  # fmt: skip
        for seed in range(SEEDS):
            near = {k: v * math.exp(rng.normal(0, noise)) for k, v in (PLAIN | own).items()
                    if isinstance(v, int | float) and not isinstance(v, bool)}  # fmt: skip
            lists = {
                "check_steps": STEPS[: len(own.get("curve", CURVE))],
                "validation_loss": own.get("curve", CURVE),
                "setting": json.dumps({"steps": 40, "learning_rate": own.get("rate", 1e-3)}),
                "gradient_norm": own.get("gradient_norm", [1.0, 2.0]),
                "gradient_by_distance": own.get("reach", [1.0, 0.8, 0.5, 0.3, 0.1]),
                "input_norms": own.get("input_norms", [1.0, 1.0, 0.5, 0.5]),
            }  # fmt: skip
            plain = {"diverged": own.get("diverged", False), "clipped": own.get("clipped", 0.0)}
            both = {**keys, "strength": next(iter(tuned)), **plain, **lists, **near}
            for place in set(lines[-1]["chosen"].values()):
                members.append({**both, "phase": "evaluate", "seed": 1000 + seed, "place": place})
            for place, (strength, loss) in enumerate(tuned.items()):
                curve = own.get("tune_curves", {}).get(strength, [loss] * 4)
                line = {**both, "strength": strength, "place": place, "validation_loss": curve}
                line |= {"phase": "tune", "seed": seed}
                line["diverged"] = own.get("tune_diverged", {}).get(strength, plain["diverged"])
                line["final_validation_loss"] = loss * math.exp(rng.normal(0, noise))
                members.append(line)
    groups = {"clip_norm": "gradients", "l1": "penalties"}
    known = {line["regularizer"]: {"group": groups.get(line["regularizer"])} for line in lines}
    study = {"name": "claims", "rows": lines, "regularizers": known}
    return Results("nowhere", study, pd.DataFrame(members))


def lines(measure: str, is_: str, of: dict, than: dict | None = None, **options) -> list[dict]:
    """The lines of one claim on two data sets, whose rows are alike."""
    keys = {"of": "{}/lstm/l1"} | ({} if than is None else {"than": "{}/lstm/none"})
    rows = {f"{b}/lstm/l1": of for b in "ab"} | {f"{b}/lstm/none": than or {} for b in "ab"}
    claim = Claim("it is so", 1, "articles/l1_text", measure, is_, on=("a", "b"), **keys)
    return claims._lines(made(rows, **options), claim)


def effect(*given, **options) -> float:
    return lines(*given, **options)[0]["effect"]


def test_the_list_is_whole_and_each_claim_has_two_data_sets_or_more():
    found = listed.read()
    assert set(Counter(c.number for c in found)) == set(range(1, 25))
    assert all(len(c.on) >= 2 for c in found)
    assert {c.measure for c in found} == set(MEASURES)
    rows = study.read(listed.STUDY).rows
    assert {r.regularizer for r in rows if r.benchmark.startswith("trec")} == {"none"}, "the page"


@pytest.mark.parametrize(
    ("measure", "of", "than", "wanted"),
    [
        ("best", {"best_test_loss": 0.9}, {}, -10.0),
        ("final", {"final_test_loss": 2.4}, {}, 100.0),
        ("parameters", {"parameters": 750}, {}, -25.0),
        ("weight_norm", {"weight_norm": 1.0}, {}, -80.0),
        ("zeros", {"small_weights": 0.26}, {}, 25.0),
        # (1.2 - 1.0) / 1.2 against (1.2 - 0.4) / 1.2
        ("gap", {"final_train_loss": 1.0}, {}, -50.0),
        # within 5% of 0.9: after 30 steps, against never in 40; of 1.0: never, against after 30
        ("steps", {"curve": [3.0, 1.05, 0.9, 0.9]}, {}, -25.0),
        ("steps", {"curve": [3.0, 1.06, 1.06, 1.06]}, {}, 100 / 3),
        ("steps", {"curve": [300.0]}, {}, 100 / 3),  # it diverged: never, in 40
        ("reach", {"reach": [2.0, 1, 1, 1, 0.1]}, {}, -50.0),
        ("reach", {"reach": [1.0, 0.2]}, {}, 100.0),
        ("peak", {"gradient_norm": [1.0, 6.0, 2.0]}, {}, 200.0),
        ("peak", {"gradient_norm": [1.0, 6.0, None], "diverged": True}, {}, 200.0),
        ("diverged", {"diverged": True}, {}, 100.0),
        ("strongest", {"tune": {1e-3: 0.5, 1.0: 3.0}}, {"tune": {0.0: 1.5}}, 100.0),
        ("noise_inputs",
         {"input_norms": [1.0, 3.0, 0.1, 0.3], "variant": {"noise_columns": 2}},
         {"input_norms": [1.0, 1.0, 0.5, 0.5], "variant": {"noise_columns": 2}}, -80.0),
        # 1% of the mean of the others is 0.02
        ("zeroed_inputs",
         {"input_norms": [1.0, 3.0, 0.01, 0.03], "variant": {"noise_columns": 2}},
         {"input_norms": [1.0, 1.0, 0.5, 0.5], "variant": {"noise_columns": 2}}, 50.0),
    ],
)  # fmt: skip
def test_a_measure_is_what_it_says(measure, of, than, wanted):
    assert effect(measure, "more", of, than) == pytest.approx(wanted)


def test_strengths_against_kinds():
    """Ranges of ln loss: ln 8 within each kind, ln 2 between their best."""
    rows = {}
    for b in "ab":
        rows[f"{b}/lstm/l1"] = {"tune": {0.1: 1.0, 1.0: 8.0}}
        rows[f"{b}/lstm/l2"] = {"tune": {0.1: 16.0, 1.0: 2.0}}
    claim = Claim("s", 20, "x", "spread", "more", "{}/lstm/l1 {}/lstm/l2", ("a", "b"))
    found = claims._lines(made(rows), claim)[0]
    assert found["effect"] == pytest.approx(200.0)
    assert found["verdict"] == "holds"


def test_an_early_search_stops_where_the_loss_rises_and_pays_for_it():
    tune = {0.1: 2.0, 1.0: 1.5, 10.0: 1.0}
    early = {0.1: [3.0] * 4, 1.0: [2.0] * 4, 10.0: [2.5] * 4}  # the third is not tried
    assert effect("early", "same", {"tune": tune, "tune_curves": early}) == pytest.approx(50.0)
    falling = {0.1: [3.0] * 4, 1.0: [2.0] * 4, 10.0: [1.0] * 4}
    found = lines("early", "same", {"tune": tune, "tune_curves": falling})
    assert found[0]["effect"] == 0
    assert found[0]["verdict"] == "holds"


def test_a_member_without_a_finite_gradient_has_no_peak():
    found = lines("peak", "less", {"diverged": True, "gradient_norm": [None]}, {})
    assert [(line["seeds"], line["verdict"]) for line in found] == [(0, "open")] * 2


def test_divergence_is_counted_at_the_strength_at_which_the_fewest_diverge():
    """Whatever validation chose: here the one that diverges, with the naive score."""
    clip = {"tune": {0.1: 1.0, 1.0: 2.0}, "tune_diverged": {0.1: True, 1.0: False}}
    assert effect("diverged", "less", clip, {"diverged": True}) == pytest.approx(-100.0)


def test_the_least_patience_is_held_against_the_most():
    found = effect("patience", "more", {"tune": {2.0: 1.5, 5.0: 1.2, 10.0: 1.0}})
    assert found == pytest.approx(50.0)


def clipped(*shares: float) -> list[dict]:
    """A claim on clipping that halves the loss, on data sets where it changed so many gradients."""
    sets = "abc"[: len(shares)]
    rows = {f"{b}/lstm/none": {} for b in sets}
    for b, share in zip(sets, shares, strict=True):
        loss = 0.5 if share else 1.0
        rows[f"{b}/lstm/clip_norm"] = {"clipped": share, "best_test_loss": loss}
    claim = Claim(
        *("s", 5, "x", "best", "less", "{}/lstm/clip_norm", tuple(sets)), than="{}/lstm/none"
    )
    return claims._lines(made(rows), claim)


def test_where_clipping_changed_nothing_a_data_set_is_left_out():
    found = clipped(0.1, 0.0, 0.2)
    assert [line["shown"] for line in found] == ["yes", "left out", "yes"]
    assert found[0]["verdict"] == "holds"
    assert found[0]["mean"] == pytest.approx(-50.0)
    few = clipped(0.1, 0.0)
    assert [line["shown"] for line in few] == ["yes", "left out"]
    assert few[0]["verdict"] == "open"
    nothing = clipped(0.0, 0.0)
    assert nothing[0]["verdict"] == "open"
    assert math.isnan(nothing[0]["mean"])


def test_a_line_has_the_strengths_that_were_chosen_and_the_rates():
    tune = {1e-5: 1.0, 1e-3: 1.0, 1e-1: 1.0}
    plain = {"rate": 0.03}
    low = {"tune": tune, "rate": 0.03}
    middle = low | {"chosen": {"best": 1, "final": 2}, "rate": 0.01}
    (first, _), (second, _), (third, _) = (
        lines("best", "less", low, plain),
        lines("best", "less", middle, plain),
        lines("final", "less", middle, low),
    )
    assert (first["strengths"], first["rates"]) == ("l1 1e-05, lowest", "0.03")
    assert (second["strengths"], second["rates"]) == ("l1 0.001", "0.01, 0.03")
    assert third["strengths"] == "l1 0.1, highest; none 1e-05, lowest"
    assert lines("strongest", "more", low, low)[0]["strengths"] == "", "nothing was chosen"


def test_more_than_a_difference():
    rows = {"long_attended": 0.5, "long": 1.0, "short_attended": 0.8, "short": 1.0}
    rows = {f"{b}@{v}/lstm/none": {"best_test_loss": x} for b in "ab" for v, x in rows.items()}
    keys = {"of": "long_attended", "than": "long", "beyond_of": "short_attended",
            "beyond_than": "short"}  # fmt: skip
    keys = {k: f"{{}}@{v}/lstm/none" for k, v in keys.items()}
    found = claims._lines(made(rows), Claim("s", 15, "x", "best", "less", on=("a", "b"), **keys))
    assert found[0]["effect"] == pytest.approx(100 * (0.5 / 0.8 - 1))
    assert found[0]["verdict"] == "holds"


@pytest.mark.parametrize(
    ("is_", "loss", "noise", "verdict"),
    [
        ("less", 0.9, 0.01, "holds"),
        ("more", 0.9, 0.01, "does not hold"),
        ("more", 1.001, 0.001, "does not hold"),  # an effect, below the margin
        ("less", 0.95, 0.3, "open"),
        ("same", 1.0, 0.005, "holds"),
        ("same", 0.9, 0.01, "does not hold"),
        ("same", 1.0, 0.3, "open"),
        ("no more", 0.8, 0.01, "holds"),
        ("no more", 1.0, 0.005, "holds"),
        ("no more", 1.2, 0.01, "does not hold"),
        ("no more", 1.02, 0.01, "open"),
        ("no more", 1.0, 0.3, "open"),
    ],
)
def test_the_rule(is_, loss, noise, verdict):
    found = lines("best", is_, {"best_test_loss": loss}, {}, noise=noise)
    assert {line["verdict"] for line in found} == {verdict}
    assert found[0]["low"] <= found[0]["effect"] <= found[0]["high"]


def test_the_interval_of_a_data_set_is_wider_where_a_claim_has_more_of_them():
    results = made({f"{b}/lstm/{r}": {} for b in "abcd" for r in ("l1", "none")}, noise=0.1)
    claim = {"of": "{}/lstm/l1", "than": "{}/lstm/none"}
    two, four = (
        claims._lines(results, Claim("s", 1, "x", "best", "less", on=on, **claim))[0]
        for on in (("a", "b"), ("a", "b", "c", "d"))
    )
    assert four["low"] < two["low"] < two["high"] < four["high"]
    assert two["effect"] == four["effect"]


def test_few_seeds_say_nothing(monkeypatch):
    monkeypatch.setattr(f"{__name__}.SEEDS", 5)
    assert {r["verdict"] for r in lines("best", "less", {"best_test_loss": 0.1}, {})} == {"open"}


@settings(deadline=None)
@given(st.lists(st.sampled_from(["yes", "no", "open"]), min_size=2, max_size=4))
def test_a_verdict_needs_all_data_sets(shown):
    found = claims.verdict(shown)
    assert (found == "holds") == (set(shown) == {"yes"})
    assert (found == "does not hold") == (set(shown) == {"no"})


@settings(deadline=None)
@given(st.integers(-50, 50), st.integers(1, 50))
def test_a_claim_and_its_opposite_never_both_hold(middle, half):
    both = [claims._shown(is_, middle - half, middle + half, 2.0) for is_ in ("more", "less")]
    assert both.count("yes") <= 1


def test_other_studies_have_no_claims():
    results = made({"a/lstm/l1": {}})
    results.study["name"] = "quick"
    assert claims.claims(results).empty
    assert shown_taught.table(claims.claims(results)).rows == []


def test_the_page_is_what_the_shipped_table_makes(tmp_path):
    (tmp_path / "claims.csv").write_bytes((shown_taught.ROOT / "claims.csv").read_bytes())
    assert shown_taught.write(tmp_path).read_text() == shown_taught.PAGE.read_text()
    frame = pd.read_csv(tmp_path / "claims.csv")
    entries = [(c.number, c.claim, place) for c in listed.read() for place in c.on]
    assert [*zip(frame["number"], frame["claim"], frame["place"], strict=True)] == entries


def test_the_table_and_the_page(tmp_path):
    frame = pd.DataFrame(
        [*lines("best", "less", {"best_test_loss": 0.9}, {}, noise=0.01),
         *(r | {"claim": "another"} for r in lines("reach", "more", {}, {}, noise=0.01))]
    )  # fmt: skip
    table = shown_taught.table(frame)
    first, second = ([cell.text for cell in row] for row in table.rows)
    assert first[:4] == ["1", "it is so", "holds", "2 yes"]
    assert first[-1].startswith("−1")
    assert first[-1].endswith("] %")
    assert second[2:4] == ["does not hold", "2 no"]
    assert second[-1] == "x 1.00 [1.00, 1.00]"
    assert [cell.text for cell in shown_taught.by_set(frame).rows[0]][4:6] == ["–", "0.001"]
    assert len(shown_taught.by_set(frame).rows) == 4
    with pytest.raises(UserError, match=r"claims\.csv: not there\. Remedy: rnnreg run claims"):
        shown_taught.write(tmp_path)
    frame.to_csv(tmp_path / "claims.csv", index=False)
    text = shown_taught.write(tmp_path).read_text()
    assert "2 claims of articles" in text
    assert "1 hold, 1 do not hold, 0 are open" in " ".join(text.split())


BAD = {
    "a row": ("of", "{}/lstm/l3", "of: unknown 'us_macro/lstm/l3'; did you mean"),
    "a word": ("is", "mor", "is: unknown 'mor'; did you mean 'more'?"),
    "an article": ("article", "articles/l1", "article: unknown 'articles/l1'"),
    "one data set": ("on", ["trec"], "on: given ['trec'], expected two data sets or more."),
    "a key": ("thn", "x", "key: unknown 'thn'; did you mean 'than'?"),
    "a number": ("number", "one", "number: given 'one'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_in_the_list_is_told(tmp_path, case):
    key, value, told = BAD[case]
    entry = document.read(listed.FILE, "here")[0]
    file = tmp_path / "claims.yaml"
    file.write_text(json.dumps([entry | {key: value}]))
    with pytest.raises(UserError) as error:
        listed.read(file)
    assert told in str(error.value)
    assert "claims.yaml" in str(error.value)


def test_twice_is_told(tmp_path):
    entry = document.read(listed.FILE, "here")[0]
    (tmp_path / "claims.yaml").write_text(json.dumps([entry, entry]))
    with pytest.raises(UserError, match="is listed twice"):
        listed.read(tmp_path / "claims.yaml")


def listed_study(*names: str) -> tuple[dict, pd.DataFrame]:
    results = made({name: {} for name in names})
    kinds = {k: {r[k[:-1]]: {} for r in results.study["rows"]}
             for k in ("benchmarks", "cells", "regularizers")}  # fmt: skip
    return {**results.study, **kinds}, results.members


def test_of_listed_rows_a_report_shows_those_that_stand_in_one_table():
    names = [f"{b}/lstm/{r}" for b in "ab" for r in ("none", "l1", "l2")]
    assert complete(listed_study(*names)[0])
    study, members = listed_study(*names[:-1], "a@deep/lstm/none", "a/gru/none", "c/lstm/l1")
    assert not complete(study)
    shown, kept = block(study, members)
    assert [*shown["benchmarks"]] == ["a", "b"]
    assert [*shown["cells"]] == ["lstm"]
    assert shown["unsuited"] == {"b/lstm/l2": WHY}
    assert set(kept["benchmark"]) == {"a", "b"}
    assert set(kept["cell"]) == {"lstm"}
    assert complete(shown)
    with pytest.raises(UserError, match="no regularizer stands beside none"):
        block(*listed_study("a/lstm/none", "b/gru/none"))
