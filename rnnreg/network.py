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
    hidden: int  # H, of what the output matrix reads
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
    widths: tuple[int, ...] = ()  # H of each layer, in one direction; (): all as `hidden`
    bidirectional: bool = False  # each layer runs forward and backward; h are laid side by side
    shared: bool = False  # all layers have the weights of the first
    convolution: int = 0  # steps that a causal convolution before the layers spans; 0: none
    channels: int = 0  # of the convolution
    activation: str = "relu"  # of the convolution and of an MLP
    head: str = "linear"  # what stands between the layers and the output matrix: see heads.py
    head_units: int = 0
    decoder: bool = False  # as many layers again write the targets: see training/decoder.py

    def width(self, layer: int) -> int:
        """H of a layer, in one direction."""
        return self.widths[layer] if self.widths else self.hidden

    @property
    def above(self) -> int:
        """The units of h of the last layer, of both directions where there are two."""
        return self.width(self.layers - 1) * (1 + self.bidirectional)

    @property
    def runs(self) -> list[tuple[str, int]]:
        """The name and H of each time loop: of every layer, forward and then backward; and those
        of a decoder."""
        ways = ("", "_reverse")[: 1 + self.bidirectional]
        own = [(f"{i}{way}", self.width(i)) for i in range(self.layers) for way in ways]
        layers = range(self.layers if self.decoder else 0)
        return own + [(f"{i}_decoder", self.width(i)) for i in layers]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameter name -> shape without M. A layer's names start with its number.

        Matrices of a convolution and of a head are input matrices, (units, inputs): penalties on
        matrices see them as they see those of the layers.
        """
        shapes = {"embedding": (self.inputs, self.embedding)} if self.symbols else {}
        below = self.embedding if self.symbols else self.inputs
        if self.convolution:
            shapes["convolution.input"] = (self.channels, self.convolution * below)
            shapes["convolution.bias"] = (self.channels,)
            below = self.channels
        for run, hidden in self.runs:
            layer, _, part = run.partition("_")
            if self.shared and layer != "0":
                continue
            first = self.embedding if part == "decoder" else below
            shapes |= self._of_run(run, hidden, self._below(int(layer), first))
        shapes |= self._of_head()
        if not self.tied:
            shapes["output"] = (self.outputs, self.hidden)
        shapes["output_bias"] = (self.outputs,)
        return {**shapes, **{name: shape for name, (shape, _) in self.own.items()}}

    def _below(self, layer: int, first: int) -> int:
        return self.width(layer - 1) * (1 + self.bidirectional) if layer else first

    def _of_run(self, run: str, hidden: int, below: int) -> dict[str, tuple[int, ...]]:
        gates, inner = self.cell.gates * hidden, self.cell.recurrent_biases * hidden
        shapes = {"input": (gates, below), "recurrent": (gates, hidden), "bias": (gates,)}
        shapes |= {"recurrent_bias": (inner,)} if inner else {}
        return {f"{run}.{name}": shape for name, shape in shapes.items()}

    def _of_head(self) -> dict[str, tuple[int, ...]]:
        above, units = self.above, self.head_units
        context = self.decoder and self.head != "linear"
        combined = {"combine.input": (above, 2 * above)} if context else {}
        return combined | {
            "linear": {},
            "mlp": {"mlp.input": (units, above), "mlp.bias": (units,)},
            "additive": {
                "key.input": (units, above), "query.input": (units, above),
                "score.input": (1, units),
            },
            "dot": {},
            "self": {f"{n}.input": (above, above) for n in ("key", "query", "value")},
            "external": {"key.input": (units, above), "value.input": (above, units)},
        }[self.head]  # fmt: skip

    def normalised(self, kind: str, gain: float) -> "Network":
        """This network with normalised pre-activations, whose gains start from `gain`."""
        if self.norm:
            raise UserError(
                f"{self.norm} and {kind}: a network is normalised in one way. Remedy: combine one "
                "of them."
            )
        made = {
            f"{run}.{name}": (shape, 0.0 if name.endswith("bias") else gain)
            for run, hidden in self.runs
            for name, shape in normalise.parameters(kind, self.cell, hidden).items()
        }
        return replace(self, norm=kind, own={**self.own, **made})

    def statistics(self) -> dict[str, tuple[int, int, int]]:
        """Name -> shape without M of the running statistics of each run; none but of batches."""
        if self.norm in ("", "layer"):
            return {}
        return {
            f"{run}.statistics": normalise.statistics_shape(
                self.norm, self.cell, hidden, self.norm_steps
            )
            for run, hidden in self.runs
        }
