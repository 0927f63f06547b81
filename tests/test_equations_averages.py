"""Averages of weights against their formulas, and torch.optim.swa_utils on the same numbers."""

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn
from toys import setting

from rnnreg.kernels.noise import Noise
from rnnreg.study import registry
from rnnreg.training.population import Population

STEPS = 12


def trail(seed: int = 1) -> list[dict[str, torch.Tensor]]:
    """The parameters of two members before the first step and after each of them."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(2, *shape, generator=generator, dtype=torch.float64)

    return [{"output": draw(3, 2), "output_bias": draw(3)} for _ in range(STEPS + 1)]


def averages(name: str, strengths, seen, tensor_step=False, losses=None, every=3) -> list[dict]:
    """What is scored after each step; `losses` (checks, M) are told every so many steps."""
    reg = registry.load("regularizer", name)(torch.tensor(strengths, dtype=torch.float64))
    kept, found = reg.start(seen[0]), []
    for t, params in enumerate(seen[1:]):
        step = torch.tensor([t]) if tensor_step else t
        kept = reg.keep(kept, params, Noise(torch.tensor([1, 2]), step, steps=STEPS))
        if losses is not None and (t + 1) % every == 0:
            kept = reg.told(kept, losses[: (t + 1) // every], None)
        found.append(reg.average(params, kept))
    return found


def entry(params: dict, m: int) -> float:
    return float(params["output"][m, 1, 1])


def with_torch(seen, m: int, **options) -> list[torch.Tensor]:
    """AveragedModel over the same weights of one member."""
    model = torch.nn.Linear(2, 3).double()
    averaged, found = AveragedModel(model, **options), []
    for params in seen:
        with torch.no_grad():
            model.weight.copy_(params["output"][m])
        averaged.update_parameters(model)
        found.append(averaged.module.weight.detach().clone())
    return found


def test_moving_average_is_the_formula():
    decays, seen = (0.5, 0.8), trail()
    found = averages("weight_averaging", decays, seen)
    for m, decay in enumerate(decays):
        mean = None
        for t in range(STEPS):
            d = min(decay, t / (t + 1))
            w = entry(seen[t + 1], m)
            mean = w if t == 0 else d * mean + (1 - d) * w
            assert entry(found[t], m) == pytest.approx(mean, rel=1e-12)


def test_moving_average_is_that_of_torch():
    seen = trail()
    ours = averages("weight_averaging", (0.5, 0.3), seen)  # no longer than what there is
    for m, decay in enumerate((0.5, 0.3)):
        theirs = with_torch(seen[1:], m, avg_fn=get_ema_avg_fn(decay))
        for own, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(own["output"][m], other)


def test_the_longest_moving_average_is_the_mean_of_all_steps():
    seen = trail()
    found = averages("weight_averaging", (1.0, 1.0), seen)
    for t in range(STEPS):
        mean = sum(entry(p, 0) for p in seen[1 : t + 2]) / (t + 1)
        assert entry(found[t], 0) == pytest.approx(mean, rel=1e-12)


def test_swa_is_the_mean_of_the_last_part():
    shares, seen = (0.25, 0.5), trail()
    found = averages("swa", shares, seen)
    for m, share in enumerate(shares):
        first = STEPS - int(share * STEPS)
        for t in range(STEPS):
            used = [entry(p, m) for p in seen[first + 1 : t + 2]] or [entry(seen[t + 1], m)]
            assert entry(found[t], m) == pytest.approx(sum(used) / len(used), rel=1e-12)


def test_swa_is_that_of_torch():
    seen = trail()
    ours = averages("swa", (0.5, 0.75), seen)
    for m, first in enumerate((6, 3)):
        theirs = with_torch(seen[first + 1 :], m)
        for own, other in zip(ours[first:], theirs, strict=True):
            torch.testing.assert_close(own["output"][m], other)


def triggered(losses: list[float], n: int) -> int | None:
    """Algorithm 1: the check at which averaging starts."""
    logs: list[float] = []
    for check, v in enumerate(losses):
        t = check  # how many losses are logged before this one
        if t > n and v > min(logs[: t - n]):
            return check
        logs.append(v)
    return None


LOSSES = {  # of four checks, a member each
    "one each": [(4.0, 4.0), (5.0, 3.0), (6.0, 3.5), (7.0, 5.0)],
    "falling, and rising at last": [(4.0, 1.0), (3.0, 2.0), (2.0, 0.5), (3.5, 0.9)],
    "back under it once it started": [(1.0, 1.0), (2.0, 2.0), (3.0, 0.5), (0.1, 0.4)],
}


@pytest.mark.parametrize("losses", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("n", [(1.0, 1.0), (1.0, 2.0)])
def test_triggered_averaging_is_the_algorithm(losses, n):
    seen, every = trail(), 2  # steps are left after the last check, where a second start would show
    found = averages("nt_asgd", n, seen, losses=torch.tensor(losses), every=every)
    for m in (0, 1):
        check = triggered([row[m] for row in losses], int(n[m]))
        for t in range(STEPS):
            start = None if check is None else (check + 1) * every  # of the trail: w after the step
            used = [t + 1] if start is None or t + 1 < start else range(start, t + 2)
            mean = sum(entry(seen[i], m) for i in used) / len(used)
            assert entry(found[t], m) == pytest.approx(mean, rel=1e-12)


def test_the_trigger_comes_at_every_check_of_some_member():
    checks = {triggered([row[m] for row in rows], 1) for rows in LOSSES.values() for m in (0, 1)}
    assert {2, 3, None} <= checks, "the cases above tell the checks apart"


@pytest.mark.parametrize(
    ("name", "strengths"), [("weight_averaging", (0.5, 0.9)), ("swa", (0.2, 0.5))]
)
def test_a_step_that_is_a_tensor_averages_alike(name, strengths):
    """As on a GPU, whose steps are recorded once."""
    found, wanted = (averages(name, strengths, trail(), tensor_step=t) for t in (True, False))
    for own, other in zip(found, wanted, strict=True):
        assert all(torch.equal(own[n], other[n]) for n in other)


@pytest.mark.parametrize(("name", "strength"), [("weight_averaging", 0.9), ("swa", 0.5)])
def test_averaging_does_not_change_training(name, strength):
    """The parameters go on as without it; what is scored, last of all, is another thing."""
    ours = Population(setting("labels", "lstm", name), [strength], [1])
    none = Population(setting("labels", "lstm", "none"), [0.0], [1])
    for population in (ours, none):
        for _ in range(6 if name == "weight_averaging" else 8):
            population.step()
    assert all(torch.equal(ours.params[n], none.params[n]) for n in none.params)
    assert not torch.equal(ours.evaluated["output"], ours.params["output"])
