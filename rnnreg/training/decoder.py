"""The decoder of a transduction: layers that start from the encoder's state and write the targets.

It reads the embedding of the symbol before, first symbol 0, and has as many layers as the encoder,
of the same cell and widths. With a head, "additive" or "dot", each step's h asks for a context, the
encoder's h weighted as in heads.py, and the output matrix reads tanh(W [context; h]), as in the
global attention of Luong, Pham and Manning 2015, Effective Approaches to Attention-based Neural
Machine Translation, EMNLP (arXiv:1508.04025). No context goes into the recurrence, so all steps of
training run in one loop. With the head "linear" the output matrix reads h, and all that is known
of the source is in the state (Sutskever, Vinyals and Le 2014, arXiv:1409.3215).

Its masks have the sites of the layers, and draws of their own.
"""

import torch
from torch import Tensor

from rnnreg.cells.base import State
from rnnreg.kernels.noise import Site
from rnnreg.kernels.normalise import Norm
from rnnreg.network import Network
from rnnreg.trace import Batch, Params
from rnnreg.training.heads import activated, attend, linear, scores
from rnnreg.training.layers import SiteHook, at_site, entering, looked_up, run

START = 0  # the symbol that is read before the first target, and that ends each of them


def decode(
    network: Network,
    weights: Params,
    batch: Batch,
    h: Tensor,
    states: list[State],
    mask: SiteHook,
    shift: SiteHook | None,
) -> tuple[Tensor, Tensor, list[State]]:
    """Outputs (M, S, B, V) where the true symbols are read, what the output matrix read, states.

    h        of the encoder's last layer, (M, T, B, H)
    states   of its layers, each at the end of its sequence
    """
    y = batch.y
    before = torch.cat([torch.full_like(y[:, :1], START), y[:, :-1]], dim=1)
    return _steps(network, weights, batch, before, h, states, mask, shift)


@torch.no_grad()
def greedy(
    network: Network,
    weights: Params,
    batch: Batch,
    h: Tensor,
    states: list[State],
    mask: SiteHook,
    shift: SiteHook | None = None,
) -> Tensor:
    """What the decoder writes by itself, always its most probable symbol: (M, S, B).

    What follows symbol 0 has no meaning. Arguments as of `decode`; of the targets it reads only how
    many steps there are.
    """
    symbol = batch.y.new_full((len(h), 1, h.shape[2]), START)
    found = []
    for _ in range(batch.y.shape[1]):
        output, _, states = _steps(network, weights, batch, symbol, h, states, mask, shift)
        symbol = output.argmax(-1)
        found.append(symbol)
    return torch.cat(found, dim=1)


def _steps(network, weights, batch, symbols, h, states, mask, shift):
    """Outputs, what was read and the states after these symbols (M or 1, S, B)."""
    x = looked_up(weights["embedding"], symbols, mask)
    ends = []
    for layer in range(network.layers):
        number = network.layers + layer
        site = Site("between" if layer else "input", number)
        x, on_x = entering(network, site, x, mask, shift)
        norm = Norm(network.norm, None, None, network.norm_steps) if network.norm else None
        name = f"{layer}_decoder"
        x, end, _ = run(network, name, number, x, weights, states[layer], mask, on_x, norm)
        ends.append(end)
    if network.head != "linear":
        context = attend(scores(network, weights, x, h), h, batch.within)
        both = linear(torch.cat([context, x], dim=-1), weights["combine.input"])
        x = activated(torch.tanh, both)
    read = at_site(Site("output"), x, mask, shift)
    output = linear(
        read, weights["embedding" if network.tied else "output"], weights["output_bias"]
    )
    return output, read, ends
