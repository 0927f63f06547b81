"""Models that are kept: the numbers of training, in words and units; to torch.nn and back."""

import json

import numpy as np
import pytest
import torch
from own import CSV, MAIL, TEXT, add, make
from torch import nn

import rnnreg
from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.models import keep, predict
from rnnreg.models.model import MODULES
from rnnreg.study.study import Row
from rnnreg.training.population import Population
from rnnreg.training.row import records
from rnnreg.training.setting import setting

# In evaluation these differ from none, by their masks, parameters, statistics or averages.
ACTING = {"zoneout": 0.2, "layer_norm": 1.0, "batch_norm": 1.0, "swa": 0.5, "weight_drop": 0.3}


def trained(project, name, code, regularizer="none", strength=0.0, cell="lstm"):
    """A population of two, its records, and the facts of its data."""
    add(project, name, code)
    facts, splits = make(project, name)
    budget = {"steps": 12, "checks": 3}
    row = Row(name, cell, regularizer, (strength,), (0,), (1000, 1001), budget)
    job = setting(row, facts, splits)
    population = Population(job, [strength] * 2, [1000, 1001])
    population.run()
    return row, facts, splits, population, records(row, job, population, "evaluate")


def kept(project, *given, **options):
    """The model that is kept of it, read from its file; and the record of that member."""
    row, facts, splits, population, made = trained(project, *given, **options)
    keeper = keep.Keeper(row, facts, project / "data/prepared")
    keeper.look(population, made)
    file = keeper.write(project / "model.safetensors", splits, made)
    return rnnreg.load(file), keep.winner(made), splits


DATED = 'read_series(raw["house.csv"], self.task, ["heat"], time="hour", every="h")'
CASES = {"house": CSV, "diary": TEXT, "mail": MAIL}


def loss(model, arrays) -> float:
    """Its mean loss over a split, computed here from its outputs."""
    if "tokens" in arrays:
        return predict.score(model, [model.facts.decoding["symbols"][i] for i in arrays["tokens"]])
    if "series" in arrays:
        task, series = model.task, torch.tensor(arrays["series"])
        windows = series.unfold(0, task.context + task.horizon, 1).transpose(1, 2)
        x, y = windows[:, : task.context], windows[:, task.context :]
        return {"loss": float((model(x) - y).square().mean())}
    ends = np.cumsum(arrays["length"])
    cases = [torch.tensor(s) for s in np.split(arrays["x"], ends[:-1])]
    padded = nn.utils.rnn.pad_sequence(cases, batch_first=True).long()
    output = model(padded, torch.tensor(arrays["length"]).long())
    y = torch.tensor(arrays["y"]).long()
    return {"loss": float(nn.functional.cross_entropy(output, y))}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore:.*columns left out")
def test_a_kept_model_scores_what_its_record_says(name, project):
    model, record, splits = kept(project, name, CASES[name])
    with torch.no_grad():
        found = loss(model, splits["test"])["loss"]
    expected = record.scores["best"]["test"]["loss"]
    if name == "diary":  # a stream of one column: its states are carried further
        assert found == pytest.approx(expected, rel=0.05)
    else:
        assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cell", [*MODULES, "gru_tanh"])
@pytest.mark.parametrize(("regularizer", "strength"), ACTING.items())
@pytest.mark.filterwarnings("ignore:.*columns left out")
def test_of_any_regularizer_and_cell(regularizer, strength, cell, project):
    """Expected masks, averages, gains and running statistics come along."""
    model, record, splits = kept(project, "mail", MAIL, regularizer, strength, cell)
    with torch.no_grad():
        found = loss(model, splits["test"])["loss"]
    assert found == pytest.approx(record.scores["best"]["test"]["loss"], rel=1e-5)


MORE = "hidden=(6, 4), embedding=6, bidirectional=True, convolution=2"
HEADS = {"linear": "", "mlp": ", head='mlp', head_units=3", "self": ", head='self'"}


@pytest.mark.parametrize("sizes", [MORE + h for h in HEADS.values()] + ["hidden=5, embedding=4"])
@pytest.mark.filterwarnings("ignore:.*columns left out")
def test_of_any_network(sizes, project):
    """Layers that torch.nn has in another form, a convolution and heads come along."""
    code = MAIL.replace("hidden=32, embedding=16", sizes)
    assert code != MAIL
    model, record, splits = kept(project, "mail", code, "l2", 1e-3)
    with torch.no_grad():
        found = loss(model, splits["test"])["loss"]
    assert found == pytest.approx(record.scores["best"]["test"]["loss"], rel=1e-5)


@pytest.mark.filterwarnings("ignore:.*columns left out")
class TestPredict:
    def test_a_forecast_is_in_the_unit_of_the_data(self, project):
        model, *_ = kept(project, "house", CSV)
        values = np.loadtxt(project / "house.csv", delimiter=",", skiprows=1, usecols=(0, 1))
        found = model.predict(values)
        known = model.facts.decoding
        x = (values[-24:] - known["mean"]) / known["deviation"]
        own = model(torch.tensor(x, dtype=torch.float32)[None])[0].detach().numpy()
        assert found.shape == (12, 2)
        np.testing.assert_allclose(found, own * known["deviation"] + known["mean"], rtol=1e-5)
        with pytest.raises(UserError, match=r"given the shape \(3, 2\), expected 24 rows or more"):
            model.predict(values[:3])
        with pytest.raises(UserError, match="the last 24 rows, which the model reads, have gaps"):
            model.predict(np.where(np.arange(600)[:, None] == 590, np.nan, values))

    def test_an_anchored_forecast_starts_from_the_last_row(self, project):
        code = CSV.replace("season=24", "season=24, anchored=True")
        model, *_ = kept(project, "house", code)
        with torch.no_grad():
            model.output.weight.zero_(), model.output.bias.zero_()
        values = np.loadtxt(project / "house.csv", delimiter=",", skiprows=1, usecols=(0, 1))
        np.testing.assert_allclose(model.predict(values), [values[-1]] * 12, atol=1e-5)

    def test_texts_have_classes_and_probabilities(self, project):
        model, _, _ = kept(project, "mail", MAIL)
        found = model.predict(["Win 3 now", "Dear 7", "words nobody has seen"])
        assert set(found) <= {"spam", "ham"}
        shares = predict.probabilities(model, ["Win 3 now", "Dear 7"])
        np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
        one = predict.probabilities(model, ["Dear 7"])
        np.testing.assert_allclose(one[0], shares[1], rtol=1e-4)
        with pytest.raises(UserError, match=r"given one text, expected a list .* \[text\]"):
            model.predict("Win 3 now")
        with pytest.raises(UserError, match="case 1: no words"):
            model.predict(["Win", " "])

    def test_a_text_goes_on(self, project):
        model, _, _ = kept(project, "diary", TEXT)
        found = model.predict("Dear ", length=30)
        assert len(found) == 30
        assert set(found) <= set(model.facts.decoding["symbols"])
        assert found == model.predict("Dear ", length=30)
        likely = model.predict("Dear ", length=5, temperature=0)
        for i, symbol in enumerate(likely):
            assert symbol == model.predict("Dear " + likely[:i], length=1, temperature=0)
        with pytest.raises(UserError, match="a text of one symbol at least"):
            model.predict("")


def test_weights_exchange_with_torch_nn_both_ways(project):
    model, _, _ = kept(project, "mail", MAIL)
    own = nn.LSTM(16, 32, batch_first=True)
    own.load_state_dict(model.rnn.state_dict())
    x = torch.tensor([[1, 2, 3, 1]])
    output = nn.functional.linear(own(model.embedding(x))[0][:, -1], model.output.weight)
    torch.testing.assert_close(output + model.output.bias, model(x, torch.tensor([4])))
    fresh = nn.LSTM(16, 32)
    model.rnn.load_state_dict(fresh.state_dict())
    output = nn.functional.linear(fresh(model.embedding(x)[0])[0][-1:], model.output.weight)
    torch.testing.assert_close(output + model.output.bias, model(x, torch.tensor([4])))


def test_safetensors_reads_the_file(project):
    safetensors = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    model, _, _ = kept(project, "mail", MAIL)
    found = safetensors.load_file(project / "model.safetensors")
    assert found.keys() == model.state_dict().keys()
    assert torch.equal(found["rnn.weight_ih_l0"], model.rnn.weight_ih_l0)


@pytest.mark.filterwarnings("ignore:.*columns left out")
class TestFaults:
    def test_none_there(self, tmp_path):
        with pytest.raises(UserError, match=r"a.safetensors: no such file. Remedy: the path of a"):
            rnnreg.load(tmp_path / "a")

    @pytest.mark.parametrize("ending", ["json", "safetensors"])
    def test_damaged(self, ending, project):
        kept(project, "mail", MAIL)
        file = project / f"model.{ending}"
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
        with pytest.raises(UserError, match="cannot be read as a model"):
            rnnreg.load(project / "model.json")

    def test_put_together_from_two(self, project):
        kept(project, "mail", MAIL)
        file = project / "model.json"
        told = json.loads(file.read_text())
        file.write_text(json.dumps({**told, "strength": 1.0}))
        with pytest.raises(UserError, match=r"model.json is not the file that was written with it"):
            rnnreg.load(file)

    def test_prepared_by_an_earlier_version(self, project):
        row, facts, *_ = trained(project, "mail", MAIL)
        (project / "data/prepared/mail.decoding.json").unlink()
        with pytest.raises(
            UserError, match=r"mail.decoding.json: not there, .*rnnreg prepare mail"
        ):
            keep.Keeper(row, facts, project / "data/prepared")


def test_a_study_that_says_so_keeps_the_winner_of_each_row(project):
    add(project, "mail", MAIL)
    make(project, "mail")
    (project / "few.yaml").write_text(
        "title: Few\nbenchmarks: [mail]\ncells: [gru]\nregularizers: [none, l2]\nkeep: true\n"
        "seeds: {tuning: 1, evaluation: 2}\nbudgets: {mail: {steps: 10, checks: 2}}\n"
    )
    assert main(["train", "--study", "few.yaml", "--missing", "--jobs", "1"]) == 0
    for name in ("none", "l2"):
        model = rnnreg.load(project / f"results/few/models/mail/gru/{name}")
        assert model.facts.record["regularizer"] == name
        file = project / f"results/few/records/mail/gru/{name}.jsonl"
        found = [json.loads(line) for line in file.read_text().splitlines()]
        losses = {r["seed"]: r["scores"]["best"]["validation"]["loss"] for r in found
                  if r["phase"] == "evaluate"}  # fmt: skip
        assert model.facts.record["seed"] == min(losses, key=losses.get)


@pytest.mark.filterwarnings("ignore:.*columns left out")
def test_train_keeps_the_winner_and_predict_reads_it(project, capsys, monkeypatch):
    add(project, "mail", MAIL)
    make(project, "mail")
    train = ["train", "mail", "gru", "l2", "--steps=20", "--strengths=1e-4"]
    train += ["--seeds=2", "--tuning-seeds=1"]
    assert main(train) == 0
    capsys.readouterr()
    model = project / "results/by_hand/models/mail/gru/l2.safetensors"
    assert not model.exists()
    assert main([*train, "--keep"]) == 0  # all records are there: the winner alone is trained
    assert capsys.readouterr().out.splitlines()[-1] == f"  kept: {model.relative_to(project)}"
    alone = rnnreg.load(model)
    first, made = model.read_bytes(), []
    monkeypatch.setattr(keep, "trained", lambda *_: made.append(1))
    assert main([*train, "--keep"]) == 0
    assert model.read_bytes() == first
    model.unlink()
    file = project / "results/by_hand/records/mail/gru/l2.jsonl"
    file.unlink()
    assert main([*train, "--keep"]) == 0  # with all others
    assert not made
    for name, w in rnnreg.load(model).state_dict().items():
        torch.testing.assert_close(w, alone.state_dict()[name])
    capsys.readouterr()


def test_predict_refuses_rows_off_the_grid_of_training(project, capsys):
    """They were dropped, and the last rows that the model read were others."""
    code = CSV.replace('forecast(read_csv(raw["house.csv"]), self.task)', DATED)
    code = code.replace("import Benchmark", "import read_series, Benchmark")
    assert DATED in code
    times = [f"{np.datetime64('2020-01-01T00') + i}:00" for i in range(600)]

    def write(name):
        wave = np.random.default_rng(0).normal(size=600)
        lines = [f"{t},{w:.4f}\n" for t, w in zip(times, wave, strict=True)]
        (project / name).write_text("hour,heat\n" + "".join(lines))

    write("house.csv")
    kept(project, "house", code)
    assert main(["predict", "model.safetensors", "house.csv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("2020-01-26,")
    times[598] = times[598].replace(":00", ":30")
    write("new.csv")
    assert main(["predict", "model.safetensors", "new.csv"]) == 2
    assert "new.csv: 1 of 600 rows are not 'h' apart" in capsys.readouterr().err


def test_what_torch_has_no_place_for_is_in_own(project):
    model, *_ = kept(project, "mail", MAIL, "layer_norm", 1.0)
    assert set(model.own) >= {"0/input_gain", "0/recurrent_gain", "0/cell_gain"}
    assert "0/input" not in model.own
