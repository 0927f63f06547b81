"""The learning-rate range test: the rates of its steps, what is read off a curve, the command."""

import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from own import CSV, add, make
from scripts import script
from toys import setting

from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.study import registry
from rnnreg.study.records import Record
from rnnreg.training import rates
from rnnreg.training.population import Population
from rnnreg.training.rates import FIRST_SEED, range_test, read

RATES = np.geomspace(1e-5, 1e1, 241)


def curve(middle, steepness=4.0, high=2.0, low=1.0):
    """Falls from high to low around a rate, evenly in its logarithm."""
    return low + (high - low) / (1 + (RATES / middle) ** steepness)


@pytest.mark.parametrize("middle", [1e-3, 1e-1])
def test_the_suggestion_is_where_the_curve_is_steepest(middle):
    rng = np.random.default_rng(0)
    found = read("x", RATES, curve(middle) + rng.normal(0, 0.02, len(RATES)))
    assert found.suggestion == pytest.approx(middle, rel=0.3)
    assert found.low < middle < found.high
    level = np.interp(np.log(found.low), np.log(RATES), curve(middle))
    assert level == pytest.approx(1.95, abs=0.03), "a tenth of the fall, once it is smoothed"


def test_what_comes_after_the_lowest_point_is_not_read():
    rises = np.where(RATES > 1, 1 + np.log10(np.maximum(RATES, 1)), 0)
    falls_again = np.where(RATES > 5, -3.0, 0)
    found = read("x", RATES, curve(1e-2) + rises)
    assert found.suggestion == pytest.approx(1e-2, rel=0.3)
    assert found.high < 1.5
    assert read("x", RATES, curve(1e-2) + falls_again).high > 5


@pytest.mark.parametrize(
    "losses",
    [np.ones(241), 1 + np.arange(241) / 241, np.linspace(1, 0.995, 241), np.zeros(0)],
    ids=["flat", "rising", "by half a percent", "none"],
)
def test_a_loss_that_does_not_fall_is_told(losses):
    with pytest.raises(UserError, match=r"find-rate: house lstm: the loss does not fall .*--from"):
        read("house lstm", RATES[: len(losses)], losses)


def test_each_step_has_its_rate_and_all_seeds_are_averaged(monkeypatch):
    """With gradients of one everywhere, plain descent takes steps of the rate itself."""
    job = setting("series", "gru", optimizer="sgd")
    seen, step = [], Population.step

    def watched(self):
        before = self.params["output_bias"].clone()
        step(self)
        seen.append((self, before - self.params["output_bias"]))

    ones = lambda reg, grads, params, noise: {n: torch.ones_like(g) for n, g in grads.items()}  # noqa: E731
    monkeypatch.setattr(job.regularizer, "gradients", ones)
    monkeypatch.setattr(Population, "step", watched)
    monkeypatch.setattr(rates, "read", lambda name, rates, losses: (rates, losses))
    found, losses = range_test(job, 1e-6, 1e-4, steps=21, seeds=3)
    moved = torch.stack([delta for _, delta in seen])  # (steps, M, V)
    expected = torch.tensor(np.geomspace(1e-6, 1e-4, 21), dtype=torch.float32)
    torch.testing.assert_close(moved[..., 0], expected[:, None].expand(21, 3), rtol=0.1, atol=1e-8)
    assert seen[0][0].all_seeds == [FIRST_SEED, FIRST_SEED + 1, FIRST_SEED + 2]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert len(losses) == 21


def test_it_ends_where_the_loss_blows_up():
    found = range_test(setting("series", "lstm", optimizer="sgd"), 1e-3, 1e5, steps=80, seeds=2)
    assert len(found.rates) < 80
    assert found.losses.max() < 10 * found.losses[0]
    assert np.isfinite(found.losses).all()


@pytest.fixture
def house(project):
    add(project, "house", CSV)
    make(project, "house")
    return ["find-rate", "house", "gru", "--steps", "40", "--seeds", "2"]


def test_the_command_says_it_draws_it_and_prints_it_as_json(house, project, capsys):
    for name in ("a.svg", "sub/b.png"):
        assert main([*house, "--picture", name]) == 0
        told = capsys.readouterr().out
        assert "house gru, adam: learning rate " in told
        assert f"the curve: {name}" in told
    first = (project / "a.svg").read_bytes()
    assert b"learning rate" in first
    assert main([*house, "--picture", "a.svg"]) == 0
    assert (project / "a.svg").read_bytes() == first
    assert (project / "sub/b.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert main([*house, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["optimizer"] == "adam"
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"])
    assert found["low"] <= found["suggestion"] <= found["high"]


def test_a_study_gives_its_budget_and_variants(house, project, capsys):
    (project / "s.yaml").write_text(
        "title: S\nbenchmarks: [house]\ncells: [lstm]\nregularizers: [l2]\n"
        "seeds: {evaluation: 1}\naxes: {optimizer: [sgd]}\n"
    )
    assert main(["prepare", "--study", "s.yaml"]) == 0
    house[1] = "house@optimizer_sgd"
    assert main([*house, "--study", "s.yaml", "--from", "1e-3", "--to", "100"]) == 0
    assert "house@optimizer_sgd gru, sgd: learning rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--from", "1", "--to", "0.1"], "find-rate: --from 1 --to 0.1: expected two numbers"),
        (["--from", "0"], "find-rate: --from 0 --to 10: expected two numbers above 0"),
        (["--steps", "3"], "find-rate: --steps 3: allowed are whole numbers from 20."),
        (["--seeds", "0"], "find-rate: --seeds 0: allowed are whole numbers from 1."),
        (["--picture", "a.jpg"], "--picture a.jpg: allowed are names that end in .svg, .png, .pdf"),
        (["--to", "1.1e-5"], "house gru: the loss does not fall from 1e-05 to 1.1e-05. Remedy:"),
    ],
)
def test_a_fault_is_told_in_one_message(house, more, told, capsys):
    assert main([*house, *more]) == 2
    assert told in capsys.readouterr().err


def test_unknown_names_are_told(house, capsys):
    for place, name, told in (
        (1, "hous", "unknown 'hous'; did you mean 'house'?"),
        (2, "gro", "unknown 'gro'; did you mean 'gru'?"),
        (1, "house@a", "house@a: a variant is what a study makes of house. Remedy: --study"),
    ):
        given = [*house]
        given[place] = name
        assert main(given) == 2
        assert told in capsys.readouterr().err


def test_the_cost_of_a_suggestion_is_that_of_the_nearest_trial(monkeypatch):
    monkeypatch.syspath_prepend(str(registry.PACKAGE.parent / "benchmarks" / "rates"))
    monkeypatch.delitem(sys.modules, "compare", raising=False)
    import compare

    def trial(rate, loss, seed=0, phase="tune"):
        made = object.__new__(Record)
        scores = {"best": {"validation": {"loss": loss}}}
        vars(made).update(learning_rate=rate, seed=seed, phase=phase, scores=scores)
        return made

    own = [trial(1e-3, 2.0), trial(1e-2, 1.0), trial(1e-1, 3.0), trial(1e-1, 0.1, seed=1),
           trial(1e-1, 0.1, phase="evaluate")]  # fmt: skip
    assert compare.cost(own, 2e-3) == pytest.approx(100)
    assert compare.cost(own, 5e-3) == pytest.approx(0)
    assert compare.cost(own, 7.0) == pytest.approx(200)


def test_the_table_in_the_docs_has_every_published_row_of_none():
    compare = script("rates/compare.py")
    frame = pd.read_csv(compare.HERE / "rates.csv")
    made = {tuple(r) for r in frame[["benchmark", "cell", "study"]].itertuples(index=False)}
    published = {(*row, asked) for row, (asked, _) in compare.rows().items()}
    assert made == published, "stale: python benchmarks/rates/compare.py"
    page = compare.PAGE.read_text(encoding="utf-8")
    assert compare.shown(frame) in page, "docs/training.md is not what rates.csv makes"
