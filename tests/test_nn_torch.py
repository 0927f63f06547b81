"""The cases that PyTorch's own tests have of nn.RNN, nn.GRU and nn.LSTM, given to the drop-ins.

They are those of torch.testing._internal.common_modules, from which its test_modules.py draws:
what a module is made of, and what goes in. What is asked of each follows that file: values,
gradients to finite differences, a pickle, inputs that are not contiguous.
"""

import pickle
from unittest.mock import patch

import pytest
import torch
from torch import nn

import rnnreg.nn as ours

pytest.importorskip("expecttest", reason="torch's own test cases ask for it")
with patch("torch.backends.disable_global_flags"):  # it would forbid other tests to set a flag
    from torch.testing._internal.common_modules import module_db

NAMES = ("RNN", "GRU", "LSTM")
INFO = {m.module_cls.__name__: m for m in module_db if m.module_cls.__module__ == nn.RNN.__module__}


def cases(name: str, dtype: torch.dtype, training: bool = True) -> list:
    """Torch's cases, without those of a projection, which the drop-ins refuse."""
    found = INFO[name].module_inputs_func(
        INFO[name], device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    return [c for c in found if not c.constructor_input.kwargs.get("proj_size")]


def pair(name: str, case, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """Torch's module and the drop-in, with the same weights."""
    given = case.constructor_input
    theirs = getattr(nn, name)(*given.args, **given.kwargs, dtype=dtype)
    own = getattr(ours, name)(*given.args, **given.kwargs, dtype=dtype)
    own.load_state_dict(theirs.state_dict())
    return theirs, own


def flat(found) -> list[torch.Tensor]:
    """All tensors of an output."""
    if isinstance(found, torch.Tensor):
        return [found]
    return [t for part in found for t in flat(part)]


def test_there_are_cases():
    assert [len(cases(name, torch.float32)) for name in NAMES] == [32, 16, 16]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients(name, dtype, training):
    for case in cases(name, dtype, training):
        args, found = case.forward_input.args, []
        for module in (m.train(training) for m in pair(name, case, dtype)):
            output = flat(module(*args, **case.forward_input.kwargs))
            total = sum((t * torch.arange(1, t.numel() + 1).view_as(t)).sum() for t in output)
            leaves = [t for t in flat(args) if t.requires_grad]
            found.append([*output, *torch.autograd.grad(total, [*leaves, *module.parameters()])])
        for theirs, own in zip(*found, strict=True):
            torch.testing.assert_close(own, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_hold_to_finite_differences(name):
    for case in cases(name, torch.float64)[::3]:
        args = case.forward_input.args
        _, own = pair(name, case, torch.float64)
        given = [t.detach().requires_grad_() for t in flat(args)]

        def run(*tensors, own=own, args=args):
            x, *state = tensors
            state = tuple(state) if len(state) == 2 else state[0] if state else None
            return tuple(flat(own(x, state)))

        assert torch.autograd.gradcheck(run, given)


@pytest.mark.parametrize("name", NAMES)
def test_a_pickle_computes_the_same(name):
    for case in cases(name, torch.float32):
        _, own = pair(name, case, torch.float32)
        again = pickle.loads(pickle.dumps(own))
        assert repr(again) == repr(own)
        for a, b in zip(*(flat(m(*case.forward_input.args)) for m in (own, again)), strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_that_are_not_contiguous(name):
    for case in cases(name, torch.float32):
        _, own = pair(name, case, torch.float32)
        x, *state = case.forward_input.args
        spread = torch.stack([x.detach(), x.detach()], -1)[..., 0]
        assert not spread.is_contiguous()
        for a, b in zip(flat(own(x, *state)), flat(own(spread, *state)), strict=True):
            torch.testing.assert_close(a, b)


def test_a_projection_is_refused():
    found = INFO["LSTM"].module_inputs_func(
        INFO["LSTM"], device="cpu", dtype=torch.float32, requires_grad=True, training=True
    )
    projected = [
        c.constructor_input.kwargs for c in found if c.constructor_input.kwargs["proj_size"]
    ]
    assert len(projected) == 16
    for kwargs in projected:
        with pytest.raises(Exception, match="proj_size"):
            ours.LSTM(**kwargs)
