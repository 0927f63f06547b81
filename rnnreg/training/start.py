"""Training that starts from the weights of another row: what is taken, and what is trained when.

all      everything trains from the first step on: Dai and Le 2015, Semi-supervised Sequence
         Learning, NIPS 28 (arXiv:1511.01432), where the other row is a language model
head     what was not taken trains, and the head and the output matrix; the rest stays as it was
layers   first what was not taken; then the last layer too, and so on downwards, at equal shares
         of the steps, embedding and convolution with the first layer: after the gradual
         unfreezing of Howard and Ruder 2018, Universal Language Model Fine-tuning for Text
         Classification, ACL (arXiv:1801.06146), who unfreeze a layer each epoch
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnnreg.network import Network
from rnnreg.trace import Params


@dataclass(frozen=True)
class Start:
    """The weights that came from another row, (1, ...) by name, and how training goes on.

    hash   of the file that they came from
    row    benchmark/cell/regularizer of that row
    """

    weights: Params
    tune: str
    hash: str
    row: str

    def to(self, device: torch.device) -> "Start":
        """The same on a device."""
        return replace(self, weights={n: w.to(device) for n, w in self.weights.items()})

    def into(self, params: Params) -> Params:
        """Initial parameters (M, ...), with these weights in place of those of the same names."""
        members = len(next(iter(params.values())))
        return {
            n: self.weights[n].expand(members, *p.shape[1:]).clone() if n in self.weights else p
            for n, p in params.items()
        }

    def held(
        self, moved: Params, before: Params, progress: float | Tensor, network: Network
    ) -> Params:
        """The tensors `moved`, and those of `before` where a name is not trained yet."""
        found = {}
        for name, new in moved.items():
            at = self.trains_at(name, network)
            if isinstance(progress, Tensor):  # a recording's, the same at every replay
                found[name] = torch.where(progress >= at, new, before[name])
            else:
                found[name] = new if progress >= at else before[name]
        return found

    def trains_at(self, name: str, network: Network) -> float:
        """The progress, from 0 to 1, at which a parameter begins to train; inf: it never does."""
        if self.tune == "all" or name not in self.weights:
            return 0.0
        layer, below = name.partition(".")[0].partition("_")[0], ("embedding", "convolution")
        if self.tune == "head":
            return float("inf") if layer.isdigit() or name.startswith(below) else 0.0
        if not layer.isdigit():  # of a head that was taken, the first of all; else the last
            layer = 0 if name.startswith(below) else network.layers
        return (network.layers - int(layer)) / (network.layers + 1)


def taken(
    weights: Params, shapes: dict[str, tuple[int, ...]], same_symbols: bool, same_task: bool
) -> Params:
    """Of the weights (1, ...) of a model, those that a network of these shapes takes.

    An embedding is taken where the vocabulary is the same, the output matrix where the task is.
    """
    left = set() if same_symbols else {"embedding"}
    left |= set() if same_task else {"output", "output_bias"}
    return {n: w for n, w in weights.items() if n not in left and shapes.get(n) == (*w.shape[1:],)}
