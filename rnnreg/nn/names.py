"""The parameters of any torch.nn network, by the names that regularizers read."""

import re

from torch import nn

PARTS = {"weight_ih": "input", "weight_hh": "recurrent", "weight_hr": "output"}
PARTS |= {"bias_ih": "bias", "bias_hh": "recurrent_bias"}


def recurrent(model: nn.Module) -> dict[str, nn.RNNBase]:
    """Path -> module of LSTM, GRU and RNN, in the order of registration."""
    return {path: m for path, m in model.named_modules() if isinstance(m, nn.RNNBase)}


def output(model: nn.Module) -> nn.Linear | None:
    """The last linear layer: its weight is the output matrix."""
    found = [m for m in model.modules() if isinstance(m, nn.Linear)]
    return found[-1] if found else None


def parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Name -> parameter of those that are trained; a tied one is there once, by its first name.

    A layer of a recurrent module is <path>.<layer>.input, .recurrent and so on; linear layers have
    output matrices, the last one "output" itself; tables are embeddings. What is none of these is
    no matrix: no penalty on matrices reads it.

    >>> names = parameters(nn.ModuleDict({"rnn": nn.GRU(2, 3), "head": nn.Linear(3, 1)}))
    >>> list(names)[:2], list(names)[-2:]
    (['rnn.0.input', 'rnn.0.recurrent'], ['output', 'output_bias'])
    """
    found, seen, last = {}, set(), output(model)
    for path, module in model.named_modules():
        for own, p in module.named_parameters(recurse=False):
            if p.requires_grad and id(p) not in seen:
                seen.add(id(p))
                found[_name(path, module, own, module is last)] = p
    return found


def _name(path: str, module: nn.Module, own: str, last: bool) -> str:
    start = f"{path}." if path else ""
    if isinstance(module, nn.RNNBase | nn.RNNCellBase):
        part, layer, back = re.fullmatch(r"(\w+?)(?:_l(\d+)(_reverse)?)?", own).groups()
        return f"{start}{layer or 0}{back or ''}.{PARTS.get(part, part)}"
    if isinstance(module, nn.Linear):
        return ("" if last else start) + {"weight": "output", "bias": "output_bias"}.get(own, own)
    if isinstance(module, nn.Embedding):
        return f"{start}embedding"
    return f"{start}{own}/own"
