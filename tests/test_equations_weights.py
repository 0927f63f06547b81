"""Regularizers of weights against their formulas, entry by entry."""

import math

import numpy as np
import pytest
import torch
from toys import setting

from rnnreg.kernels.noise import Noise, Site
from rnnreg.study import registry
from rnnreg.tasks import Classification
from rnnreg.training.population import Population

SHAPES = {
    "embedding": (5, 4),
    "0.input": (40, 30),
    "0.recurrent": (60, 50),
    "0.bias": (40,),
    "1.input": (40, 30),
    "1.recurrent": (60, 50),
    "output": (40, 30),
    "output_bias": (2,),
}
RECURRENT = ("0.recurrent", "1.recurrent")
MATRICES = ("0.input", "0.recurrent", "1.input", "1.recurrent", "output")


def params(members: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {n: 1 + torch.rand(members, *s, generator=generator) for n, s in SHAPES.items()}


def regularizer(name: str, *strengths: float):
    return registry.load("regularizer", name)(torch.tensor(strengths))


def weights(name, strengths, seeds, step=0, given=None):
    given = params(len(seeds)) if given is None else given
    return regularizer(name, *strengths).weights(given, Noise(torch.tensor(seeds), step))


def dropped(strengths, seeds, step=0):
    """Which entries of the recurrent matrices are dropped."""
    found = weights("weight_drop", strengths, seeds, step)
    return {n: found[n] == 0 for n in RECURRENT}


def test_an_entry_is_dropped_or_scaled():
    rates, before = (0.25, 0.6), params(2)
    after = weights("weight_drop", rates, [1, 1], given=before)
    for name, w in before.items():
        for m, rate in enumerate(rates):
            entries = zip(w[m].flatten().tolist(), after[name][m].flatten().tolist(), strict=True)
            if name not in RECURRENT:
                assert all(a == b for a, b in entries), name
                continue
            gone = 0
            for old, new in entries:
                gone += new == 0
                assert new == 0 or new == pytest.approx(old / (1 - rate), rel=1e-4)
            count = w[m].numel()
            assert gone / count == pytest.approx(rate, abs=5 * math.sqrt(rate / count)), name


def test_which_entries_share_a_draw_of_weight_drop():
    now, later = dropped([0.5, 0.5], [1, 1]), dropped([0.5, 0.5], [1, 1], step=1)
    other = dropped([0.5, 0.5], [2, 2])
    stronger = dropped([0.7, 0.7], [1, 1])
    for name in RECURRENT:
        assert torch.equal(now[name][0], now[name][1]), "members of one seed"
        assert not torch.equal(now[name], later[name]), "each step its own"
        assert not torch.equal(now[name], other[name]), "each seed its own"
        assert (stronger[name] >= now[name]).all(), "one draw for all strengths"
        rows = now[name][0].unique(dim=0), now[name][0].unique(dim=1)
        assert (len(rows[0]), rows[1].shape[1]) == (60, 50), "neither rows nor columns are dropped"
    assert not torch.equal(now["0.recurrent"], now["1.recurrent"]), "each layer its own"


def squared_error(w, x, y) -> float:
    """Of two layers h(t) = tanh(W x(t) + U h(t - 1) + b) and the output of the last step."""
    total = 0.0
    for sequence, target in zip(x.swapaxes(0, 1), y, strict=True):
        for layer in (0, 1):
            h, above = np.zeros(10), []
            for below in sequence:
                h = w[f"{layer}.input"] @ below + w[f"{layer}.recurrent"] @ h + w[f"{layer}.bias"]
                above.append(h := np.tanh(h))
            sequence = above
        total += ((w["output"] @ h + w["output_bias"] - target.flatten()) ** 2).mean()
    return total / len(y)


@pytest.mark.parametrize("name", ["weight_noise", "weight_drop", "input_noise"])
def test_a_step_takes_its_gradient_where_the_noise_is_and_moves_the_weights_without(name):
    """SGD by finite differences; a draw for all steps and sequences is added to w, or a factor."""
    rate, small, strengths = 0.5, 1e-5, (0.3, 0.6)
    budget = {"optimizer": "sgd", "learning_rate": rate, "schedule": "constant"}
    population = Population(setting("series", "elman_tanh", name, **budget), strengths, [1, 2])
    start = {n: p.clone() for n, p in population.params.items()}
    batch, noise, reg = population.batches.train(0), population.noise, population.reg
    added = reg.weights({n: torch.zeros_like(p) for n, p in start.items()}, noise)
    both = reg.weights({n: torch.ones_like(p) for n, p in start.items()}, noise)
    x = batch.x + reg.shift(Site("input"), tuple(batch.x.shape[1:]), noise, {})
    used = reg.weights(start, noise)
    output = population.forward(reg, batch, None, used, noise).output
    loss = population.task.loss(output, batch.y)
    population.step()

    def by_hand(own, m):
        factor = {n: both[n][m] - added[n][m] for n in own}
        used = {n: (factor[n] * w + added[n][m]).numpy() for n, w in own.items()}
        return squared_error(used, x[m].double().numpy(), batch.y[m].double().numpy())

    for m in range(2):
        own = {n: p[m].double() for n, p in start.items()}
        assert float(loss[m]) == pytest.approx(by_hand(own, m), rel=1e-5)
        for n, w in own.items():
            moved = population.params[n][m] - start[n][m]
            at = np.unravel_index(int(moved.abs().argmax()), w.shape)
            totals = []
            for side in (small, -small):
                there = w.clone()
                there[at] += side
                totals.append(by_hand({**own, n: there}, m))
            slope = (totals[0] - totals[1]) / (2 * small)
            assert float(moved[at]) == pytest.approx(-rate * slope, rel=1e-3), n
            assert abs(slope) > 1e-3


def test_a_dropped_weight_has_no_gradient_and_a_kept_one_its_share():
    before = {n: w.double().requires_grad_() for n, w in params(1).items()}
    after = weights("weight_drop", [0.5], [1], given=before)["0.recurrent"]
    (found,) = torch.autograd.grad(after.sin().sum(), before["0.recurrent"])
    step = 1e-6
    for at in [(0, i, i) for i in range(20)]:
        kept, w = float(after.detach()[at] != 0), float(before["0.recurrent"].detach()[at])
        up, down = (math.sin(2 * kept * (w + sign * step)) for sign in (1, -1))
        assert float(found[at]) == pytest.approx((up - down) / (2 * step), abs=1e-6)


def added(strengths, seeds, step=0):
    before = params(len(seeds))
    after = weights("weight_noise", strengths, seeds, step, before)
    return {n: after[n] - before[n] for n in before}


def test_weight_noise_is_normal_with_its_deviation():
    strengths = (0.3, 0.02)
    found = added(strengths, [1, 1])
    for name, moved in found.items():
        for m, strength in enumerate(strengths):
            values = moved[m].flatten().tolist()
            if name not in MATRICES:
                assert set(values) == {0.0}, name
                continue
            mean = sum(values) / len(values)
            variance = sum(v * v for v in values) / len(values)
            inside = sum(abs(v) < strength for v in values) / len(values)
            assert mean == pytest.approx(0, abs=5 * strength / math.sqrt(len(values)))
            assert variance == pytest.approx(strength**2, rel=5 * math.sqrt(2 / len(values)))
            assert inside == pytest.approx(math.erf(0.5**0.5), abs=2.5 / math.sqrt(len(values)))


def test_which_entries_share_a_draw_of_weight_noise():
    now, later, other = added([1, 1], [1, 1]), added([1, 1], [1, 1], 1), added([1, 1], [2, 2])
    same = [("0.input", "1.input"), ("0.recurrent", "1.recurrent"), ("0.input", "output")]
    for name in MATRICES:
        torch.testing.assert_close(now[name][0], now[name][1], rtol=0, atol=1e-5)
        assert len(now[name][0].unique()) > 0.98 * now[name][0].numel(), "each entry its own"
        for moved in (later, other):  # each step and each seed its own
            assert not torch.isclose(now[name], moved[name]).all()
    assert not any(torch.isclose(now[a], now[b]).all() for a, b in same), "each matrix its own"


@pytest.mark.parametrize("name", ["weight_drop", "weight_noise"])
def test_noise_leaves_parameters_and_evaluation_alone(name):
    given = params(2)
    copy = {n: w.clone() for n, w in given.items()}
    reg, noise = regularizer(name, 0.5, 0.5), Noise(torch.tensor([1, 2]), 0)
    reg.weights(given, noise)
    expected = reg.weights(given, noise.expected())
    for n, w in given.items():
        assert torch.equal(w, copy[n]), "nothing is written into the parameters"
        assert torch.equal(w, expected[n]), "evaluation runs with the parameters"


class Tied(torch.nn.Module):
    """What a user of torch writes: the decoder's weight is the encoder's."""

    def __init__(self, own: dict[str, torch.Tensor]):
        super().__init__()
        symbols, width = own["embedding"].shape
        self.encoder = torch.nn.Embedding(symbols, width)
        self.rnn = torch.nn.RNN(width, width, num_layers=2)
        self.decoder = torch.nn.Linear(width, symbols)
        self.decoder.weight = self.encoder.weight
        with torch.no_grad():
            self.encoder.weight.copy_(own["embedding"])
            self.decoder.bias.copy_(own["output_bias"])
            for layer in range(2):
                getattr(self.rnn, f"weight_ih_l{layer}").copy_(own[f"{layer}.input"])
                getattr(self.rnn, f"weight_hh_l{layer}").copy_(own[f"{layer}.recurrent"])
                getattr(self.rnn, f"bias_ih_l{layer}").copy_(own[f"{layer}.bias"])
                getattr(self.rnn, f"bias_hh_l{layer}").zero_()

    def forward(self, x):
        return self.decoder(self.rnn(self.encoder(x))[0])


def test_tied_scores_and_gradients_are_those_of_torch():
    population = Population(setting("language", "elman_tanh", "weight_tying"), [1.0, 1.0], [1, 2])
    assert "output" not in population.params
    given = {n: p.clone().requires_grad_() for n, p in population.params.items()}
    batch = population.batches.train(0)
    trace = population.forward(population.reg, batch, None, given, population.noise)
    loss = population.task.loss(trace.output, batch.y)
    grads = dict(zip(given, torch.autograd.grad(loss.sum(), given.values()), strict=True))
    for m in range(2):
        model = Tied({n: p[m] for n, p in given.items()})
        output = model(batch.x[m])
        torch.testing.assert_close(trace.output[m], output)
        torch.nn.functional.cross_entropy(output.flatten(0, 1), batch.y[m].flatten()).backward()
        wanted = {"embedding": model.encoder.weight.grad, "output_bias": model.decoder.bias.grad}
        for name, grad in wanted.items():
            torch.testing.assert_close(grads[name][m], grad, rtol=1e-4, atol=1e-6)


def test_a_tied_score_is_a_product_with_the_embedding():
    population = Population(setting("language", "gru", "weight_tying"), [1.0], [1])
    batch = population.batches.train(0)
    trace = population.forward(
        population.reg, batch, None, population.params, population.noise.expected()
    )
    table, h = population.params["embedding"][0].tolist(), trace.read[0, 3, 2].tolist()
    for symbol, row in enumerate(table):
        score = sum(a * b for a, b in zip(row, h, strict=True))
        score += float(population.params["output_bias"][0, symbol])
        assert float(trace.output[0, 3, 2, symbol]) == pytest.approx(score, abs=1e-6)


def test_tying_does_not_suit_other_tasks_or_widths():
    tying, job = registry.load("regularizer", "weight_tying"), setting("language", "gru", "none")
    task = job.benchmark.task
    found = tying.suits(job.network, task)
    assert found == "the embedding has another width than the output matrix: 5, not 10"
    found = tying.suits(job.network, Classification())
    assert found == "it needs outputs that are the symbols of its inputs"
    assert tying.suits(setting("language", "gru", "weight_tying").network, task) == ""
