"""What a regularizer's file must keep, looked at once: file, hook, given and expected are told."""

import re
from dataclasses import replace

import pytest
import torch
from toys import setting

from rnnreg.errors import UserError
from rnnreg.regularizers import Chain, Regularizer
from rnnreg.regularizers._checks import attributes
from rnnreg.training.population import Population


def own(**parts) -> type[Regularizer]:
    """A regularizer of one's own, as if in rnnreg/regularizers/mine.py."""
    facts = {"title": "mine", "group": "penalties", "source": "me, 2026", "strengths": (0.1,)}
    kind = type("Mine", (Regularizer,), {**facts, **parts})
    kind.name = "mine"
    return kind


def told(**parts) -> str:
    """What the first step says of it."""
    kind = own(**parts)
    population = Population(replace(setting("labels"), regularizer=kind), [0.1, 0.1], [1, 2])
    with pytest.raises(UserError) as error:
        population.step()
    return str(error.value)


def test_a_penalty_with_one_axis_too_many():
    wrong = told(penalty=lambda self, weights, trace: self.strength[:, None])
    assert wrong == (
        "rnnreg/regularizers/mine.py: penalty: given a tensor (2, 1) of float32, expected one "
        "number a member, (M,) = (2,)."
    )


def test_a_mask_that_does_not_fit():
    wrong = told(mask=lambda self, site, shape, noise: torch.ones(2, 3, 7, 7, 7))
    assert re.fullmatch(
        r"rnnreg/regularizers/mine\.py: mask at embedding: given a tensor \(2, 3, 7, 7, 7\) of "
        r"float32, expected a number or \(M, T or 1, B, units\) of \(2, \d+, 4, 7\)\.",
        wrong,
    )


def test_a_misspelt_site():
    wrong = told(mask=lambda self, site, shape, noise: 0.5 if site == "recurent" else 1.0)
    assert wrong == (
        "rnnreg/regularizers/mine.py: there is no site 'recurent'; did you mean 'recurrent'? "
        "Known: embedding, input, between, output, recurrent, update, cell, carry/h, carry/c"
    )


def test_a_misspelt_site_in_a_list():
    assert "no site 'imput'" in told(
        mask=lambda self, site, shape, noise: 0.5 if site in ("imput", "output") else 1.0
    )


def test_weights_that_lack_a_name():
    wrong = told(weights=lambda self, params, noise: {"output": params["output"]})
    assert "mine.py: weights: the dict lacks '" in wrong


def test_gradients_of_another_shape():
    def gradients(self, grads, params, noise):
        return {**grads, "output": grads["output"][0]}

    assert (
        "mine.py: gradients: given a tensor (3, 10) of float32, expected output a tensor"
        in told(gradients=gradients)
    )


def test_a_forgotten_return():
    assert "mine.py: project: given None (NoneType), expected a dict" in told(
        project=lambda self, params, rate: None
    )


def test_inputs_of_another_type():
    def batch(self, batch, noise, data):
        return replace(batch, x=batch.x.float())

    assert "mine.py: batch: x: given a tensor" in told(batch=batch)


def test_parts_of_a_chain_are_looked_at_each():
    job = setting("labels")
    population = Population(job, [0.0], [1])
    mine = own(penalty=lambda self, weights, trace: torch.zeros(1, 1))
    population.reg = Chain(population.reg, mine(torch.tensor([0.1])))
    with pytest.raises(UserError, match=r"mine\.py: penalty: given a tensor \(1, 1\)"):
        population.step()


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"title": ""}, "mine.py: title: given '', expected text."),
        ({"strengths": 0.1}, "mine.py: strengths: given 0.1, expected a tuple of at least one"),
        ({"strengths": ()}, "one number is written with a comma: (0.1,)."),
        ({"group": "penalty"}, "mine.py: group: given 'penalty', allowed are none, penalties,"),
        ({"second": "input"}, "mine.py: second: given 'input', allowed are none, draws, inputs,"),
        (
            {"penality": lambda self, weights, trace: 0.0},
            "'penality' is no hook and no attribute of a regularizer; did you mean 'penalty'?",
        ),
        ({"loss": lambda self: 0.0}, "'loss' is no hook and no attribute of a regularizer"),
        ({"scored": "best"}, "'scored' is no hook and no attribute of a regularizer; did you mean"),
    ],
)
def test_attributes(parts, message):
    with pytest.raises(UserError, match=re.escape(message)):
        attributes(own(**parts))


def test_what_may_be_there():
    attributes(own(EPSILON=1e-3, _helper=lambda self: 0.0))
