"""rnnreg.nn in somebody else's program: it changes nothing but what it is asked for."""

import gc
import os
import subprocess
import sys
import warnings
import weakref

import pytest
import torch
from torch import nn

import rnnreg.nn
from rnnreg.errors import UserError
from rnnreg.kernels.native import build
from rnnreg.nn import loops

X = torch.linspace(-1, 1, 20 * 8 * 4).view(20, 8, 4)


def python(code: str, **environment: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_rnnreg_alone_imports_no_torch():
    assert python("import sys, rnnreg; print('torch' in sys.modules)") == "False"


def test_it_imports_no_study_and_changes_nothing_global():
    """Allocator, threads, precision, denormals, filters, generator: as they were before."""
    found = python(
        """
import ctypes, sys, torch, warnings
calls = []
class Spy(ctypes.CDLL):
    def __getattr__(self, name):
        if name == "mallopt":
            calls.append(name)
        return super().__getattr__(name)
ctypes.CDLL = Spy
def state():
    return (torch.get_num_threads(), torch.get_default_dtype(), list(warnings.filters),
            (torch.tensor([1e-40]) * 1).item() > 0, torch.backends.cuda.matmul.allow_tf32,
            torch.is_grad_enabled())
before = state()
import rnnreg
plain, masked = rnnreg.nn.LSTM(4, 6), rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5)
drawn = torch.get_rng_state()
plain(torch.zeros(20, 20, 4))[0].sum().backward()
print(torch.equal(torch.get_rng_state(), drawn))
masked(torch.zeros(20, 20, 4))[0].sum().backward()
print(state() == before, calls)
print(*sorted({m.split(".")[1] for m in sys.modules if m.startswith("rnnreg.")}))
"""
    )
    assert found.splitlines() == ["True", "True []", "cells errors kernels nn"]


def test_without_a_compiler_it_says_so_once_and_takes_torchs_kernel():
    found = python(
        """
import warnings, torch
from torch import nn
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import rnnreg.nn
    for own in (rnnreg.nn.LSTM(4, 6), rnnreg.nn.GRU(4, 6), rnnreg.nn.GRU(4, 6, zoneout=0.5)):
        x = torch.ones(20, 20, 4)
        output, state = own(x)
        if not any(own.zoneout):
            kind = getattr(nn, type(own).__name__)(4, 6)
            kind.load_state_dict(own.state_dict())
            print(torch.equal(kind(x)[0], output))
print(len(told), str(told[0].message)[:25])
""",
        CXX="no-such-compiler",
        XDG_CACHE_HOME="/nowhere",
    )
    assert found.splitlines() == ["True", "True", "1 no compiled time loop, so"]


def test_a_kept_loss_holds_no_memory():
    own = rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5)
    loss = own(X)[0].sum()
    node, found = loss.grad_fn, []
    while not found:
        node = node.next_functions[0][0]
        if hasattr(node, "saved_tensors"):
            found = [weakref.ref(node.saved_tensors[0].kept)]
    assert found[0]() is not None
    loss.backward()
    del node
    gc.collect()
    assert found[0]() is None
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_a_graph_that_is_retained_is_there_again():
    own, found = rnnreg.nn.GRU(4, 6, recurrent_dropout=0.5), []
    loss = own(X)[0].sum()
    for retain in (True, False):
        own.zero_grad()
        loss.backward(retain_graph=retain)
        found.append(own.weight_hh_l0.grad)
    assert torch.equal(*found)


@pytest.mark.parametrize("what", ["output", "weight", "inputs"])
def test_what_is_changed_in_place_is_found(what):
    own, x = rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5), X.clone()
    output, _ = own(x)
    with torch.no_grad():
        {"output": output, "weight": own.weight_hh_l0, "inputs": x}[what].mul_(2)
    with pytest.raises(RuntimeError, match=r"in place|inplace"):
        output.sum().backward()


def test_saved_tensors_may_lie_elsewhere():
    own, found = rnnreg.nn.LSTM(4, 6, zoneout=0.5), []
    elsewhere = torch.autograd.graph.saved_tensors_hooks(torch.clone, torch.clone)
    for context in (torch.enable_grad(), elsewhere):
        torch.manual_seed(1)
        with context:
            loss = own(X)[0].square().sum()
        found.append(torch.autograd.grad(loss, own.weight_hh_l0)[0])
    torch.testing.assert_close(*found)


def test_parameters_may_be_frozen():
    own = rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5).requires_grad_(False)
    x = X.clone().requires_grad_()
    own(x)[0].sum().backward()
    assert x.grad.any()
    own.weight_hh_l0.requires_grad_()
    own(X)[0].sum().backward()
    assert own.weight_hh_l0.grad.any()
    assert own.weight_ih_l0.grad is None


def test_torch_compile_takes_a_layer_as_it_is(recwarn):
    """It does not look inside, where it would warn of what it finds."""
    own = nn.Sequential(nn.Linear(4, 4), rnnreg.nn.GRU(4, 6, recurrent_dropout=0.5))

    def doubled(x):
        return 2 * own(x)[0]

    found = []
    for run in (doubled, torch.compile(doubled, backend="eager")):
        torch.manual_seed(1)
        found.append(run(X))
    torch.testing.assert_close(*found)
    assert not [w for w in recwarn if "Dynamo" in str(w.message)]


def test_what_is_recorded_computes_the_same():
    own = rnnreg.nn.GRU(4, 6, recurrent_dropout=0.5).eval()
    wanted, x = own(X)[0], X.flip(1)
    with torch.no_grad():
        traced, exported = torch.jit.trace(own, x), torch.export.export(own, (x,)).module()
    for run in (traced, exported):
        torch.testing.assert_close(run(X)[0], wanted)
    own.train()
    for record in (torch.jit.trace, torch.export.export):
        with pytest.raises(
            UserError, match=r"rnnreg.nn.GRU: within torch.func, torch.jit.trace an"
        ):
            record(own, (x,))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_script_is_compiled_with_the_module_of_torch(kind):
    own = getattr(rnnreg.nn, kind)(4, 6, num_layers=2, bidirectional=True)
    wanted = own(X)[0]
    model = nn.Sequential(own)
    scripted = torch.jit.script(model)
    torch.testing.assert_close(scripted(X)[0], wanted)
    assert scripted.state_dict().keys() == model.state_dict().keys()
    assert type(model[0]) is getattr(nn, kind)
    assert model[0].weight_hh_l0 is own.weight_hh_l0
    assert type(own) is getattr(rnnreg.nn, kind)


@pytest.mark.parametrize(
    "more", [{"recurrent_dropout": 0.5}, {"zoneout": 0.1}, {"dropout": 0.5, "variational": True}]
)
def test_a_script_without_its_regularizers_is_refused(more):
    model = nn.Sequential(rnnreg.nn.GRU(4, 6, num_layers=2, **more)).eval()
    with pytest.raises(UserError, match=r"rnnreg.nn.GRU: torch.jit.script compiles what torch.nn"):
        torch.jit.script(model)
    assert type(model[0]) is rnnreg.nn.GRU


def test_shapes_are_known_without_data():
    own = rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5, device="meta")
    assert own(torch.zeros(20, 8, 4, device="meta"))[0].shape == (20, 8, 6)


def test_half_precision():
    for dtype in (torch.bfloat16, torch.float16):
        own = rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5, zoneout=0.1, layer_norm=True, dtype=dtype)
        assert own(X.to(dtype))[0].dtype == dtype


def test_the_compiled_loop_is_the_one_taken(monkeypatch):
    """Where there is a compiler: a fault that turns it off would show in nothing but time."""
    if build.library() is None:
        pytest.skip("no C++ compiler here: rnnreg.nn then takes the plain loop, as it says")
    monkeypatch.setattr(loops, "plain", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in ("LSTM", "GRU", "RNN"):
            getattr(rnnreg.nn, kind)(4, 6, recurrent_dropout=0.5)(X)[0].sum().backward()
