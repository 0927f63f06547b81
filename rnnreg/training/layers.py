"""One layer of a model, run through time under the masks of its sites."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.cells.base import State
from rnnreg.kernels.noise import Site
from rnnreg.kernels.normalise import Norm
from rnnreg.kernels.plain import masked
from rnnreg.kernels.unroll import Masks, unroll, unroll_normalised
from rnnreg.network import Network
from rnnreg.trace import Params

SiteHook = Callable[[Site, tuple[int, int, int]], Tensor | float]
STATES = ("h", "c")


def run(
    network: Network,
    name: str,
    number: int,
    x: Tensor,
    weights: Params,
    state: State,
    mask: SiteHook,
    on_x: Tensor | float = 1.0,
    norm: Norm | None = None,
    within: Tensor | None = None,
    probe: Tensor | None = None,
) -> tuple[Tensor, State, Tensor | None]:
    """h at every step, the state after the last, and statistics of the batch, if there are any.

    name     of the run, one of network.runs
    number   that its masks draw by
    on_x     the mask of x
    within   (M or 1, T, B): the state stays what it was where this is zero; None: it never does
    probe    see `forward`
    """
    own = _own(weights, name)
    layer, part, way = name.partition("_")
    if network.shared and layer != "0":
        own = {**_own(weights, f"0{part}{way}"), **own}
    hidden = own["recurrent"].shape[-1]
    masks = replace(_masks(network, number, (*x.shape[1:3], hidden), mask), input=on_x)
    if within is not None:
        masks = replace(masks, carry=_held(masks.carry, within, network.cell.states))
    if probe is not None:
        masks = replace(masks, probe=probe)
    if norm is None:
        return *unroll(network.cell, x, own, state, masks), None
    norm = replace(norm, statistics=own.pop("statistics", None))
    return unroll_normalised(network.cell, x, own, state, masks, norm)


def _own(weights: Params, name: str) -> Params:
    """The weights of one run, by the names of `unroll`."""
    return {n.partition(".")[2]: w for n, w in weights.items() if n.startswith(f"{name}.")}


def _masks(network: Network, layer: int, shape: tuple[int, int, int], mask: SiteHook) -> Masks:
    carry = [mask(Site(f"carry/{s}", layer), shape) for s in STATES[: network.cell.states]]
    taken_whole = all(isinstance(c, float) and c == 1.0 for c in carry)
    return Masks(
        recurrent=mask(Site("recurrent", layer), shape),
        update=mask(Site("update", layer), shape),
        carry=() if taken_whole else tuple(carry),
        cell=mask(Site("cell", layer), shape) if network.cell.cell_state else 1.0,
    )


def _held(carry: tuple, within: Tensor, states: int) -> tuple:
    """How much of each new state is taken, none of it in padding."""
    return tuple(within[..., None] * c for c in carry or (1.0,) * states)


def at_site(site: Site, h: Tensor, mask: SiteHook, shift: SiteHook | None) -> Tensor:
    """Activations (M, T, B, units) times the mask of a site, plus its shift."""
    shape = tuple(h.shape[1:])
    h = masked(h, mask(site, shape))
    added = 0.0 if shift is None else shift(site, shape)
    return h if isinstance(added, float) and added == 0.0 else h + added


def entering(
    network: Network, site: Site, h: Tensor, mask: SiteHook, shift: SiteHook | None
) -> tuple[Tensor, Tensor | float]:
    """What a layer reads at a site, and the mask that is left to its time loop to multiply by."""
    if shift is not None or network.bidirectional:
        return at_site(site, h, mask, shift), 1.0
    return h, mask(site, tuple(h.shape[1:]))


def looked_up(table: Tensor, x: Tensor, mask: SiteHook) -> Tensor:
    """Rows of each member's table for symbols, times the mask of the embedding: (M, T, B, D)."""
    h, shape = embed(table, x), (*x.shape[1:], table.shape[1])
    factor = mask(Site("embedding"), shape)
    if isinstance(factor, Tensor):  # of all symbols; here those that stand in x
        factor = factor.expand(len(h), *shape).gather(3, x.expand(h.shape[:3])[..., None])
    return h if isinstance(factor, float) and factor == 1.0 else h * factor


def embed(table: Tensor, x: Tensor) -> Tensor:
    """Rows of each member's table (M, V, D) for symbols (M or 1, T, B): (M, T, B, D)."""
    members, symbols, _ = table.shape
    first = torch.arange(members, device=x.device) * symbols
    return F.embedding(x + first.view(-1, 1, 1), table.flatten(0, 1))


def reversed_in_time(h: Tensor, length: Tensor | None) -> Tensor:
    """h (M, T, B, units) backward in time, each sequence within its length."""
    if length is None:
        return h.flip(1)
    time = torch.arange(h.shape[1], device=h.device)[:, None]
    place = torch.where(time < length[:, None], length[:, None] - 1 - time, time)  # (M, T, B)
    return h.gather(1, place[..., None].expand(len(h), -1, -1, h.shape[-1]))
