"""`rnnreg new`: what it writes is held to what every file of its kind is, as it stands."""

import doctest
import importlib.util
import sys
from dataclasses import replace

import pytest
import torch
from toys import setting

from rnnreg.cli import main
from rnnreg.data import prepared
from rnnreg.new import COMBINATION, KINDS, STUDY
from rnnreg.regularizers._checks import attributes
from rnnreg.study import described, registry, schema, search, study
from rnnreg.training.population import Population


@pytest.fixture
def new(tmp_path, monkeypatch):
    """Writes a new file of a kind into an empty folder of that kind; gives its path."""
    monkeypatch.chdir(tmp_path)
    registry.load.cache_clear()

    def _new(kind, name):
        folder = tmp_path / kind
        if kind == STUDY:
            monkeypatch.setattr(study, "STUDIES", folder)
        else:
            of = "regularizer" if kind == COMBINATION else kind
            monkeypatch.setitem(registry.FOLDERS, of, folder)
        assert main(["new", kind, name]) == 0
        return folder / f"{name}.{'yaml' if kind == STUDY else 'py'}"

    yield _new
    registry.load.cache_clear()


def imported(file, kind, monkeypatch):
    """The module of a new file, as if it lay beside the others."""
    spec = importlib.util.spec_from_file_location(f"rnnreg.{kind}s.{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_a_regularizer_trains_as_it_stands(new, monkeypatch, capsys):
    job = setting("labels")
    file = new("regularizer", "my_penalty")
    said = capsys.readouterr().out
    assert said.startswith(f"{file}\nthen:\n")
    assert said.endswith("rnnreg train us_macro lstm my_penalty\n")
    assert registry.facts("regularizer", "my_penalty")["title"] == "My penalty"
    assert schema.grid("", "my_penalty", None) == (1e-5, 1e-4, 1e-3)
    assert search.strengths("", "my_penalty", None) == ((1e-6, 1e-2), "log")
    assert described.equations("my_penalty")["penalty"].startswith("penalty = strength x sum")
    module = imported(file, "regularizer", monkeypatch)
    assert doctest.testmod(module) == (0, 3)
    kind = module.MyPenalty
    attributes(kind)
    job_of_it = replace(job, regularizer=kind)
    together = Population(job_of_it, [0.0, 1e-2], [1, 1])
    alone = Population(job_of_it, [1e-2], [1])
    none = Population(job, [0.0], [1])
    for population in (together, alone, none):
        population.run()
    assert together.final["output"][0].equal(none.final["output"][0])  # off is none
    torch.testing.assert_close(together.final["output"][1], alone.final["output"][0])
    assert alone.final["output"].norm() < none.final["output"].norm()


def test_a_combination_is_sound_as_it_stands(new, monkeypatch):
    file = new(COMBINATION, "my_pair")
    monkeypatch.undo()  # its parts are among the others
    module = imported(file, "regularizer", monkeypatch)
    assert doctest.testmod(module) == (0, 2)
    kind = module.MyPair
    assert (kind.name, kind.title) == ("my_pair", "My pair")
    attributes(kind)
    job = replace(setting("labels"), regularizer=kind)
    none = Population(setting("labels"), [0.0], [1])
    of_it = Population(job, [0.0, 1.0], [1, 1])
    for population in (none, of_it):
        population.run()
    assert of_it.final["output"][0].equal(none.final["output"][0])  # off is none
    assert not of_it.final["output"][1].equal(none.final["output"][0])


def test_a_cell_is_pointwise_as_it_stands(new, monkeypatch):
    cell = imported(new("cell", "my_cell"), "cell", monkeypatch).MyCell
    assert (cell.name, cell.title, cell.gates) == ("my_cell", "My cell", 2)
    x, r, h = (torch.randn(3, 4, 5 * n) for n in (2, 2, 1))
    (state,) = cell.step(x, r, (h,), 1.0)
    assert state.shape == h.shape
    one = cell.step(x[:1, :, [0, 5]], r[:1, :, [0, 5]], (h[:1, :, :1],), 1.0)[0]
    torch.testing.assert_close(one, state[:1, :, :1])  # one unit of one member alone


def test_a_benchmark_is_prepared_and_trained_as_it_stands(new, tmp_path):
    new("benchmark", "my_wave")
    raw, folder = tmp_path / "data/raw", tmp_path / "data/prepared"
    prepared.download("my_wave", raw)
    prepared.prepare("my_wave", raw, folder)
    assert prepared.read("my_wave", folder)[0]["title"] == "My wave"
    train = ["train", "my_wave", "lstm", "none", "--steps", "20", "--seeds", "1"]
    assert main([*train, "--tuning-seeds", "1"]) == 0


def test_a_study_is_read_as_it_stands(new, tmp_path, capsys):
    new(STUDY, "mine")
    assert capsys.readouterr().out.endswith("then:\nrnnreg run mine\n")
    assert len(study.read("mine").rows) == 3
    elsewhere = tmp_path / "elsewhere/first.yaml"
    assert main(["new", STUDY, str(elsewhere)]) == 0
    assert capsys.readouterr().out.endswith(f"rnnreg run {elsewhere}\n")
    assert study.read(str(elsewhere)).title == "First"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_not_overwritten(kind, new, capsys):
    new(kind, "mine")
    assert main(["new", kind, "mine"]) == 2
    assert "is there already. Remedy: another name." in capsys.readouterr().err


@pytest.mark.parametrize("name", ["my-own", "2nd", "_own", "base", "a b", "../out"])
def test_a_name_that_is_none(name, capsys):
    assert main(["new", "regularizer", name]) == 2
    assert f"new regularizer: given '{name}', allowed are letters" in capsys.readouterr().err
