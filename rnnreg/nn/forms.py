"""From what torch.nn's recurrent modules take to steps first, and back.

Batched or not, batch first or not, packed or not, with or without an initial state.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

State = tuple[Tensor, ...]  # (layers x directions, B, H) each


def well_formed(input, hx) -> bool:
    """Whether the numbers of dimensions fit; where not, torch.nn says why."""
    state = () if hx is None else hx if isinstance(hx, tuple | list) else (hx,)
    if isinstance(input, PackedSequence):
        return input.data.dim() == 2 and all(s.dim() == 3 for s in state)
    return input.dim() in (2, 3) and all(s.dim() == input.dim() for s in state)


def run(module, input, hx, forward: Callable):
    """forward(module, x (T, B, D), state, lengths) in the words of torch.nn's modules."""
    if isinstance(input, PackedSequence):
        return _run_packed(module, input, hx, forward)
    batched, batch = input.dim() == 3, 0 if module.batch_first else 1
    x = input if batched else input.unsqueeze(batch)
    state = _state(module, hx, x, x.shape[batch], batched)
    module.check_forward_args(x, _own(module, state), None)
    x = x.transpose(0, 1) if module.batch_first else x
    output, state = forward(module, x, state, None)
    output = output.transpose(0, 1) if module.batch_first else output
    if not batched:
        output, state = output.squeeze(batch), tuple(s.squeeze(1) for s in state)
    return output, _own(module, state)


def _run_packed(module, input: PackedSequence, hx, forward: Callable):
    data, sizes, order, back = input
    if hx is not None:
        hx = module.permute_hidden(hx, order)
    state = _state(module, hx, data, int(sizes[0]), True)
    module.check_forward_args(data, _own(module, state), sizes)
    x, lengths = pad_packed_sequence(PackedSequence(data, sizes))  # (T, B, D), longest first
    output, state = forward(module, x, state, lengths)
    output = PackedSequence(pack_padded_sequence(output, lengths).data, sizes, order, back)
    return output, module.permute_hidden(_own(module, state), back)


def _state(module, hx, like: Tensor, batch: int, batched: bool) -> State:
    if hx is None:
        layers = module.num_layers * (2 if module.bidirectional else 1)
        zero = like.new_zeros(layers, batch, module.hidden_size)
        return (zero, zero) if module.mode == "LSTM" else (zero,)
    state = tuple(hx) if module.mode == "LSTM" else (hx,)
    return state if batched else tuple(s.unsqueeze(1) for s in state)


def _own(module, state: State) -> State | Tensor:
    """h and c as a tuple, or h alone."""
    return state if module.mode == "LSTM" else state[0]


def counted(lengths: Tensor | None, steps: int, device: torch.device) -> Tensor | None:
    """1.0 for each step of a sequence, 0.0 for padding, (1, T, B, 1); None: no padding."""
    if lengths is None:
        return None
    time = torch.arange(steps, device=device)[:, None]
    return (time < lengths.to(device)).float()[None, :, :, None]
