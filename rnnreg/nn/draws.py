"""The masks of one forward pass, from the options of a module and the regularizers put on it."""

from collections.abc import Iterator
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.kernels.noise import Noise, Site
from rnnreg.kernels.plain import Mask, Masks

STATES = ("carry/h", "carry/c")


class Draws:
    """What multiplies weights and activations in one forward pass: one seed of torch's generator.

    Masks have a member axis of one in front, (1, T or 1, B, units), as the time loops take them.
    """

    def __init__(self, module, x: Tensor, counted: Tensor | None):
        self.module, self.like, self.counted = module, x, counted
        self.steps, self.batch = x.shape[:2]

    @cached_property
    def noise(self) -> Noise:
        """Drawn on first use: what masks nothing leaves torch's generator alone."""
        training = self.module.training
        return Noise(seed(training).to(self.like.device), 0, training=training)

    def weights(self, w: Tensor, index: int) -> Tensor:
        """A recurrent matrix (1, GH, H) after weight_drop."""
        dropped = self._dropout("weights", index, self.module.weight_drop, w.shape[1:])
        return w if isinstance(dropped, float) else w * dropped

    def inputs(self, x: Tensor, layer: int) -> Tensor:
        """What a layer reads, (T, B, D), after `dropout` and the masks of regularizers."""
        rate, training = self.module.dropout, self.module.training
        if layer and rate and self.module.variational:
            mask = self._dropout("inputs", layer, rate, (1, self.batch, x.shape[-1]))
            x = x if isinstance(mask, float) else x * mask[0]
        elif layer and rate:
            x = F.dropout(x, rate, training)
        site = Site("between", layer) if layer else Site("input")
        for mask in self._of_regularizers(site, x.shape[-1]):
            x = x * (mask if isinstance(mask, float) else mask[0].to(x.dtype))
        return self._shifted(x, site)

    def _shifted(self, x: Tensor, site: Site) -> Tensor:
        """x (T, B, units) with what regularizers add at a site."""
        for i, regularizer in enumerate(self.module.regularizers):
            if regularizer.uses("shift"):
                noise = self.noise.apart(f"regularizer {i}")
                added = regularizer.shift(site, tuple(x.shape), noise, {})
                x = x + (added[0].to(x.dtype) if isinstance(added, Tensor) else added)
        return x

    def masks(self, index: int) -> Masks:
        """Of one layer and direction, `index` of them all."""
        module, units = self.module, self.module.hidden_size
        once, each = (1, self.batch, units), (self.steps, self.batch, units)
        update = once if module.variational else each
        carry = [self._zoneout(index, i, each) for i in range(len(module.zoneout))]
        if self.counted is not None:
            carry = [c * self.counted.to(self.like.dtype) for c in carry]
        carry = [self._with("carry/" + n, index, c) for n, c in zip("hc", carry, strict=False)]
        taken_whole = all(isinstance(c, float) and c == 1.0 for c in carry)
        own = {
            "recurrent": self._dropout("recurrent", index, module.recurrent_dropout, once),
            "update": self._dropout("update", index, module.update_dropout, update),
            "cell": 1.0,
        }
        own = {n: self._with(n, index, m) for n, m in own.items() if n != "cell" or len(carry) > 1}
        return Masks(**own, carry=() if taken_whole else tuple(carry))

    def _with(self, site: str, index: int, mask: Mask) -> Mask:
        """A mask times those that regularizers have at its site."""
        for more in self._of_regularizers(Site(site, index), self.module.hidden_size):
            mask = mask * more
        return mask.to(self.like.dtype) if isinstance(mask, Tensor) else float(mask)

    def _of_regularizers(self, site: Site, units: int) -> Iterator[Mask]:
        shape = self.steps, self.batch, units
        for i, regularizer in enumerate(self.module.regularizers):
            yield regularizer.mask(site, shape, self.noise.apart(f"regularizer {i}"))

    def _dropout(self, site: str, index: int, rate: float, shape) -> Mask:
        if not rate:
            return 1.0
        mask = self.noise.at(Site(site, index)).dropout(self._probability(rate), shape)
        return mask.to(self.like.dtype) if isinstance(mask, Tensor) else mask

    def _zoneout(self, index: int, state: int, shape) -> Mask:
        """The part of the new state that is taken."""
        rate = self.module.zoneout[state]
        if not rate:
            return 1.0
        draw = self.noise.at(Site(STATES[state], index))
        return draw.bernoulli(1 - self._probability(rate), shape).to(self.like.dtype)

    def _probability(self, rate: float) -> Tensor:
        return torch.full((1,), rate, device=self.like.device)


def seed(training: bool) -> Tensor:
    """(1,), of torch's generator in training; evaluation draws nothing."""
    return torch.randint(1 << 62, (1,)) if training else torch.zeros(1, dtype=torch.int64)
