"""The sizes of a benchmark's network, and what can be wrong with them."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

HEADS = ("linear", "mlp", "additive", "dot", "self", "external")  # see training/heads.py
ACTIVATIONS = ("relu", "tanh", "sigmoid", "linear")


@dataclass(frozen=True)
class Model:
    """Sizes: H units a layer, and D of the embedding where inputs are symbols; where it starts.

    From the inputs up: an embedding, a convolution of `channels` that looks at so many steps up to
    its own, layers of the cell, a head, and the output matrix.
    """

    hidden: int | tuple[int, ...]  # H of all layers; or of each one, from the first: (64, 32)
    layers: int = 1
    embedding: int = 0
    bidirectional: bool = False  # each layer runs forward and backward in time, H units each
    shared: bool = False  # all layers have the weights of the first
    convolution: int = 0  # steps; 0: there is none
    channels: int = 0  # 0: as many as the first layer has units
    activation: str = "relu"  # of the convolution and of the head "mlp"
    head: str = "linear"  # one of HEADS
    head_units: int = 0  # of an MLP, additive attention or external memory; 0: as many as H
    initial: float = 0.0  # all parameters start uniform on +- this; 0: see training/model.py
    forget_bias: float | None = None  # is added to the forget gate's; None: as the cell has it

    def told(self) -> dict[str, object]:
        """Its fields by name, without those that say that there is no such part."""
        first = ("hidden", "layers", "embedding", "initial", "forget_bias")
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name in first or getattr(self, f.name) != f.default
        }


TYPES = {
    "hidden": (int, list), "layers": int, "embedding": int, "bidirectional": bool, "shared": bool,
    "convolution": int, "channels": int, "activation": str, "head": str, "head_units": int,
    "initial": float, "forget_bias": float,
}  # fmt: skip
LEAST = {"hidden": 1, "layers": 1, "embedding": 0, "convolution": 0, "channels": 0, "head_units": 0}
CHOICES = {"activation": ACTIVATIONS, "head": HEADS}


def faults(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What is wrong with fields of a Model: (name, what is given and allowed)."""
    for key, least in LEAST.items():
        value = given.get(key, least)
        each = value if key == "hidden" and isinstance(value, list | tuple) and value else [value]
        if not all(type(v) is int and v >= least for v in each):
            yield key, f"given {value!r}, allowed are whole numbers from {least}."
    initial = given.get("initial", 0.0)
    if not (type(initial) in (int, float) and 0 <= initial < math.inf):
        yield "initial", f"given {initial!r}, allowed are numbers from 0."
    bias = given.get("forget_bias")
    if bias is not None and not (type(bias) in (int, float) and math.isfinite(bias)):
        yield "forget_bias", f"given {bias!r}, allowed are finite numbers."
    for key in ("bidirectional", "shared"):
        if not isinstance(given.get(key, False), bool):
            yield key, f"given {given[key]!r}, allowed are true and false."
    for key, allowed in CHOICES.items():
        if given.get(key, allowed[0]) not in allowed:
            yield key, f"given {given[key]!r}, allowed are {', '.join(allowed)}."
