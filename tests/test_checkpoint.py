"""A population that is stopped at any moment goes on as if it never had been, to the last bit."""

import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from test_capture import as_on_a_gpu  # noqa: F401
from test_protocol import ToyRow
from toys import TASKS, one_of_each_kind, setting, suited

from rnnreg.study import records, registry, stop
from rnnreg.study.search import Search
from rnnreg.training import checkpoint as checkpoints
from rnnreg.training import row as training
from rnnreg.training import tensors
from rnnreg.training.capture import CapturedPopulation
from rnnreg.training.checkpoint import Checkpoint
from rnnreg.training.population import Population

MADE_FROM = {"code": "a", "data": "b"}


def assert_same(ours, theirs):
    """To the last bit, also where nothing is a number."""
    assert ours.keys() == theirs.keys()
    for name, t in ours.items():
        assert t.shape == theirs[name].shape, name
        assert torch.equal(t.nan_to_num(nan=-7), theirs[name].nan_to_num(nan=-7)), name


def result(population):
    told = {**population.curves.tensors(), **{f"final {n}": p for n, p in population.final.items()}}
    return told | {f"best {n}": p for n, p in population.best.items()}


def interrupted(make, file, moments):
    """Stopped after each of these steps; each time a new population goes on from the file."""
    for moment in [*moments, None]:
        population = make()

        def stop_here(population, moment=moment):
            if population.done == moment:
                os.kill(os.getpid(), signal.SIGTERM)

        try:
            Checkpoint(file, MADE_FROM, 0.01).run(population, stop_here)
        except stop.Interrupted as signalled:
            assert str(signalled) == (  # noqa: PT017
                "stopped by SIGTERM; the same command goes on from step "
                f"{moment} of {population.budget.steps}"
            )
            assert moment == population.done
    assert population.done == population.budget.steps or not len(population.index)
    return result(population)


def remembers(regularizer):
    """Whether a population holds more under it: kept tensors, parameters, or who has stopped."""
    cls = registry.load("regularizer", regularizer)
    return {"start", "network", "keep_training"} & {*vars(cls)} or hasattr(cls, "ratios")


@pytest.mark.parametrize(
    ("kind", "cell", "regularizer"),
    [*((kind, "lstm", "recurrent_dropout") for kind in TASKS)]
    + [
        (suited(r, "series", "language")[0], cell, r)
        for r in one_of_each_kind()
        for cell in (("lstm", "gru") if remembers(r) else ("lstm",))
    ],
)
def test_a_population_goes_on_to_the_last_bit(kind, cell, regularizer, tmp_path):
    """Before, at and after a check; with members that stop, one of which diverges."""
    grid = registry.load("regularizer", regularizer).strengths
    job = setting(kind, cell, regularizer, schedule="cosine")
    given = job, [grid[0], grid[-1], grid[0]], [1, 2, 2], [1e-2, 1e-2, 1e6]
    whole = Population(*given)
    whole.run()
    found = interrupted(lambda: Population(*given), tmp_path / "c", (1, 3, 4, 8, 12))
    assert_same(found, result(whole))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_with_members_that_stop_at_different_checks(optimizer, tmp_path):
    job = setting("labels", "gru", "early_stopping", steps=60, checks=20, optimizer=optimizer,
                  learning_rate=0.05)  # fmt: skip
    given = job, [2.0] * 6, list(range(6))
    whole = Population(*given)
    whole.run()
    assert len(set(whole.curves.checks.tolist())) > 1
    found = interrupted(lambda: Population(*given), tmp_path / "c", (10, 20, 21, 30, 42))
    assert_same(found, result(whole))


def in_place(function, given):
    """A recording that reads its tensors where they lay when it was made, as a CUDA graph does."""
    return lambda: function(*given)


@pytest.mark.parametrize("kind", ["language", "series"])
def test_on_a_gpu(kind, tmp_path, as_on_a_gpu):  # noqa: F811
    job = setting(kind, "elman_tanh", "dropout", steps=6, checks=2, schedule="linear")
    given = job, [0.3, 0.6, 0.3], [1, 2, 1], [1e-2, 1e-2, 1e6]

    def make():
        return CapturedPopulation(*given, recorder=lambda: in_place)

    whole = make()
    whole.run()
    found = interrupted(make, tmp_path / "c", (1, 4))
    assert_same(found, result(whole))


@pytest.fixture
def row(monkeypatch, tmp_path):
    return saved(monkeypatch, tmp_path, "cpu")


def saved(monkeypatch, tmp_path, device):
    """Trains a row of a toy task by a search, saved into files as the command does."""
    search = Search(4, 2, 1, (1e-3, 1e-1), (1e-4, 1e-1))
    toy = ToyRow("toy", "gru", "l2", (), (0, 1), (1000, 1001), search=search)
    job = setting("series", "gru", "l2", steps=6, checks=2)
    job = replace(job, device=torch.device(device))
    monkeypatch.setattr(training, "setting", lambda *_: job)
    kept, file = tmp_path / "partial", tmp_path / "toy.safetensors"

    def train(watch=None, save=lambda some: None, **changes):
        def keep(some):
            records.write(kept, some)
            save(some)

        known = records.read(kept) if kept.exists() else []
        asked = replace(toy, **changes)
        return training.train(asked, job.facts, job.splits, known, device, keep, watch, file)

    train.kept, train.file, train.job = kept, file, job
    return train


def but_time(found):
    return [replace(r, seconds=0.0) for r in found]


@contextmanager
def counted(kind=Population):
    """The steps that are taken meanwhile, as so many members each."""
    steps, step = [], kind.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "step", lambda self: steps.append(len(self.index)) or step(self))
        yield steps


def dies(work, *given):
    """Do it in a process of its own, which must be killed at it."""
    child = os.fork()
    if child == 0:
        work(*given)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == -signal.SIGKILL


def at(moment, signalled):
    """A watch that sends this process a signal at its n-th call."""
    calls = iter(range(1 << 20))
    return lambda population: os.kill(os.getpid(), signalled) if next(calls) == moment else None


@pytest.mark.parametrize("number", stop.SIGNALS)
def test_a_row_that_is_asked_to_stop_loses_nothing(row, number):
    undisturbed = row()
    assert not row.file.exists()
    for moment in (1, 17):  # in the first phase and the last
        row.kept.unlink()
        with pytest.raises(stop.Interrupted) as told:
            row(at(moment, number))
        assert told.value.number == number
        with counted() as steps:
            assert but_time(row()) == but_time(undisturbed)
        assert len(steps) == 18 - moment - 1
        assert not row.file.exists()


@pytest.mark.parametrize("moment", [0, 4, 5, 6, 11, 12, 13, 17])
def test_a_row_that_is_killed_goes_on_from_the_last_checkpoint(row, moment, monkeypatch):
    undisturbed = row()
    row.kept.unlink()
    monkeypatch.setattr(checkpoints, "EVERY", -1)
    monkeypatch.setattr(checkpoints, "SHARE", 0)
    dies(row, at(moment, signal.SIGKILL))
    with counted() as steps:
        assert but_time(row()) == but_time(undisturbed)
    assert len(steps) == 18 - moment, "the step that was not saved yet, and the rest"


def test_seconds_add_up(row, monkeypatch):
    row()
    row.kept.unlink()
    clock = iter(range(0, 1 << 30, 100))
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    with pytest.raises(stop.Interrupted):
        row(at(5, signal.SIGTERM))
    spent = float(tensors.read(row.file)[0]["far/seconds"])
    assert spent > 0
    assert row()[0].seconds * 4 > spent


def test_members_of_a_checkpoint_come_first_when_more_are_asked_for(row):
    more = {"evaluation_seeds": (1000, 1001, 1002)}
    undisturbed = row(**more)
    row.kept.unlink()
    with pytest.raises(stop.Interrupted):
        row(at(15, signal.SIGTERM))
    with counted() as steps:
        assert but_time(row(**more)) == but_time(undisturbed)
    members = sum(r.phase == "evaluate" for r in undisturbed)
    assert sorted(steps) == sorted([members * 2 // 3] * 2 + [members // 3] * 6)


def test_a_checkpoint_of_members_that_are_not_asked_for_is_not_used(row):
    undisturbed = row()
    row.kept.unlink()
    with pytest.raises(stop.Interrupted):
        row(at(15, signal.SIGTERM))
    with counted() as steps:
        found = row(evaluation_seeds=(1000,))
    assert len(steps) == 6
    assert but_time(found) == [r for r in but_time(undisturbed) if r.seed != 1001]


REFUSED = {
    "of other code (other, here toy)": {"code": "other"},
    "of other data (other, here toy)": {"data": "other"},
    f"of other torch (0.1, here {torch.__version__})": {"torch": "0.1"},
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_checkpoint_of_something_else_is_refused_by_name(row, why):
    undisturbed = row()
    row.kept.unlink()
    with pytest.raises(stop.Interrupted):
        row(at(5, signal.SIGTERM))
    snapshot, notes = tensors.read(row.file)
    tensors.write(row.file, snapshot, {**notes, **REFUSED[why]})
    with pytest.warns(UserWarning, match="is left aside") as told, counted() as steps:
        assert but_time(row()) == but_time(undisturbed)
    assert str(told[0].message) == (
        f"{row.file}: a checkpoint that is {why}. It is left aside: the members in training start "
        "anew, finished ones are kept."
    )
    assert len(steps) == 18


def test_a_checkpoint_with_other_tensors_is_refused(row):
    undisturbed = row()
    row.kept.unlink()
    with pytest.raises(stop.Interrupted):
        row(at(5, signal.SIGTERM))
    snapshot, notes = tensors.read(row.file)
    tensors.write(row.file, {**snapshot, "moving/kept/x": torch.zeros(4)}, notes)
    with pytest.warns(UserWarning, match="that is of another version of rnnreg"):
        assert but_time(row()) == but_time(undisturbed)


def test_no_damaged_byte_is_taken_for_a_number(row):
    undisturbed = row()
    row.kept.unlink()
    with pytest.raises(stop.Interrupted):
        row(at(5, signal.SIGTERM))
    whole = row.file.read_bytes()
    for place in range(0, len(whole), len(whole) // 60):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        row.file.write_bytes(flipped)
        with pytest.raises(ValueError, match="damaged"):
            tensors.read(row.file)
        row.file.write_bytes(whole[:place])
        with pytest.raises(ValueError, match="damaged"):
            tensors.read(row.file)
    with pytest.warns(UserWarning, match="that is damaged: its content has another hash"):
        assert but_time(row()) == but_time(undisturbed)


def test_what_memory_does_not_hold_goes_on_in_parts(row, monkeypatch):
    undisturbed = row()
    row.kept.unlink()
    run = Population.run

    def short(self, watch=None):
        if len(self.strengths) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate much. More.")
        run(self, watch)

    monkeypatch.setattr(Population, "run", short)
    with pytest.warns(UserWarning, match="do not fit"), pytest.raises(stop.Interrupted):
        row(at(8, signal.SIGTERM))
    assert len(records.read(row.kept)) == 2, "the first half is trained and kept"
    with counted() as steps:
        assert but_time(row()) == but_time(undisturbed)
    assert steps[:3] == [2, 2, 2]


def test_the_library_reads_the_format(tmp_path):
    library = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
    given = {
        "b": torch.tensor([True, False, True]),
        "a": torch.randn(2, 3),
        "none": torch.zeros(0, 4),
        "c": torch.tensor([[1.5], [torch.nan]], dtype=torch.float64),
        "number": torch.tensor(7),
    }
    tensors.write(tmp_path / "t", given, {"note": "é"})
    found, notes = tensors.read(tmp_path / "t")
    assert notes == {"note": "é"}
    assert list(found) == list(given), "in order"
    assert_same(found, given)
    assert_same(library.load_file(tmp_path / "t"), given)


def test_a_second_signal_stops_at_once():
    with stop.later() as came:
        os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM]
        with pytest.raises(stop.Interrupted, match="stopped by SIGINT; what was finished is kept"):
            os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_that_comes_twice_at_once_is_one(monkeypatch):
    """As Slurm sends it: to a process, and to the one that passes it on."""
    with stop.later() as came:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert came == [signal.SIGTERM]
        monkeypatch.setattr(stop, "TOGETHER", 0.0)
        with pytest.raises(stop.Interrupted, match="stopped by SIGTERM"):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_process_that_ends_by_a_signal_is_not_interrupted_again():
    """What passes a signal on may do so while its child tells of it."""
    before = {number: signal.getsignal(number) for number in stop.SIGNALS}
    try:
        with pytest.raises(stop.Interrupted), stop.at_once(ends=True):
            os.kill(os.getpid(), signal.SIGINT)
        assert {signal.getsignal(number) for number in stop.SIGNALS} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    with stop.at_once(ends=True):
        pass
    assert {number: signal.getsignal(number) for number in stop.SIGNALS} == before


def test_a_signal_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop.at_once():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
