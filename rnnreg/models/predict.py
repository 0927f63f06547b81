"""What a trained model says of new data, in the words and units of the data."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rnnreg.data.decoding import words
from rnnreg.errors import UserError
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony

LARGEST = 64  # sequences that are computed together
EOS = "<eos>"  # the end of a line in a text of words


def predict(model, data, **options):
    """By the task: `forecast`, `classify`, `go_on` or `next_keys`."""
    return KINDS[type(model.task)](model, data, **options)


@torch.no_grad()
def forecast(model, values) -> np.ndarray:
    """The rows after the last of (rows, D) and the task's gap, in the unit of the data.

    (horizon, targets).
    """
    task, inputs = model.task, model.network.inputs
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or values.shape[1] != inputs or len(values) < task.context:
        raise UserError(
            f"predict: given the shape {values.shape}, expected {task.context} rows or more of "
            f"{inputs} columns{_named(model)}: the model forecasts {task.horizon} rows from the "
            f"last {task.context}."
        )
    recent = values[-task.context :]
    if not np.isfinite(recent).all():
        raise UserError(
            f"predict: the last {task.context} rows, which the model reads, have gaps. Remedy: "
            "fill them, as the data that it was trained on was filled."
        )
    mean, deviation = (np.array(_decoding(model, key)) for key in ("mean", "deviation"))
    x = torch.tensor((recent - mean) / deviation, dtype=torch.float32)
    last = x[-1] if task.anchored else torch.zeros(inputs)
    found = model((x - last)[None])[0]  # (horizon, targets)
    columns = list(task.columns(inputs))
    return ((found + last[columns]).double().numpy() * deviation[columns]) + mean[columns]


def _named(model) -> str:
    names = model.facts.decoding.get("read", {}).get("columns")
    return f" ({', '.join(names)})" if names else ""


def classify(model, cases: Sequence) -> list:
    """The class of each case: a text, a list of words, or numbers (T, D)."""
    classes = _decoding(model, "classes")
    return [classes[i] for i in probabilities(model, cases).argmax(1)]


@torch.no_grad()
def probabilities(model, cases: Sequence) -> np.ndarray:
    """The probability of each class, (cases, classes), in the order of decoding["classes"]."""
    if isinstance(cases, str):
        raise UserError("predict: given one text, expected a list of them. Remedy: [text]")
    steps = [_steps(model, case, i) for i, case in enumerate(cases)]
    order = sorted(range(len(steps)), key=lambda i: len(steps[i]))
    found = np.empty((len(steps), model.network.outputs))
    for start in range(0, len(order), LARGEST):
        chosen = order[start : start + LARGEST]
        length = torch.tensor([len(steps[i]) for i in chosen])
        padded = torch.nn.utils.rnn.pad_sequence([steps[i] for i in chosen], batch_first=True)
        found[chosen] = model(padded, length).softmax(-1).numpy()
    return found


def _steps(model, case, number: int) -> Tensor:
    """A case as the network reads it."""
    where, known = f"predict: case {number}", model.facts.decoding
    if not model.network.symbols:
        values = np.asarray(case, dtype=np.float32)
        if values.ndim != 2 or values.shape[1] != model.network.inputs or not len(values):
            expected = f"(steps, {model.network.inputs})"
            raise UserError(f"{where}: given the shape {values.shape}, expected {expected}.")
        if "mean" in known:
            values = (values - np.array(known["mean"])) / np.array(known["deviation"])
        return torch.tensor(values, dtype=torch.float32)
    found = words(case, known.get("cut", "spaces")) if isinstance(case, str) else list(case)
    if not found:
        raise UserError(f"{where}: no words. Remedy: leave it out.")
    return _numbers(model, found[: known.get("longest")])


def _numbers(model, symbols: Sequence) -> Tensor:
    """Symbols as numbers; one that the training data lacks is the last, <unk>."""
    known = _decoding(model, "symbols")
    numbers = {symbol: i for i, symbol in enumerate(known)}
    return torch.tensor([numbers.get(s, len(known) - 1) for s in symbols])


def _symbols(model, text: str | Sequence) -> list:
    if model.task.level == "character" or not isinstance(text, str):
        return list(text)
    end = [EOS] if EOS in _decoding(model, "symbols") else []
    cut = model.facts.decoding.get("cut", "spaces")
    return [word for line in text.splitlines() for word in [*words(line, cut), *end]]


@torch.no_grad()
def go_on(model, text: str, length: int = 200, temperature: float = 0.7, seed: int = 0) -> str:
    """How a text goes on: symbols drawn one by one from the model, `length` of them.

    temperature   logits are divided by it before drawing; 0 takes the most likely symbol
    """
    given, known = _symbols(model, text), _decoding(model, "symbols")
    if not given or temperature < 0:
        raise UserError(
            "predict: expected a text of one symbol at least, and a temperature of 0 or above."
        )
    draws, drawn = torch.Generator().manual_seed(seed), []
    trace = model.trace(_numbers(model, given)[None])
    for _ in range(length):
        logits = trace.output[0, -1, 0].clone()
        logits[-1] = -torch.inf  # <unk> is no symbol to write
        if temperature:
            symbol = torch.multinomial((logits / temperature).softmax(0), 1, generator=draws)
        else:
            symbol = logits.argmax()[None]
        drawn.append(known[int(symbol)])
        trace = model.trace(symbol[None], state=trace.state)
    if model.task.level == "character":
        return "".join(drawn)
    return " ".join(drawn).replace(f" {EOS}", "\n").replace("\n ", "\n")


@torch.no_grad()
def score(model, text: str) -> dict[str, float]:
    """The task's metrics over a text, each symbol but the first predicted from those before."""
    numbers, task = _numbers(model, _symbols(model, text)), model.task
    if len(numbers) < 2:
        raise UserError("predict: expected a text of two symbols at least.")
    totals, state = {}, None
    for start in range(0, len(numbers) - 1, 1024):
        piece = numbers[start : start + 1025]
        trace = model.trace(piece[None, :-1], state=state)
        state = trace.state
        for name, value in task.totals(trace.output, piece[None, 1:, None]).items():
            totals[name] = totals.get(name, 0) + value
    return {name: float(value) for name, value in task.metrics(totals).items()}


@torch.no_grad()
def next_keys(model, frames) -> np.ndarray:
    """The probability that each key sounds after the last of (T, V) frames, (V,)."""
    x = torch.tensor(np.asarray(frames), dtype=torch.float32)
    return model(x[None])[0, -1].sigmoid().numpy()


def _decoding(model, key: str):
    if key not in model.facts.decoding:
        raise UserError(
            f"predict: this model was kept without {key}, which its answer needs. Remedy: prepare "
            "the data again, and train with --keep."
        )
    return model.facts.decoding[key]


KINDS = {
    Forecast: forecast,
    Classification: classify,
    LanguageModel: go_on,
    Polyphony: next_keys,
}
