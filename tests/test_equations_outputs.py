"""Regularizers of outputs against their papers' formulas, target by target."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toys import setting

from rnnreg.kernels.noise import Site
from rnnreg.study import registry
from rnnreg.tasks import Forecast, Polyphony
from rnnreg.trace import Batch, Trace
from rnnreg.training.passes import differentiate
from rnnreg.training.population import Population

MEMBERS, STEPS, BATCH, OUTPUTS = 2, 3, 2, 4
STRENGTHS = (0.1, 0.7)


def padded() -> Trace:
    """Two members; the last two steps of the second sequence are padding."""
    generator = torch.Generator().manual_seed(1)
    shape = (MEMBERS, STEPS, BATCH)
    output = torch.randn(*shape, OUTPUTS, generator=generator, dtype=torch.float64)
    y = torch.randint(OUTPUTS, shape, generator=generator)
    weight = torch.ones(shape, dtype=torch.float64)
    weight[:, 1:, 1] = 0
    return Trace(output, [], [], output, Batch(y, y, weight), output)


def of_sequences() -> Trace:
    """One target a sequence."""
    every = padded()
    output, y = every.output[:, 0], every.batch.y[:, 0]
    return Trace(output, [], [], output, Batch(every.batch.x, y), output)


def targets(trace: Trace, m: int):
    """(outputs, target) of each target of member m that counts, as numbers."""
    if trace.output.ndim == 3:
        return list(zip(trace.output[m].tolist(), trace.batch.y[m].tolist(), strict=True))
    return [
        (trace.output[m, t, b].tolist(), int(trace.batch.y[m, t, b]))
        for t in range(STEPS)
        for b in range(BATCH)
        if trace.batch.weight[m, t, b]
    ]


def probabilities(outputs: list[float]) -> list[float]:
    total = sum(math.exp(z) for z in outputs)
    return [math.exp(z) / total for z in outputs]


def penalty(name: str, trace: Trace) -> torch.Tensor:
    return registry.load("regularizer", name)(torch.tensor(STRENGTHS)).penalty({}, trace)


def smoothed_less_true(outputs, target, strength):
    p = probabilities(outputs)
    smoothed = 0.0
    for k in range(OUTPUTS):
        q = (1 - strength) * (k == target) + strength / OUTPUTS
        smoothed -= q * math.log(p[k])
    return smoothed + math.log(p[target])


def less_entropy(outputs, target, strength):
    return strength * sum(p * math.log(p) for p in probabilities(outputs))


def mean_square(outputs, target, strength):
    return strength * sum(o * o for o in outputs) / OUTPUTS


FORMULAS = {
    "label_smoothing": smoothed_less_true,
    "confidence_penalty": less_entropy,
    "prediction_penalty": mean_square,
}


def formula(name: str, trace: Trace, m: int) -> float:
    each = [FORMULAS[name](*target, STRENGTHS[m]) for target in targets(trace, m)]
    return sum(each) / len(each)


@pytest.mark.parametrize("made", [padded, of_sequences])
@pytest.mark.parametrize("name", FORMULAS)
def test_penalty_is_the_papers(name, made):
    trace = made()
    found = penalty(name, trace)
    assert found.shape == (MEMBERS,)
    for m in range(MEMBERS):
        assert float(found[m]) == pytest.approx(formula(name, trace, m), rel=1e-6)


@pytest.mark.parametrize("made", [padded, of_sequences])
@pytest.mark.parametrize("name", FORMULAS)
def test_gradient_is_the_finite_difference(name, made):
    """Of the formula, at every output, those of padding too."""
    trace, step = made(), 1e-6
    trace.output.requires_grad_()
    (found,) = torch.autograd.grad(penalty(name, trace).sum(), trace.output)
    for at in np.ndindex(*found.shape):
        moved = []
        for sign in (1, -1):
            other = made()
            other.output[at] += sign * step
            moved.append(formula(name, other, at[0]))
        slope = (moved[0] - moved[1]) / (2 * step)
        assert float(found[at]) == pytest.approx(slope, rel=1e-5, abs=1e-8), at


def test_label_smoothing_equals_torch():
    trace = of_sequences()
    found = penalty("label_smoothing", trace)
    for m, strength in enumerate(STRENGTHS):
        output, y = trace.output[m], trace.batch.y[m]
        wanted = F.cross_entropy(output, y, label_smoothing=strength) - F.cross_entropy(output, y)
        assert float(found[m]) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize("task", [Forecast(12, 3, 6), Polyphony()])
@pytest.mark.parametrize("name", ["label_smoothing", "confidence_penalty", "r_drop"])
def test_other_tasks_do_not_suit(name, task):
    reason = registry.load("regularizer", name).suits(None, task)
    assert reason == "it needs one distribution over symbols or classes a target"


def bottleneck(kind: str) -> Population:
    """Two members with deviations of their own."""
    population = Population(setting(kind, "lstm", "information_bottleneck"), [0.1, 0.7], [1, 1])
    spread = torch.linspace(-1, 0.5, 20).view(2, 10)
    population.params["log_deviation"].copy_(spread)
    return population


@pytest.mark.parametrize("kind", ["labels", "music", "series"])
def test_the_bottleneck_reads_a_normal_number_about_h(kind):
    population = bottleneck(kind)
    batch, reg, params = population.batches.train(0), population.reg, population.params
    noisy = population.forward(reg, batch, None, params, population.noise)
    plain = population.forward(reg, batch, None, params, population.noise.expected())
    assert torch.equal(noisy.hidden[-1], plain.hidden[-1]), "inside the recurrence nothing is added"
    standard = noisy.read - plain.read
    for m in range(2):
        for unit in range(10):
            standard[m, ..., unit] /= math.exp(params["log_deviation"][m, unit])
    torch.testing.assert_close(standard[0], standard[1], rtol=1e-3, atol=1e-4)  # one draw a seed
    each = standard[0].flatten().double()
    assert len(each.unique()) > 0.99 * len(each), "every step, sequence and unit draws"
    assert abs(float(each.mean())) < 5 / math.sqrt(len(each))
    assert float(each.square().mean()) == pytest.approx(1, abs=5 * math.sqrt(2 / len(each)))


def test_the_bottlenecks_penalty_is_the_divergence_on_average():
    """KL(N(mu, sigma^2) || N(0, 1)) = (mu^2 + sigma^2 - log sigma^2 - 1) / 2, unit by unit."""
    mu = torch.tensor([[0.3, -0.9, 0.0], [0.8, 0.1, -0.5]])
    log_deviation = torch.tensor([[-3.0, 0.2, 0.0], [-1.0, 0.5, -2.0]])
    draws = 100_000
    generator = torch.Generator().manual_seed(4)
    normal = torch.randn(2, 1, draws, 3, generator=generator)
    z = mu[:, None, None] + log_deviation.exp()[:, None, None] * normal  # (M, T, B, H)
    y = torch.zeros(2, 2, draws, dtype=torch.int64)
    weight = torch.ones(2, 2, draws)
    weight[:, 1] = 0  # a step of padding, where z is another
    read = torch.cat([z, z + 100], dim=1)
    trace = Trace(read, [], [], read, Batch(y, y, weight), read)
    reg = registry.load("regularizer", "information_bottleneck")(torch.tensor(STRENGTHS))
    found = reg.penalty({"log_deviation": log_deviation}, trace)
    for m, strength in enumerate(STRENGTHS):
        total = 0.0
        for v, log_sigma in zip(mu[m].tolist(), log_deviation[m].tolist(), strict=True):
            sigma = math.exp(log_sigma)
            total += (v**2 + sigma**2 - math.log(sigma**2) - 1) / 2
        assert float(found[m]) == pytest.approx(strength * total, rel=0.01)


def bottlenecked(h, log_sigma, w, bias, draw, y, strength) -> float:
    """A member's cross-entropy of W (h + sigma x draw) + b, and the penalty, number by number."""
    sigma, total = [math.exp(v) for v in log_sigma], 0.0
    for states, drawn, target in zip(h, draw, y, strict=True):
        z = [a + s * d for a, s, d in zip(states, sigma, drawn, strict=True)]
        outputs = [sum(map(math.prod, zip(row, z, strict=True))) for row in w]
        p = probabilities([o + b for o, b in zip(outputs, bias, strict=True)])
        total -= math.log(p[target])
        total += strength * sum((v * v - 1) / 2 for v in z) - strength * sum(log_sigma)
    return total / len(y)


def test_the_bottlenecks_gradients_are_finite_differences():
    """Of loss and penalty: to h, to the deviation, and to the matrix that reads what is drawn."""
    population, small, to_states = bottleneck("labels"), 1e-5, []
    batch, reg, noise = population.batches.train(0), population.reg, population.noise
    params = {n: p.requires_grad_() for n, p in population.params.items()}

    def run(weights, noise, moved):
        trace = population.forward(reg, batch, None, weights, noise, moved)
        trace.hidden[-1].register_hook(to_states.append)
        return trace

    _, grads, trace = differentiate(reg, population.task, run, params, noise)
    names = ("log_deviation", "output", "output_bias")
    standard = {"log_deviation": torch.zeros(2, 10)}
    draw = reg.shift(Site("output"), (1, *trace.read.shape[1:]), noise, standard)[:, 0]
    for m, strength in enumerate((0.1, 0.7)):
        last = [(int(length) - 1, b) for b, length in enumerate(batch.length[m])]
        h, to_h = (
            torch.stack([x[m, t, b] for t, b in last]) for x in (trace.hidden[-1], *to_states)
        )
        own = [np.array(x.tolist()) for x in (h, *(params[n][m] for n in names))]
        fixed = draw[m].tolist(), batch.y[m].tolist(), strength
        for value, grad in zip(own, (to_h, *(grads[n][m] for n in names)), strict=True):
            for at in list(np.ndindex(*value.shape))[::3]:
                totals = []
                for side in (small, -2 * small):
                    value[at] += side
                    totals.append(bottlenecked(*own, *fixed))
                value[at] += small
                slope = (totals[0] - totals[1]) / (2 * small)
                assert float(grad[at]) == pytest.approx(slope, rel=1e-3, abs=1e-5)
