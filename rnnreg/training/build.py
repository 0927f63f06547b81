"""From the sizes that a benchmark, or a study, gives to the network of a cell."""

from rnnreg.cells.base import Cell
from rnnreg.errors import UserError
from rnnreg.network import Network
from rnnreg.study.sizes import Model
from rnnreg.tasks import LanguageModel, Task, Transduction
from rnnreg.training.heads import ATTENTION, WITH_UNITS


def build(where: str, model: Model, cell: type[Cell], facts: dict, task: Task) -> Network:
    """The network; UserError where sizes do not go together, or do not suit the data or the task.

    `where` starts the message: the file whose `model` it is. `facts` are those of prepared data.
    """
    widths = _widths(where, model)
    above = widths[-1] * (1 + model.bidirectional)
    units = model.head_units or above
    network = Network(
        cell,
        facts["inputs"],
        facts["outputs"],
        units if model.head == "mlp" else above,
        len(widths),
        model.embedding,
        symbols=facts["symbols"] > 0,
        every_step=task.every_step,
        widths=widths,
        bidirectional=model.bidirectional,
        shared=model.shared,
        convolution=model.convolution,
        channels=(model.channels or widths[0]) if model.convolution else 0,
        activation=model.activation,
        head=model.head,
        head_units=units if model.head in WITH_UNITS else 0,
        decoder=isinstance(task, Transduction),
        initial=model.initial,
        first_bias=_first_bias(where, cell, model),
    )
    for key, why in _unfit(model, network, task):
        raise UserError(f"{where}: model: {key}: {why}")
    return network


def _widths(where: str, model: Model) -> tuple[int, ...]:
    if isinstance(model.hidden, int):
        return (model.hidden,) * model.layers
    if model.layers not in (1, len(model.hidden)):
        raise UserError(
            f"{where}: model: layers: given {model.layers}, but hidden has {len(model.hidden)} "
            f"widths, {list(model.hidden)}. Remedy: leave layers out, or give as many widths."
        )
    return tuple(model.hidden)


def _first_bias(where: str, cell: type[Cell], model: Model) -> tuple[float, ...]:
    """The initial bias of each gate: the cell's, or with the model's own for its forget gate."""
    if model.forget_bias is None:
        return cell.first_bias
    if not cell.first_bias:
        raise UserError(
            f"{where}: model: forget_bias: given {model.forget_bias}, but the cell {cell.name} has "
            "no forget gate. Remedy: leave it out."
        )
    return tuple(model.forget_bias if bias else 0.0 for bias in cell.first_bias)


def _unfit(model: Model, network: Network, task: Task):
    """What does not go together: (key, what is given, and the remedy)."""
    if network.symbols and not network.embedding:
        yield "embedding", "given 0, allowed are whole numbers from 1 where inputs are symbols."
    if model.channels and not model.convolution:
        yield "channels", f"given {model.channels}, but there is no convolution. Remedy: give both."
    if model.head_units and model.head not in WITH_UNITS:
        yield (
            "head_units",
            f"given {model.head_units}, but the head '{model.head}' has none. Remedy: leave it "
            f"out, or take one of {', '.join(WITH_UNITS)}.",
        )
    if network.decoder:
        yield from _unfit_to_decode(network)
        return
    after = "every step of this task has a target, which must not be read before it is told"
    if network.head in ATTENTION and task.every_step:
        yield "head", f"given '{model.head}', but {after}. Allowed are linear and mlp."
    if network.bidirectional and task.every_step:
        yield "bidirectional", f"given true, but {after}. Remedy: leave it out."
    if network.convolution and isinstance(task, LanguageModel):
        yield (
            "convolution",
            f"given {model.convolution}, but of the window before only the state is carried on, "
            "not the symbols that a convolution looks back at. Remedy: leave it out.",
        )
    if network.shared:
        yield from _unshared(network)


def _unfit_to_decode(network: Network):
    """What a decoder cannot be given: it starts from the states of the encoder."""
    if network.head not in ("linear", "additive", "dot"):
        yield (
            "head",
            f"given '{network.head}', but a decoder attends to the source at each of its steps. "
            "Allowed are linear, additive and dot.",
        )
    for key in ("bidirectional", "shared"):
        if getattr(network, key):
            yield key, "given true, but the decoder's layers start from those of the encoder."


def _unshared(network: Network):
    first = network.shapes()["0.input"][1]
    above = network.width(0) * (1 + network.bidirectional)
    if len(set(network.widths)) > 1:
        yield "shared", f"given true, but layers have widths {list(network.widths)}."
    elif network.layers > 1 and first != above:
        way = "embedding" if network.symbols else "convolution: 1, channels"
        yield (
            "shared",
            f"given true, but the first layer reads {first} units and those above read {above}. "
            f"Remedy: {way}: {above}.",
        )
