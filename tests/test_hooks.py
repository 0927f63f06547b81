"""What the hooks of a training step promise beyond the contract: chains, averages, progress."""

from dataclasses import replace

import pytest
import torch
from toys import setting

from rnnreg.errors import UserError
from rnnreg.kernels.noise import Noise, Site
from rnnreg.regularizers import Chain, Combination, Regularizer
from rnnreg.study import registry
from rnnreg.training.population import Population

SHAPE = (8, 16, 32)


def kind(name: str) -> type[Regularizer]:
    return registry.load("regularizer", name)


def half(name: str = "dropout") -> Regularizer:
    return kind(name)(torch.tensor([0.5]))


def test_parts_at_one_site_draw_apart():
    noise = Noise(torch.tensor([1]), 0)
    mask = Chain(half(), half()).mask(Site("input"), SHAPE, noise)
    kept = (mask > 0).double().mean()
    assert kept == pytest.approx(0.25, abs=0.03), "a quarter; one draw for both would keep a half"
    assert set(mask.flatten().tolist()) == {0.0, 4.0}


def test_the_first_part_draws_as_it_does_alone():
    noise = Noise(torch.tensor([1]), 0)
    alone = half().mask(Site("input"), SHAPE, noise)
    chained = Chain(half(), kind("clip_norm")(torch.tensor([1.0]))).mask(
        Site("input"), SHAPE, noise
    )
    assert torch.equal(alone, chained)


class Recipe(Combination):
    """Dropout, L2 and clipping."""

    title, group, source, strengths = "recipe", "combinations", "me, 2026", (1.0,)
    ratios = {"dropout": 0.1, "l2": 1e-3, "clip_norm": 5.0}


def test_one_strength_scales_a_combination():
    dropout, l2, clip = Recipe(torch.tensor([1.0, 2.0])).parts
    assert dropout.strength.tolist() == pytest.approx([0.1, 0.2])
    assert l2.strength.tolist() == pytest.approx([1e-3, 2e-3])
    assert clip.strength.tolist() == [5.0, 2.5], "off is infinite: stronger is smaller"


def test_a_combination_that_is_off_is_none():
    job = setting("labels")
    ours = Population(replace(job, regularizer=Recipe), [0.0], [1])
    none = Population(job, [0.0], [1])
    for population in (ours, none):
        population.run()
    assert all(torch.equal(ours.final[n], none.final[n]) for n in none.final)


def test_members_of_a_combination():
    ours = Recipe(torch.tensor([1.0, 2.0])).members(torch.tensor([1]))
    assert ours.parts[0].strength.tolist() == pytest.approx([0.2])


def test_two_second_passes_are_refused():
    with pytest.raises(UserError, match="sam and r_drop: both ask for a second pass"):
        Chain(kind("sam")(torch.tensor([0.05])), kind("r_drop")(torch.tensor([1.0])))


class Mean(Regularizer):
    """The mean of the parameters after all steps, which is what is evaluated."""

    title, group, source, strengths = "mean", "averages", "me, 2026", (1.0,)

    def start(self, params):
        return {n: torch.zeros_like(p) for n, p in params.items()}

    def keep(self, kept, params, noise):
        done = noise.step + 1
        return {n: k + (params[n] - k) / done for n, k in kept.items()}

    def average(self, params, kept):
        return kept


def test_what_is_averaged_is_validated_scored_and_stored():
    job = replace(setting("labels", steps=12, checks=4), regularizer=Mean)
    population = Population(job, [1.0, 1.0], [1, 2])
    trail = []
    for _ in range(12):
        population.step()
        trail.append({n: p.clone() for n, p in population.params.items()})
        if population.done % 3 == 0:
            population.check(population.done // 3 - 1)
    mean = {n: sum(step[n] for step in trail) / 12 for n in trail[0]}
    population.stop(population.alive)
    for name, value in mean.items():
        torch.testing.assert_close(population.final[name], value)
    found = population.evaluate(population.final, population.reg, "validation")["loss"]
    torch.testing.assert_close(found, population.curves.loss[-1])
    assert not torch.equal(population.params["output"], population.final["output"])


class Counting(Regularizer):
    """Keeps how often it was told, a member each."""

    title, group, source, strengths = "counting", "averages", "me, 2026", (1.0,)

    def start(self, params):
        return {"told": torch.zeros(len(self.strength))}

    def told(self, kept, losses, noise):
        return {"told": kept["told"] + len(losses)}


def test_a_regularizer_is_told_of_every_check():
    job = replace(setting("labels", steps=12, checks=4), regularizer=Counting)
    population = Population(job, [1.0, 1.0], [1, 2])
    told = []
    population.tell = lambda losses: (
        told.append(tuple(losses.shape)) or Population.tell(population, losses)
    )
    population.run()
    assert told == [(1, 2), (2, 2), (3, 2), (4, 2)]


def test_progress_is_the_share_of_steps_done():
    population = Population(setting("labels", steps=10, checks=2), [0.0], [1])
    assert population.noise.then(5).progress == 0.5
    assert population.noise.then(torch.tensor([5])).progress.tolist() == [0.5]
    assert population.noise.expected().progress == 1.0
