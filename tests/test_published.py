"""Published numbers beside ours: the file, the rule, and the page from the records that ship."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from rnnreg.analysis.report import concluded, published
from rnnreg.analysis.report.published import (
    MET,
    MISSED,
    NOT_MET,
    NOT_RUN,
    OPEN,
    REPRODUCED,
    STALE,
    correlation,
    verdict,
)
from rnnreg.errors import UserError
from rnnreg.study import published as file
from rnnreg.study import records, registry, study


def test_every_result_is_held_against_a_row_of_a_shipped_study():
    contents = file.read()
    results = contents.results.values()
    assert all(len(ranking.results) > 2 for ranking in contents.rankings)
    held = {result.row for result in results} | {each["row"] for r in results for each in r.tested}
    asked = {each.study for each in contents.conclusions}
    held |= {row.name for name in asked for row in study.read(name).rows}
    assert held == file.rows().keys(), "no row is run for nothing"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([113.0, 114.0, 115.0], REPRODUCED),
        ([105.0, 119.0], OPEN),
        ([120.0, 120.5, 121.0], MISSED),
        ([100.0, 100.1], MISSED),
        ([112.0], REPRODUCED),
        ([117.1], MISSED),
    ],
)
def test_a_verdict_is_where_the_interval_lies(values, found):
    assert verdict(np.array(values), (110.0, 117.0)) == found


def test_a_bar_has_no_lower_end():
    assert verdict(np.array([0.0, 0.0, 0.002]), (0.0, 0.01)) == REPRODUCED


@pytest.fixture
def shelf(tmp_path):
    """A function that puts records of a row into a folder, and gives the folder."""
    shipped = published.ROOT / "quick/records/us_macro/lstm/none.jsonl"
    base = next(r for r in records.read(shipped) if r.phase == "evaluate" and not r.diverged)
    data = {result.row: result.data for result in file.read().results.values()}

    def put(name, values, **others):
        asked, row = file.rows()[name]
        place = tmp_path / asked.name / asked.records(row).relative_to(asked.folder)
        (rate, strength), made = row.settings[0], []
        own = {"benchmark": row.benchmark, "cell": row.cell, "regularizer": row.regularizer}
        own |= {"learning_rate": rate, "strength": strength, "fingerprint": row.fingerprint}
        own |= {"data_hash": data.get(name) or base.data_hash}
        for seed, value in enumerate(values):
            test = {"test": {"loss": 4.7, "perplexity": value, "mse": value, "nll": value}}
            scores = {c: {**parts, **test} for c, parts in base.scores.items()}
            made.append(replace(base, **own, seed=1000 + seed, scores=scores))
        made[-1] = replace(made[-1], **others)
        records.write(place, made)
        return tmp_path

    return put


ROW = "ptb_word@zaremba_small/lstm/none"
BAR = file.read().results["informer_etth1_24"]
GOOD = [112.5, 113.0, 113.5]  # as many as the row has seeds


def held(root):
    found, contents = published.hold(root)
    return {h.result.name: h for h in found}, published.page(found, contents, root)


def test_ours_stands_beside_theirs(shelf):
    each, page = held(shelf(ROW, GOOD))
    assert each["zaremba_small"].verdict == REPRODUCED
    assert each["press_wolf_tied"].verdict == NOT_RUN
    hours = f"{3 * each['zaremba_small'].members[0].seconds / 3600:.2f}"
    assert f"| 110 to 117 | 199.8 | 113 [111.8, 114.2] | 3 | {hours} | reproduced |" in page
    assert "## Learning curve of zaremba_small" in page


@pytest.mark.parametrize(
    ("values", "last", "told"),
    [
        (GOOD, {"diverged": True}, "cannot be told (1 of 3 diverged; the others 112.8) |"),
        (GOOD[:1], {}, "cannot be told (2 of 3 seeds missing) |"),
        (GOOD, {"data_hash": "0" * 16}, "cannot be told (1 of 3 seeds missing) |"),
        (
            [130.0] * 3,
            {"diverged": True},
            "not reproduced, ours is higher (1 of 3 diverged; the others 130) |",
        ),
    ],
)
def test_what_is_not_whole_is_not_reproduced(shelf, values, last, told):
    assert told in held(shelf(ROW, values, **last))[1]


@pytest.mark.parametrize("values", [GOOD, [130.0] * 3])
def test_two_versions_of_data_that_no_result_names_tell_nothing(shelf, values, monkeypatch):
    folder = shelf(ROW, values, data_hash="0" * 16)
    contents = file.read()
    results = {name: replace(each, data="") for name, each in contents.results.items()}
    monkeypatch.setattr(file, "read", lambda: replace(contents, results=results))
    assert "cannot be told (records of 2 versions of the data) |" in held(folder)[1]


def test_hours_are_those_of_all_members_of_a_row(shelf):
    folder = shelf(ROW, GOOD)
    place = next(folder.rglob("none.jsonl"))
    made = records.read(place)
    validated = {c: {"validation": s["validation"]} for c, s in made[0].scores.items()}
    tuned = replace(made[0], phase="tune", seed=0, seconds=7200.0, scores=validated)
    records.write(place, [replace(r, seconds=1200.0) for r in made] + [tuned])
    each, page = held(folder)
    assert each["zaremba_small"].hours == pytest.approx(3)
    assert "| 3 | 3.00 | reproduced |" in page


def test_what_has_no_row_is_on_the_page_with_its_reason(shelf):
    page = held(shelf(ROW, GOOD))[1].partition("## Left out")[2].partition("## ")[0]
    left_out = file.read().left_out
    assert len(left_out) > 3
    assert all(f"- {each.what}: {each.why}." in page for each in left_out)


NONE = [4.0, 4.01, 4.02, 4.0, 4.01, 4.02, 4.0, 4.01]  # a score a seed


def noise(shelf, gains, others=0.0, **last):
    """The section, and its lines of noise on weights; noise gains so much on each data set,
    that on inputs more by `others`."""
    for place, gain in zip(("jsb_chorales@noise", "nottingham@noise"), gains, strict=True):
        shelf(f"{place}/elman_tanh/none", NONE)
        for name in ("weight_noise", "input_noise"):
            own = gain + others * (name == "input_noise")
            values = [score - own + 0.001 * i for i, score in enumerate(NONE)]
            folder = shelf(f"{place}/elman_tanh/{name}", values, **last)
    page = held(folder)[1].partition("## Noise and norms")[2].partition("\n## ")[0]
    return page, [line for line in page.splitlines() if "| weight_noise |" in line]


@pytest.mark.parametrize(
    ("gains", "told"),
    [
        ((-0.1, 0.01), concluded.AGREE),
        ((0.2, 0.1), concluded.CONTRADICT),
        ((0.2, 0.01), concluded.CONTRADICT),
        ((0.057, 0.01), concluded.UNTOLD),
    ],
)
def test_ours_agree_where_no_interval_reaches_the_margin(shelf, gains, told):
    assert f"Ours, of weight_noise and input_noise: **{told}**." in noise(shelf, gains)[0]


def test_one_noise_that_gains_contradicts(shelf):
    page, _ = noise(shelf, (-0.1, -0.1), others=0.2)
    assert f"**{concluded.CONTRADICT}**" in page


def test_a_gain_is_that_of_shared_seeds_with_an_interval_for_all_lines(shelf):
    differences = 0.1 - 0.001 * np.arange(8)
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(1 - 0.05 / 7)
    told = f"| {differences.mean():+.3f} [{low:+.3f}, {high:+.3f}] |"
    assert told in noise(shelf, (0.1, 0.1))[1][0]


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"diverged": True}, "cannot be told (1 of 8 diverged) |"),
        ({"seed": 2000}, "cannot be told (1 of 8 seeds missing) |"),
        ({"data_hash": "0" * 16}, "cannot be told (records of 2 versions of the data) |"),
    ],
)
def test_what_is_not_whole_tells_no_gain(shelf, last, told):
    page, lines = noise(shelf, (-0.1, -0.1), **last)
    assert [told in line for line in lines] == [True, True]
    assert f"input_noise: **{concluded.UNTOLD}**." in page


def test_what_was_tested_after_a_miss_stands_beside_it(shelf):
    folder = shelf(BAR.row, [0.7, 0.71, 0.7, 0.69, 0.7], data_hash=BAR.data)
    shelf(BAR.tested[0]["row"], [0.5] * 5, data_hash=BAR.data)
    for place in folder.rglob("none.jsonl"):
        own = [replace(r, data_hash=BAR.data) for r in records.read(place)]
        records.write(place, own)
    line = next(n for n in held(folder)[1].splitlines() if n.startswith(f"- **{BAR.name}**"))
    told = f"({BAR.tested[0]['row']}): 0.5 [0.5, 0.5], {MET}; without this, 0.7 [0.6912, 0.7088]."
    assert f"Tested: {BAR.tested[0]['change']} {told}" in line
    place = next(folder.rglob("etth1@informer_24_long/**/none.jsonl"))
    *others, last = records.read(place)
    score = {c: {**s, "test": {**s["test"], "mse": 0.7}} for c, s in last.scores.items()}
    records.write(place, [*others, replace(last, scores=score)])
    assert "(4 of 5 seeds within the band); without this" in held(folder)[1]
    place.unlink()
    assert f"({BAR.tested[0]['row']}): not run." in held(folder)[1]


def test_a_curve_goes_as_far_as_all_members_have_checks(shelf):
    _, page = held(shelf(ROW, GOOD, validation_loss=[5.0, 4.9]))
    lines = page.partition("## Learning curve of zaremba_small")[2].partition("## ")[0]
    assert "| 2 | 147.4 |" in lines
    assert "| 3 | 135.6 |" not in lines


@pytest.mark.parametrize(
    ("score", "data", "found"),
    [(0.6, BAR.data, MET), (0.7, BAR.data, NOT_MET), (0.6, "0" * 16, STALE)],
)
def test_a_bar_is_met_by_records_of_its_data(shelf, score, data, found):
    folder = shelf(BAR.row, [score] * 5)
    place = next(folder.rglob("none.jsonl"))
    records.write(place, [replace(r, data_hash=data) for r in records.read(place)])
    assert held(folder)[0][BAR.name].verdict == found


def test_naive_scores_are_those_of_prepared_data():
    checked = 0
    for result in file.read().results.values():
        facts = registry.ROOT / "data" / "prepared" / f"{result.row.split('/')[0]}.json"
        if result.naive is None or not facts.is_file():
            continue
        known = json.loads(facts.read_text(encoding="utf-8"))
        score = known["naive"][known["naive_best"]]["test"][result.metric]
        own = score if result.deviation is None else score**0.5 / result.deviation
        assert result.naive == pytest.approx(own, rel=1e-3), result.name
        checked += 1
    if not checked:
        pytest.skip(
            "it reads downloaded data, and none is here: rnnreg download --study papers, then "
            "rnnreg prepare --study papers"
        )


def test_records_of_other_code_are_no_result(shelf, tmp_path):
    each, _ = held(shelf(ROW, [112.0]))
    place = next(tmp_path.rglob("none.jsonl"))
    records.write(place, [replace(r, fingerprint="other") for r in each["zaremba_small"].members])
    assert held(tmp_path)[0]["zaremba_small"].verdict == STALE


def test_rank_correlation_has_an_interval_from_seeds():
    rng = np.random.default_rng(1)
    ours = [rng.normal(mean, 0.01, 5) for mean in (1, 2, 3, 4)]
    assert correlation(ours, [1, 2, 3, 4]) == (1, 1, 1)
    assert correlation(ours, [4, 3, 2, 1])[0] == -1
    close = [rng.normal(mean, 1.0, 5) for mean in (1, 1.1, 1.2)]
    tau, low, high = correlation(close, [1, 2, 3])
    assert low <= tau <= high
    assert low < high


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("    band: [110, 117]\n", "", "zaremba_small: the key 'band' is missing"),
        ("band: [110, 117]", "band: [117, 110]", "band: given [117, 110], expected two numbers"),
        ("at: final", "at: last", "results: zaremba_small: at: unknown 'last'"),
        ("paper: zaremba", "paper: zarenba", "paper: unknown 'zarenba'; did you mean 'zaremba'?"),
        ("naive: 0.42445", "naive: -1", "informer_etth1_24: naive: given -1, allowed are numbers"),
        ('data: "3b33', 'data: "3b3', "data: given '3b385a5d33e0ea6', expected 16 hexadecimal"),
        ("tested: {row:", "tested: {rwo:", "bai_jsb_tanh: tested: key: unknown 'rwo'"),
        ("margin: 0.055", "margin: 0", "ognawala: margin: given 0, allowed are numbers above 0."),
        ("[weight_noise, input", "[wait_noise, input", "no_gain[0]: unknown 'wait_noise'; did you"),
        ("study: papers_noise", "study: quick", "conclusions: ognawala: study: unknown 'quick'"),
        ("[weight_noise, input_noise]", "[]", "no_gain: given none, allowed are weight_noise, inp"),
        (
            "study: papers_noise",
            "study: papers_gpu",
            "has no row ptb_word@zaremba_medium/lstm/none",
        ),
        ("deviation: 0.4557", "deviation: -0.4557", "deviation: given -0.45577279403410426, allow"),
        ("theirs: 114.5", "theirs: .nan", "zaremba_small: theirs: given nan, allowed are numbers"),
        ("theirs: 114.5", "their: 114.5", "zaremba_small: key: unknown 'their'; did you mean"),
    ],
)
def test_what_the_file_cannot_say_is_told(tmp_path, old, new, told):
    changed = tmp_path / "published.yaml"
    changed.write_text(file.FILE.read_text().replace(old, new, 1))
    with pytest.raises(UserError) as error:
        file.read(changed)
    assert told in str(error.value)


def test_a_metric_that_records_lack_is_told(shelf, monkeypatch):
    folder, contents = shelf(ROW, GOOD), file.read()
    changed = {"zaremba_small": replace(contents.results["zaremba_small"], metric="perplexitty")}
    monkeypatch.setattr(file, "read", lambda: replace(contents, results=changed))
    with pytest.raises(UserError, match="unknown 'perplexitty'; did you mean 'perplexity'"):
        published.hold(folder)


def test_the_page_and_the_table_are_those_of_the_records():
    found, contents = published.hold()
    shipped = (published.ROOT / "published.csv").read_text(encoding="utf-8")
    assert shipped == published.table(found).to_csv(index=False)
    assert published.PAGE.read_text(encoding="utf-8") == published.page(found, contents)
