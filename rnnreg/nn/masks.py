"""Masks and shifts of regularizers in a model's rnnreg.nn layers, and on what its output reads."""

from functools import partial

from torch import Tensor, nn

from rnnreg.errors import UserError
from rnnreg.kernels.noise import Noise, Site
from rnnreg.nn import names
from rnnreg.nn.draws import seed
from rnnreg.nn.modules import Regularized


def check(where: str, model: nn.Module) -> None:
    """UserError where a model has no layer that takes masks, or one that does not."""
    layers = names.recurrent(model)
    for path, module in layers.items():
        if not isinstance(module, Regularized):
            own = type(module).__name__
            raise UserError(
                f"{where}: masks do not reach into '{path or 'model'}', a torch.nn.{own}. Remedy: "
                f"rnnreg.nn.{own}, which takes the same arguments and weights."
            )
    if not layers:
        raise UserError(f"{where}: the model has no layer of rnnreg.nn that takes its masks.")


def put(model: nn.Module, reg) -> list:
    """Masks inside the recurrent layers, and on the inputs of the last linear layer.

    Returns what has a `remove` that takes them off.
    """
    layers = list(names.recurrent(model).values())
    hooks: list = [_Inside(module, reg) for module in layers]
    if head := names.output(model):
        hooks.append(head.register_forward_pre_hook(partial(_masked, reg, layers[-1])))
    return hooks


class _Inside:
    """A regularizer's masks in one recurrent layer."""

    def __init__(self, module: Regularized, reg):
        self.module, self.reg = module, reg
        module.regularizers.append(reg)

    def remove(self) -> None:
        self.module.regularizers = [r for r in self.module.regularizers if r is not self.reg]


def _masked(reg, layer: Regularized, head: nn.Linear, given: tuple) -> tuple:
    x, *rest = given
    noise = Noise(seed(head.training).to(x.device), 0, training=head.training)
    first = layer.batch_first and x.dim() == 3
    steps = x.transpose(0, 1) if first else x.view(1, -1, x.shape[-1]) if x.dim() < 3 else x
    shape = tuple(steps.shape)
    mask = reg.mask(Site("output"), shape, noise)
    steps = steps * (mask[0].to(x.dtype) if isinstance(mask, Tensor) else mask)
    if reg.uses("shift"):
        added = reg.shift(Site("output"), shape, noise, {})
        steps = steps + (added[0].to(x.dtype) if isinstance(added, Tensor) else added)
    return (steps.transpose(0, 1) if first else steps.view(x.shape), *rest)
