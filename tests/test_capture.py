"""Steps that are recorded once and replayed, against steps taken one by one.

A GPU records CUDA graphs. Here a tape records instead, which holds to the same rules: tensors are
read where they lay at the recording, and every Python number is frozen.
"""

import gc
import weakref
from dataclasses import replace

import pytest
import torch
import toys
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten
from toys import TASKS, one_of_each_kind, setting, suited

import rnnreg.training.layers
from rnnreg.kernels import fused
from rnnreg.kernels.native import losses, noise, optimizers, recurrence, squares
from rnnreg.study import registry
from rnnreg.study.sizes import HEADS, Model
from rnnreg.tasks import Forecast, LanguageModel
from rnnreg.training import batches, scaling
from rnnreg.training.capture import Captured, CapturedPopulation
from rnnreg.training.population import Population


class Tape(TorchDispatchMode):
    """The operations of a function, to be done again with the same numbers on other tensors.

    `slots` are the places of the tensors: those given, then what each operation makes.
    """

    def __init__(self, given):
        super().__init__()
        self.held, self.operations = [], []
        self.slots = {}
        for tensor in given:
            self._slot(tensor)

    def _slot(self, tensor):
        self.held.append(tensor)  # or another could have its id
        return self.slots.setdefault(id(tensor), len(self.slots))

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        leaves, tree = tree_flatten((args, kwargs or {}))
        read = {
            i: s for i, leaf in enumerate(leaves) if (s := self.slots.get(id(leaf))) is not None
        }
        found = operation(*args, **kwargs or {})
        fixed = [None if i in read else leaf for i, leaf in enumerate(leaves)]
        self.operations.append((operation, tree, fixed, read, [*map(self._slot, _tensors(found))]))
        return found

    def play(self, given):
        """What each slot holds at the end."""
        values = dict(enumerate(given))
        for operation, tree, leaves, read, made in self.operations:
            for i, slot in read.items():
                leaves[i] = values[slot]
            args, kwargs = tree_unflatten(leaves, tree)
            values.update(zip(made, _tensors(operation(*args, **kwargs)), strict=True))
        return values


def _tensors(found):
    return [leaf for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor)]


def recorder():
    """Records operations on a tape. As with a CUDA graph, making a recording computes nothing that
    stays, and once all recordings are gone, no other may follow.
    """
    made, there = [], weakref.WeakSet()

    def record(function, given):
        assert there or not made, "the memory of recordings that are gone"
        copies = [t.clone() for t in given]
        with Tape(copies) as tape:
            found = [tape.slots[id(t)] for t in function(*copies)]
        tape.held.clear()

        def replay():
            values = tape.play(given)
            return [values[slot] for slot in found]

        made.append(None)
        there.add(replay)
        return replay

    return record


@pytest.fixture
def few_time_steps(monkeypatch):
    """To record an operation takes milliseconds, and each time step has some forty."""
    monkeypatch.setattr(TASKS["language"], "task", LanguageModel("character", window=3))
    monkeypatch.setattr(TASKS["series"], "task", Forecast(context=3, horizon=3, season=2))
    monkeypatch.setattr(toys, "LONGEST", 8)
    monkeypatch.setattr(batches, "PAD", 4)  # 4 steps, or 8


@pytest.fixture
def as_on_a_gpu(monkeypatch):
    """No compiled CPU code, and the time loop of a GPU with its kernels as they are written."""
    for module in (losses, noise, optimizers, recurrence, squares):
        monkeypatch.setattr(module, "library", lambda: None)
    loop = lambda cell, *given: fused.unroll(cell, *given, fused.pointwise(cell))  # noqa: E731
    monkeypatch.setattr(rnnreg.training.layers, "unroll", loop)


def assert_same(ours: Population, theirs: Population):
    """Parameters, curves and fates, to the rounding of the rate to single precision."""
    for kept in ("final", "best"):
        for name, p in getattr(theirs, kept).items():
            found = getattr(ours, kept)[name]
            torch.testing.assert_close(found, p, rtol=1e-4, atol=1e-5, equal_nan=True)
    for name in ("loss", "train_loss", "norm", "checks", "clipped", "diverged"):
        found, wanted = getattr(ours.curves, name), getattr(theirs.curves, name)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5, equal_nan=True)


def both(*given):
    found = Population(*given), CapturedPopulation(*given, recorder=recorder)
    renewed = found[1].renew
    replays = []

    def renew():
        replays.append(len(found[1].advancing.recorded) and len(found[1].measuring.recorded))
        renewed()

    found[1].renew = renew  # called at the end, too
    for population in found:
        population.run()
    assert any(replays), "something was recorded"
    return found


PAIRS = [("language", "lstm"), ("labels", "elman_tanh"), ("series", "gru"), ("music", "elman_relu")]


@pytest.mark.parametrize(("kind", "cell"), PAIRS)
def test_replayed_steps_are_steps(kind, cell, as_on_a_gpu, few_time_steps):
    job = setting(kind, cell, "recurrent_dropout", steps=9, checks=3)
    ours, theirs = both(job, [0.3, 0.6, 0.6], [1, 2, 1])
    assert_same(ours, theirs)


@pytest.mark.parametrize("regularizer", one_of_each_kind())
def test_under_every_kind_of_regularizer(regularizer, as_on_a_gpu, few_time_steps, monkeypatch):
    monkeypatch.setattr(TASKS["language"], "model", Model(hidden=10, layers=1, embedding=5))
    grid = registry.load("regularizer", regularizer).strengths
    kind = suited(regularizer, "series", "language")[0]
    job = setting(kind, "lstm", regularizer, steps=9, checks=3)
    assert_same(*both(job, [grid[0], grid[-1]], [1, 2]))


def test_masks_at_the_embedding(as_on_a_gpu, few_time_steps):
    job = setting("language", "elman_tanh", "variational_dropout", steps=6, checks=2)
    assert_same(*both(job, [0.3, 0.6], [1, 2]))


def test_sgd_with_a_schedule(as_on_a_gpu, few_time_steps):
    job = setting(
        "language",
        "gru",
        steps=9,
        checks=3,
        optimizer="sgd",
        schedule="exponential",
        hold=1,
        factor=2.0,
    )
    assert_same(*both(job, [0.0], [1]))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_rate_of_each_member(optimizer, as_on_a_gpu, few_time_steps):
    job = setting("series", "gru", steps=9, checks=3, optimizer=optimizer, schedule="linear")
    ours, theirs = both(job, [0.0] * 3, [1] * 3, [1e-3, 1e-2, 0.1])
    assert_same(ours, theirs)
    assert len(set(ours.curves.loss[-1].tolist())) == 3


@pytest.mark.parametrize("lost", [[1], [0, 2]])  # the others go on beside it, and without them
def test_members_that_stop(lost, as_on_a_gpu, few_time_steps):
    job = setting("series", "elman_tanh", "dropout", steps=18, checks=6)
    given = job, [0.1, 0.2, 0.3], [1, 2, 3], [1e-3, 3e-3, 1e-2]
    pair = Population(*given), CapturedPopulation(*given, recorder=recorder)
    for population in pair:
        for m in lost:
            population.params["output"][m] = torch.nan
        population.run()
    assert pair[1].curves.checks.tolist() == [1 if m in lost else 6 for m in range(3)]
    assert_same(*pair)


def test_memory_is_free_once_nobody_holds_the_population(as_on_a_gpu, few_time_steps):
    ours = CapturedPopulation(
        setting("series", "gru", steps=9, checks=3), [0.0], [1], recorder=recorder
    )
    gc.disable()
    try:
        for _ in range(3):
            ours.step()
        gone = weakref.ref(ours)
        del ours
        assert gone() is None
    finally:
        gc.enable()


def test_what_was_recorded_does_not_see_numbers():
    number = iter((1, 2, 3))
    times = Captured([], recorder())
    found = [
        float(times(lambda key, x: [x * next(number)], "key", torch.ones(()))[0]) for _ in range(3)
    ]
    assert found == [1, 2, 2], "the third call repeats the number of the second"


ELSEWHERE = torch.device("meta")  # where tensors are made that nobody gave a device


class Strict(TorchDispatchMode):
    """Refuses what a GPU's recording cannot hold: reading a number, a tensor made elsewhere."""

    READ = ("_local_scalar_dense", "nonzero", "_unique2", "unique_dim", "unique_consecutive")
    MADE = ("lift_fresh",)  # torch.tensor(...): from the host's memory

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = operation.__name__.partition(".")[0]
        assert name not in self.READ, f"{name} waits for the GPU"
        assert name not in self.MADE, f"{name} copies from the host"
        tensors = [a for a in tree_leaves(args) if isinstance(a, torch.Tensor)]
        assert kwargs.get("device") != ELSEWHERE, f"{name} on no device in particular"
        if name.startswith("index"):
            assert not any(t.dtype == torch.bool for t in tensors), f"{name} counts a mask"
        return operation(*args, **kwargs)


def asks_nothing_of_the_host(job, grid):
    ours = CapturedPopulation(job, [grid[0]] * 2, [1, 2], recorder=recorder)
    key, index = ours.batches.pick(0)
    portion = ours.batches.portions("validation")[0]
    with ELSEWHERE, Strict():
        ours.advancing(ours._advance, key, index)
        ours.measuring(ours._measure, ("validation", portion[0]), portion[1])


@pytest.mark.parametrize("regularizer", ["gradient_noise", "weight_averaging"])
def test_what_reads_the_number_of_the_step_asks_nothing_of_the_host(regularizer, as_on_a_gpu):
    grid = registry.load("regularizer", regularizer).strengths
    asks_nothing_of_the_host(setting("series", "gru", regularizer), grid)


def test_a_mask_at_the_embedding_asks_nothing_of_the_host(as_on_a_gpu):
    asks_nothing_of_the_host(setting("language", "elman_tanh", "variational_dropout"), [0.3])


@pytest.mark.parametrize(
    ("kind", "regularizer"),
    [
        *((kind, "none") for kind in TASKS),
        *((suited(r)[0], r) for r in one_of_each_kind() if r != "none"),
    ],
)
def test_a_step_asks_nothing_of_the_host(kind, regularizer, as_on_a_gpu):
    grid = registry.load("regularizer", regularizer).strengths
    asks_nothing_of_the_host(setting(kind, "gru", regularizer, schedule="cosine"), grid)


@pytest.mark.parametrize("head", HEADS)
def test_no_network_asks_anything_of_the_host(head, as_on_a_gpu):
    sizes = Model((6, 4), embedding=5, bidirectional=True, convolution=2, head=head)
    asks_nothing_of_the_host(setting("labels", "gru", "recurrent_dropout", sizes), [0.3])


@pytest.mark.parametrize(
    ("kind", "loss"), [("series", "huber"), ("labels", "squared"), ("music", "squared")]
)
def test_no_training_loss_asks_anything_of_the_host(kind, loss, as_on_a_gpu):
    asks_nothing_of_the_host(setting(kind, "gru", loss=loss), [0.0])


def test_scores_in_another_unit_than_training_ask_nothing_of_the_host(as_on_a_gpu):
    job = setting("series", "gru")
    own = scaling.scaling("", "minmax", job.benchmark, job.facts, job.splits["train"])
    benchmark, splits = scaling.applied(own, job.benchmark, job.splits)
    job = replace(job, benchmark=benchmark, splits=splits)
    assert job.benchmark.task.unit
    asks_nothing_of_the_host(job, [0.0])


def test_a_forecast_of_some_columns_asks_nothing_of_the_host(as_on_a_gpu, monkeypatch):
    some = replace(TASKS["series"].task, targets=(1,), anchored=True)
    monkeypatch.setattr(TASKS["series"], "task", some)
    job = setting("series", "gru")
    network = replace(job.network, outputs=some.outputs(2, 0))
    asks_nothing_of_the_host(replace(job, network=network), [0.0])


@pytest.mark.parametrize(
    "fault",
    [lambda x: x.sum().item(), lambda x: x[x > 0], lambda x: x + torch.zeros(3), torch.unique],
)
def test_the_strict_mode_is_strict(fault):
    with ELSEWHERE, Strict(), pytest.raises(AssertionError):
        fault(torch.ones(3, device="cpu"))
