"""A model as two files: MODEL.safetensors, its weights, and MODEL.json, all else that it is.

Weights have the names of `Model.state_dict`, those of torch.nn. The notes of the first file hold a
hash of the second, so that no model is put together from two.
"""

import json
import math
from dataclasses import asdict, fields
from pathlib import Path

import torch

from rnnreg.errors import UserError
from rnnreg.models.model import Facts, Model
from rnnreg.network import Network
from rnnreg.regularizers._combination import of_row
from rnnreg.study import records, registry
from rnnreg.study.fingerprint import digest
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony, Task
from rnnreg.training import tensors

FORMAT = 1  # of these files; another one is refused
TASKS = {kind.__name__: kind for kind in (LanguageModel, Classification, Forecast, Polyphony)}
SIZES = (
    "inputs", "outputs", "hidden", "layers", "embedding", "symbols", "every_step", "widths",
    "bidirectional", "shared", "convolution", "channels", "activation", "head", "head_units",
)  # fmt: skip


def write(file: Path, model: Model, ratios: dict | None = None) -> Path:
    """Write a model; `file` ends with .safetensors. `ratios` are those of a combination."""
    strength = model.regularizer.strength.item()
    told = {
        "format": FORMAT,
        "cell": model.network.cell.name,
        "regularizer": model.regularizer.name,
        "strength": strength if math.isfinite(strength) else str(strength),
        "ratios": ratios or {},
        "network": {key: getattr(model.network, key) for key in SIZES},
        "task": {"kind": type(model.task).__name__, **asdict(model.task)},
        **asdict(model.facts),
    }
    told = json.loads(json.dumps(told))
    tensors.write(file, model.state_dict(), {"model": digest(told)})
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    records.write_text(file.with_suffix(".json"), text)
    return file


def load(path: str | Path) -> Model:
    """The model that `rnnreg train --keep` or `rnnreg try` has kept, as a torch module.

    `path` names either file of the model. UserError where they are missing or damaged.
    """
    file = Path(path).with_suffix(".safetensors")
    beside = file.with_suffix(".json")
    for there in (file, beside):
        if not there.is_file():
            raise UserError(
                f"{there}: no such file. Remedy: the path of a model, MODEL.safetensors, with "
                "MODEL.json beside it; `rnnreg train --keep` and `rnnreg try` write both."
            )
    try:
        told = json.loads(beside.read_text(encoding="utf-8"))
        weights, notes = tensors.read(file)
        if notes.get("model") != digest(told):
            raise ValueError(f"{beside.name} is not the file that was written with it")
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}, and this rnnreg reads {FORMAT}")
        model = _made(told)
        model.load_state_dict(weights)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(
            f"{file}: cannot be read as a model ({error}). Remedy: copy both files again, or train "
            "it again."
        ) from error
    return model.eval()


def _made(told: dict) -> Model:
    """The module, its weights not yet those of the file."""
    kind = of_row(told["regularizer"], told["ratios"])
    sizes = _tuples(told["network"])
    network = kind.network(Network(registry.load("cell", told["cell"]), **sizes))
    regularizer = kind(torch.tensor([float(told["strength"])]))
    parts = (told[field.name] for field in fields(Facts))
    return Model(network, regularizer, _task(**told["task"]), Facts(*parts))


def _task(kind: str, **given) -> Task:
    return TASKS[kind](**_tuples(given))


def _tuples(given: dict) -> dict:
    """Tuples in place of the lists that JSON made of them."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
