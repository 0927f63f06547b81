"""What is done to gradients against the formulas, number by number."""

import math

import pytest
import torch

from rnnreg.kernels.noise import Noise
from rnnreg.study import registry

SHAPES = {
    "embedding": (5, 4),
    "0.input": (6, 4),
    "0.recurrent": (6, 3),
    "0.bias": (6,),
    "output": (2, 3),
    "output_bias": (2,),
}
STRENGTHS = (0.3, 0.02)


def tensors(seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(2, *s, generator=generator) for n, s in SHAPES.items()}


def regularizer(name: str, strengths=STRENGTHS):
    return registry.load("regularizer", name)(torch.tensor(strengths))


def units(tensor: torch.Tensor) -> list[list[float]]:
    """The rows of a matrix, or a vector as the one row it is."""
    return tensor.tolist() if tensor.ndim == 2 else [tensor.tolist()]


def norm(values: list[float]) -> float:
    return math.sqrt(sum(v * v for v in values))


def test_a_norm_is_clipped_by_one_factor_for_all_of_a_member():
    grads = tensors(1)
    lengths = [norm([v for g in grads.values() for v in g[m].flatten().tolist()]) for m in (0, 1)]
    limits = (lengths[0] / 2, 2 * lengths[1])  # one is too long, one is not
    found = regularizer("clip_norm", limits).gradients(grads, {}, None)
    for m, factor in enumerate((0.5, 1.0)):
        for name, g in grads.items():
            wanted = [factor * v for v in g[m].flatten().tolist()]
            assert found[name][m].flatten().tolist() == pytest.approx(wanted, rel=1e-5), name


def test_values_are_clipped_entry_by_entry():
    grads = tensors(1)
    found = regularizer("clip_value").gradients(grads, {}, None)
    for m, limit in enumerate(STRENGTHS):
        for name, g in grads.items():
            wanted = [min(max(v, -limit), limit) for v in g[m].flatten().tolist()]
            assert found[name][m].flatten().tolist() == pytest.approx(wanted, rel=1e-6), name
            assert wanted != g[m].flatten().tolist()


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
def test_clipping_is_that_of_torch(name):
    grads = tensors(1)
    found = regularizer(name).gradients(grads, {}, None)
    for m, limit in enumerate(STRENGTHS):
        own = [torch.nn.Parameter(torch.zeros_like(g[m])) for g in grads.values()]
        for p, g in zip(own, grads.values(), strict=True):
            p.grad = g[m].clone()
        getattr(torch.nn.utils, f"clip_grad_{name.removeprefix('clip_')}_")(own, limit)
        for p, g in zip(own, found.values(), strict=True):
            torch.testing.assert_close(g[m], p.grad, rtol=1e-5, atol=0)


def test_adaptive_clipping_is_the_formula():
    grads, params = tensors(1), tensors(2)
    grads["0.recurrent"][:, 0] *= 1e-3  # a gradient that is short enough
    params["0.recurrent"][:, 1] = 0  # weights at zero: the floor of their norm
    found = regularizer("clip_adaptive").gradients(grads, params, None)
    shares = set()
    for name in SHAPES:
        for m, strength in enumerate(STRENGTHS):
            each = zip(*(units(t[name][m]) for t in (found, grads, params)), strict=True)
            for after, g, w in each:
                limit = strength * max(norm(w), 1e-3)
                clipped = norm(g) > limit and not name.startswith("output")
                factor = limit / norm(g) if clipped else 1.0
                shares.add(clipped)
                assert after == pytest.approx([v * factor for v in g], rel=1e-5), name
    assert shares == {True, False}


def test_gradients_of_zero_stay_zero():
    zeros = {n: torch.zeros_like(g) for n, g in tensors(1).items()}
    found = regularizer("clip_adaptive").gradients(zeros, tensors(2), None)
    assert all((g == 0).all() for g in found.values())


def noise_of(step, seeds=(1, 1), strengths=STRENGTHS):
    """What is added to a gradient, of parameters that are large enough for statistics."""
    zeros = {n: torch.zeros(len(seeds), 50, 40) for n in ("0.input", "0.recurrent")}
    noise = Noise(torch.tensor(seeds), step)
    return regularizer("gradient_noise", strengths).gradients(zeros, zeros, noise)


@pytest.mark.parametrize("step", [0, 1, 99])
def test_variance_of_gradient_noise_is_the_formula(step):
    for added in noise_of(step).values():
        for m, eta in enumerate(STRENGTHS):
            values = added[m].flatten().tolist()
            wanted = eta / (1 + step) ** 0.55
            mean = sum(values) / len(values)
            variance = sum(v * v for v in values) / len(values)
            assert mean == pytest.approx(0, abs=5 * math.sqrt(wanted / len(values)))
            assert variance == pytest.approx(wanted, rel=5 * math.sqrt(2 / len(values)))


def test_gradient_noise_is_added():
    grads = {"output": torch.full((2, 3, 4), 7.0)}
    zeros = {"output": torch.zeros(2, 3, 4)}
    noise, reg = Noise(torch.tensor([1, 2]), 3), regularizer("gradient_noise")
    alone = reg.gradients(zeros, zeros, noise)["output"]
    torch.testing.assert_close(reg.gradients(grads, grads, noise)["output"], 7 + alone)


def test_which_entries_share_a_draw_of_gradient_noise():
    now, later = noise_of(0, (1, 1), (1.0, 1.0)), noise_of(1, (1, 1), (1.0, 1.0))
    other = noise_of(0, (2, 2), (1.0, 1.0))
    assert torch.equal(now["0.input"][0], now["0.input"][1]), "members of one seed"
    assert len(now["0.input"][0].unique()) > 1990, "each entry its own, but for ties"
    assert not torch.equal(now["0.input"], now["0.recurrent"]), "each parameter its own"
    scaled = later["0.input"] * 2 ** (0.55 / 2)
    assert not torch.isclose(now["0.input"], scaled).all(), "each step its own"
    assert not torch.equal(now["0.input"], other["0.input"]), "each seed its own"


def test_gradient_noise_moves_with_a_step_that_is_a_tensor():
    """As on a GPU, whose steps are recorded once."""
    found, wanted = noise_of(torch.tensor([6])), noise_of(6)
    assert all(torch.equal(found[n], wanted[n]) for n in wanted)
