"""The model: embedding, layers of one cell, and an output matrix; for M members at once."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.cells.base import Cell, State
from rnnreg.kernels.noise import INITIAL, Noise, Site
from rnnreg.kernels.unroll import Masks, unroll
from rnnreg.trace import Batch, Params, Trace

MaskHook = Callable[[Site, tuple[int, int, int]], Tensor | float]
STATES = ("h", "c")


@dataclass(frozen=True)
class Network:
    """The sizes of a model. `symbols` is 0 where inputs are real vectors."""

    cell: type[Cell]
    inputs: int  # D, or the size of the vocabulary
    outputs: int  # V
    hidden: int  # H
    layers: int = 1
    embedding: int = 0
    symbols: bool = False
    every_step: bool = True  # the output matrix reads every step, or the last of each sequence

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape without M. A layer's names start with its number."""
        gates = self.cell.gates * self.hidden
        shapes = {"embedding": (self.inputs, self.embedding)} if self.symbols else {}
        below = self.embedding if self.symbols else self.inputs
        for layer in range(self.layers):
            shapes[f"{layer}.input"] = (gates, below)
            shapes[f"{layer}.recurrent"] = (gates, self.hidden)
            shapes[f"{layer}.bias"] = (gates,)
            if self.cell.recurrent_biases:
                shapes[f"{layer}.recurrent_bias"] = (self.cell.recurrent_biases * self.hidden,)
            below = self.hidden
        return {**shapes, "output": (self.outputs, self.hidden), "output_bias": (self.outputs,)}


def initial(network: Network, seeds: Tensor) -> Params:
    """Initial parameters of each seed, alone and then stacked; drawn on the CPU.

    Matrices are uniform on +-1/sqrt(H), the embedding on +-0.1 (Zaremba et al. 2014, section 4.1,
    use +-0.04 to +-0.1 for theirs); biases are zero but for the cell's `first_bias`.
    """
    noise = Noise(seeds.cpu(), INITIAL)
    params = {}
    for name, shape in network.shapes().items():
        if name.endswith("bias"):
            params[name] = torch.zeros(len(seeds), *shape)
        else:
            limit = 0.1 if name == "embedding" else network.hidden**-0.5
            params[name] = limit * (2 * noise.at(Site(name)).uniform(shape) - 1)
    first = torch.tensor(network.cell.first_bias).repeat_interleave(network.hidden)
    for layer in range(network.layers if len(first) else 0):
        params[f"{layer}.bias"] += first
    return {name: p.to(seeds.device) for name, p in params.items()}


def zero_state(network: Network, like: Tensor, batch: int) -> list[State]:
    """The state before the first step; `like` is any parameter (M, ...)."""
    zero = like.new_zeros(like.shape[0], batch, network.hidden)
    return [tuple(zero for _ in range(network.cell.states)) for _ in range(network.layers)]


def forward(
    network: Network,
    weights: Params,
    batch: Batch,
    mask: MaskHook,
    state: list[State] | None = None,
) -> Trace:
    """Run the model over a batch. `mask(site, (T, B, units))` as in Regularizer.mask."""
    h = embed(weights["embedding"], batch.x) if network.symbols else batch.x
    members = weights["output"].shape[0]
    h = h.expand(members, *h.shape[1:])
    steps, size = h.shape[1:3]
    state = state or zero_state(network, weights["output"], size)
    hidden, last = [], []
    for layer in range(network.layers):
        site = Site("between", layer) if layer else Site("input")
        h = times(h, mask(site, (steps, size, h.shape[-1])))
        own = {n.partition(".")[2]: w for n, w in weights.items() if n.startswith(f"{layer}.")}
        masks = _masks(network, layer, (steps, size, network.hidden), mask)
        h, end = unroll(network.cell, h, own, state[layer], masks)
        hidden.append(h)
        last.append(end)
    if not network.every_step:
        h = end[0][:, None] if batch.length is None else _at_end(h, batch.length)
    h = times(h, mask(Site("output"), tuple(h.shape[1:])))
    flat = h.reshape(members, -1, network.hidden)
    output = torch.baddbmm(weights["output_bias"][:, None], flat, weights["output"].mT)
    if network.every_step:
        return Trace(output.view(*h.shape[:-1], -1), last, hidden, h)
    return Trace(output, last, hidden, h[:, 0])


def embed(table: Tensor, x: Tensor) -> Tensor:
    """Rows of each member's table (M, V, D) for symbols (M or 1, T, B): (M, T, B, D)."""
    members, symbols, _ = table.shape
    first = torch.arange(members, device=x.device) * symbols
    return F.embedding(x + first.view(-1, 1, 1), table.flatten(0, 1))


def times(h: Tensor, mask: Tensor | float) -> Tensor:
    """Activations times a mask; the number 1 is no mask."""
    return h if isinstance(mask, float) and mask == 1.0 else h * mask


def _masks(network: Network, layer: int, shape: tuple[int, int, int], mask: MaskHook) -> Masks:
    carry = [mask(Site(f"carry/{s}", layer), shape) for s in STATES[: network.cell.states]]
    taken_whole = all(isinstance(c, float) and c == 1.0 for c in carry)
    return Masks(
        recurrent=mask(Site("recurrent", layer), shape),
        update=mask(Site("update", layer), shape),
        carry=() if taken_whole else tuple(carry),
    )


def _at_end(h: Tensor, length: Tensor) -> Tensor:
    """h (M, T, B, H) at each sequence's last step: (M, 1, B, H)."""
    index = (length - 1).expand(h.shape[0], -1)[:, None, :, None]
    return h.gather(1, index.expand(-1, 1, -1, h.shape[-1]))
