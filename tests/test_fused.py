"""The time loop of a GPU against the plain one, on whatever device is there."""

from functools import partial

import pytest
import torch
from test_native import CELLS, SHAPES, SITES, assert_near, case, double, results
from test_native import by_kernels as loop
from torch._dynamo.backends.debugging import aot_eager
from toys import TASKS, setting

import rnnreg.kernels.unroll
import rnnreg.training.layers
from rnnreg.kernels import fused
from rnnreg.kernels.native import build, recurrence
from rnnreg.kernels.unroll import Masks, _compiles, plain
from rnnreg.study import registry
from rnnreg.training.population import Population


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sites", SITES)
@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_are_those_of_the_plain_loop(name, sites, shape):
    cell = registry.load("cell", name)
    given = double(case(cell, *shape, sites))
    assert_near(results(loop, cell, *given), results(plain, cell, *given))


def compiled_by(backend, name, sites, shapes, monkeypatch):
    """Kernels that torch.compile made are those that are written, for all sizes."""
    cell = registry.load("cell", name)
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    kernels = tuple(map(fused._compiled, fused.pointwise(cell)))
    for shape in shapes:
        given = case(cell, *shape, sites)
        found = results(lambda cell, *g: fused.unroll(cell, *g, kernels), cell, *given)
        assert_near(found, results(plain, cell, *double(given)))


def test_traced_kernels_are_those_that_are_written(monkeypatch):
    """As the next test without the machine code, which takes torch half a minute a cell."""
    compiled_by(aot_eager, "lstm", "all", SHAPES[:1], monkeypatch)


@pytest.mark.slow
@pytest.mark.skipif(build.library() is None, reason="no C++ compiler on this machine")
@pytest.mark.parametrize(("name", "sites"), [("lstm", "recurrent"), ("gru", "all")])
def test_compiled_kernels_are_those_that_are_written(name, sites, monkeypatch):
    compiled_by("inductor", name, sites, SHAPES[:3], monkeypatch)


@pytest.mark.skipif(build.library() is None, reason="no C++ compiler on this machine")
def test_the_compiled_kernels_of_the_smallest_cell_are_those_that_are_written(monkeypatch):
    compiled_by("inductor", "elman_tanh", "recurrent", SHAPES[:1], monkeypatch)


def test_a_compilation_serves_all_tasks(monkeypatch):
    """Nothing anew for another size or layout, or for a tensor that is given twice."""
    compiled = []

    def count(graph, given):
        compiled.append(graph)
        return aot_eager(graph, given)

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=count))
    monkeypatch.setattr(recurrence, "library", lambda: None)
    torch._dynamo.reset()
    kernels = tuple(map(fused._compiled, fused.pointwise(registry.load("cell", "elman_tanh"))))
    loop = lambda cell, *given: fused.unroll(cell, *given, kernels)  # noqa: E731
    monkeypatch.setattr(rnnreg.training.layers, "unroll", loop)
    for kind in TASKS:
        for regularizer, batch in (("none", 4), ("recurrent_dropout", 6)):
            job = setting(kind, "elman_tanh", regularizer, steps=2, checks=1, batch=batch)
            for members in (3, 2):
                Population(job, [0.0] * members, list(range(members))).run()
    assert len(compiled) <= 12, "ahead and back, with a mask and without, and the first steps"


@pytest.mark.parametrize("loop", [loop, plain])
@pytest.mark.parametrize("name", CELLS)
def test_products_in_half_precision_are_near(name, loop):
    cell = registry.load("cell", name)
    given = case(cell, 2, 9, 4, 7, 32, "recurrent")
    with torch.autocast("cpu", torch.bfloat16):
        half = results(loop, cell, *given)
    whole = results(plain, cell, *double(given))
    errors = [float((a - b).norm() / b.norm()) for a, b in zip(half, whole, strict=True)]
    assert 1e-4 < max(errors) < 5e-2, "2^-9 a product, and some add up"
    assert {t.dtype for t in half} == {torch.float32}


def test_gradients_of_masks_are_left_to_the_plain_loop():
    assert fused.takes(Masks(recurrent=torch.ones(1, 1, 1, 1)))
    assert not fused.takes(Masks(carry=(1.0, torch.ones(1, 1, 1, 1, requires_grad=True))))


@pytest.mark.parametrize("name", CELLS)
def test_whether_a_cell_compiles_is_tried_in_single_precision(name, monkeypatch):
    monkeypatch.setattr(fused, "compiled", fused.pointwise)
    products, seen = torch.backends.cuda.matmul, []
    before, products.allow_tf32 = products.allow_tf32, True

    def watched(*given):
        seen.append(products.allow_tf32)
        return plain(*given)

    monkeypatch.setattr(rnnreg.kernels.unroll, "plain", watched)
    with torch.autocast("cpu", torch.bfloat16):
        assert _compiles.__wrapped__(registry.load("cell", name), torch.device("cpu"))
    found, products.allow_tf32 = products.allow_tf32, before
    assert (found, seen) == (True, [False])


def test_a_cell_that_does_not_compile_takes_the_plain_loop(monkeypatch):
    cell, device = registry.load("cell", "lstm"), torch.device("cpu")
    monkeypatch.setattr(fused, "compiled", fused.pointwise)
    assert _compiles.__wrapped__(cell, device)

    def fails(cell):
        raise RuntimeError("Cannot find a working triton installation.\nLong story")

    monkeypatch.setattr(fused, "compiled", fails)
    with pytest.warns(UserWarning, match=r"cells/lstm.py for cpu.*triton installation\. Remedy"):
        assert not _compiles.__wrapped__(cell, device)

    def full(cell):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(fused, "compiled", full)
    with pytest.raises(torch.OutOfMemoryError):  # which says nothing of the cell
        _compiles.__wrapped__(cell, device)
    wrong = fused.pointwise(registry.load("cell", "elman_relu"))
    monkeypatch.setattr(fused, "compiled", lambda cell: wrong)
    cell = registry.load("cell", "elman_tanh")
    with pytest.warns(UserWarning, match="its results differ from the plain loop's"):
        assert not _compiles.__wrapped__(cell, device)
