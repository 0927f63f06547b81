"""The sizes of a model, and the parameters that follow from them."""

from dataclasses import dataclass, field, replace

from rnnreg.cells.base import Cell
from rnnreg.errors import UserError
from rnnreg.kernels import normalise

Constant = tuple[tuple[int, ...], float]  # a shape without M, and the value that it starts from


@dataclass(frozen=True)
class Network:
    """The sizes of a model. `symbols` is False where inputs are real vectors."""

    cell: type[Cell]
    inputs: int  # D, or the size of the vocabulary
    outputs: int  # V
    hidden: int  # H
    layers: int = 1
    embedding: int = 0
    symbols: bool = False
    every_step: bool = True  # the output matrix reads every step, or the last of each sequence
    tied: bool = False  # the output matrix is the embedding; needs H = its width
    own: dict[str, Constant] = field(default_factory=dict)  # parameters of a regularizer
    norm: str = ""  # the kind of kernels.normalise.Norm; "": pre-activations are left as they are
    initial: float = 0.0  # see data.benchmark.Model
    first_bias: tuple[float, ...] | None = None  # initial bias a gate; None: the cell's
    norm_steps: int = 64  # steps with running statistics of their own; later ones share the last

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape without M. A layer's names start with its number."""
        gates = self.cell.gates * self.hidden
        shapes = {"embedding": (self.inputs, self.embedding)} if self.symbols else {}
        below = self.embedding if self.symbols else self.inputs
        for layer in range(self.layers):
            shapes[f"{layer}.input"] = (gates, below)
            shapes[f"{layer}.recurrent"] = (gates, self.hidden)
            shapes[f"{layer}.bias"] = (gates,)
            if self.cell.recurrent_biases:
                shapes[f"{layer}.recurrent_bias"] = (self.cell.recurrent_biases * self.hidden,)
            below = self.hidden
        if not self.tied:
            shapes["output"] = (self.outputs, self.hidden)
        shapes["output_bias"] = (self.outputs,)
        return {**shapes, **{name: shape for name, (shape, _) in self.own.items()}}

    def normalised(self, kind: str, gain: float) -> "Network":
        """This network with normalised pre-activations, whose gains start from `gain`."""
        if self.norm:
            raise UserError(
                f"{self.norm} and {kind}: a network is normalised in one way. Remedy: combine one "
                "of them."
            )
        names = normalise.parameters(kind, self.cell, self.hidden)
        made = {
            f"{layer}.{name}": (shape, 0.0 if name.endswith("bias") else gain)
            for layer in range(self.layers)
            for name, shape in names.items()
        }
        return replace(self, norm=kind, own={**self.own, **made})

    def statistics(self) -> dict[str, tuple[int, int, int]]:
        """Name -> shape without M of the running statistics, one a layer; none but of batches."""
        if self.norm in ("", "layer"):
            return {}
        sizes = self.norm, self.cell, self.hidden, self.norm_steps
        return {
            f"{layer}.statistics": normalise.statistics_shape(*sizes)
            for layer in range(self.layers)
        }
