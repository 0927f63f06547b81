"""What a GPU computes is what a CPU computes. Skipped, all of it, where there is no GPU."""

import signal
from dataclasses import replace

import pytest
import torch
from test_checkpoint import at, but_time, counted, saved
from test_native import CELLS, SHAPES, SITES, assert_near, case, double, results
from toys import TASKS, setting

from rnnreg.kernels.noise import Noise
from rnnreg.kernels.unroll import Masks, path, plain, unroll
from rnnreg.study import registry, stop
from rnnreg.training.capture import CapturedPopulation, populate

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
REGULARIZERS = registry.names("regularizer")


def there(thing):
    """The same on the GPU."""
    if isinstance(thing, Masks):
        own = (thing.recurrent, thing.update, thing.carry, thing.cell, thing.input)
        return Masks(*map(there, own))
    if isinstance(thing, dict):
        return {n: there(t) for n, t in thing.items()}
    if isinstance(thing, (list, tuple)):
        return type(thing)(map(there, thing))
    return thing.cuda() if isinstance(thing, torch.Tensor) else thing


@pytest.fixture(autouse=True)
def _true_single_precision():
    torch.backends.cuda.matmul.allow_tf32 = False


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sites", SITES)
@pytest.mark.parametrize("name", CELLS)
def test_the_time_loop(name, sites, shape):
    cell = registry.load("cell", name)
    assert path(cell, torch.device("cuda")) == "fused"
    given = case(cell, *shape, sites)
    found = results(unroll, cell, *there(given))
    assert_near([t.cpu() for t in found], results(plain, cell, *double(given)))


@pytest.mark.parametrize("shape", [(5,), (3, 1, 7), (1 << 18,)])
def test_masks_to_the_last_bit(shape):
    seeds, p = torch.tensor([5, 0, 5, 9]), torch.tensor([0.0, 0.1, 0.5, 0.9])
    here = Noise(seeds, 7).at("site")
    away = Noise(seeds.cuda(), torch.tensor([7]).cuda()).at("site")
    assert torch.equal(here.dropout(p, shape), away.dropout(p.cuda(), shape).cpu())
    assert torch.equal(here.uniform(shape), away.uniform(shape).cpu())
    assert torch.equal(here.order(97), away.order(97).cpu())


def pair(job, strengths, seeds):
    found = [
        populate(replace(job, device=torch.device(d)), strengths, seeds) for d in ("cpu", "cuda")
    ]
    assert isinstance(found[1], CapturedPopulation)
    for population in found:
        population.run()
    return found


def assert_same(cpu, gpu):
    for name, p in cpu.final.items():
        torch.testing.assert_close(gpu.final[name].cpu(), p, rtol=1e-3, atol=1e-4, equal_nan=True)
    for name in ("loss", "train_loss", "norm", "checks", "diverged"):
        found, wanted = getattr(gpu.curves, name).cpu(), getattr(cpu.curves, name)
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4, equal_nan=True)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", TASKS)
def test_training(kind, cell):
    job = setting(kind, cell, "recurrent_dropout")
    assert_same(*pair(job, [0.3, 0.6, 0.6], [1, 2, 1]))


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_training_under_every_regularizer(regularizer):
    grid = registry.load("regularizer", regularizer).strengths
    assert_same(*pair(setting("series", "lstm", regularizer), [grid[0], grid[-1]], [1, 2]))


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_lower_precision_is_near(precision):
    cpu, gpu = pair(setting("series", "lstm", precision=precision), [0.0], [1])
    torch.testing.assert_close(gpu.curves.loss.cpu(), cpu.curves.loss, rtol=2e-2, atol=2e-2)


def test_a_row_that_is_stopped_goes_on_to_the_last_bit(monkeypatch, tmp_path):
    row = saved(monkeypatch, tmp_path, "cuda")
    undisturbed = row()
    assert {r.device for r in undisturbed} == {torch.cuda.get_device_name()}
    for moment in (1, 8, 17):  # in each of the phases
        row.kept.unlink()
        with pytest.raises(stop.Interrupted):
            row(at(moment, signal.SIGTERM))
        with counted(CapturedPopulation) as steps:
            assert but_time(row()) == but_time(undisturbed)
        assert len(steps) == 18 - moment - 1, "no step is taken twice"
