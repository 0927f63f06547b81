"""The hooks of a training step through which every regularizer acts."""

from abc import ABC
from math import inf
from typing import TYPE_CHECKING, ClassVar

from torch import Tensor

from rnnreg.kernels.native.optimizers import sum_of_squares
from rnnreg.kernels.noise import Noise, Site
from rnnreg.network import Network
from rnnreg.study.schema import check_strength
from rnnreg.trace import Batch, Data, Params, Trace

if TYPE_CHECKING:
    from rnnreg.tasks import Task

GROUPS = (
    "none",
    "penalties",
    "activations",
    "masks",
    "weights",
    "inputs",
    "outputs",
    "gradients",
    "second pass",
    "averages",
    "stopping",
    "normalisation",
    "combinations",
    "own",
)
SITES = (
    "embedding", "input", "between", "output", "recurrent", "update", "cell", "carry/h", "carry/c"
)  # fmt: skip
SECOND = ("none", "draws", "inputs", "weights", "held")


class Regularizer(ABC):
    """One way to regularize, written once for a population of M members.

    A training step calls the hooks in this order; a hook left alone changes nothing, and costs
    nothing.

        batch  = reg.batch(batch, noise, data)                       what goes in
        w      = reg.weights(params, noise)                          weights this step runs with
        trace  = forward(network, w, batch, reg.mask, reg.shift)     activations x mask + shift
        loss   = task.loss(trace) + reg.penalty(w, trace)            (M,) nats per target
        g      = reg.gradients(d loss.sum() / d params, params, noise)
        params = reg.project(optimizer(params, g), rate)
        kept   = reg.keep(kept, params, noise)                       tensors of its own

    and after each validation, of the weights reg.average(params, kept):

        kept   = reg.told(kept, losses, noise)
        alive &= reg.keep_training(losses)

    `noise` draws in training and returns expected values in evaluation, so no hook asks which of
    the two it is in. Hooks are functions of what they are given: dict in, dict out, nothing
    written into, nothing stored in the object. What a hook must remember is a tensor in `kept`,
    which the population moves, splits and stops with its members. Parameters move in place, so one
    that is to be kept is cloned. `strength` is (M,): one value a member.

    A second pass, `second`, gives a step more than one forward or backward pass:

        draws     once more with other draws; the loss is the mean of both, and `penalty` sees the
                  second trace as trace.twin
        inputs    once more with `ascend`'s tensor added to the inputs of the first layer; the loss
                  is the mean of both
        weights   the gradient is taken where `ascend` has moved the parameters
        held      a tenth of the training split is not trained on: `adapt` is given the gradient of
                  its loss, from a second backward pass
    """

    title: ClassVar[str]
    group: ClassVar[str] = "own"  # one of GROUPS; those that ship name theirs
    source: ClassVar[str]  # paper, and section or equation
    strengths: ClassVar[tuple[float, ...]]  # the grid of the study, weakest first
    off: ClassVar[float] = 0.0  # the strength that changes nothing
    range: ClassVar[tuple[float, float]] = (0.0, inf)
    searched: ClassVar[tuple[float, float]] = ()  # the range of a search; (): that of strengths
    scale: ClassVar[str] = "log"  # or "linear": on which it is searched
    scored_at: ClassVar[str] = "last"  # or "best": the final weights are those of the best check
    clips: ClassVar[bool] = False  # replaces a benchmark's base_clip
    second: ClassVar[str] = "none"  # or "draws", "inputs", "weights", "held"

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

    def uses(self, hook: str) -> bool:
        """Whether a hook is this regularizer's own, not the one that changes nothing."""
        return getattr(type(self), hook) is not getattr(Regularizer, hook)

    @classmethod
    def suits(cls, network: Network, task: "Task") -> str:
        """Why it makes no sense for this network and task, in words; "" where it does."""
        return ""

    @classmethod
    def network(cls, network: Network) -> Network:
        """The network that is trained: dataclasses.replace(network, tied=True), say."""
        return network

    def batch(self, batch: Batch, noise: Noise, data: Data) -> Batch:
        """The inputs and targets of a training step, in the shapes given. Not in evaluation."""
        return batch

    def weights(self, params: Params, noise: Noise) -> Params:
        """The weights that this step runs with, from the parameters."""
        return params

    def mask(self, site: Site, shape: tuple[int, int, int], noise: Noise) -> Tensor | float:
        """What multiplies the activations at a site: (M, T or 1, B, units), or a number for all.

        shape   (T, B, units) of the activations
        site    embedding: rows of the embedding, where inputs are symbols; a unit is a symbol
                input: inputs of the first layer      between: of the layers above, and of an MLP
                output: inputs of the output matrix   recurrent: h before the recurrent product
                update: the candidate                 cell: the new c, where there is one
                carry/h, carry/c: the part of the new state that is taken (zoneout)
        """
        return 1.0

    def shift(
        self, site: Site, shape: tuple[int, int, int], noise: Noise, weights: Params
    ) -> Tensor | float:
        """What is added after the mask at the sites input, between and output, shaped like it."""
        return 0.0

    def penalty(self, weights: Params, trace: Trace) -> Tensor | float:
        """What is added to the mean training loss, (M,), in its unit.

        Of activations take trace.mean and trace.target_mean: padding does not count in them.
        """
        return 0.0

    def ascend(self, grads: Params, noise: Noise) -> Params:
        """Where the second pass is, from the first's gradients: what is added.

        For a pass at "inputs" both have the one key "inputs", (M, T, B, D); at "weights" they have
        the names of the parameters.
        """
        return {}

    def adapt(self, grads: Params, held: Params, params: Params) -> Params:
        """The gradients, those of its own parameters from the loss of what is held out.

        `held` are the gradients of that loss, without a penalty, by the names of the parameters.
        """
        return grads

    def gradients(self, grads: Params, params: Params, noise: Noise) -> Params:
        """The gradients that the optimizer is given."""
        return grads

    def project(self, params: Params, rate: Tensor) -> Params:
        """The parameters after the optimizer's step at these learning rates, (M,)."""
        return params

    def start(self, params: Params) -> Params:
        """The tensors that it keeps, (M, ...) each, before the first step."""
        return {}

    def keep(self, kept: Params, params: Params, noise: Noise) -> Params:
        """The kept tensors after a step."""
        return kept

    def told(self, kept: Params, losses: Tensor, noise: Noise) -> Params:
        """The kept tensors after a check, from the validation losses of all checks (checks, M)."""
        return kept

    def average(self, params: Params, kept: Params) -> Params:
        """The weights that are validated, scored and stored, in place of the parameters."""
        return params

    def keep_training(self, losses: Tensor) -> Tensor | bool:
        """Which members go on (M,), from the validation losses of all checks (checks, M)."""
        return True


HOOKS = tuple(
    name
    for name, value in vars(Regularizer).items()
    if (callable(value) or isinstance(value, classmethod)) and not name.startswith("_")
)


def matrices(weights: Params) -> list[Tensor]:
    """The input, recurrent and output matrices of all layers; no biases, no embedding.

    The matrices of a convolution and of a head are input matrices.
    """
    return [w for name, w in weights.items() if is_matrix(name)]


def is_matrix(name: str) -> bool:
    """Whether a parameter of that name is an input, recurrent or output matrix."""
    return name.endswith(("input", "recurrent", "output"))


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
