"""Scores on test with noise in its inputs: the noise, who has them, and what is made of them."""

import numpy as np
import pytest
import torch
import toys

from rnnreg.study import fingerprint, registry
from rnnreg.study.study import Row
from rnnreg.training.batches import Windows
from rnnreg.training.noisy import noisy
from rnnreg.training.row import train
from rnnreg.training.setting import setting


def test_words_are_dropped_the_same_for_everyone():
    test = toys.arrays("labels", 400, 0)
    made = noisy(toys.TASKS["labels"].task, test, toys.SYMBOLS + 1, 0.2)
    dropped = made["x"] == toys.SYMBOLS
    assert abs(dropped.mean() - 0.2) < 0.02
    np.testing.assert_array_equal(made["x"][~dropped], test["x"][~dropped])
    assert made["x"].dtype == test["x"].dtype
    for key in ("y", "length"):
        np.testing.assert_array_equal(made[key], test[key])
    again = noisy(toys.TASKS["labels"].task, test, toys.SYMBOLS + 1, 0.2)
    np.testing.assert_array_equal(made["x"], again["x"])


@pytest.mark.parametrize("anchored", [False, True])
def test_a_series_has_noise_in_its_inputs_and_not_in_its_targets(anchored):
    task = toys.TASKS["series"].task
    task = type(task)(task.context, task.horizon, task.season, anchored=anchored)
    splits = {name: toys.arrays("series", 400, i) for i, name in enumerate(("train", "validation"))}
    splits["test"] = toys.arrays("series", 400, 2)
    splits["noisy"] = noisy(task, splits["test"], 0, 0.5)
    source = Windows(task, splits, torch.zeros(1, dtype=torch.int64), 8)
    clean, changed = (
        source.batch(split, None, torch.tensor([[3, 200]])) for split in ("test", "noisy")
    )
    noise = splits["noisy"]["inputs"] - splits["test"]["series"]
    assert abs(noise.std() - 0.5) < 0.03
    last = torch.tensor(np.stack([noise[start + task.context - 1] for start in (3, 200)]))
    moved = last if anchored else torch.zeros_like(last)
    for at, start in enumerate((3, 200)):
        window = torch.tensor(noise[start : start + task.context]) - moved[at]
        assert torch.allclose(changed.x[0, :, at] - clean.x[0, :, at], window, atol=1e-5)
        difference = changed.y[0, at] - clean.y[0, at]
        assert torch.allclose(difference, (-moved[at]).expand_as(difference), atol=1e-5), (
            "what is predicted stays what it is, seen from the last row that is known"
        )


def test_text_that_is_its_own_target_is_refused():
    with pytest.raises(ValueError, match="noisy: given LanguageModel, expected Classification or"):
        noisy(toys.TASKS["language"].task, toys.arrays("language", 40, 0), toys.SYMBOLS, 0.1)


@pytest.mark.parametrize("strength", [0.0, 2.0])
def test_evaluated_members_alone_are_scored_on_it(monkeypatch, strength):
    """And no other number of theirs moves."""
    elnino = registry.load("benchmark", "elnino")
    monkeypatch.setattr(elnino, "noisy", strength)
    monkeypatch.setattr(elnino, "task", toys.TASKS["series"].task)
    splits = toys.setting("series").splits
    score = {"validation": {"loss": 9.0, "mse": 9.0}, "test": {"loss": 9.0, "mse": 9.0}}
    facts = {"inputs": toys.SERIES, "outputs": 3 * toys.SERIES, "symbols": 0, "data_hash": "toy",
             "naive": {"toy": score}, "naive_best": "toy"}  # fmt: skip
    row = Row("elnino", "gru", "l2", (0.1,), (0,), (1000,), {"steps": 4, "checks": 2, "batch": 4})
    tuned, evaluated = train(row, facts, splits)
    assert "noisy" not in tuned.scores["best"], "tuning sees no test split"
    assert ("noisy" in evaluated.scores["best"]) == (strength > 0)
    if strength:
        assert evaluated.scores["best"]["noisy"]["loss"] > evaluated.scores["best"]["test"]["loss"]
        monkeypatch.setattr(elnino, "noisy", 0.0)
        without = train(row, facts, splits)[1]
        assert without.scores["best"]["test"] == evaluated.scores["best"]["test"]
        assert "noisy" not in setting(row, facts, splits).splits


def test_a_fingerprint_does_not_see_it():
    assert "noisy" in fingerprint.WORDS, "it decides no other number"
