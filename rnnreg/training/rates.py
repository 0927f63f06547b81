"""The learning-rate range test: how the training loss moves while the rate grows step by step.

Smith 2017, Cyclical Learning Rates for Training Neural Networks (arXiv:1506.01186), section 3.3.
"""

from dataclasses import dataclass, replace

import numpy as np

from rnnreg.errors import UserError
from rnnreg.training.capture import populate
from rnnreg.training.setting import Setting

LOW, HIGH, STEPS, SEEDS = 1e-5, 10.0, 200, 5
FIRST_SEED = 4000  # of no study
WIDTH = 0.2  # decades: standard deviation of the weights that smooth the curve
BLOWN, LAST = 2.0, 5  # times the first losses, over so many steps: it is over
BEGUN, LEAST = 0.1, 0.01  # of the fall: it has begun; of the first loss: it is one


@dataclass(frozen=True)
class RangeTest:
    """The curve, up to where the loss blew up, and what follows from it.

    rates        (steps,), of each step
    losses       (steps,), of its batch, means over seeds
    smoothed     (steps,), their mean with normal weights around each rate
    suggestion   the rate at which it falls steepest against the logarithm of the rate
    low, high    the rates at which a tenth of its fall is done, and at which it is lowest
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    low: float
    high: float


def range_test(
    job: Setting,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    seeds: int = SEEDS,
    strength: float = 0.0,
) -> RangeTest:
    """Train from the start of a row, at rates that grow from step to step by the same factor.

    UserError where the loss does not fall.
    """
    # Unlike Smith 2017: the rate grows by a factor and not by a summand, so that small rates are
    # seen, too; the loss of the batch is read and not the accuracy, which forecasts lack; and
    # several seeds are averaged.
    growth = (high / low) ** (1 / (steps - 1))
    budget = replace(job.budget, steps=steps, checks=1, schedule="range_test", factor=growth,
                     hold=0, patience=0)  # fmt: skip
    members = list(range(FIRST_SEED, FIRST_SEED + seeds))
    population = populate(replace(job, budget=budget), [strength] * seeds, members, [low] * seeds)
    losses: list[float] = []
    while len(losses) < steps:
        population.since.clear()
        population.step()
        losses.append(population.since.loss.mean().item())
        if not np.mean(losses[-LAST:]) < BLOWN * np.mean(losses[:LAST]):  # never for NaN
            losses = losses[:-LAST]
            break
    name = f"{job.benchmark.name} {job.cell.name}"
    return read(name, low * growth ** np.arange(len(losses)), np.array(losses))


def smooth(rates: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """The curve with normal weights around each rate, WIDTH decades wide.

    >>> smooth(np.array([1.0, 10.0, 100.0]), np.array([3.0, 2.0, 1.0])).round(3).tolist()
    [3.0, 2.0, 1.0]
    """
    decades = np.log10(rates)
    weights = np.exp(-(((decades[:, None] - decades) / WIDTH) ** 2) / 2)
    return weights @ losses / weights.sum(1)


def read(name: str, rates: np.ndarray, losses: np.ndarray) -> RangeTest:
    """What follows from a curve; UserError where it does not fall."""
    smoothed = smooth(rates, losses)
    lowest = int(smoothed.argmin()) if len(losses) else 0
    fall = 1 - smoothed[lowest] / smoothed[0] if lowest else 0.0
    if fall < LEAST:
        ends = f"from {rates[0]:g} to {rates[-1]:g}" if len(rates) else "at the first rate"
        raise UserError(
            f"find-rate: {name}: the loss does not fall {ends}. Remedy: other ends (--from, --to), "
            "or more steps (--steps)."
        )
    slope = np.gradient(smoothed[: lowest + 1], np.log(rates[: lowest + 1]))
    done = (smoothed[0] - smoothed) / (smoothed[0] - smoothed[lowest])
    first = int((done >= BEGUN).argmax())
    return RangeTest(
        rates, losses, smoothed, float(rates[slope.argmin()]), float(rates[first]),
        float(rates[lowest]),
    )  # fmt: skip
