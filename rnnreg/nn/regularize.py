"""Any regularizer of the list in a training loop of one's own."""

import torch
from torch import nn

from rnnreg.errors import UserError
from rnnreg.nn import masks
from rnnreg.nn.regularization import Regularization
from rnnreg.regularizers.base import Regularizer
from rnnreg.study import registry

IN_STEP = ("gradients", "project", "keep", "ascend")  # hooks that act when the optimizer steps
IN_LAYERS = ("mask", "shift")
ONLY_IN_A_STUDY = {
    "inputs": "moves inputs along their gradient",
    "held": "holds out training data",
}
CANNOT = {  # hook -> what a loop of one's own does not have
    "network": "it changes the network itself, which is for the model's own code; rnnreg.nn has "
    "layer_norm=True for layer normalisation",
    "batch": "it changes inputs and targets, which only a study's training step does",
}


def regularize(
    model: nn.Module,
    name: str,
    strength: float,
    optimizer: torch.optim.Optimizer | None = None,
    steps: int | None = None,
) -> Regularization:
    """Put a regularizer on a model that is trained by a loop of one's own.

    It acts where it has something to act on: masks in the model's rnnreg.nn layers and at its
    embeddings, weights of a pass while the model is called, gradients and projections in
    optimizer.step(), and a penalty where the loop adds it to the loss. A second pass is the loop's
    own: see `Regularization`.

    name        as in `rnnreg list regularizers`
    strength    in the unit of a mean loss
    optimizer   needed by those that act on gradients or weights; with it a step that has left out
                the penalty, or has not called the model, is an error
    steps       of the whole training, for those that depend on it

    UserError for a name or strength that is not allowed, and where it cannot act on this model.

    >>> from torch import nn
    >>> model = nn.LSTM(2, 3)
    >>> reg = regularize(model, "l2", 0.5)
    >>> total = sum(w.square().sum() for n, w in model.named_parameters() if "weight" in n)
    >>> bool((reg.penalty() - 0.5 * total).abs() < 1e-5)
    True
    """
    first = next(model.parameters(), torch.zeros(()))
    kind = registry.load("regularizer", name)
    reg = kind(torch.tensor([float(strength)], device=first.device))
    for part in _parts(reg):
        _check(part, model, optimizer)
    return Regularization(model, reg, optimizer, steps)


def _parts(reg: Regularizer) -> list[Regularizer]:
    return [p for part in reg.parts for p in _parts(part)] if hasattr(reg, "parts") else [reg]


def _check(part: Regularizer, model: nn.Module, optimizer) -> None:
    """UserError where a part cannot act on this model."""
    where = f"regularize: {part.name}"
    if what := ONLY_IN_A_STUDY.get(part.second):
        raise UserError(f"{where}: it {what}, which only a study's training step does.")
    for hook, why in CANNOT.items():
        if _uses(part, hook):
            raise UserError(f"{where}: {why}.")
    if any(part.uses(hook) for hook in IN_LAYERS):
        masks.check(where, model, part)
    if optimizer is None and any(part.uses(hook) for hook in IN_STEP):
        raise UserError(
            f"{where}: it acts when the optimizer steps, and none was given. Remedy: "
            f"regularize(model, '{part.name}', strength, optimizer)."
        )
    if optimizer is None and part.uses("weights"):
        raise UserError(
            f"{where}: it changes the weights of each pass; whether a step had any is seen at the "
            f"optimizer. Remedy: regularize(model, '{part.name}', strength, optimizer)."
        )
    own = {id(p) for p in model.parameters()}
    if optimizer and not own & {id(p) for g in optimizer.param_groups for p in g["params"]}:
        raise UserError(f"{where}: the optimizer has none of the model's parameters.")


def _uses(part: Regularizer, hook: str) -> bool:
    own, base = (getattr(kind, hook) for kind in (type(part), Regularizer))
    return getattr(own, "__func__", own) is not getattr(base, "__func__", base)
