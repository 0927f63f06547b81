"""Faults of public code, each put in once: the test that is there for it must fail.

That of HFTA, whose tests print their failures and pass, is in tests/test_tests.py.
"""

from copy import copy

import pytest
import test_contract as contract
import test_equations_normalisation as normalisation
import torch
import torch.nn.functional as F

import rnnreg.training.layers
from rnnreg.kernels.normalise import Normaliser
from rnnreg.kernels.unroll import plain_normalised
from rnnreg.study import registry


def written_back(hook):
    """Better_LSTM: the dropped weights become the parameter, and never recover."""

    def weights(self, params, noise):
        for name, w in hook(self, params, noise).items():
            params[name].data.copy_(w)
        return params

    return weights


def without_gradient(hook):
    """fastai2: what the layer runs with is no longer made from the parameter."""

    def weights(self, params, noise):
        dropped = hook(self, params, noise)
        return {n: w if w is params[n] else w.detach() for n, w in dropped.items()}

    return weights


def left_on(hook):
    """awd-lstm-lm: the mask of variational dropout is drawn in evaluation too."""

    def mask(self, site, shape, noise):
        noise = copy(noise)
        noise.training = True
        return hook(self, site, shape, noise)

    return mask


FAULTS = {
    written_back: ("weight_drop", contract.test_parameters_are_untouched_by_a_forward_pass),
    without_gradient: ("weight_drop", contract.test_dropped_weights_still_get_a_gradient),
    left_on: ("locked_dropout", contract.test_evaluation_is_deterministic),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_public_code_is_caught(fault, monkeypatch):
    name, test = FAULTS[fault]
    test("lstm", name)
    cls = registry.load("regularizer", name)
    hook = "mask" if fault is left_on else "weights"
    monkeypatch.setattr(cls, hook, fault(getattr(cls, hook)))
    with pytest.raises(AssertionError):
        test("lstm", name)


EPSILON = {  # tests that see it
    "alone": lambda: contract.test_a_population_is_each_member_alone("elman_tanh", "layer_norm"),
    "torch": lambda: normalisation.test_layer_norm_is_that_of_torch("lstm", torch.float64),
}


@pytest.mark.parametrize("test", EPSILON.values(), ids=EPSILON)
def test_a_population_in_place_of_epsilon_is_caught(test, monkeypatch):
    """fastpbrl: the size of the population is passed as the epsilon of LayerNorm."""

    def by_units(values, sizes):
        parts = values.split(sizes, dim=-1)
        return torch.cat([F.layer_norm(p, p.shape[-1:], eps=len(p)) for p in parts], dim=-1)

    monkeypatch.setattr(rnnreg.training.layers, "unroll_normalised", plain_normalised)
    test()
    monkeypatch.setattr(Normaliser, "_by_units", staticmethod(by_units))
    with pytest.raises(AssertionError):
        test()
