"""The hooks of a training step through which every regularizer acts, and their composition."""

from abc import ABC
from math import inf
from typing import ClassVar

from torch import Tensor

from rnnreg.kernels.native.optimizers import sum_of_squares
from rnnreg.kernels.noise import Noise, Site
from rnnreg.study.schema import check_strength
from rnnreg.trace import Params, Trace


class Regularizer(ABC):
    """One way to regularize, written once for a population of M members.

    A training step calls the hooks in this order; a hook left alone changes nothing.

        w      = reg.weights(params, noise)                      weights this step runs with
        trace  = forward(network, w, batch, reg.mask)            activations times masks
        loss   = task.loss(trace, y) + reg.penalty(w, trace)     (M,) nats per target
        g      = reg.gradients(d loss.sum() / d params)
        params = reg.project(optimizer(params, g))
        alive &= reg.keep_training(losses)                       after each validation

    `noise` draws in training and returns expected values in evaluation, so no hook asks which of
    the two it is in. Hooks are functions of what they are given: dict in, dict out, nothing
    written into. Parameters move in place, so one that is to be kept is cloned. `strength` is
    (M,): one value a member.
    """

    title: ClassVar[str]
    source: ClassVar[str]  # paper, and section or equation
    strengths: ClassVar[tuple[float, ...]]  # the grid of the study, weakest first
    off: ClassVar[float] = 0.0  # the strength that changes nothing
    range: ClassVar[tuple[float, float]] = (0.0, inf)
    scored_at: ClassVar[str] = "last"  # or "best": the final weights are those of the best check
    clips: ClassVar[bool] = False  # replaces a benchmark's base_clip

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.name = cls.__module__.rpartition(".")[2]

    def __init__(self, strength: Tensor):
        for value in strength.tolist():
            check_strength(f"{self.name}: strength", value, self.range)
        self.strength = strength

    def members(self, index: Tensor) -> "Regularizer":
        """The same regularizer for some of its members."""
        return type(self)(self.strength[index])

    def weights(self, params: Params, noise: Noise) -> Params:
        """The weights that this step runs with, from the parameters."""
        return params

    def mask(self, site: Site, shape: tuple[int, int, int], noise: Noise) -> Tensor | float:
        """What multiplies the activations at a site: (M, T or 1, B, units), or a number for all.

        shape   (T, B, units) of the activations
        site    input: inputs of the first layer      between: of the layers above
                output: inputs of the output matrix   recurrent: h before the recurrent product
                update: the candidate                 carry/h, carry/c: the part of the new
                state that is taken (zoneout)
        """
        return 1.0

    def penalty(self, weights: Params, trace: Trace) -> Tensor | float:
        """What is added to the mean training loss, (M,), in its unit."""
        return 0.0

    def gradients(self, grads: Params) -> Params:
        """The gradients that the optimizer is given."""
        return grads

    def project(self, params: Params) -> Params:
        """The parameters after the optimizer's step."""
        return params

    def keep_training(self, losses: Tensor) -> Tensor | bool:
        """Which members go on (M,), from the validation losses of all checks (checks, M)."""
        return True


class Chain(Regularizer):
    """Several regularizers at once, each hook in their order."""

    title = "several"
    source = "composition"
    strengths = ()

    def __init__(self, *parts: Regularizer):
        self.parts = parts
        self.scored_at = "best" if "best" in {p.scored_at for p in parts} else "last"

    def members(self, index):
        return Chain(*(part.members(index) for part in self.parts))

    def weights(self, params, noise):
        for part in self.parts:
            params = part.weights(params, noise)
        return params

    def mask(self, site, shape, noise):
        product = 1.0
        for part in self.parts:
            product = product * part.mask(site, shape, noise)
        return product

    def penalty(self, weights, trace):
        return sum(part.penalty(weights, trace) for part in self.parts)

    def gradients(self, grads):
        for part in self.parts:
            grads = part.gradients(grads)
        return grads

    def project(self, params):
        for part in self.parts:
            params = part.project(params)
        return params

    def keep_training(self, losses):
        keep = True
        for part in self.parts:
            keep = part.keep_training(losses) & keep
        return keep


def matrices(weights: Params) -> list[Tensor]:
    """The input, recurrent and output matrices of all layers; no biases, no embedding."""
    return [w for name, w in weights.items() if name.endswith(("input", "recurrent", "output"))]


def spread(values: Tensor, dimensions: int) -> Tensor:
    """(M,) with axes of one entry behind, to meet a tensor of so many dimensions."""
    return values.view(-1, *(1 for _ in range(dimensions - 1)))


def norms(tensors: dict[str, Tensor]) -> Tensor:
    """The L2 norm of each member's entries together, (M,).

    >>> import torch
    >>> norms({"a": torch.tensor([[3.0], [0.0]]), "b": torch.tensor([[4.0], [2.0]])})
    tensor([5., 2.])
    """
    # Summed in one order whatever M is: a member must not notice the others.
    return sum_of_squares(list(tensors.values())).sqrt().float()
