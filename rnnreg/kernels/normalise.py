"""Normalised pre-activations inside the recurrence: layer and batch normalisation of any cell.

With N(z) = (z - mean) / sqrt(variance + EPSILON), a layer computes

    x = input_gain N(W input_t) + b
    r = recurrent_gain N(R (h x mask)) + recurrent bias
    and h of a cell with a c from cell_gain N(c) + cell_bias

What means and variances are taken over is a `Norm`'s kind. Those of a batch are a member's own.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.cells.base import Cell

EPSILON = 1e-5
KINDS = ("layer", "batch", "sequence")


@dataclass(frozen=True)
class Norm:
    """How one layer is normalised; gains stand among its weights (see `parameters`).

    kind        layer: over the units of a sequence's step, the gates that the cell takes together
                    (Ba, Kiros and Hinton 2016, arXiv:1607.06450)
                batch: over the sequences of a batch, at each step
                    (Cooijmans et al. 2017, arXiv:1603.09025)
                sequence: of x alone, over sequences and steps (Laurent et al. 2016,
                    arXiv:1510.01378)
    length      (M or 1, B): only steps before it count for statistics, and what does not count
                becomes zero, but for "layer"; None: all count
    statistics  None in training: those of the batch, which are returned; in evaluation the
                running ones (M, *statistics_shape): step t takes entry t, or the last
    steps       how many steps have running statistics of their own; one for "sequence"
    """

    kind: str
    length: Tensor | None = None
    statistics: Tensor | None = None
    steps: int = 1


def parameters(kind: str, cell: type[Cell], hidden: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes, without M, of what a normalised layer has beside its weights."""
    gates = (cell.gates * hidden,)
    if kind == "sequence":
        return {"input_gain": gates}
    c = {"cell_gain": (hidden,), "cell_bias": (hidden,)} if cell.cell_state else {}
    return {"input_gain": gates, "recurrent_gain": gates, **c}


def statistics_shape(kind: str, cell: type[Cell], hidden: int, steps: int) -> tuple[int, int, int]:
    """(steps, mean and variance, units of x, then r, then c) of running statistics; no M.

    They start as mean 0 and variance 1.
    """
    if kind == "sequence":
        return 1, 2, cell.gates * hidden
    return steps, 2, (2 * cell.gates + cell.cell_state) * hidden


def follow(running: Tensor, seen: Tensor, rate: float) -> Tensor:
    """Running statistics after a batch; where it had nothing to count (NaN) they stay.

    >>> nan = torch.nan
    >>> follow(torch.tensor([0.0, 1.0]), torch.tensor([2.0, nan]), 0.1)
    tensor([0.2000, 1.0000])
    """
    return torch.where(seen.isnan(), running, torch.lerp(running, seen, rate))


class Normaliser:
    """A `Norm` at work on one layer, from the first step to the last."""

    def __init__(self, norm: Norm, cell: type[Cell], weights: dict[str, Tensor]):
        self.norm, self.weights = norm, weights
        self.hidden = weights["recurrent"].shape[-1]
        gates = cell.gates * self.hidden
        self.together = [n * self.hidden for n in cell.together] or [gates]
        self.at = {"input": slice(0, gates), "recurrent": slice(gates, 2 * gates)}
        self.at["cell"] = slice(2 * gates, None)
        self.seen: dict[str, list[Tensor]] = {"input": [], "recurrent": [], "cell": []}

    def input(self, x: Tensor) -> Tensor:
        """x (M, T, B, GH) of all steps, from the input product."""
        gain = self.weights["input_gain"][:, None, None]
        if self.norm.kind == "layer":
            return gain * self._by_units(x, self.together)
        steps, batch = x.shape[1:3]
        counted = self._counted(0, steps, batch)
        if self.norm.kind == "sequence":
            flat = x.flatten(1, 2)[:, None]
            whole = None if counted is None else counted.flatten(1, 2)[:, None]
            return gain * self._by_batch("input", flat, whole, 0, 1).view(x.shape)
        return gain * self._by_batch("input", x, counted, 0, steps)

    def recurrent(self, r: Tensor, t: int) -> Tensor:
        """r (M, B, GH) of step t, from the recurrent product."""
        if self.norm.kind == "sequence":
            return r
        return self.weights["recurrent_gain"][:, None] * self._step("recurrent", r, t)

    def cell(self, c: Tensor, t: int) -> Tensor:
        """What h reads in place of c (M, B, H), at step t."""
        if self.norm.kind == "sequence":
            return c
        gain, bias = (self.weights[n][:, None] for n in ("cell_gain", "cell_bias"))
        return gain * self._step("cell", c, t) + bias

    def statistics(self) -> Tensor | None:
        """Of this batch, (M, *statistics_shape), no gradient; NaN at steps that nothing counts in.

        None where they were given, and for "layer".
        """
        if not self.seen["input"]:
            return None
        steps = 1 if self.norm.kind == "sequence" else self.norm.steps
        parts = [torch.cat(s, dim=1)[:, :steps] for s in self.seen.values() if s]
        found = torch.cat(parts, dim=-1)
        return F.pad(found, (0, 0, 0, 0, 0, steps - found.shape[1]), value=torch.nan)

    def _step(self, part: str, values: Tensor, t: int) -> Tensor:
        if self.norm.kind == "layer":
            sizes = [self.hidden] if part == "cell" else self.together
            return self._by_units(values, sizes)
        counted = self._counted(t, t + 1, values.shape[1])
        return self._by_batch(part, values[:, None], counted, t, t + 1)[:, 0]

    @staticmethod
    def _by_units(values: Tensor, sizes: list[int]) -> Tensor:
        parts = values.split(sizes, dim=-1)
        return torch.cat([F.layer_norm(p, p.shape[-1:], eps=EPSILON) for p in parts], dim=-1)

    def _by_batch(self, part, values, counted, begin: int, end: int) -> Tensor:
        """values (M, steps, B, units) of steps from `begin` to before `end`."""
        given = self.norm.statistics
        if given is not None:
            steps = torch.arange(begin, end, device=given.device).clamp(max=given.shape[1] - 1)
            mean, variance = given[:, steps, :, self.at[part]].unsqueeze(-2).unbind(2)
            return _counting((values - mean) * (variance + EPSILON).rsqrt(), counted)
        one = values.new_ones(1, 1, values.shape[2], 1)
        share = one if counted is None else counted.to(values.dtype)
        share = share / share.sum(2, keepdim=True)  # NaN where nothing counts
        used = share.nan_to_num()
        mean = (values * used).sum(2, keepdim=True)
        variance = ((values - mean).square() * used).sum(2, keepdim=True)
        self.seen[part].append(_seen(mean, variance, share))
        return _counting((values - mean) * (variance + EPSILON).rsqrt(), counted)

    def _counted(self, begin: int, end: int, batch: int) -> Tensor | None:
        """Which entries count, (M or 1, steps, B, 1)."""
        length = self.norm.length
        if length is None:
            return None
        steps = torch.arange(begin, end, device=length.device)
        return (steps[:, None] < length[:, None])[..., None]


def _counting(values: Tensor, counted: Tensor | None) -> Tensor:
    """Zero for what does not count.

    By the statistics of others, of one sequence or of none, it could grow from step to step.
    """
    return values if counted is None else values.masked_fill(~counted, 0)


@torch.no_grad()
def _seen(mean: Tensor, variance: Tensor, share: Tensor) -> Tensor:
    nothing = share.sum(2, keepdim=True).isnan()
    found = torch.stack([mean, variance], dim=2).squeeze(3)  # (M, steps, 2, units)
    return found.masked_fill(nothing.squeeze(3)[:, :, None], torch.nan)
