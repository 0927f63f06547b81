"""What analysis says of a search: its choices, their edges, and the worth of its trials."""

import math

import numpy as np
import pandas as pd
import pytest
import synthetic

from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures import style, tuning
from rnnreg.analysis.report import findings, sentences, shown_rows, shown_setup
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare

NAMES = ("none", "l2", "clip_norm", "early_stopping")
KEY = ["benchmark", "cell", "regularizer"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        synthetic.use(patch, root, NAMES)
        study = synthetic.study("made", ("elnino",), ("gru", "lstm"), NAMES, 2, 3, trials=8)
        synthetic.write(root, study)
        yield load(compare(root / collect(study)))


def tuned(results, row, criterion="best"):
    """Losses of a row's tuning members, (trials, seeds)."""
    own = results.members.query("phase == 'tune'")
    for key in KEY:
        own = own[own[key] == row[key]]
    return own.pivot(index="place", columns="seed", values=f"{criterion}_validation_loss")


def test_the_choice_is_the_survivor_with_the_lowest_mean_on_the_fresh_seeds(results):
    for row in results.rows.to_dict("records"):
        for criterion in ("best", "final"):
            fresh = tuned(results, row, criterion)[[1, 2]].dropna()
            assert len(fresh) == 3
            assert row[f"place_{criterion}"] == fresh.mean(axis=1).idxmin()


def test_scores_are_those_of_the_chosen_trial(results):
    rows = results.rows.set_index(KEY)
    assert (rows["rate_best"] != rows["rate_final"]).any(), "criteria choose apart somewhere"
    for (*key, criterion), own in results.scores.groupby([*KEY, "criterion"]):
        row = rows.loc[tuple(key)]
        assert len(own) == 3
        assert set(own["learning_rate"]) == {row[f"rate_{criterion}"]}
        assert set(own["strength"]) == {row[f"chosen_{criterion}"]}


def test_edges_are_the_outer_tenths_of_what_was_searched(results):
    selected = results.read("selected").astype(object).fillna("")
    low, high = math.log(3e-4), math.log(3e-2)
    for row in selected.to_dict("records"):
        share = (math.log(row["learning_rate"]) - low) / (high - low)
        wanted = "lowest" if share < 0.1 else "highest" if share > 0.9 else ""
        assert row["rate_edge"] == wanted
    assert set(selected.query("regularizer == 'none'")["edge"]) == {""}, "it has no strength"
    for name, (weak, strong) in {"l2": (1e-6, 1e-3), "clip_norm": (5.0, 0.1)}.items():
        for row in selected[selected["regularizer"] == name].to_dict("records"):
            share = math.log(row["strength"] / weak) / math.log(strong / weak)
            wanted = "weakest" if share < 0.1 else "strongest" if share > 0.9 else ""
            assert row["edge"] == wanted


def test_trials_are_worth_what_they_found_against_all_of_none(results):
    frame = results.read("trials").query("criterion == 'best' and cell == 'gru'")
    none = tuned(results, {"benchmark": "elnino", "cell": "gru", "regularizer": "none"})[0]
    own = tuned(results, {"benchmark": "elnino", "cell": "gru", "regularizer": "l2"})[0]
    for name, losses in {"none": none, "l2": own}.items():
        found = frame[frame["regularizer"] == name]["effect"].to_numpy()
        wanted = 100 * (1 - np.minimum.accumulate(losses.to_numpy()) / none.min())
        assert found == pytest.approx(wanted)
    assert frame.query("regularizer == 'none'")["effect"].max() == pytest.approx(0)


def test_strengths_show_the_trials_on_the_seed_that_all_share(results):
    frame = results.read("strengths").query("criterion == 'best' and regularizer == 'l2'")
    rows = results.rows.set_index(KEY)
    for (benchmark, cell), own in frame.groupby(["benchmark", "cell"]):
        row = rows.loc[benchmark, cell, "l2"]
        assert own["strength"].tolist() == pytest.approx(list(row["strengths"]))
        losses = tuned(results, {"benchmark": benchmark, "cell": cell, "regularizer": "l2"})[0]
        assert own["loss"].to_numpy() == pytest.approx(losses.to_numpy())


def test_what_is_said_and_drawn_of_a_search(results):
    with style.drawing():
        for figure in (tuning.trials(results), tuning.strengths(results, "elnino")):
            assert len([ax for ax in figure.axes if ax.get_visible()]) in (1, 2)
            figure.draw_without_rendering()
    text = sentences.setup(results)
    assert "8 trials of learning rate (0.0003 to 0.03) and strength on one seed" in text
    assert "the best 3 are trained on 2 more seeds, which decide" in text
    text = findings.choice(results)
    selected = results.read("selected").query("criterion == 'best'")
    assert "lie at an outer tenth of their range" in text
    assert f"{selected['rate_edge'].notna().sum()} of {len(selected)} learning rates lie" in text
    grid = pd.DataFrame([[c.text for c in row] for row in shown_setup.regularizers(results).rows])
    assert "(log)" in grid.to_string()
    assert len(shown_rows.selection(results).rows) == 8, "none and early stopping chose a rate"
