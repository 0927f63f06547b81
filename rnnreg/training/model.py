"""The model: embedding, layers of one cell, head and output matrix; for M members at once."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnreg.cells.base import State
from rnnreg.kernels.noise import INITIAL, Noise, Site
from rnnreg.kernels.normalise import Norm
from rnnreg.network import Network
from rnnreg.trace import Batch, Params, Trace
from rnnreg.training.decoder import decode
from rnnreg.training.heads import convolve, read
from rnnreg.training.layers import SiteHook, at_site, entering, looked_up, reversed_in_time, run


def initial(network: Network, seeds: Tensor) -> Params:
    """Initial parameters of each seed, alone and then stacked; drawn on the CPU.

    Matrices are uniform on +-1/sqrt(H), those of a convolution and a head on +-1/sqrt(inputs), as
    in torch.nn, the embedding on +-0.1 (Zaremba et al. 2014, section 4.1, use +-0.04 to +-0.1 for
    theirs); biases are zero but for the cell's `first_bias`. With a range of its own,
    `network.initial`, all of these are uniform on it, and the first bias is added. Parameters of a
    regularizer's own start from the value that it gives.
    """
    noise, widths = Noise(seeds.cpu(), INITIAL), dict(network.runs)
    params = {}
    for name, shape in network.shapes().items():
        if name in network.own:
            params[name] = torch.full((len(seeds), *shape), network.own[name][1])
        elif name.endswith("bias") and not network.initial:
            params[name] = torch.zeros(len(seeds), *shape)
        else:
            units = widths.get(name.partition(".")[0], shape[-1])
            limit = network.initial or (0.1 if name == "embedding" else units**-0.5)
            params[name] = limit * (2 * noise.at(Site(name)).uniform(shape) - 1)
    own = network.first_bias
    first = torch.tensor(network.cell.first_bias if own is None else own)
    for name, hidden in widths.items() if len(first) else ():
        if f"{name}.bias" in params:  # a shared layer has those of the first
            params[f"{name}.bias"] += first.repeat_interleave(hidden)
    return {name: p.to(seeds.device) for name, p in params.items()}


def zero_state(network: Network, like: Tensor, batch: int) -> list[State]:
    """The state of every run before the first step; `like` is any parameter (M, ...)."""
    zeros = {h: like.new_zeros(like.shape[0], batch, h) for _, h in network.runs}
    return [(zeros[h],) * network.cell.states for _, h in network.runs]


def forward(
    network: Network,
    weights: Params,
    batch: Batch,
    mask: SiteHook,
    state: list[State] | None = None,
    shift: SiteHook | None = None,
    moved: Tensor | None = None,
    probes: Sequence[Tensor] = (),
) -> Trace:
    """Run the model over a batch.

    `mask(site, (T, B, units))` and `shift` as in Regularizer; `moved`, (M, T, B, D) or a number, is
    added to the inputs of the first layer, before its mask; `probes`, (M, T, B, H) a layer, are
    added to its h at every step, so that their gradients are those of h; in the plain loop alone,
    and forward in time. What reads a convolution or a layer, an MLP too, has the mask "between".
    """
    h = looked_up(weights["embedding"], batch.x, mask) if network.symbols else batch.x
    members = weights["output_bias"].shape[0]
    h = h.expand(members, *h.shape[1:])
    if moved is not None:
        h = h + moved
    state = state or zero_state(network, weights["output_bias"], h.shape[2])
    inputs, site, seen = h, Site("input"), {}
    if network.convolution:
        h = convolve(network, weights, at_site(site, h, mask, shift))
        site = Site("between")
    hidden, last = [], []
    for layer in range(network.layers):
        h, on_x = entering(network, site, h, mask, shift)
        given = weights, batch, state, mask, on_x, probes, seen
        h, ends, states = _layer(network, layer, h, *given)
        site = Site("between", layer + 1)
        hidden.append(h)
        last += states
    if network.decoder:
        given = batch, h, last, mask, shift
        output, h, states = decode(network, weights, *given)
        return Trace(output, last + states, hidden, h, batch, inputs, seen)
    query = h if network.every_step else _side_by_side(ends)[:, None]
    if network.head != "linear":
        query = at_site(site, query, mask, shift) if network.head == "mlp" else query
        query = read(network, weights, h, query, batch.within)
    h = at_site(Site("output"), query, mask, shift)
    flat = h.reshape(members, -1, network.hidden)
    table = weights["embedding" if network.tied else "output"]
    output = torch.baddbmm(weights["output_bias"][:, None], flat, table.mT)
    if network.every_step:
        return Trace(output.view(*h.shape[:-1], -1), last, hidden, h, batch, inputs, seen)
    return Trace(output, last, hidden, h[:, 0], batch, inputs, seen)


def _layer(network, layer, x, weights, batch, state, mask, on_x, probes, seen):
    """h of a layer at every step, of both directions side by side; h at the end of each sequence
    and the last state, one a direction. Statistics of the batch are put into `seen`."""
    ways = 1 + network.bidirectional
    outputs, ends, states = [], [], []
    for way, (name, _) in enumerate(network.runs[ways * layer : ways * (layer + 1)]):
        h, end, found = run(
            network,
            name,
            layer + way * network.layers,
            reversed_in_time(x, batch.length) if way else x,
            weights,
            state[ways * layer + way],
            mask,
            on_x,
            _norm(network, batch) if network.norm else None,
            batch.within if network.decoder else None,
            probes[layer] if probes and not way else None,
        )
        seen |= {} if found is None else {f"{name}.statistics": found}
        outputs.append(reversed_in_time(h, batch.length) if way else h)
        states.append(end)
        last = layer == network.layers - 1 and not network.every_step
        ends += [end[0] if batch.length is None else _at_end(h, batch.length)] if last else []
    return _side_by_side(outputs), ends, states


def _side_by_side(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)


def _norm(network: Network, batch: Batch) -> Norm:
    """How a layer is normalised; `run` adds the running statistics where there are any."""
    length = batch.length
    if length is None and batch.weight is not None and network.every_step:
        length = batch.weight.sum(1)
    return Norm(network.norm, length, None, network.norm_steps)


def zero_statistics(network: Network, like: Tensor) -> Params:
    """Running statistics before the first step: mean 0, variance 1; `like` is any parameter."""
    found = {}
    for name, shape in network.statistics().items():
        found[name] = like.new_zeros(like.shape[0], *shape)
        found[name][:, :, 1] = 1
    return found


def _at_end(h: Tensor, length: Tensor) -> Tensor:
    """h (M, T, B, H) at each sequence's last step: (M, B, H)."""
    index = (length - 1).expand(h.shape[0], -1)[:, None, :, None]
    return h.gather(1, index.expand(-1, 1, -1, h.shape[-1]))[:, 0]
