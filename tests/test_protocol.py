"""The protocol of a row: what is tuned, what sees the test split, what is kept, what diverges."""

import math
import re
import weakref
from dataclasses import replace

import pytest
import torch
from toys import setting

from rnnreg.errors import UserError, out_of_memory
from rnnreg.kernels.noise import Noise
from rnnreg.study.records import Record, read, write
from rnnreg.study.search import Search
from rnnreg.study.study import Row
from rnnreg.training import row as training
from rnnreg.training.population import Population
from rnnreg.training.row import train
from rnnreg.training.setting import setting as job_of


class ToyRow(Row):
    fingerprint = "toy"


@pytest.fixture
def run(monkeypatch):
    """Train a row of a toy task; counts the members of every population."""
    sizes = []

    def _run(regularizer="l2", strengths=(1e-3, 1e-1), tuning=2, evaluation=3, known=(), **budget):
        row = ToyRow("toy", "gru", regularizer, strengths, tuple(range(tuning)),
                     tuple(range(1000, 1000 + evaluation)))  # fmt: skip
        job = setting("labels", "gru", regularizer, **budget)
        monkeypatch.setattr(training, "setting", lambda *_: job)
        made = Population.__init__

        def counted(self, setting, members, *given):
            sizes.append(len(members))
            made(self, setting, members, *given)

        monkeypatch.setattr(Population, "__init__", counted)
        sizes.clear()
        found = train(row, job.facts, job.splits, known)
        monkeypatch.setattr(Population, "__init__", made)
        return found, list(sizes)

    return _run


def test_tuning_members_have_no_test_score(run):
    found, sizes = run()
    assert sizes[0] == 4
    for r in found:
        for criterion in ("best", "final"):
            assert ("test" in r.scores[criterion]) == (r.phase == "evaluate")
    assert {r.seed for r in found if r.phase == "tune"} == {0, 1}
    assert {r.seed for r in found if r.phase == "evaluate"} == {1000, 1001, 1002}


def test_the_chosen_strength_has_the_lowest_mean_validation_loss(run):
    found, _ = run()
    for criterion in ("best", "final"):
        means = {}
        for s in (1e-3, 1e-1):
            losses = [
                r.scores[criterion]["validation"]["loss"]
                for r in found
                if r.phase == "tune" and r.strength == s
            ]
            means[s] = sum(losses) / len(losses)
        chosen = min(means, key=means.get)
        tested = [r for r in found if r.phase == "evaluate" and r.strength == chosen]
        assert len(tested) == 3


def test_more_seeds_train_only_the_new_members(run):
    few, _ = run(evaluation=2)
    more, sizes = run(evaluation=3, known=few)
    assert sizes == [sum(r.phase == "evaluate" for r in more) // 3] * (len(sizes) > 0)
    kept = {r.member: r for r in few}
    assert all(r == kept[r.member] for r in more if r.member in kept)
    again, sizes = run(evaluation=3, known=more)
    assert sizes == []
    assert again == more


@pytest.mark.parametrize("what", ["fingerprint", "data_hash"])
def test_records_of_other_code_or_data_are_not_used(run, what):
    found, first = run()
    stale = [replace(r, **{what: "other"}) for r in found]
    _, sizes = run(known=stale)
    assert sum(sizes) == sum(first)


@pytest.fixture
def race(monkeypatch):
    """Train a row of a toy task by a search; its records, and the members of each population."""

    def _race(trials=6, survivors=3, seeds=2, evaluation=3, regularizer="l2", known=()):
        strength = (0.0, 0.0) if regularizer == "none" else (1e-4, 1e-1)
        search = Search(trials, survivors, seeds, (1e-4, 1e-1), strength)
        row = ToyRow("toy", "gru", regularizer, (), tuple(range(1 + seeds)),
                     tuple(range(1000, 1000 + evaluation)), search=search)  # fmt: skip
        job, sizes, made = setting("labels", "gru", regularizer), [], training.populate
        monkeypatch.setattr(training, "setting", lambda *_: job)
        monkeypatch.setattr(
            training, "populate", lambda *given: sizes.append(len(given[1])) or made(*given)
        )
        found = train(row, job.facts, job.splits, known)
        monkeypatch.setattr(training, "populate", made)
        return row, found, sizes

    return _race


@pytest.mark.parametrize("regularizer", ["l2", "none"])
def test_a_race_is_trials_survivors_and_what_they_decide(race, regularizer):
    row, found, sizes = race(regularizer=regularizer)
    assert sizes[:2] == [6, 3 * 2]
    assert sizes[2] in (3, 6), "one choice, or one a criterion"
    tuned = [r for r in found if r.phase == "tune"]
    assert [r.tuned for r in tuned if r.seed == 0] == list(row.settings)
    assert all(row.settings[r.trial] == r.tuned for r in found)
    assert all("test" not in s for r in tuned for s in r.scores.values())
    assert all(r.setting["learning_rate"] == r.learning_rate for r in found)
    for criterion in ("best", "final"):
        loss = {}
        for r in tuned:
            if r.seed:
                loss.setdefault(r.tuned, []).append(r.scores[criterion]["validation"]["loss"])
        assert len(loss) == 3
        chosen = min(loss, key=lambda setting: sum(loss[setting]))
        tested = [r for r in found if r.phase == "evaluate" and r.tuned == chosen]
        assert [r.seed for r in tested] == [1000, 1001, 1002]
        assert all("test" in s for r in tested for s in r.scores.values())


@pytest.mark.parametrize(
    ("more", "trained"),
    [({"trials": 8}, 2), ({"survivors": 4}, 2), ({"seeds": 3}, 3), ({"evaluation": 4}, 1)],
)
def test_more_of_a_search_trains_only_the_new_members(race, more, trained):
    _, few, _ = race()
    _, found, sizes = race(**more, known=few)
    have = {r.member for r in few}
    new = [r for r in found if r.member not in have]
    assert sum(sizes) == len(new)
    assert sizes[0] in (trained, 2 * trained)
    old = {r.member: r for r in few}
    assert all(old[r.member] == r for r in found if r.member in old)
    assert race(**more, known=found)[2] == []


def test_records_come_back_with_their_rates(race, tmp_path):
    _, found, _ = race(trials=2, survivors=2, seeds=1, evaluation=1)
    write(tmp_path / "records.jsonl", found)
    assert read(tmp_path / "records.jsonl") == found


def test_curves_and_checkpoints_agree(run):
    for r in run(steps=40, checks=8)[0]:
        losses = [math.inf if v is None else v for v in r.validation_loss]
        best = losses.index(min(losses))
        assert r.best_step == r.check_steps[best]
        assert r.scores["best"]["validation"]["loss"] == pytest.approx(min(losses))
        assert r.scores["final"]["validation"]["loss"] == pytest.approx(losses[-1])
        assert r.steps == r.check_steps[-1] == 40
        assert len(r.check_steps) == len(r.train_loss) == len(r.gradient_norm) == 8


def test_early_stopping_stops_and_is_scored_at_its_best_check(run):
    found, _ = run("early_stopping", (2.0,), steps=100, checks=20, learning_rate=0.05)
    assert any(r.steps < 100 for r in found)
    for r in found:
        assert r.scores["final"] == r.scores["best"]
        if r.steps < 100:
            checks = r.check_steps
            assert checks.index(r.steps) - checks.index(r.best_step) == 2


def test_a_stopped_member_is_what_it_was_when_it_stopped():
    """Freezing, and going on without those that have stopped, change no member."""
    job = setting("labels", "gru", "early_stopping", steps=100, checks=20, learning_rate=0.05)
    seeds = list(range(8))
    together = Population(job, [2.0] * 8, seeds)
    together.run()
    assert len({int(c) for c in together.curves.checks}) > 2, "members stop at different checks"
    for m in seeds:
        alone = Population(job, [2.0], [m])
        alone.run()
        for kept in ("final", "best"):
            ours, theirs = getattr(together, kept), getattr(alone, kept)
            assert all(torch.equal(ours[n][m], theirs[n][0]) for n in ours)


@pytest.mark.parametrize("budget", [{}, {"optimizer": "sgd", "schedule": "cosine"}])
def test_a_rate_is_a_member_s_own(budget):
    """To the last bit what the member is with this rate for all, also where others have gone."""
    rates = [1e-3, 1e6, 1e6, 3e-2]  # two diverge, and the others go on without them
    together = Population(setting("labels", "gru", **budget), [0.0] * 4, [1, 2, 1, 2], rates)
    together.run()
    assert together.curves.checks[1] < together.curves.checks[0]
    for m, seed in ((0, 1), (3, 2)):
        job = setting("labels", "gru", learning_rate=rates[m], **budget)
        alone = Population(job, [0.0], [seed])
        alone.run()
        assert torch.equal(together.curves.loss[:, m], alone.curves.loss[:, 0])
        assert all(torch.equal(together.final[n][m], p[0]) for n, p in alone.final.items())


def test_divergence_is_a_result(run):
    found, _ = run("none", (0.0,), steps=40, checks=4, learning_rate=1e6)
    assert all(r.diverged for r in found)
    for r in found:
        assert r.scores["best"]["validation"]["loss"] == 10.0, "the naive score"
        if r.phase == "evaluate":
            assert r.scores["final"]["test"]["loss"] == 10.0


def test_a_budget_may_move_the_loss_above_which_a_member_has_diverged(run):
    near = {"steps": 4, "checks": 2, "diverged": 1e-3}  # the naive loss is 10
    assert all(r.diverged for r in run("none", (0.0,), **near)[0])
    found, _ = run("none", (0.0,), **near | {"diverged": 1.0})
    assert not any(r.diverged for r in found)


def test_not_finite_is_diverged_and_written_as_null(tmp_path):
    job = setting("labels")
    population = Population(job, [0.0, 0.0], [1, 2])
    for p in population.params.values():
        p[0] = math.nan
    population.run()
    row = ToyRow("toy", "lstm", "none", (0.0,), (1, 2), ())
    made = training.records(row, job, population, "tune")
    assert [r.diverged for r in made] == [True, False]
    assert made[0].validation_loss[0] is None
    write(tmp_path / "records.jsonl", made)
    assert read(tmp_path / "records.jsonl") == made
    assert isinstance(made[0], Record)


@pytest.mark.parametrize("split", ["sample", "test", "validation"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_alone_that_is_not_finite_is_diverged(split, value, tmp_path, monkeypatch):
    job = setting("labels", steps=2, checks=1)
    evaluate = Population.evaluate

    def spoiled(self, params, reg, name):
        found = evaluate(self, params, reg, name)
        found["error"][0] = value if name == split else found["error"][0]
        return found

    monkeypatch.setattr(Population, "evaluate", spoiled)
    population = Population(job, [0.0, 0.0], [1000, 1001])
    population.run()
    row = ToyRow("toy", "lstm", "none", (0.0,), (0,), (1000, 1001))
    made = training.records(row, job, population, "evaluate")
    assert [r.diverged for r in made] == [True, False]
    assert made[0].scores["final"]["test"] == {"loss": 10.0, "accuracy": 10.0}, "the naive score"
    write(tmp_path / "records.jsonl", made)
    assert read(tmp_path / "records.jsonl") == made


def test_a_base_clip_holds_but_for_rows_that_clip(monkeypatch):
    def reg(name):
        job = setting("labels", "lstm", name)
        monkeypatch.setattr(job.benchmark, "base_clip", 0.25)
        return job.regularizers(torch.tensor([0.5]))

    grads = {"output": torch.tensor([[30.0, 40.0]])}
    assert reg("l2").gradients(grads, {}, Noise(torch.tensor([1]), 0))[
        "output"
    ].norm() == pytest.approx(0.25)
    assert reg("clip_norm").gradients(grads, {}, Noise(torch.tensor([1]), 0))[
        "output"
    ].norm() == pytest.approx(0.5)


def test_clipping_is_counted(run):
    always, _ = run("clip_norm", (1e-4,), tuning=1, evaluation=1)
    never, _ = run("clip_norm", (1e4,), tuning=1, evaluation=1)
    assert {r.clipped for r in always} == {1.0}
    assert {r.clipped for r in never} == {0.0}


@pytest.fixture
def room(monkeypatch):
    """A memory that holds so many members of a population, and no more."""
    run = Population.run

    def held(members, trained_ones_go=False):
        lost = []

        def checked(self, watch=None):
            assert not any(population() for population in lost), "their memory is free"
            if trained_ones_go or len(self.strengths) > members:
                lost.append(weakref.ref(self))
            if len(self.strengths) > members:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much. More.")
            run(self, watch)

        monkeypatch.setattr(Population, "run", checked)

    return held


def test_what_memory_does_not_hold_is_trained_in_parts(room):
    job = setting("labels", "gru", "l2")
    given = job, [1e-3, 1e-2, 1e-1], [1, 2, 3]
    (whole,) = training.trained(*given)
    room(2)
    with pytest.warns(UserWarning, match="3 members do not fit into the memory of cpu together"):
        parts = list(training.trained(*given))
    assert [len(p.strengths) for p in parts] == [1, 2]
    for name, p in whole.final.items():
        assert torch.equal(torch.cat([part.final[name] for part in parts]), p)


def test_a_part_that_is_trained_is_gone_before_the_next(room, run):
    room(1, trained_ones_go=True)
    with pytest.warns(UserWarning, match="do not fit"):
        found, _ = run()
    assert len(found) == 7, "tuned and evaluated one by one"


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("size mismatch"), False),
    ],
)
def test_what_says_that_memory_ran_out(error, is_one):
    assert out_of_memory(error) is is_one
    end = RuntimeError("operation failed due to a previous error during capture")
    end.__context__ = error
    assert out_of_memory(end) is is_one


def test_another_error_is_not_taken_for_a_lack_of_memory(monkeypatch):
    def broken(self, watch=None):
        raise RuntimeError("size mismatch")

    monkeypatch.setattr(Population, "run", broken)
    with pytest.raises(RuntimeError, match="size mismatch"):
        list(training.trained(setting("labels"), [0.0, 0.0], [1, 2]))


def test_a_member_that_memory_does_not_hold(room):
    room(0)
    with pytest.raises(UserError, match=r"a smaller batch in the study.*or --device cpu"):
        list(training.trained(setting("labels"), [0.0], [1]))


FAULTS = {
    "optimizer: given 'lion', allowed are adam, sgd, momentum,": {"optimizer": "lion"},
    "schedule: given 'step', allowed are constant, linear,": {"schedule": "step"},
    "precision: given 'half', allowed are float32, tf32, bfloat16.": {"precision": "half"},
    "checks: given 9, allowed is at most one a step, 5.": {"steps": 5, "checks": 9},
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_budget_that_cannot_be(message):
    row = Row("elnino", "lstm", "none", (0.0,), (0,), (1000,), FAULTS[message])
    with pytest.raises(UserError, match=re.escape(f"(or the study): budget: {message}")):
        job_of(row, {}, {})
