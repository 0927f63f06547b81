"""Regularizers that Keras has too, on the same numbers; where it is installed, on torch."""

import os

import numpy as np
import pytest
import torch
from toys import setting

from rnnreg.kernels.noise import Noise, Site
from rnnreg.study import registry
from rnnreg.training.population import Population

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="Keras computes with something else than torch"
)
STRENGTHS = (0.01, 0.3)
MATRICES = ("0.input", "0.recurrent", "1.input", "1.recurrent", "output")


def weights() -> dict[str, torch.Tensor]:
    """Two layers of two members; rows of the recurrent matrix are longer than 1, or shorter."""
    shapes = {"0.input": (8, 3), "0.recurrent": (8, 2), "1.input": (8, 2), "1.recurrent": (8, 2)}
    shapes |= {"output": (4, 2), "0.bias": (8,), "output_bias": (4,)}
    generator = torch.Generator().manual_seed(3)
    return {n: torch.randn(2, *s, generator=generator) for n, s in shapes.items()}


def regularizer(name, *strengths):
    return registry.load("regularizer", name)(torch.tensor(strengths))


PENALTIES = {  # ours: theirs at a strength, and the matrices it is put on
    "l1": (lambda s: keras.regularizers.L1(s), MATRICES),
    "l2": (lambda s: keras.regularizers.L2(s), MATRICES),
    "elastic_net": (lambda s: keras.regularizers.L1L2(s / 2, s / 2), MATRICES),
    "l2_input": (lambda s: keras.regularizers.L2(s), ("0.input", "1.input")),
    "l2_recurrent": (lambda s: keras.regularizers.L2(s), ("0.recurrent", "1.recurrent")),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_is_that_of_keras(name):
    theirs, matrices = PENALTIES[name]
    found = regularizer(name, *STRENGTHS).penalty(weights(), None)
    for m, strength in enumerate(STRENGTHS):
        wanted = sum(float(theirs(strength)(weights()[n][m].T)) for n in matrices)
        assert float(found[m]) == pytest.approx(wanted, rel=1e-5)


def test_orthogonality_of_two_unit_columns_is_that_of_keras():
    """Theirs is the mean of |cosine| over pairs, ours the sum of squares of W^T W - 1.

    Of one pair of columns of length 1 the cosine is the one product, which ours has twice.
    """
    own = weights()["0.recurrent"].view(2, 4, 2, 2)  # four gates of two units
    own = own / own.norm(dim=2, keepdim=True)
    found = regularizer("soft_orthogonality", 1.0, 0.3).penalty(
        {"0.recurrent": own.view(2, 8, 2)}, None
    )
    theirs = keras.regularizers.OrthogonalRegularizer(1.0, mode="columns")
    for m, strength in enumerate((1.0, 0.3)):
        wanted = sum(2 * float(theirs(gate)) ** 2 for gate in own[m])
        assert float(found[m]) == pytest.approx(strength * wanted, rel=1e-5)
        assert wanted > 0.1


@pytest.mark.parametrize(
    ("name", "layer", "unit"),
    [("input_noise", "GaussianNoise", 1.0), ("gaussian_dropout", "GaussianDropout", 0.5)],
)
def test_gaussian_noise_is_that_of_keras(name, layer, unit, monkeypatch):
    """Keras's layers with our standard normal numbers in place of those that they draw."""
    x, noise = torch.randn(5, 4, 3), Noise(torch.tensor([1]), 0)

    def noisy(strength):
        reg, site = regularizer(name, strength), Site("input")
        found = x * reg.mask(site, tuple(x.shape), noise)
        return (found + reg.shift(site, tuple(x.shape), noise, {}))[0]

    standard = noisy(unit) - x if name == "input_noise" else noisy(unit) / x - 1
    monkeypatch.setattr(
        "keras.src.backend.random.normal", lambda shape, mean, stddev, **_: mean + stddev * standard
    )
    for strength in (0.1, 0.3):
        theirs = getattr(keras.layers, layer)(strength)
        torch.testing.assert_close(noisy(strength), theirs(x, training=True), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(theirs(x, training=False), x)


def test_max_norm_is_that_of_keras():
    """Of the output matrix: of others ours bounds both matrices of a unit together."""
    found = regularizer("max_norm", 1.0, 0.7).project(weights(), None)["output"]
    for m, bound in enumerate((1.0, 0.7)):
        wanted = keras.constraints.MaxNorm(bound, axis=0)(weights()["output"][m].T)
        torch.testing.assert_close(found[m].T, wanted.detach(), rtol=1e-5, atol=1e-6)
        assert not torch.equal(found[m], weights()["output"][m])


def test_a_gradient_is_clipped_as_by_keras():
    """Both bounds, on the norm of all entries together and on each entry."""
    grads = {n: w[:1] for n, w in weights().items()}
    variables = [
        keras.Variable(np.zeros(g.shape[1:], "float32"), dtype="float32") for g in grads.values()
    ]
    for name, key in (("clip_norm", "global_clipnorm"), ("clip_value", "clipvalue")):
        found = regularizer(name, 0.5).gradients(grads, grads, None)
        optimizer = keras.optimizers.SGD(1.0, **{key: 0.5})
        for variable in variables:
            variable.assign(np.zeros(variable.shape, "float32"))
        given = [g[0] for g in grads.values()]
        optimizer.apply(given, variables)
        for ours, variable in zip(found.values(), variables, strict=True):
            moved = torch.as_tensor(-variable.numpy())
            torch.testing.assert_close(ours[0], moved, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("elman_tanh", 1)])
def test_recurrent_dropout_is_that_of_keras(cell, gates):
    """Keras's layer over a sequence, with our mask of h in place of the one that it draws."""
    population = Population(setting("series", cell, "recurrent_dropout"), [0.5], [1])
    noise, batch, params = population.noise, population.batches.train(0), population.params
    trace = population.forward(population.reg, batch, None, params, noise)
    steps, sequences, units = trace.hidden[0].shape[1:]
    mask = population.reg.mask(Site("recurrent", 0), (steps, sequences, units), noise)[0, 0]
    assert (mask == 0).any()
    kind = {"lstm": keras.layers.LSTM, "elman_tanh": keras.layers.SimpleRNN}[cell]
    layer = kind(units, return_sequences=True, recurrent_dropout=0.5)
    x = batch.x[0].movedim(0, 1)
    layer.build(x.shape)
    matrices = [params[f"0.{n}"][0].mT.numpy() for n in ("input", "recurrent")]
    layer.set_weights([*matrices, params["0.bias"][0].numpy()])
    layer.cell.get_recurrent_dropout_mask = lambda h: [mask] * gates if gates > 1 else mask
    found = layer(x, training=True).detach().movedim(0, 1)
    torch.testing.assert_close(found, trace.hidden[0][0], rtol=1e-4, atol=1e-5)
    layer.cell.get_recurrent_dropout_mask = lambda h: [mask * 0 + 1] * 4 if gates > 1 else None
    other = layer(x, training=True).detach().movedim(0, 1)
    assert not torch.allclose(other, trace.hidden[0][0], atol=1e-2), "the mask makes a difference"
