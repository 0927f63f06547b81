"""Transfer: rows that start from the weights of another row, and what of them trains when."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from own import CSV, MAIL, add
from toys import setting

from rnnreg.cli import main
from rnnreg.data import prepared
from rnnreg.errors import UserError
from rnnreg.models.file import load
from rnnreg.study import records, registry, study
from rnnreg.study.starts import weights_hash
from rnnreg.training.population import Population
from rnnreg.training.start import Start, taken

STUDY = """
title: Transfer
benchmarks: [mail@words, mail@few, mail@tuned, mail@head]
cells: [gru]
regularizers: [none, l2_start]
seeds: {tuning: 1, evaluation: 2}
strengths: {l2_start: [1e-3]}
budgets: {mail: {steps: 12, checks: 3, batch: 4}}
variants:
  words: {language: 5}
  few: {train: 20}
  tuned: {train: 20, start: {benchmark: mail@words}}
  head: {train: 20, start: {benchmark: mail@words, tune: head}}
"""


@pytest.fixture
def asked(project):
    add(project, "mail", MAIL)
    (project / "transfer.yaml").write_text(STUDY)
    return study.read("transfer.yaml")


def begun(tune: str, regularizer="none", strength=0.0, **budget) -> Population:
    """A population on a toy task of labels that takes all but the output from a trained one."""
    job = setting("labels", regularizer=regularizer, **budget)
    other = Population(setting("labels"), [0.0], [7])
    other.run()
    weights = taken(other.final, job.network.shapes(), True, False)
    return Population(
        replace(job, start=Start(weights, tune, "hash", "row")), [strength] * 2, [1, 2]
    )


def test_members_start_from_the_weights_and_have_heads_of_their_own():
    population = begun("all")
    given = population.setting.start.weights
    assert {*population.params} - {*given} == {"output", "output_bias"}
    for name, w in given.items():
        assert population.params[name].equal(w.expand_as(population.params[name]))
    assert not population.params["output"][0].equal(population.params["output"][1])
    population.run()
    assert not any(population.final[n].equal(w.expand(2, *w.shape[1:])) for n, w in given.items())


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "momentum", "rmsprop", "adagrad"])
@pytest.mark.parametrize("regularizer", ["weight_decay", "l2"])
def test_with_the_head_alone_nothing_else_moves(optimizer, regularizer):
    population = begun("head", regularizer, 0.1, optimizer=optimizer)
    before = {n: p.clone() for n, p in population.params.items()}
    population.run()
    still = {n for n, p in population.final.items() if p.equal(before[n])}
    assert still == {*population.setting.start.weights}


def test_layers_begin_to_train_from_the_last_to_the_first():
    population = begun("layers", steps=12, checks=1)  # of two layers: thirds of the steps
    before, first = {n: p.clone() for n, p in population.params.items()}, {}
    for step in range(12):
        population.step()
        for name, p in population.params.items():
            if name not in first and not p.equal(before[name]):
                first[name] = step
    places = {name.partition(".")[0]: step for name, step in first.items()}
    assert places == {"output": 0, "output_bias": 0, "1": 4, "0": 8, "embedding": 8}


def test_inside_a_recording_the_same_layers_are_held():
    population = begun("layers")
    start, network = population.setting.start, population.setting.network
    new, old = ({n: torch.full((1,), v) for n in population.params} for v in (1.0, 0.0))
    for progress in (0.0, 0.34, 0.67):
        eager = start.held(new, old, progress, network)
        replayed = start.held(new, old, torch.tensor(progress, dtype=torch.float64), network)
        assert {n: v.item() for n, v in eager.items()} == {n: v.item() for n, v in replayed.items()}


def test_l2_to_the_start_pulls_there_and_is_l2_without_one():
    near = [begun("all", "l2_start", s, steps=60, checks=1) for s in (0.0, 1.0)]
    for population in near:
        population.run()
    start = near[0].setting.start.weights

    def moved(population):
        return sum((population.final[n] - w).square().sum() for n, w in start.items() if "0." in n)

    assert moved(near[1]) < 0.1 * moved(near[0])
    alone = [Population(setting("labels", regularizer=r), [0.01], [1]) for r in ("l2", "l2_start")]
    for population in alone:
        population.run()
    assert all(p.equal(alone[1].final[n]) for n, p in alone[0].final.items())


def test_what_differs_in_shape_vocabulary_or_task_is_not_taken():
    weights = {n: torch.zeros(1, *s) for n, s in (("embedding", (7, 5)), ("0.input", (4, 5)),
               ("output", (3, 4)))}  # fmt: skip
    shapes = {"embedding": (7, 5), "0.input": (4, 6), "output": (3, 4)}
    assert {*taken(weights, shapes, True, True)} == {"embedding", "output"}
    assert {*taken(weights, shapes, False, False)} == set()


def test_texts_become_a_language_model(project, asked):
    assert main(["download", "mail"]) == 0
    raw, folder = project / "data/raw", project / "data/prepared"
    for name in ("mail@words", "mail@few"):
        prepared.prepare(name, raw, folder, asked.variant(name))
    facts, words = prepared.read("mail@words", folder, asked.variant("mail@words"))
    few, _ = prepared.read("mail@few", folder, asked.variant("mail@few"))
    assert facts["task"] == "LanguageModel"
    assert facts["headline"] == "perplexity"
    assert facts["symbols"] == few["symbols"]
    prepared.prepare("mail", raw, folder)
    _, whole = prepared.read("mail", folder)
    for split, arrays in words.items():
        np.testing.assert_array_equal(arrays["tokens"], whole[split]["x"])


@pytest.fixture
def trained(project, asked):
    """The rows of one benchmark that starts from another, trained before the others."""
    assert main(["download", "mail"]) == 0
    assert main(["prepare", "--study", "transfer.yaml"]) == 0
    assert main(["train", "--study", "transfer.yaml", "mail@head", "gru", "none"]) == 0
    return asked


def test_what_a_row_starts_from_is_trained_first(project, trained, capsys):
    source, row = trained.row("mail@words", "gru", "none"), trained.row("mail@head", "gru", "none")
    made = records.read(trained.records(row))
    assert {r.start for r in made} == {weights_hash(trained.model(source))} != {""}
    assert made[0].setting["start"] == "mail@words/gru/none"
    assert made[0].setting["tune"] == "head"
    assert trained.records(source).is_file()
    assert load(trained.model(source)).task.window == 5
    assert main(["train", "--study", "transfer.yaml", "--missing", "--jobs", "2"]) == 0
    assert main(["collect", "transfer.yaml"]) == 0


def test_other_weights_make_a_row_stale(project, trained, capsys):
    assert main(["train", "--study", "transfer.yaml", "--missing", "--jobs", "1"]) == 0
    row = trained.row("mail@head", "gru", "none")
    file = trained.records(row)
    before = records.read(file)
    records.write(file, [replace(r, start="0" * 16) for r in before])
    assert main(["collect", "transfer.yaml"]) == 2
    told = capsys.readouterr().err
    assert "mail@head/gru/none: weights changed: 3 members started from others of mail@w" in told
    assert main(["train", "--study", "transfer.yaml", "mail@head", "gru", "none"]) == 0
    again = {r.member: r for r in records.read(file)}
    assert all(again[r.member].validation_loss == r.validation_loss for r in before)
    assert main(["collect", "transfer.yaml"]) == 0


def test_models_of_other_sizes_are_told(project, asked, capsys):
    text = STUDY.replace("words: {", "words: {model: {hidden: 9}, ")
    (project / "transfer.yaml").write_text(text)
    assert main(["download", "mail"]) == 0
    assert main(["prepare", "--study", "transfer.yaml"]) == 0
    assert main(["train", "--study", "transfer.yaml", "mail@head", "gru", "none"]) == 2
    told = capsys.readouterr().err
    assert "starts from mail@words/gru/none, but no recurrent matrix has the shape of its" in told
    assert "Remedy: the same sizes of model in both." in told


BAD = {
    "no such row": (
        ("[mail@words, ", "["), ("  words: {language: 5}\n", ""),
        "variants: tuned: start: mail@tuned/gru/none starts from mail@words/gru/none, which is no "
        "row of the study. Remedy: list its benchmark and its regularizer, too.",
    ),
    "a chain": (
        ("words, tune", "tuned, tune"),
        ("", ""), "starts from mail@tuned/gru/none, which starts from another row itself.",
    ),
    "a word": (("tune: head", "tune: heads"), ("", ""),
               "head: start: tune: unknown 'heads'; did you mean 'head'?"),
    "no benchmark": (("{benchmark: mail@words}", "{tune: all}"), ("", ""),
                     "tuned: start: the key 'benchmark' is missing"),
    "no window": (("language: 5", "language: 0"), ("", ""), "words: language: given 0, allowed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_fault_is_told(project, asked, case):
    *changes, message = BAD[case]
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new) if old else text
    (project / "transfer.yaml").write_text(text)
    with pytest.raises(UserError) as told:
        study.read("transfer.yaml")
    assert message in str(told.value)


def test_numbers_are_no_text(project):
    add(project, "house", CSV)
    text = STUDY.replace("mail", "house").replace("transfer", "t")
    (project / "transfer.yaml").write_text(text)
    assert main(["download", "house"]) == 0
    asked = study.read("transfer.yaml")
    with pytest.raises(UserError, match="house: language: its task is Forecast; allowed"):
        prepared.prepare("house@words", project / "data/raw", project / "data/prepared",
                         asked.variant("house@words"))  # fmt: skip


def test_the_workflow_trains_the_row_to_start_from_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = STUDY.replace("mail", "trec").replace(", trec@few, trec@tuned", "").replace(
        "[none, l2_start]", "[none]")  # fmt: skip
    kept = [line for line in text.splitlines() if "few:" not in line and "tuned:" not in line]
    (tmp_path / "transfer.yaml").write_text("\n".join(kept).replace("strengths", "#"))
    command = [sys.executable, "-m", "snakemake", "--snakefile", registry.ROOT / "Snakefile"]
    command += ["--config", "study=transfer.yaml", "--cores", "1", "--dag"]
    dag = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    jobs = dict(re.findall(r'(\d+)\[label = "(\w+)[\\"]', dag))
    after = {(jobs[a], jobs[b]) for a, b in re.findall(r"(\d+) -> (\d+)", dag)}
    assert ("train", "train") in after


def test_under_head_the_output_trains_though_it_was_taken():
    population = begun("all")
    everything = dict(population.params)
    start = Start({n: w[:1] for n, w in everything.items()}, "head", "hash", "row")
    trained = [n for n in everything if start.trains_at(n, population.setting.network) == 0]
    assert sorted(trained) == ["output", "output_bias"]
