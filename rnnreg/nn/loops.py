"""Which time loop computes a layer of a module.

Like `rnnreg.kernels.unroll`, by cell, sizes, device and precision, never by timing.
"""

from dataclasses import replace
from functools import partial

import torch
from torch import _VF, Tensor
from torch.nn import Parameter

from rnnreg.cells.base import Cell, State
from rnnreg.cells.elman_relu import ElmanReLU
from rnnreg.cells.elman_tanh import ElmanTanh
from rnnreg.cells.gru import GRU
from rnnreg.cells.lstm import LSTM
from rnnreg.kernels import fused
from rnnreg.kernels.native import blas, recurrence
from rnnreg.kernels.native import normalise as normalised
from rnnreg.kernels.normalise import Norm
from rnnreg.kernels.plain import Masks, plain, plain_normalised
from rnnreg.kernels.unroll import path
from rnnreg.nn import graph

CELLS = {"LSTM": LSTM, "GRU": GRU, "RNN_TANH": ElmanTanh, "RNN_RELU": ElmanReLU}
KERNELS = {"LSTM": _VF.lstm, "GRU": _VF.gru, "RNN_TANH": _VF.rnn_tanh, "RNN_RELU": _VF.rnn_relu}
WEIGHTS = ("input", "recurrent", "bias", "recurrent_bias")
# Entries of a recurrent matrix from which products of BLAS are faster: on one core, and on several.
# Those on several are also what an LSTM that masks nothing leaves to torch's kernel.
LARGE, LARGE_ON_SEVERAL = 1 << 18, 1 << 16


def unroll(
    cell: type[Cell], x: Tensor, weights: dict[str, Tensor], state: State, masks: Masks,
    lower: bool = False,
) -> tuple[Tensor, State]:  # fmt: skip
    """As `rnnreg.kernels.unroll.unroll`, of one member; normalised where weights have gains.

    lower   whether a GPU's products are to be in lower precision
    """
    norm = Norm("layer") if "input_gain" in weights else None
    names = (*WEIGHTS, *normalised.GAINS) if norm else WEIGHTS
    exact = partial(_exact, cell, masks, norm, names)
    tensors = [x, *map(weights.get, names), *state]
    loop = _fast(cell, x, weights, state, masks, norm, lower)
    output, *last = graph.run(loop, exact, tensors)
    return output, tuple(last)


def _exact(cell, masks, norm, names, x, *given) -> tuple[Tensor, ...]:
    """The plain loop, as a function of tensors."""
    found = zip(names, given[: len(names)], strict=True)
    weights = {n: w for n, w in found if w is not None}
    loop = plain if norm is None else partial(plain_normalised, norm=norm)
    output, last, *_ = loop(cell, x, weights, given[len(names) :], masks)
    return output, *last


def _fast(cell, x, weights, state, masks, norm, lower: bool) -> graph.Loop | None:
    taken = path(cell, x.device, norm and norm.kind)
    if taken == "native" and recurrence.takes(x, weights, state, masks):
        if norm:
            return normalised.Normalised, (cell.name, masks, norm, None)
        least = LARGE if torch.get_num_threads() == 1 else LARGE_ON_SEVERAL
        large = weights["recurrent"].numel() >= least
        return blas.Products if large else recurrence.Recurrence, (cell.name, masks)
    if taken == "fused" and fused.takes(masks):
        precision = torch.bfloat16 if lower else None
        masks = masks if cell.cell_state else replace(masks, cell=1.0)
        return fused.Recurrence, (fused.compiled(cell), precision, masks)
    return None


def backwards(masks: Masks) -> Masks:
    """The masks of a loop from the last step to the first."""

    def turned(mask):
        return mask.flip(1) if isinstance(mask, Tensor) and mask.shape[1] > 1 else mask

    own = {n: turned(getattr(masks, n)) for n in ("recurrent", "update", "cell")}
    return Masks(**own, carry=tuple(map(turned, masks.carry)))


def is_recorded() -> bool:
    """Whether operations are looked into, which those of a compiled loop cannot be."""
    looking = torch._C._are_functorch_transforms_active() or torch.compiler.is_exporting()
    return looking or torch.jit.is_tracing()


def torch_is_faster(module, x: Tensor, packed: bool) -> bool:
    """Whether torch's kernel is the one to take where nothing is masked.

    Sizes are judged by benchmarks/speed: a call has a cost of its own; an LSTM of torch is one
    kernel of oneDNN, its GRU and RNN are loops of small ones.
    """
    if x.device.type != "cpu" or is_recorded():
        return True
    if torch.is_autocast_enabled("cpu"):
        return False  # oneDNN does not have every cell in lower precision on every machine
    w = module._flat_weights[1]
    if packed or _is_for_torch(module, x, w.numel()) or not x.dtype == w.dtype == torch.float32:
        return True
    if type(x) not in (Tensor, Parameter):
        return True
    return path(CELLS[module.mode], x.device) != "native"


def is_short(module, x) -> bool:
    """Whether it is a well-formed batch in single precision, and for torch's kernel by its sizes.

    Asked first, and quick: of one short sequence the checks are a tenth of a call.
    """
    if type(x) is not Tensor or x.dim() != 3 or x.shape[2] != module.input_size:
        return False
    w = module._flat_weights[1]
    plain = x.dtype == w.dtype == torch.float32 and x.device.type == "cpu" and x.numel()
    return (
        bool(plain) and not torch.is_autocast_enabled("cpu") and _is_for_torch(module, x, w.numel())
    )


def _is_for_torch(module, x: Tensor, entries: int) -> bool:
    """Whether torch's kernel is faster at these sizes; `entries` of the recurrent matrix."""
    steps, batch = (len(x), 1) if x.dim() == 2 else x.shape[:2]
    if module.batch_first and x.dim() == 3:
        steps, batch = batch, steps
    if module.mode == "LSTM":
        # The compiled loop has one thread, oneDNN as many as torch.
        most = LARGE_ON_SEVERAL if torch.get_num_threads() == 1 else 1 << 12
        return steps * batch < 256 or batch < 8 or entries >= most
    return steps < 16 or (module.mode != "GRU" and batch < 8 and entries > 1 << 13)
