"""What a regularizer's file must keep, looked at once: file, hook, given and expected are told."""

import re
from dataclasses import replace
from math import inf, nan

import pytest
import torch
from toys import setting

from rnnreg.errors import UserError
from rnnreg.regularizers import Chain, Combination, Regularizer, _checks
from rnnreg.regularizers._checks import attributes
from rnnreg.training.population import Population


def own(**parts) -> type[Regularizer]:
    """A regularizer of one's own, as if in rnnreg/regularizers/mine.py."""
    facts = {"title": "mine", "group": "penalties", "source": "me, 2026", "strengths": (0.1,)}
    kind = type("Mine", (Regularizer,), {**facts, **parts})
    kind.name = "mine"
    return kind


def told(checked: bool = False, **parts) -> str:
    """What the first step says of it, or a first check without a step, or the population itself."""
    job = replace(setting("labels"), regularizer=own(**parts))
    with pytest.raises(UserError) as error:
        _begun(Population(job, [0.1, 0.1], [1, 2]), checked)
    return str(error.value)


def _begun(population: Population, checked: bool) -> None:
    if checked:
        population.check(0)
    population.step()


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


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (None, "start: given None (NoneType), expected a dict of the tensors to keep, by names"),
        ([torch.zeros(2)], "start: given [tensor([0., 0.])] (list), expected a dict"),
        ({"count": 0.0}, "start: count: given 0.0 (float), expected a tensor that has the members"),
        ({"count": torch.zeros(())}, "start: count: given a tensor () of float32, expected"),
        ({"mean": torch.zeros(3, 2)}, "start: mean: given a tensor (3, 2) of float32, expected a "
         "tensor that has the members first, (M, ...) with M = 2."),
    ],
)  # fmt: skip
def test_what_is_kept_from_the_start(kept, message):
    """That nothing is right of it is no fault of `keep`, which goes on with it."""
    assert f"rnnreg/regularizers/mine.py: {message}" in told(
        start=lambda self, params: kept, keep=lambda self, kept, params, noise: kept
    )


def test_a_start_that_is_right_leaves_the_blame_with_keep():
    wrong = told(
        start=lambda self, params: {"count": torch.zeros(2)},
        keep=lambda self, kept, params, noise: {"count": 1.0},
    )
    assert "mine.py: keep: given 1.0 (float), expected count a tensor (2,) of float32." in wrong


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda params, kept: None, "given None (NoneType), expected a dict of tensors"),
        (lambda params, kept: kept, "the dict has the unknown 'count'; expected are embedding, "),
        (lambda params, kept: {"output": params["output"]}, "the dict lacks '"),
        (lambda params, kept: {n: p[0] for n, p in params.items()}, "given a tensor (7, 5) of"),
        (lambda params, kept: params | {"output": 1.0}, "given 1.0 (float), expected output a"),
    ],
)
def test_weights_to_evaluate(weights, message):
    wrong = told(
        start=lambda self, params: {**params, "count": torch.zeros(2)},
        average=lambda self, params, kept: weights(params, kept),
    )
    assert wrong.startswith(f"rnnreg/regularizers/mine.py: average: {message}")


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (None, "given None (NoneType), expected a dict of tensors, with the names that it was"),
        ({}, "the dict lacks 'count'; expected are count."),
        ({"count": torch.zeros(1)}, "given a tensor (1,) of float32, expected count a tensor (2,)"),
    ],
)
def test_what_is_kept_after_a_check(kept, message):
    wrong = told(
        checked=True,
        start=lambda self, params: {"count": torch.zeros(2)},
        told=lambda self, kept_, losses, noise: kept,
    )
    assert wrong.startswith(f"rnnreg/regularizers/mine.py: told: {message}")


@pytest.mark.parametrize(
    ("found", "given"),
    [
        (None, "None (NoneType)"),
        (1.0, "1.0 (float)"),
        (torch.tensor(True), "a tensor () of bool"),
        (torch.ones(3, dtype=torch.bool), "a tensor (3,) of bool"),
        (torch.ones(2), "a tensor (2,) of float32"),
    ],
)
def test_who_goes_on(found, given):
    assert told(checked=True, keep_training=lambda self, losses: found) == (
        f"rnnreg/regularizers/mine.py: keep_training: given {given}, expected True, False or one "
        "of them a member, (M,) = (2,) of bool."
    )


def test_what_is_right_is_let_through_and_later_checks_look_no_more():
    seen = []

    def keep_training(self, losses):
        seen.append(len(losses))
        return losses[-1] < 99 if len(losses) == 1 else torch.ones(1, dtype=torch.bool)

    kind = own(
        start=lambda self, params: {n: p.clone() for n, p in params.items()},
        told=lambda self, kept, losses, noise: kept,
        average=lambda self, params, kept: kept,
        keep_training=keep_training,
    )
    population = Population(replace(setting("labels"), regularizer=kind), [0.1, 0.1], [1, 2])
    population.run()
    assert seen == [1, 2, 3, 4]


def test_reasons_and_networks():
    class Mute(Regularizer):
        @classmethod
        def suits(cls, network, task):
            return False

        @classmethod
        def network(cls, network):
            return None

    Mute.name = "mine"
    job = setting("labels")
    with pytest.raises(UserError) as error:
        _checks.suits(Mute, job.network, job.benchmark.task)
    assert str(error.value) == (
        "rnnreg/regularizers/mine.py: suits: given False (bool), expected the reason in words, or "
        '"" where it suits.'
    )
    with pytest.raises(UserError) as error:
        _checks.network(Mute, job.network)
    assert str(error.value) == (
        "rnnreg/regularizers/mine.py: network: given None (NoneType), expected a Network: "
        "dataclasses.replace(network, tied=True), say."
    )
    for kind in (own(), Regularizer):
        assert _checks.network(kind, job.network) is job.network
        assert _checks.suits(kind, job.network, job.benchmark.task) == ""


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
        ({"scale": "lin"}, "mine.py: scale: given 'lin', allowed are log, linear."),
        ({"clips": "yes"}, "mine.py: clips: given 'yes', expected True or False."),
        ({"off": "none"}, "mine.py: off: given 'none', expected a number; math.inf is one."),
        ({"off": nan}, "mine.py: off: given nan, expected a number"),
        ({"off": False}, "mine.py: off: given False, expected a number"),
        ({"range": (0,)}, "mine.py: range: given (0,), expected two numbers, the lowest strength"),
        ({"range": 1.0}, "mine.py: range: given 1.0, expected two numbers"),
        ({"range": (1.0, 0.0)}, "mine.py: range: given (1.0, 0.0), expected two numbers"),
        ({"strengths": ("a",)}, "mine.py: strengths[0]: given 'a', expected a number from 0.0 to"),
        (
            {"strengths": (0.1, 2.0), "range": (0.0, 1.0)},
            "mine.py: strengths[1]: given 2.0, allowed are numbers from 0.0 to 1.0.",
        ),
        ({"searched": (1,)}, "mine.py: searched: given (1,), expected the lowest strength and the"),
        ({"searched": 1.0}, "mine.py: searched: given 1.0, expected the lowest strength and the"),
        ({"searched": (0.1, "1")}, "mine.py: searched: given (0.1, '1'), expected the lowest"),
        (
            {"searched": (0.1, 2.0), "range": (0.0, 1.0)},
            "mine.py: searched[1]: given 2.0, allowed are numbers from 0.0 to 1.0.",
        ),
        (
            {"searched": (0.0, 1.0)},
            "mine.py: searched: given [0.0, 1.0], expected two numbers abov",
        ),
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
    attributes(own(off=inf, range=(0.0, 1), searched=(0.0, 0.5), scale="linear", clips=True))
    attributes(own(range=(0.1, 0.1), searched=()))


def test_a_combination_whose_strengths_are_too_much_for_a_part():
    """Dropout of 0.1 at strength 1 is above what dropout allows from 9.9 on."""
    stated = {"ratios": {"dropout": 0.1, "l2": 1e-3}, "strengths": (1.0,), "source": "mine, 2026"}
    kind = type("Mine", (Combination,), {"title": "Mine", "group": "combinations", **stated})
    kind.name, kind.range = "mine", (0.0, 9.9)
    attributes(kind)
    kind.range = (0.0, 10.0)
    with pytest.raises(UserError) as error:
        attributes(kind)
    assert str(error.value) == (
        "rnnreg/regularizers/mine.py: range: given (0.0, 10.0), allowed are strengths from 0 to "
        "9.9, at which each part stays within its own range. Remedy: range = (0, 9.9)."
    )
    kind.ratios, kind.range = {"clip_norm": 5.0, "l2": 1e-3}, (0.0, inf)
    attributes(kind)
