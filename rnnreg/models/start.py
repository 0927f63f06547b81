"""The weights that a row starts from: those of a kept model of another row."""

from pathlib import Path

from rnnreg.data import decoding
from rnnreg.errors import UserError
from rnnreg.models.file import load
from rnnreg.study.starts import TUNE, weights_hash
from rnnreg.study.study import Row
from rnnreg.training.setting import setting
from rnnreg.training.start import Start, taken


def start(row: Row, file: Path, facts: dict, splits: dict, folder: Path) -> Start:
    """What the row takes of the model in `file`; UserError where that is nothing.

    `facts` and `splits` are the row's prepared data, which `folder` holds.
    """
    if not file.is_file():
        raise UserError(
            f"{row.name}: starts from {row.start.name}, whose members all diverged. Remedy: a "
            "lower learning rate there, or another row to start from."
        )
    model, job = load(file), setting(row, facts, splits)
    if model.facts.record.get("fingerprint") != row.start.fingerprint:
        raise UserError(
            f"{row.name}: {file} is a model of other code or settings than {row.start.name} has "
            "now. Remedy: train that row again, with its model kept."
        )
    symbols = [
        known.get("symbols")
        for known in (
            model.facts.decoding,
            decoding.read(row.benchmark, folder, facts["data_hash"]),
        )
    ]
    weights = {name: w.detach() for name, w in model.weights().items()}
    shapes = job.network.shapes()
    same_task = type(model.task) is type(job.benchmark.task)
    found = taken(weights, shapes, symbols[0] == symbols[1], same_task)
    if not any("recurrent" in name for name in found):
        own, given = (
            ", ".join(f"{n} {s}" for n, s in each.items() if n.endswith(("input", "recurrent")))
            for each in (shapes, {n: (*w.shape[1:],) for n, w in weights.items()})
        )
        raise UserError(
            f"{row.name}: starts from {row.start.name}, but no recurrent matrix has the shape of "
            f"its own: it has {own}; that model {given}. Remedy: the same sizes of model in both."
        )
    tune = row.variant.start.get("tune", TUNE[0])
    return Start(found, tune, weights_hash(file), row.start.name)
