"""Penalties on weights, and steps in their place, against their formulas, number by number."""

import math
from types import SimpleNamespace

import pytest
import torch
from toys import setting

from rnnreg.study import registry
from rnnreg.training.population import Population

MEMBERS, HIDDEN, GATES, INPUTS, OUTPUTS = 2, 3, 2, 4, 2
STRENGTHS = (0.1, 0.7)
RATES = (0.5, 0.2)
SHAPES = {
    "embedding": (5, INPUTS),
    "0.input": (GATES * HIDDEN, INPUTS),
    "0.recurrent": (GATES * HIDDEN, HIDDEN),
    "0.bias": (GATES * HIDDEN,),
    "1.input": (GATES * HIDDEN, HIDDEN),
    "1.recurrent": (GATES * HIDDEN, HIDDEN),
    "1.bias": (GATES * HIDDEN,),
    "output": (OUTPUTS, HIDDEN),
    "output_bias": (OUTPUTS,),
}
MATRICES = ("0.input", "0.recurrent", "1.input", "1.recurrent", "output")


def weights() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {
        n: torch.randn(MEMBERS, *s, generator=generator, dtype=torch.float64)
        for n, s in SHAPES.items()
    }


def start() -> dict[str, torch.Tensor]:
    """What some matrices started from where they came from another row: one for all members."""
    generator = torch.Generator().manual_seed(2)
    return {n: torch.randn(1, *SHAPES[n], generator=generator).double() for n in MATRICES[:-1]}


def regularizer(name: str, strengths=STRENGTHS):
    return registry.load("regularizer", name)(torch.tensor(strengths, dtype=torch.float64))


def entries(found: dict, m: int, names) -> list[float]:
    return [w for name in names for w in found[name][m].flatten().tolist()]


def l1(found, m):
    return sum(abs(w) for w in entries(found, m, MATRICES))


def l2(found, m):
    return sum(w * w for w in entries(found, m, MATRICES))


def elastic_net(found, m):
    own = entries(found, m, MATRICES)
    return 0.5 * sum(abs(w) for w in own) + 0.5 * sum(w * w for w in own)


def l2_mean(found, m):
    own = entries(found, m, MATRICES)
    return sum(w * w for w in own) / len(own)


def l2_start(found, m):
    began = {**start(), "output": torch.zeros(1, *SHAPES["output"])}
    pairs = zip(entries(found, m, MATRICES), entries(began, 0, MATRICES), strict=True)
    return sum((w - s) ** 2 for w, s in pairs)


def l2_recurrent(found, m):
    return sum(w * w for w in entries(found, m, ("0.recurrent", "1.recurrent")))


def l2_input(found, m):
    return sum(w * w for w in entries(found, m, ("0.input", "1.input")))


def soft_orthogonality(found, m):
    total = 0.0
    for name in ("0.recurrent", "1.recurrent"):
        w = found[name][m].tolist()
        for gate in range(GATES):
            rows = w[gate * HIDDEN : (gate + 1) * HIDDEN]
            for i in range(HIDDEN):
                for j in range(HIDDEN):
                    product = sum(row[i] * row[j] for row in rows)
                    total += (product - (i == j)) ** 2
    return total


PENALTIES = {
    "l1": l1,
    "l2": l2,
    "elastic_net": elastic_net,
    "l2_recurrent": l2_recurrent,
    "l2_input": l2_input,
    "l2_mean": l2_mean,
    "l2_start": l2_start,
    "soft_orthogonality": soft_orthogonality,
}


def penalty(name: str, given: dict) -> torch.Tensor:
    return regularizer(name).penalty(given, SimpleNamespace(start=start()))


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_is_the_formula(name):
    found = penalty(name, weights())
    for m, strength in enumerate(STRENGTHS):
        wanted = strength * PENALTIES[name](weights(), m)
        assert float(found[m]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("name", PENALTIES)
def test_gradient_of_a_penalty_is_its_finite_difference(name):
    given, small = weights(), 1e-5
    for w in given.values():
        w.requires_grad_()
    total = penalty(name, given).sum()
    grads = torch.autograd.grad(total, list(given.values()), materialize_grads=True)
    for (key, w), grad in zip(given.items(), grads, strict=True):
        for at in (0, w.numel() - 1):  # of the first and of the last member
            values = []
            for side in (small, -small):
                moved = {n: p.detach().clone() for n, p in given.items()}
                moved[key].view(-1)[at] += side
                m = 0 if at == 0 else MEMBERS - 1
                values.append(STRENGTHS[m] * PENALTIES[name](moved, m))
            slope = (values[0] - values[1]) / (2 * small)
            assert float(grad.flatten()[at]) == pytest.approx(slope, rel=1e-6, abs=1e-8), key


def projected(name: str, strengths=STRENGTHS, given=None):
    rate = torch.tensor(RATES, dtype=torch.float64)
    return regularizer(name, strengths).project(given or weights(), rate)


def test_weight_decay_multiplies_matrices_alone():
    found = projected("weight_decay")
    for name, w in weights().items():
        for m in range(MEMBERS):
            factor = 1 - RATES[m] * STRENGTHS[m] if name in MATRICES else 1.0
            for after, before in zip(
                found[name][m].flatten().tolist(), w[m].flatten().tolist(), strict=True
            ):
                assert after == pytest.approx(before * factor, rel=1e-14)


def test_weight_decay_is_that_of_adamw():
    """Of the same gradients: AdamW from w / (1 - rate x decay) takes its decay before each step."""
    rate, decay, steps = 0.05, 0.4, 5
    job = setting("series", "lstm", "weight_decay", learning_rate=rate, schedule="constant")
    population = Population(job, [decay], [1])
    factor, used = 1 - rate * decay, []
    twin = torch.nn.Parameter(population.params["0.recurrent"].clone() / factor)
    adamw = torch.optim.AdamW([twin], lr=rate, weight_decay=decay)
    hook = population.reg.gradients

    def kept(grads, params, noise):
        used.append(grads["0.recurrent"].clone())
        return hook(grads, params, noise)

    population.reg.gradients = kept
    for _ in range(steps):
        population.step()
        twin.grad = used[-1]
        adamw.step()
    assert len(used) == steps
    torch.testing.assert_close(
        population.params["0.recurrent"], twin.detach() * factor, rtol=1e-5, atol=1e-7
    )


def test_proximal_steps_are_soft_thresholding():
    found, zeros = projected("l1_proximal"), 0
    for name, w in weights().items():
        for m in range(MEMBERS):
            threshold = RATES[m] * STRENGTHS[m] if name in MATRICES else 0.0
            for after, before in zip(
                found[name][m].flatten().tolist(), w[m].flatten().tolist(), strict=True
            ):
                if abs(before) <= threshold:
                    assert after == 0.0
                    zeros += 1
                else:
                    wanted = before - threshold if before > 0 else before + threshold
                    assert after == pytest.approx(wanted, rel=1e-12)
    assert zeros


def test_proximal_steps_minimise_what_defines_them():
    """The proximal operator: the v of least strength x |v| + (v - w)^2 / (2 rate)."""
    found, given = projected("l1_proximal")["output"], weights()["output"]
    for m, (rate, strength) in enumerate(zip(RATES, STRENGTHS, strict=True)):
        for v, w in zip(found[m].flatten().tolist(), given[m].flatten().tolist(), strict=True):

            def cost(v, w=w, rate=rate, strength=strength):
                return strength * abs(v) + (v - w) ** 2 / (2 * rate)

            assert all(cost(v) <= cost(v + d) for d in (-0.1, -1e-3, 1e-3, 0.1))


def test_proximal_training_leaves_exact_zeros():
    job = setting("series", "lstm", "l1_proximal", learning_rate=0.01)
    population = Population(job, [1.0, 0.0], [1, 1])
    population.run()
    zeros = [int((population.final["0.recurrent"][m] == 0).sum()) for m in (0, 1)]
    assert zeros[0] > 0
    assert zeros[1] == 0


def rows(found: dict, m: int) -> dict[tuple, list[float]]:
    """The incoming weights of each gate of each unit, and of each output."""
    collected: dict[tuple, list[float]] = {}
    for layer in ("0", "1"):
        for unit in range(GATES * HIDDEN):
            own, recurrent = (found[f"{layer}.{k}"][m, unit] for k in ("input", "recurrent"))
            collected[layer, unit] = [*own.tolist(), *recurrent.tolist()]
    for unit in range(OUTPUTS):
        collected["output", unit] = found["output"][m, unit].tolist()
    return collected


def test_max_norm_scales_long_rows_to_the_bound():
    bounds = (1.5, 2.0)
    found, shrunk, left = projected("max_norm", bounds), 0, 0
    for m, bound in enumerate(bounds):
        after = rows(found, m)
        for unit, before in rows(weights(), m).items():
            norm = math.sqrt(sum(w * w for w in before))
            factor = bound / norm if norm > bound else 1.0
            shrunk, left = shrunk + (factor < 1), left + (factor == 1)
            assert after[unit] == pytest.approx([w * factor for w in before], rel=1e-12)
    assert shrunk
    assert left
    for name in ("embedding", "0.bias", "1.bias", "output_bias"):
        assert torch.equal(found[name], weights()[name])


def test_max_norm_leaves_rows_of_zeros():
    given = {n: torch.zeros_like(w) for n, w in weights().items()}
    found = projected("max_norm", given=given)
    assert all(torch.equal(found[n], given[n]) for n in given)
