"""rnnreg.nn without regularizers computes what torch.nn does, whatever loop it takes."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence

import rnnreg.nn
from rnnreg.kernels import fused
from rnnreg.nn import loops

KINDS = ("LSTM", "GRU", "RNN")
LOOPS = ("native", "blas", "fused", "plain")
ARGUMENTS = {
    "one layer": {},
    "two layers": {"num_layers": 2},
    "no bias": {"bias": False},
    "both directions": {"bidirectional": True},
    "all": {"num_layers": 2, "bidirectional": True, "batch_first": True},
}


@pytest.fixture(params=LOOPS)
def loop(request, monkeypatch):
    """Each loop in its turn, and never torch's kernel."""
    monkeypatch.setattr(loops, "torch_is_faster", lambda *_: False)
    monkeypatch.setattr(fused, "compiled", fused.pointwise)
    if request.param == "blas":
        for name in ("LARGE", "LARGE_ON_SEVERAL"):
            monkeypatch.setattr(loops, name, 0)
    if request.param in ("fused", "plain"):
        taken = lambda cell, device, norm=None: "plain" if norm else request.param  # noqa: E731
        monkeypatch.setattr(loops, "path", taken)
    return request.param


@pytest.fixture
def own_loop(monkeypatch):
    monkeypatch.setattr(loops, "torch_is_faster", lambda *_: False)


def pair(kind, *sizes, **given):
    """torch.nn's module and ours, of the same weights."""
    torch.manual_seed(0)
    theirs = getattr(nn, kind)(*(sizes or (4, 6)), **given)
    ours = getattr(rnnreg.nn, kind)(*(sizes or (4, 6)), **given)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def flat(found):
    """Output and states as a list of tensors."""
    output, state = found
    output = output.data if isinstance(output, nn.utils.rnn.PackedSequence) else output
    return [output, *(state if isinstance(state, tuple) else (state,))]


def state_for(module, batch, dtype=torch.float32):
    layers = module.num_layers * (1 + module.bidirectional)
    made = tuple(torch.randn(layers, batch, 6, dtype=dtype) for _ in range(2))
    return made if isinstance(module, nn.LSTM) else made[0]


def with_gradients(module, x, hx):
    """Outputs, and gradients of weights, inputs and the initial state."""
    states = [] if hx is None else [*hx] if isinstance(hx, tuple) else [hx]
    asked = [t.clone().requires_grad_() for t in (x, *states)]
    hx = None if hx is None else tuple(asked[1:]) if isinstance(hx, tuple) else asked[1]
    found = flat(module(asked[0], hx))
    loss = found[0].square().sum() + sum(s.sin().sum() for s in found[1:])
    return found + list(torch.autograd.grad(loss, [*asked, *module.parameters()]))


def close(found, wanted, **given):
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, **({"rtol": 1e-4, "atol": 1e-5} | given))


@pytest.mark.parametrize("given", ARGUMENTS.values(), ids=ARGUMENTS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_torch(kind, given, loop):
    theirs, ours = pair(kind, **given)
    x = torch.randn(5, 3, 4)
    hx = state_for(theirs, 5 if theirs.batch_first else 3)
    close(with_gradients(ours, x, hx), with_gradients(theirs, x, hx))
    close(with_gradients(ours, x, None), with_gradients(theirs, x, None))


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_masked_loops_compute_what_the_plain_one_does(kind, layer_norm, loop, monkeypatch):
    given = {"recurrent_dropout": 0.4, "update_dropout": 0.3, "zoneout": 0.2}
    module = getattr(rnnreg.nn, kind)(4, 6, **given, weight_drop=0.3, layer_norm=layer_norm)
    x, hx, found = torch.randn(5, 3, 4), state_for(module, 3), []
    for _ in range(2):
        torch.manual_seed(1)
        found.append(with_gradients(module, x, hx))
        monkeypatch.setattr(loops, "_fast", lambda *_: None)
    close(*found)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences(kind, loop):
    theirs, ours = pair(kind, num_layers=2, bidirectional=True)
    packed = pack_sequence([torch.randn(n, 4) for n in (2, 5, 1, 4)], enforce_sorted=False)
    hx = state_for(theirs, 4)
    close(flat(ours(packed, hx)), flat(theirs(packed, hx)))
    close(flat(ours(packed)), flat(theirs(packed)))
    found = []
    for module in (ours, theirs):
        loss = module(packed)[0].data.square().sum()
        found.append(torch.autograd.grad(loss, list(module.parameters())))
    close(*found)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_one_sequence_without_a_batch(kind, batch_first, own_loop):
    theirs, ours = pair(kind, batch_first=batch_first)
    x, hx = torch.randn(5, 4), state_for(theirs, 1)
    hx = tuple(s[:, 0] for s in hx) if isinstance(hx, tuple) else hx[:, 0]
    close(flat(ours(x, hx)), flat(theirs(x, hx)))
    close(flat(ours(x)), flat(theirs(x)))


def test_relu(own_loop):
    theirs, ours = pair("RNN", nonlinearity="relu")
    x = torch.randn(5, 3, 4)
    close(with_gradients(ours, x, None), with_gradients(theirs, x, None))


@pytest.mark.parametrize("kind", KINDS)
def test_double_precision(kind, own_loop):
    theirs, ours = pair(kind, dtype=torch.float64)
    x, hx = torch.randn(5, 3, 4, dtype=torch.float64), state_for(theirs, 3, torch.float64)
    found = with_gradients(ours, x, hx)
    assert {t.dtype for t in found} == {torch.float64}
    close(found, with_gradients(theirs, x, hx), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_gradients(kind, loop):
    """Of torch's own only those of its plain loop in double precision are there on a CPU."""
    theirs, ours = pair(kind)
    theirs = theirs.double()
    x, found = torch.randn(5, 3, 4), []
    for module in (ours, theirs):
        x = x.to(module.weight_hh_l0.dtype).requires_grad_()
        output, _ = module(x)
        (first,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(first.square().sum(), [x, *module.parameters()]))
    close(found[0], [g.float() for g in found[1]], rtol=1e-3, atol=1e-4)


def test_gradients_hold_to_finite_differences():
    module = rnnreg.nn.GRU(1, 2, dtype=torch.float64, zoneout=0.25)
    x = torch.randn(2, 1, 1, dtype=torch.float64, requires_grad=True)

    def run(x):
        torch.manual_seed(1)
        return module(x)

    assert torch.autograd.gradcheck(run, x)
    assert torch.autograd.gradgradcheck(run, x)


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_leaves_the_precision_of_the_parameters(kind):
    module = getattr(rnnreg.nn, kind)(4, 6, recurrent_dropout=0.5)
    x = torch.randn(5, 3, 4)
    for own in (module, module.eval()):
        with torch.autocast("cpu", torch.bfloat16):
            output, _ = own(x.bfloat16())
        assert output.dtype == torch.float32
        close([output], [own.eval()(x.bfloat16().float())[0]]) if not own.training else None


@pytest.mark.parametrize("kind", KINDS)
def test_products_of_a_gpu_s_loop_are_in_lower_precision_alone(kind, monkeypatch):
    """On a CPU, as far as that goes: bfloat16 has three digits, and nothing else has fewer."""
    monkeypatch.setattr(loops, "path", lambda *_: "fused")
    monkeypatch.setattr(fused, "compiled", fused.pointwise)
    module, x, found = getattr(rnnreg.nn, kind)(4, 6, num_layers=2), torch.randn(5, 3, 4), []
    for enabled in (True, False):
        module.zero_grad()
        monkeypatch.setattr(loops, "torch_is_faster", lambda *_: False)
        with torch.autocast("cpu", torch.float16, enabled=enabled):
            output, _ = module(x)
        output.square().sum().backward()
        found.append([output, *(p.grad for p in module.parameters())])
    assert {t.dtype for t in found[0]} == {torch.float32}
    assert not torch.equal(found[0][0], found[1][0])
    close(*found, rtol=3e-2, atol=3e-2)


def test_weights_go_both_ways(tmp_path):
    for kind in KINDS:
        theirs, ours = pair(kind, num_layers=2, bidirectional=True)
        assert list(ours.state_dict()) == list(theirs.state_dict())
        for p in ours.parameters():
            nn.init.normal_(p)
        theirs.load_state_dict(ours.state_dict())
        torch.save(ours.state_dict(), tmp_path / "state.pt")
        loaded = torch.load(tmp_path / "state.pt", weights_only=True)
        close(list(loaded.values()), list(theirs.state_dict().values()), rtol=0, atol=0)


def test_copies_and_pickles_compute_the_same():
    ours = rnnreg.nn.LSTM(4, 6, 2, recurrent_dropout=0.5, zoneout=(0.1, 0.2), layer_norm=True)
    x = torch.randn(5, 3, 4)
    saved = io.BytesIO()
    torch.save(ours, saved)
    saved.seek(0)
    copies = copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))
    for other in (*copies, torch.load(saved, weights_only=False)):
        found = []
        for module in (ours, other):
            torch.manual_seed(3)
            found.append(flat(module(x)))
        close(*found, rtol=0, atol=0)


def test_instances_are_torch_modules():
    for kind in KINDS:
        assert isinstance(getattr(rnnreg.nn, kind)(4, 6), getattr(nn, kind))


def test_the_faster_loop_is_taken(monkeypatch):
    """By sizes and threads; a small call and a wide LSTM are torch's, and so is what is packed."""

    def torchs(module, *shape):
        return loops.torch_is_faster(module, torch.zeros(shape), False)

    lstm, wide = rnnreg.nn.LSTM(7, 32), rnnreg.nn.LSTM(7, 128)
    assert not torchs(lstm, 96, 32, 7)
    assert torchs(lstm, 96, 1, 7)
    assert torchs(wide, 96, 32, 7)
    assert torchs(rnnreg.nn.GRU(7, 32), 4, 32, 7)
    assert not torchs(rnnreg.nn.GRU(7, 32, batch_first=True), 4, 32, 7)
    assert loops.torch_is_faster(lstm, torch.zeros(96, 32, 7), True)
    assert torchs(lstm.double(), 96, 32, 7)
    narrow, middle = rnnreg.nn.LSTM(7, 32), rnnreg.nn.LSTM(7, 64)
    assert not torchs(middle, 96, 32, 7)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert torchs(middle, 96, 32, 7)
    assert torchs(narrow, 96, 32, 7)
    assert not torchs(rnnreg.nn.GRU(7, 64), 96, 32, 7)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_told_as_torch_tells_it(kind):
    theirs, ours = pair(kind)
    state = torch.zeros(1, 3, 6)
    wrong = {
        "dimensions": (torch.zeros(2, 5, 3, 4), None),
        "one dimension": (torch.zeros(4), None),
        "inputs": (torch.zeros(5, 3, 7), None),
        "precision": (torch.zeros(5, 3, 4, dtype=torch.float64), None),
        "hidden": (torch.zeros(5, 3, 4), torch.zeros(1, 2, 6)),
        "not batched": (torch.zeros(5, 4), state),
        "no steps": (torch.zeros(0, 3, 4), None),
    }
    ours.recurrent_dropout = 0.5
    for x, h in wrong.values():
        hx = h if h is None or kind != "LSTM" else (h, h)
        told = []
        for module in (theirs, ours):
            with pytest.raises((RuntimeError, ValueError)) as error:
                module(x, hx)
            told.append(str(error.value))
        assert told[0] == told[1]


def test_an_empty_batch_is_empty():
    ours = rnnreg.nn.LSTM(4, 6, recurrent_dropout=0.5)
    assert ours(torch.zeros(5, 0, 4))[0].shape == (5, 0, 6)


def test_padding_is_not_read():
    """A masked layer pads what is packed: what stands there changes nothing."""
    torch.manual_seed(0)
    ours = rnnreg.nn.LSTM(4, 6, zoneout=0.25, recurrent_dropout=0.25)
    x, lengths = torch.randn(5, 3, 4), torch.tensor([5, 3, 2])
    found = []
    for other in (x, x.clone()):
        torch.manual_seed(1)
        packed = pack_padded_sequence(other, lengths)
        found.append(flat(ours(packed)))
        x[3:, 1:] = 99.0
    close(*found, rtol=0, atol=0)
