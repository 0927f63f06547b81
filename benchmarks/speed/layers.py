"""What is compared: one layer of one model, rnnreg.nn beside torch.nn and a cell in a loop.

A step is forward and backward to all weights, as it stands in somebody's own training loop; "above
an embedding" also to the inputs. With "inference" it is forward alone, in evaluation. The mask is
recurrent dropout of one half.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

import rnnreg.nn
from rnnreg.nn import loops

CELLS = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN": nn.RNNCell}
SIZES = [  # B, T, D, H
    (32, 96, 7, 32),
    (32, 96, 7, 64),
    (20, 35, 128, 128),
    (20, 35, 200, 200),
    (64, 128, 300, 512),
]
BATCHES = (1, 64)  # of inference
OURS, MASKED, TORCH = "rnnreg.nn", "rnnreg.nn, masked", "torch.nn"
LOOP = "torch.nn cell in a loop, masked"
EMBEDDED = "training above an embedding"
RATE = 0.5


@dataclass(frozen=True)
class Layer:
    """Sizes of a call: B sequences of T steps, D inputs, H units."""

    kind: str
    batch: int
    steps: int
    inputs: int
    hidden: int
    what: str = "training"


def layers() -> list[Layer]:
    """All that are measured."""
    found = [Layer(kind, *size) for kind in CELLS for size in SIZES]
    found += [Layer(kind, *size, what=EMBEDDED) for kind in CELLS for size in SIZES]
    return found + [
        Layer(kind, batch, *size, what="inference")
        for kind in CELLS
        for _, *size in SIZES
        for batch in BATCHES
    ]


def contenders(layer: Layer) -> dict[str, Callable[[], object]]:
    """Name -> the step; all with the same weights."""
    sizes, x = (layer.inputs, layer.hidden), torch.randn(layer.steps, layer.batch, layer.inputs)
    theirs = getattr(nn, layer.kind)(*sizes)
    ours, masked = (
        getattr(rnnreg.nn, layer.kind)(*sizes, recurrent_dropout=rate) for rate in (0.0, RATE)
    )
    for module in (ours, masked):
        module.load_state_dict(theirs.state_dict())
    cell = CELLS[layer.kind](*sizes)
    cell.load_state_dict({n.removesuffix("_l0"): w for n, w in theirs.state_dict().items()})
    if layer.what == "inference":
        return {OURS: inference(ours, x), TORCH: inference(theirs, x)}
    x.requires_grad_(layer.what == EMBEDDED)
    found = {OURS: ours, MASKED: masked, TORCH: theirs}
    found = {name: training(module, x) for name, module in found.items()}
    return {**found, LOOP: in_a_loop(cell, x)}


def calls_torch(layer: Layer) -> bool:
    """Whether rnnreg.nn, where it masks nothing, takes torch's own kernel at these sizes."""
    module = getattr(rnnreg.nn, layer.kind)(layer.inputs, layer.hidden)
    return loops.torch_is_faster(module, torch.zeros(layer.steps, layer.batch, layer.inputs), False)


def training(module: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    def step():
        module.zero_grad()
        x.grad = None
        module(x)[0][-1].sum().backward()

    return step


def inference(module: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    module.eval()
    return torch.no_grad()(lambda: module(x))


def in_a_loop(cell: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """The mask on h, drawn anew at each step of training."""

    def step():
        cell.zero_grad()
        x.grad = None
        h = c = x.new_zeros(x.shape[1], cell.hidden_size)
        mask = (torch.rand_like(h) >= RATE) / (1 - RATE)
        for now in x:
            if isinstance(cell, nn.LSTMCell):
                h, c = cell(now, (h * mask, c))
            else:
                h = cell(now, h * mask)
        h.sum().backward()

    return step
