"""Masks and shifts of regularizers in a model: at its embeddings, in its rnnreg.nn layers, and on
what its output reads.
"""

from functools import partial

import torch
from torch import Tensor, nn

from rnnreg.errors import UserError
from rnnreg.kernels.noise import Noise, Site
from rnnreg.nn import names
from rnnreg.nn.clock import Clock
from rnnreg.nn.draws import seed
from rnnreg.nn.modules import Regularized

SITES = ("input", "output", "recurrent", "update", "carry/h")  # that every model has


def check(where: str, model: nn.Module, reg) -> None:
    """UserError where a model has no layer that takes masks, one that does not, or no such site."""
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
    there = SITES + ("embedding",) * bool(_tables(model))
    there += ("between",) * any(m.num_layers > 1 for m in layers.values())
    there += ("cell", "carry/c") * any(isinstance(m, nn.LSTM) for m in layers.values())
    noise = Noise(torch.zeros(1, dtype=torch.int64, device=reg.strength.device), 0)
    if reg.uses("mask") and not reg.uses("shift"):
        masks = [reg.mask(Site(site), (1, 1, 1), noise) for site in there]
        if all(isinstance(m, float) and m == 1.0 for m in masks):
            raise UserError(
                f"{where}: the model has nothing that it masks; there are {', '.join(there)}."
            )


def put(model: nn.Module, reg, clock: Clock) -> list:
    """Masks at embeddings, inside the recurrent layers, and on inputs of the last linear layer.

    Returns what has a `remove` that takes them off.
    """
    layers, reg = list(names.recurrent(model).values()), _Timed(reg, clock)
    hooks: list = [_Inside(module, reg) for module in layers]
    for table in _tables(model):
        hooks.append(table.register_forward_hook(partial(_looked_up, reg, layers[0])))
    if head := names.output(model):
        hooks.append(head.register_forward_pre_hook(partial(_masked, reg, layers[-1])))
    return hooks


def _tables(model: nn.Module) -> list[nn.Embedding]:
    return [m for m in model.modules() if isinstance(m, nn.Embedding)]


class _Timed:
    """A regularizer that is told how far training is."""

    def __init__(self, reg, clock: Clock):
        self.reg, self.clock, self.uses = reg, clock, reg.uses

    def mask(self, site, shape, noise):
        return self.reg.mask(site, shape, self.clock.drawing(noise))

    def shift(self, site, shape, noise, weights):
        return self.reg.shift(site, shape, self.clock.drawing(noise), weights)


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


def _looked_up(reg, layer: Regularized, table: nn.Embedding, given: tuple, rows: Tensor) -> Tensor:
    (x,) = given
    noise = Noise(seed(table.training).to(x.device), 0, training=table.training)
    first = layer.batch_first and x.dim() == 2
    steps = x.T if first else x[:, None] if x.dim() == 1 else x.flatten(1)  # (T, B)
    mask = reg.mask(Site("embedding"), (*steps.shape, table.num_embeddings), noise)
    if isinstance(mask, Tensor):
        mask = mask[0].expand(*steps.shape, -1).gather(2, steps[..., None])
        mask = (mask.transpose(0, 1) if first else mask).reshape(*x.shape, 1).to(rows.dtype)
    return rows * mask
