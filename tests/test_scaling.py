"""Training losses beside a task's own, scalings, and gradient descent as equations have it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from own import CSV, MAIL, add, make
from toys import KINDS, setting

from rnnreg.analysis.report import shown_setup
from rnnreg.cli import main
from rnnreg.data.benchmark import Budget
from rnnreg.errors import UserError
from rnnreg.models.file import load
from rnnreg.study.study import Row
from rnnreg.tasks import Classification
from rnnreg.training import scaling
from rnnreg.training.objectives import LOSSES, huber, objective, of_keys, of_probabilities
from rnnreg.training.population import Population
from rnnreg.training.setting import _check_budget
from rnnreg.training.setting import setting as resolved


def lstm_of_torch(population):
    """torch.nn modules with the weights of a population's one member."""
    own = {n: p[0].detach().clone() for n, p in population.params.items()}
    inputs, hidden = own["0.input"].shape[1], own["0.recurrent"].shape[1]
    rnn, out = torch.nn.LSTM(inputs, hidden), torch.nn.Linear(hidden, len(own["output_bias"]))
    names = {"0.input": "weight_ih_l0", "0.recurrent": "weight_hh_l0", "0.bias": "bias_ih_l0"}
    with torch.no_grad():
        for name, theirs in names.items():
            getattr(rnn, theirs).copy_(own[name])
        rnn.bias_hh_l0.zero_().requires_grad_(False)
        out.weight.copy_(own["output"])
        out.bias.copy_(own["output_bias"])
    return rnn, out, names


def test_full_batch_descent_on_squared_errors_is_the_equation():
    """w - rate dL/dw, L = mean squared error + strength x sum w^2, over the whole split."""
    job = setting("series", "lstm", "l2", optimizer="sgd", batch=10_000, learning_rate=0.2)
    job = replace(job, network=replace(job.network, layers=1, widths=(10,)))
    population = Population(job, [1e-3], [1])
    rnn, out, names = lstm_of_torch(population)
    series = torch.tensor(job.splits["train"]["series"])
    windows = series.unfold(0, 15, 1).movedim(-1, 0)  # (15, windows, D)
    x, y = windows[:12], windows[12:].movedim(0, 1)
    assert population.batches.epoch_steps == 1
    for _ in range(3):
        population.step()
        found = out(rnn(x)[0][-1]).view(y.shape)
        penalized = [rnn.weight_ih_l0, rnn.weight_hh_l0, out.weight]
        loss = F.mse_loss(found, y) + 1e-3 * sum(w.square().sum() for w in penalized)
        own = [p for p in (*rnn.parameters(), *out.parameters()) if p.requires_grad]
        with torch.no_grad():
            for p, g in zip(own, torch.autograd.grad(loss, own), strict=True):
                p -= 0.2 * g
    for name, theirs in names.items():
        torch.testing.assert_close(population.params[name][0], getattr(rnn, theirs).data)
    torch.testing.assert_close(population.params["output"][0], out.weight.data)


class TestLosses:
    def test_each_is_torchs(self):
        torch.manual_seed(0)
        output, y = torch.randn(2, 5, 6) * 2, torch.randn(2, 5, 3, 2)
        theirs = F.huber_loss(output.view(y.shape), y, reduction="none")
        assert torch.equal(huber(output, y), theirs)
        absolute = objective(KINDS["series"].task, "absolute").loss(output, y)
        assert absolute[1].item() == pytest.approx(F.l1_loss(output[1].view(5, 3, 2), y[1]).item())
        symbols = torch.randint(0, 6, (2, 5))
        brier = (output.softmax(-1) - F.one_hot(symbols, 6)).square().sum(-1)
        torch.testing.assert_close(of_probabilities(output, symbols), brier)
        keys = (output > 0).float()
        squared = F.mse_loss(output.sigmoid(), keys, reduction="none").sum(-1)
        torch.testing.assert_close(of_keys(output, keys), squared)

    def test_what_does_not_count_does_not(self):
        output, y = torch.zeros(1, 2, 2), torch.tensor([[[[1.0, 4.0]], [[2.0, 9.0]]]])
        weight = torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]]]])
        assert objective(KINDS["series"].task, "absolute").loss(output, y, weight).item() == 1.5

    @pytest.mark.parametrize(
        ("kind", "loss"),
        [("series", "absolute"), ("labels", "squared"), ("music", "squared"),
         ("language", "squared")],
    )  # fmt: skip
    def test_members_train_on_it_and_are_scored_by_the_tasks_own(self, kind, loss):
        own, other = (
            Population(setting(kind, "gru", loss=name), [0.0, 0.0], [1, 2]) for name in ("", loss)
        )
        first = [p.evaluate(None, p.reg, "validation") for p in (own, other)]
        assert all(torch.equal(v, first[1][n]) for n, v in first[0].items())
        for population in (own, other):
            population.run()
        assert not torch.equal(own.final["output"], other.final["output"])
        alone = Population(setting(kind, "gru", loss=loss), [0.0], [2])
        alone.run()
        for name, p in alone.final.items():
            torch.testing.assert_close(other.final[name][1], p[0], msg="a member is alone")

    def test_the_own_loss_by_its_name_is_the_same_to_the_bit(self):
        runs = [Population(setting("series", loss=name), [0.0], [1]) for name in ("", "squared")]
        for population in runs:
            population.run()
        assert all(p.equal(runs[1].final[n]) for n, p in runs[0].final.items())

    def test_another_tasks_loss_is_told(self):
        with pytest.raises(UserError, match="loss: given 'absolute', allowed are , cross_entropy"):
            _check_budget("x.py", Budget(steps=20, batch=4, loss="absolute"), Classification())

    def test_the_first_is_the_tasks_own(self):
        assert all(next(iter(known.values())) is None for known in LOSSES.values())


class TestScaling:
    @pytest.fixture
    def house(self, project):
        add(project, "house", CSV)
        return make(project, "house")

    def job(self, made, name, **budget):
        row = Row("house", "gru", "none", (0.0,), (0,), (1000,), {"scaling": name, **budget})
        return resolved(row, *made)

    def test_minmax_spans_zero_to_one_in_train_and_raw_is_the_data(self, house):
        job = self.job(house, "minmax")
        train = job.splits["train"]["series"]
        np.testing.assert_allclose(train.min(0), 0, atol=1e-6)
        np.testing.assert_allclose(train.max(0), 1, atol=1e-6)
        raw = self.job(house, "raw").splits["test"]["series"]
        given = np.genfromtxt("house.csv", delimiter=",", skip_header=1, usecols=(0, 1))
        np.testing.assert_allclose(raw, given[-len(raw) :], atol=1e-5)

    @pytest.mark.parametrize("name", ["minmax", "raw"])
    def test_scores_stay_in_standard_deviations(self, house, name):
        """A network that says the mean of train has the naive score of the mean, in any unit."""
        facts, splits = house
        job = self.job(house, name)
        population = Population(job, [0.0], [1])
        zero = {n: torch.zeros_like(p) for n, p in population.params.items()}
        own = scaling.scaling("", name, job.benchmark, facts, splits["train"])
        at_mean = torch.tensor(-own.zero * own.factor, dtype=torch.float32).repeat(12)
        zero["output_bias"] = at_mean[None]
        found = population.evaluate(zero, population.reg, "test")
        for metric in ("mse", "mae", "loss"):
            expected = facts["naive"]["mean"]["test"][metric]
            assert found[metric].item() == pytest.approx(expected, rel=1e-4)

    def test_it_changes_training_and_no_naive_score_and_no_data(self, house):
        plain, minmax = (self.job(house, n, steps=20, checks=2) for n in ("standard", "minmax"))
        assert plain.facts["naive"] == minmax.facts["naive"]
        runs = [Population(job, [0.0], [1]) for job in (plain, minmax)]
        for population in runs:
            population.run()
        assert runs[0].curves.loss[-1] != runs[1].curves.loss[-1]
        assert 0.2 < (runs[0].curves.loss[-1] / runs[1].curves.loss[-1]).item() < 5, "one unit"

    def test_a_column_that_does_not_vary_is_zero(self):
        facts, train = {"symbols": 0}, {"series": np.array([[1.0, 3.0], [2.0, 3.0]])}
        found = scaling.scaling("", "minmax", KINDS["series"], facts, train)
        assert found(train)["series"].tolist() == [[0.0, 0.0], [1.0, 0.0]]

    def test_inputs_of_a_classification_are_scaled(self):
        job = setting("vectors")
        own = scaling.scaling("", "minmax", job.benchmark, job.facts, job.splits["train"])
        benchmark, splits = scaling.applied(own, job.benchmark, job.splits)
        assert (splits["train"]["x"].min(), splits["train"]["x"].max()) == (0, 1)
        assert splits["test"]["y"] is job.splits["test"]["y"]
        assert benchmark.task == job.benchmark.task

    @pytest.mark.parametrize("kind", ["language", "labels", "music"])
    def test_what_is_no_number_is_told(self, kind):
        job = setting(kind)
        with pytest.raises(UserError, match="budget: scaling: given 'minmax', but inputs are"):
            scaling.scaling("x", "minmax", job.benchmark, job.facts, job.splits["train"])

    def test_an_unknown_unit_and_an_unknown_scaling_are_told(self, house):
        facts = {k: v for k, v in house[0].items() if k != "columns"}
        with pytest.raises(UserError, match=r"the unit of the data is not known.*prepare house"):
            scaling.scaling("x", "raw", KINDS["series"], facts, house[1]["train"])
        with pytest.raises(UserError, match="scaling: given 'max', allowed are standard, minmax"):
            self.job(house, "max")

    def test_texts_have_no_columns(self, project):
        add(project, "mail", MAIL)
        assert "columns" not in make(project, "mail")[0]

    def test_a_kept_model_forecasts_in_the_unit_of_the_data(self, house, project):
        """Its errors over all windows of test, over the deviations of train, are its scores."""
        (project / "scaled.yaml").write_text(
            "title: S\nbenchmarks: [house]\ncells: [gru]\nregularizers: [none]\nkeep: true\n"
            "seeds: {tuning: 1, evaluation: 1}\naxes: {scaling: [minmax, raw]}\n"
            "budgets: {house: {steps: 40, checks: 2}}\n"
        )
        assert main(["prepare", "--study", "scaled.yaml"]) == 0
        assert main(["train", "--study", "scaled.yaml", "--missing", "--jobs", "1"]) == 0
        given = np.genfromtxt("house.csv", delimiter=",", skip_header=1, usecols=(0, 1))
        for name in ("minmax", "raw"):
            model = load(f"results/scaled/models/house@scaling_{name}/gru/none.safetensors")
            ahead = np.stack([model.predict(given[:end]) for end in range(480, 589)])
            truth = np.stack([given[end : end + 12] for end in range(480, 589)])
            found = (((ahead - truth) / given[:420].std(0)) ** 2).mean()
            expected = model.facts.record["scores"]["best"]["test"]["mse"]
            assert found == pytest.approx(expected, rel=1e-3)


def test_the_report_names_a_loss_and_a_scaling_that_are_not_usual():
    usual = Budget(steps=1, batch=1).told()
    assert not {"loss", "scaling", "diverged"} & usual.keys(), "as before there were any"
    assert shown_setup._other_parts(usual) == ""
    other = Budget(steps=1, batch=1, loss="huber", scaling="minmax", diverged=1e3).told()
    told = "trained on huber, scaling: minmax, diverged above 1000 times the naive loss"
    assert shown_setup._other_parts(other) == told
