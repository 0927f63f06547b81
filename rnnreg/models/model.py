"""A trained network as a torch module, with weights in the layout of torch.nn."""

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from rnnreg.kernels.noise import Noise
from rnnreg.network import Network
from rnnreg.nn import GRU, LSTM, RNN
from rnnreg.nn.layers import weights_of
from rnnreg.regularizers.base import Regularizer
from rnnreg.tasks import Forecast, Task
from rnnreg.trace import Batch, Params, Trace
from rnnreg.training.model import forward

MODULES = {
    "lstm": LSTM,
    "gru": GRU,
    "elman_tanh": partial(RNN, nonlinearity="tanh"),
    "elman_relu": partial(RNN, nonlinearity="relu"),
}


@dataclass(frozen=True)
class Facts:
    """What is known of a model beside its weights.

    decoding   what turns its numbers into symbols, classes and units: rnnreg.data.decoding
    record     what is known of its training, as a line of a study's records has it
    data       title, metrics and naive scores of the data that it was trained on
    """

    decoding: dict = field(default_factory=dict)
    record: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)


class Model(nn.Module):
    """Embedding, recurrent layers and an output matrix, as they came out of training.

    `embedding`, `rnn` and `output` are modules of torch.nn, so that
    `torch.nn.LSTM(...).load_state_dict(model.rnn.state_dict())` takes its layers, and
    `model.rnn.load_state_dict(...)` gives it others. What they have no place for (gains of a
    normalisation, layers of a cell of one's own, of two directions, of unlike widths or shared, a
    convolution, a head) is in `own`. Masks of its regularizer have their
    expected values, in training mode too.
    """

    def __init__(
        self, network: Network, regularizer: Regularizer, task: Task, facts: Facts | None = None
    ):
        super().__init__()
        self.network, self.regularizer, self.task = network, regularizer, task
        self.facts = facts or Facts()
        if network.symbols:
            self.embedding = nn.Embedding(network.inputs, network.embedding)
        made = MODULES.get(network.cell.name)
        if made and len(set(network.widths)) < 2 and not (network.bidirectional or network.shared):
            self.rnn = made(network.shapes()["0.input"][1], network.width(0), network.layers)
        self.output = nn.Linear(network.hidden, network.outputs)
        if network.tied:
            self.output.weight = self.embedding.weight
        own = {n: shape for n, shape in network.shapes().items() if not self._in_torch(n)}
        self.own = nn.ParameterDict({_key(n): torch.zeros(s) for n, s in own.items()})
        for name, shape in network.statistics().items():
            self.own[_key(name)] = nn.Parameter(torch.zeros(shape), requires_grad=False)

    def _in_torch(self, name: str) -> bool:
        """Whether torch.nn has a place for a parameter."""
        if name in ("embedding", "output", "output_bias"):
            return True
        layer, _, last = name.partition(".")
        names = ("input", "recurrent", "bias", "recurrent_bias")
        return hasattr(self, "rnn") and layer.isdigit() and last in names

    def weights(self) -> Params:
        """The parameters as rnnreg names them, (1, ...) each."""
        found = {n.replace("/", "."): p[None] for n, p in self.own.items()}
        if self.network.symbols:
            found["embedding"] = self.embedding.weight[None]
        if hasattr(self, "rnn"):
            for layer in range(self.network.layers):
                own = weights_of(self.rnn, layer)
                found |= {f"{layer}.{n}": w for n, w in own.items()}
        if not self.network.tied:
            found["output"] = self.output.weight[None]
        found["output_bias"] = self.output.bias[None]
        return found

    @torch.no_grad()
    def take(self, weights: Params) -> "Model":
        """Let these be its parameters: one member's, (1, ...) each, by the names of `weights`."""
        for name, w in weights.items():
            self._take(name, w[0])
        return self

    def _take(self, name: str, w: Tensor) -> None:
        fixed = {"embedding": "embedding.weight", "output": "output.weight"}
        fixed["output_bias"] = "output.bias"
        if name in fixed:
            self.get_parameter(fixed[name]).copy_(w)
            return
        layer, _, last = name.partition(".")
        if not self._in_torch(name):
            self.own[_key(name)].copy_(w)
        elif last == "recurrent_bias":  # the gates whose bias is inside the recurrent product
            bias = getattr(self.rnn, f"bias_hh_l{layer}")
            bias.zero_()[-len(w) :] = w
        elif last == "bias":
            getattr(self.rnn, f"bias_ih_l{layer}").copy_(w)
            if not self.network.cell.recurrent_biases:
                getattr(self.rnn, f"bias_hh_l{layer}").zero_()
        else:
            part = {"input": "weight_ih", "recurrent": "weight_hh"}[last]
            getattr(self.rnn, f"{part}_l{layer}").copy_(w)

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """x (B, T) symbols or (B, T, D) -> (B, T, V), (B, classes) or (B, horizon, V).

        `length` (B,) counts the steps of each sequence, where x is padded on the right.
        """
        output = self.trace(x, length).output[0]
        if isinstance(self.task, Forecast):
            return output.view(len(x), self.task.horizon, -1)
        return output.transpose(0, 1) if self.network.every_step else output

    def trace(self, x: Tensor, length: Tensor | None = None, state=None) -> Trace:
        """All that a pass computes, of one member; `state` is that of another pass' trace."""
        noise = Noise(torch.zeros(1, dtype=torch.int64, device=x.device), 0).expected()
        reg, length = self.regularizer, None if length is None else length[None]
        weights = reg.weights(self.weights(), noise)
        batch = Batch(x.transpose(0, 1)[None], x.new_zeros(0), length=length)
        mask = partial(reg.mask, noise=noise)
        shift = partial(reg.shift, noise=noise, weights=weights) if reg.uses("shift") else None
        return forward(self.network, weights, batch, mask, state, shift)

    def predict(self, data, **options):
        """What the model says of new data, in its own words and units: see rnnreg.models.predict.

        A series (rows, columns) -> its forecast (horizon, targets); texts -> their classes;
        a text -> how it goes on.
        """
        from rnnreg.models.predict import predict

        return predict(self, data, **options)


def _key(name: str) -> str:
    """A name as a ParameterDict takes it."""
    return name.replace(".", "/")
