"""What the last forward pass of a model computed, as a Trace for penalties on activations."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from rnnreg.errors import UserError
from rnnreg.nn import names
from rnnreg.trace import Batch, Trace


class Seen:
    """Keeps what layers put out in the last pass that was part of training."""

    blind = False

    def __init__(self, model: nn.Module, regularizer: str):
        self.name, self.layers = regularizer, names.recurrent(model)
        self.h: dict[str, tuple[Tensor, Tensor | None]] = {}  # (1, T, B, H) and lengths (1, B)
        self.read = None
        self.hooks = [
            module.register_forward_hook(partial(self._put, path))
            for path, module in self.layers.items()
        ]
        if head := names.output(model):
            self.hooks.append(head.register_forward_pre_hook(self._put_read))

    def __getstate__(self) -> dict:
        """A copy of the model is no part of training: it is seen by nobody."""
        return {"blind": True}

    def clear(self) -> None:
        """After a step: a penalty is one of activations that are new."""
        self.h, self.read = {}, None

    def trace(
        self, output: Tensor | None, target: Tensor | None = None, twin: Tensor | None = None
    ) -> Trace:
        """As far as it was seen or given; what was not is a fault once it is read."""
        h, length = next(reversed(self.h.values())) if self.h else (None, None)
        read, y, other = self.read, target, twin
        if output is None:
            every_step = read is not None and h is not None and read.shape[:-1] == h.shape[:-1]
            told = "the model's output: reg.penalty(output)"
            output = _Missing(self.name, told, ndim=4 if every_step else 3)
        else:
            output, y, other = _counting(self.name, output, target, twin)
        if read is None:
            read = _Missing(self.name, "what the last torch.nn.Linear reads, and none was called")
        if y is None:
            y = _Missing(self.name, "the targets: reg.penalty(output, target)")
        second = "the output of a second pass: reg.penalty(output, target, twin)"
        missing = _Missing(self.name, "what a model of one's own does not show")
        x = torch.zeros(1, 1, 1) if h is None else h[..., 0]
        parts = self._hidden(), read, Batch(x, y, length=length), missing
        twin = _Missing(self.name, second) if other is None else Trace(other, missing, *parts)
        return Trace(output, missing, *parts, twin=twin)

    def _put(self, path: str, module: nn.RNNBase, given, found) -> None:
        if self.blind or not torch.is_grad_enabled() or not module.training:
            return
        h, length = found[0], None
        if isinstance(h, PackedSequence):
            h, length = pad_packed_sequence(h)
            length = length.to(h.device)[None]
        elif h.dim() == 2:
            h = h[:, None]
        elif module.batch_first:
            h = h.transpose(0, 1)
        self.h[path] = h[None], length

    def _put_read(self, module: nn.Linear, given: tuple) -> None:
        if self.blind or not torch.is_grad_enabled():
            return
        x = given[0]
        last = next(reversed(self.layers.values()), None)
        if x.dim() == 3 and last is not None and last.batch_first:
            x = x.transpose(0, 1)
        self.read = x[None] if x.dim() == 3 else x.reshape(1, -1, x.shape[-1])

    def _hidden(self) -> list[Tensor]:
        if not self.h:
            told = "h of recurrent layers, and none was called in training since the last step"
            return _Missing(self.name, told)
        found = [h for h, _ in self.h.values()]
        deep = [p for p in self.h if self.layers[p].num_layers > 1]
        return _Top(found, self.name, deep[0]) if deep else found


class _Top(list):
    """h of the last layer alone, where a module of several layers shows no other."""

    def __init__(self, found, regularizer: str, path: str):
        super().__init__(found)
        self.told = regularizer, path

    def __iter__(self):
        name, path = self.told
        raise UserError(
            f"regularize: {name}: it reads h of every layer, and '{path}' with num_layers above 1 "
            "shows that of its last. Remedy: a module a layer."
        )


class _Missing:
    """What a penalty asks for and nobody gave."""

    def __init__(self, regularizer: str, told: str, ndim: int = 0):
        self.regularizer, self.told, self.ndim = regularizer, told, ndim

    def _fault(self, *_):
        raise UserError(f"regularize: {self.regularizer}: it needs {self.told}.")

    __getattr__ = __getitem__ = __iter__ = __len__ = _fault


def _counting(name: str, output: Tensor, target: Tensor | None, twin: Tensor | None):
    """Output and twin (1, N, V) and targets (1, N), of the targets that are not negative."""
    shape = tuple(output.shape)
    for key, other, wanted in (("target", target, shape[:-1]), ("twin", twin, shape)):
        if other is not None and tuple(other.shape) != wanted:
            raise UserError(
                f"regularize: {name}: penalty: given output {shape} and {key} "
                f"{tuple(other.shape)}, expected {wanted} of the latter."
            )
    counts = torch.ones_like(output[..., 0], dtype=torch.bool) if target is None else target >= 0
    return (None if t is None else t[counts][None] for t in (output, target, twin))
