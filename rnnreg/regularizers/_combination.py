"""Several regularizers at once: a chain of parts, and a combination that is a file of its own."""

from collections.abc import Callable
from functools import reduce
from math import isinf
from operator import add, mul
from typing import ClassVar

import torch
from torch import Tensor

from rnnreg.errors import UserError
from rnnreg.regularizers.base import Regularizer
from rnnreg.study import combine, registry
from rnnreg.study.combine import Ratios


class Chain(Regularizer):
    """Several regularizers at once, each hook in their order. Parts at one site draw apart."""

    title = "several"
    group = "combinations"
    source = "composition"
    strengths = ()

    def __init__(self, *parts: Regularizer):
        self.parts = parts
        self.scored_at = "best" if "best" in {p.scored_at for p in parts} else "last"
        asking = [p for p in parts if p.second != "none"]
        if len(asking) > 1:
            names = " and ".join(p.name for p in asking)
            raise UserError(f"{names}: both ask for a second pass. Remedy: combine one of them.")
        self.asking = asking[0] if asking else None
        self.second = asking[0].second if asking else "none"

    def members(self, index):
        return Chain(*(part.members(index) for part in self.parts))

    def uses(self, hook):
        return any(part.uses(hook) for part in self.parts)

    def each(self, noise):
        """The parts with the noise of each: the first draws as it does alone."""
        rest = ((part, noise.apart(str(i))) for i, part in enumerate(self.parts) if i)
        return [(self.parts[0], noise), *rest]

    def batch(self, batch, noise, data):
        for part, own in self.each(noise):
            batch = part.batch(batch, own, data)
        return batch

    def weights(self, params, noise):
        for part, own in self.each(noise):
            params = part.weights(params, own)
        return params

    def mask(self, site, shape, noise):
        return _joined(mul, 1.0, [p.mask(site, shape, own) for p, own in self.each(noise)])

    def shift(self, site, shape, noise, weights):
        # What one part has added, the mask of a part after it does not reach.
        found = [part.shift(site, shape, own, weights) for part, own in self.each(noise)]
        return _joined(add, 0.0, found)

    def penalty(self, weights, trace):
        return sum(part.penalty(weights, trace) for part in self.parts)

    def ascend(self, grads, noise):
        return self.asking.ascend(grads, noise)

    def adapt(self, grads, held, params):
        return self.asking.adapt(grads, held, params)

    def gradients(self, grads, params, noise):
        for part, own in self.each(noise):
            grads = part.gradients(grads, params, own)
        return grads

    def project(self, params, rate):
        for part in self.parts:
            params = part.project(params, rate)
        return params

    def start(self, params):
        return {f"{i}/{n}": t for i, p in enumerate(self.parts) for n, t in p.start(params).items()}

    def own(self, kept, i):
        """The kept tensors of part i."""
        return {n.partition("/")[2]: t for n, t in kept.items() if n.startswith(f"{i}/")}

    def keep(self, kept, params, noise):
        found = {}
        for i, (part, own) in enumerate(self.each(noise)):
            moved = part.keep(self.own(kept, i), params, own)
            found |= {f"{i}/{n}": t for n, t in moved.items()}
        return found

    def told(self, kept, losses, noise):
        found = {}
        for i, (part, own) in enumerate(self.each(noise)):
            moved = part.told(self.own(kept, i), losses, own)
            found |= {f"{i}/{n}": t for n, t in moved.items()}
        return found

    def average(self, params, kept):
        for i, part in enumerate(self.parts):
            params = part.average(params, self.own(kept, i))
        return params

    def keep_training(self, losses):
        keep = True
        for part in self.parts:
            keep = part.keep_training(losses) & keep
        return keep


class Combination(Chain):
    """A chain that is a row of a study: a file names its parts, and one strength scales them.

    `ratios` has the strength of each part at strength 1 of the combination. A part that is off at
    infinity, as clipping is, gets its strength divided by the combination's; the others get it
    multiplied. So off is none. A part with one strength alone, as a normalisation, keeps it.
    """

    ratios: ClassVar[Ratios]  # name of a part -> its strength at strength 1

    def __init__(self, strength):
        Regularizer.__init__(self, strength)
        own = zip(self.kinds(), self.ratios.values(), strict=True)
        super().__init__(*(kind(_scaled(kind, ratio, strength)) for kind, ratio in own))

    def members(self, index):
        return type(self)(self.strength[index])

    @classmethod
    def kinds(cls):
        """The classes of its parts."""
        return [registry.load("regularizer", name) for name in cls.ratios]

    @classmethod
    def suits(cls, network, task):
        for kind in cls.kinds():
            if reason := kind.suits(network, task):
                return f"{kind.title}: {reason}"
        return ""

    @classmethod
    def network(cls, network):
        for kind in cls.kinds():
            network = kind.network(network)
        return network


def _joined(operation: Callable, nothing: float, found: list[Tensor | float]) -> Tensor | float:
    """What the parts found, put together; with the number that is nothing, no tensor is copied."""
    some = [f for f in found if isinstance(f, Tensor) or f != nothing]
    return reduce(operation, some) if some else nothing


def _scaled(kind: type[Regularizer], ratio: float, strength: Tensor) -> Tensor:
    """The strength of a part, (M,)."""
    low, high = kind.range
    if low == high:
        return torch.full_like(strength, ratio)
    return ratio / strength if isinf(kind.off) else ratio * strength


def of_row(name: str, ratios: Ratios) -> type[Regularizer]:
    """The class of a row's regularizer: that of its file, or a combination that has none."""
    if not ratios:
        return registry.load("regularizer", name)
    facts = combine.facts(name, ratios)
    known = ("title", "group", "source", "strengths", "range", "scored_at", "clips", "ratios")
    module = {"__module__": f"{Regularizer.__module__.rpartition('.')[0]}.{name}"}
    return type("Combined", (Combination,), {**module, **{key: facts[key] for key in known}})
