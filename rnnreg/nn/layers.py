"""The layers and directions of a module, one time loop each."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.nn import loops
from rnnreg.nn.draws import Draws
from rnnreg.nn.forms import State, counted
from rnnreg.nn.loops import CELLS

GAINS = {
    "input_gain": "gain_ih",
    "recurrent_gain": "gain_hh",
    "cell_gain": "gain_c",
    "cell_bias": "shift_c",
}


def forward(module, x: Tensor, state: State, lengths: Tensor | None) -> tuple[Tensor, State]:
    """h of the last layer (T, B, H x directions), and the last states of all layers.

    x (T, B, D); where `lengths` (B,) are given, padding leaves the state as it is.
    """
    own, device = module._flat_weights[0].dtype, x.device.type
    x, state = x.to(own), tuple(s.to(own) for s in state)
    lower = torch.is_autocast_enabled(device)  # for products of a loop that can, and nothing else
    with torch.autocast(device, enabled=False):
        return _forward(module, x, state, counted(lengths, len(x), x.device), lower)


def _forward(module, x, state, valid, lower):
    draws, last = Draws(module, x, valid), []
    directions = 2 if module.bidirectional else 1
    for layer in range(module.num_layers):
        x, outputs = draws.inputs(x, layer), []
        for back in range(directions):
            index = layer * directions + back
            masks = draws.masks(index)
            weights = weights_of(module, index)
            weights["recurrent"] = draws.weights(weights["recurrent"], index)
            first = tuple(s[index][None] for s in state)
            loop = partial(loops.unroll, CELLS[module.mode], lower=lower)
            run = partial(_backwards, loop) if back else loop
            output, end = run(x[None], weights, first, masks)
            outputs.append(output[0])
            last.append(end)
        x = outputs[0] if directions == 1 else torch.cat(outputs, dim=-1)
    return x, tuple(torch.cat(s) for s in zip(*last, strict=True))


def _backwards(loop, x, weights, state, masks):
    """From the last step to the first; padding comes first there."""
    output, last = loop(x.flip(1), weights, state, loops.backwards(masks))
    return output.flip(1), last


def weights_of(module, index: int) -> dict[str, Tensor]:
    """Weights of one layer and direction as the time loops name them, (1, ...)."""
    count = 4 if module.bias else 2
    w_input, recurrent, *biases = module._flat_weights[count * index : count * (index + 1)]
    cell, hidden = CELLS[module.mode], module.hidden_size
    if not biases:
        biases = [w_input.new_zeros(len(w_input))] * 2
    inside = cell.recurrent_biases * hidden  # these are added to the recurrent product
    bias, more = biases
    weights = {"input": w_input, "recurrent": recurrent}
    if inside:
        weights["bias"] = bias + F.pad(more[:-inside], (0, inside))
        weights["recurrent_bias"] = more[-inside:]
    else:
        weights["bias"] = bias + more
    if module.layer_norm:
        layer, back = divmod(index, 2) if module.bidirectional else (index, 0)
        ending = f"_l{layer}{'_reverse' if back else ''}"
        named = {n: getattr(module, own + ending, None) for n, own in GAINS.items()}
        weights |= {n: g for n, g in named.items() if g is not None}
    return {n: w[None] for n, w in weights.items()}
