"""The time loop that defines the result: one step after another, in the words of the cell."""

import math
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.cells.base import Cell, State
from rnnreg.kernels.normalise import Norm, Normaliser

VECTOR = 32  # single-precision numbers that a CPU takes at once, twice over

Mask = Tensor | float  # (M, T or 1, B, H), or a number that holds everywhere; 1.0 is no mask


@dataclass(frozen=True)
class Masks:
    """The masks of one layer's recurrence, and how much of each new state is taken (zoneout)."""

    recurrent: Mask = 1.0  # on h before the recurrent product
    update: Mask = 1.0  # on the candidate
    carry: tuple[Mask, ...] = ()  # a state each: lerp(old, new, carry); () takes all of the new
    cell: Mask = 1.0  # on the new c, for cells that have one
    input: Mask = 1.0  # on x, (M, T or 1, B, D)
    probe: Tensor | None = None  # zeros added to each new h: its gradient is that of h

    def of_inputs(self, x: Tensor) -> Tensor:
        """x times its mask."""
        return masked(x, self.input)


def plain(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks
) -> tuple[Tensor, State]:
    """The definition of `unroll`."""
    return plain_normalised(cell, x, weights, state, masks, None)[:2]


def plain_normalised(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks,
    norm: Norm | None,
) -> tuple[Tensor, State, Tensor | None]:  # fmt: skip
    """The definition of `unroll_normalised`; where `norm` is None nothing is normalised."""
    steps, batch = x.shape[1:3]
    hidden = weights["recurrent"].shape[-1]
    x = masks.of_inputs(x)
    if x.device.type == "cpu":
        x, state, masks, norm = _in_whole_vectors(x, state, masks, norm, hidden)
    own = x.dtype  # of all but products, whose precision may be lower
    normal = None if norm is None else Normaliser(norm, cell, weights)
    before = _from_inputs(x, weights, normal)
    recurrent = weights["recurrent"].mT  # (M, H, GH)
    bias = weights.get("recurrent_bias")  # of the last gates
    if bias is not None:
        bias = F.pad(bias, (cell.gates * hidden - bias.shape[1], 0))[:, None]
    outputs = []
    for t in range(steps):
        h = state[0] * at(masks.recurrent, t)
        if normal is not None:
            r = normal.recurrent(torch.bmm(h, recurrent).to(own), t)
            r = r if bias is None else r + bias
        else:
            r = torch.bmm(h, recurrent) if bias is None else torch.baddbmm(bias, h, recurrent)
        given = before[:, t], r.to(own), state, at(masks.update, t)
        if cell.cell_state:
            read = () if normal is None else (partial(normal.cell, t=t),)
            given = *given, at(masks.cell, t), *read
        new = cell.step(*given)
        if masks.carry:
            pairs = zip(state, new, masks.carry, strict=True)
            new = tuple(lerp(old, n, at(carry, t)) for old, n, carry in pairs)
        if masks.probe is not None:
            new = (new[0] + at(masks.probe, t), *new[1:])
        state = new
        outputs.append(state[0])
    output = torch.stack(outputs, dim=1)[:, :, :batch]
    seen = None if normal is None else normal.statistics()
    return output, tuple(s[:, :batch] for s in state), seen


def _from_inputs(x: Tensor, weights: dict[str, Tensor], normal: Normaliser | None) -> Tensor:
    """W input_t + b of all steps, (M, T, B, GH), normalised before the bias."""
    bias, flat, w = weights["bias"][:, None], x.flatten(1, 2), weights["input"].mT
    if normal is None:
        return torch.baddbmm(bias, flat, w).view(*x.shape[:3], -1).to(x.dtype)
    product = torch.bmm(flat, w).view(*x.shape[:3], -1).to(x.dtype)
    return normal.input(product) + bias[:, None]


def masked(x: Tensor, mask: Mask) -> Tensor:
    """x times a mask; x itself where that is the number 1."""
    return x if isinstance(mask, float) and mask == 1.0 else x * mask


def lerp(old: Tensor, new: Tensor, carry: Mask) -> Tensor:
    """old + carry x (new - old): exactly `old` where carry is 0, and `new` where it is 1."""
    carry = carry.to(new.dtype) if isinstance(carry, Tensor) else carry
    return torch.lerp(old, new, carry)


def _in_whole_vectors(x: Tensor, state: State, masks: Masks, norm: Norm | None, hidden: int):
    """The same with more sequences, copies of the last, so that a member fills whole vectors.

    A CPU computes the last few entries of a tensor by other code than those before, and sigmoid is
    rounded differently there. Whether a member's entries are among them must not depend on how many
    members there are.
    """
    batch, every = x.shape[2], VECTOR // math.gcd(VECTOR, hidden)
    whole = -(-batch // every) * every
    if whole == batch:
        return x, state, masks, norm
    rows = torch.arange(whole, device=x.device).clamp(max=batch - 1)

    def more(values):
        if not isinstance(values, Tensor) or values.shape[-2] != batch or batch == 1:
            return values
        return values[..., rows, :]

    if norm is not None:
        length = norm.length
        if length is None:
            length = torch.full((1, batch), x.shape[1], device=x.device)
        norm = replace(norm, length=F.pad(length, (0, whole - batch)))  # copies do not count
    carry = tuple(map(more, masks.carry))
    masks = replace(
        masks, recurrent=more(masks.recurrent), update=more(masks.update), carry=carry,
        cell=more(masks.cell), probe=more(masks.probe),
    )  # fmt: skip
    return x[:, :, rows], tuple(s[:, rows] for s in state), masks, norm


def at(mask: Mask, t: int) -> Mask:
    """A mask at step t: (M, B, H), or the number that it is."""
    if isinstance(mask, float):
        return mask
    return mask[:, t if mask.shape[1] > 1 else 0]
