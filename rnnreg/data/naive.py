"""Naive scores: what anyone gets without a network. Every number of a study stands beside them.

Fitted to the training split alone, in the units and over the targets of `rnnreg.tasks`:

    language      unigrams; bigrams, interpolated with them (Witten and Bell 1991)
    classes       always the majority class; its loss is that of the classes' frequencies
    series        the last value; the value one season before; the mean of train, which is 0
    polyphony     each key's own frequency; the same, given whether the key sounds now
    transduction  the symbols' frequencies at each place of a target, and the most frequent ones

Counts n of N, of a choice among V, are smoothed to (n + 1) / (N + V) (Laplace).
"""

import math
from collections.abc import Callable

import numpy as np

from rnnreg.data.benchmark import Arrays, Splits
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony, Task, Transduction

Metrics = dict[str, float]
Model = Callable[[Arrays], Metrics]  # a split's scores


def scores(task: Task, splits: Splits) -> dict[str, dict[str, Metrics]]:
    """{baseline: {"validation" | "test": metrics}}."""
    return {
        name: {"validation": model(splits.validation), "test": model(splits.test)}
        for name, model in BASELINES[type(task)](task, splits).items()
    }


def language(task: LanguageModel, splits: Splits) -> dict[str, Model]:
    """Each symbol but a split's first is predicted, as a network does it."""
    tokens, symbols = splits.train["tokens"].astype(np.int64), splits.symbols
    count = np.bincount(tokens, minlength=symbols)
    unigram = (count + 1) / (len(tokens) + symbols)
    bigram = _witten_bell(tokens, unigram)

    def model(probability: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Model:
        def score(arrays: Arrays) -> Metrics:
            text = arrays["tokens"].astype(np.int64)
            loss = float(-np.log(probability(text[:-1], text[1:])).mean())
            unit = math.exp(loss) if task.level == "word" else loss / math.log(2)
            return {"loss": loss, task.headline: unit}

        return score

    return {"unigram": model(lambda before, symbol: unigram[symbol]), "bigram": model(bigram)}


def _witten_bell(tokens: np.ndarray, unigram: np.ndarray) -> Callable:
    """P(w | h) = (n(h w) + T(h) P(w)) / (n(h) + T(h)), T(h) = how many symbols follow h."""
    symbols = len(unigram)
    pairs, count = np.unique(tokens[:-1] * symbols + tokens[1:], return_counts=True)
    followed = np.bincount(tokens[:-1], minlength=symbols)  # n(h)
    kinds = np.bincount(pairs // symbols, minlength=symbols)  # T(h)

    def probability(before: np.ndarray, symbol: np.ndarray) -> np.ndarray:
        pair = before * symbols + symbol
        place = np.searchsorted(pairs, pair).clip(max=len(pairs) - 1)
        seen = np.where(pairs[place] == pair, count[place], 0)
        n, kind = followed[before], np.maximum(kinds[before], 1)  # never followed: the unigram
        return (seen + kind * unigram[symbol]) / (n + kind)

    return probability


def classes(task: Classification, splits: Splits) -> dict[str, Model]:
    """Every sequence is of the class that is most frequent in train."""
    count = np.bincount(splits.train["y"], minlength=splits.classes)
    frequency = (count + 1) / (count.sum() + splits.classes)
    majority = int(count.argmax())

    def score(arrays: Arrays) -> Metrics:
        y = arrays["y"]
        accuracy = float((y == majority).mean())
        f1 = 2 * accuracy / (1 + accuracy)  # of the majority class; of all others 0
        return {
            "loss": float(-np.log(frequency[y]).mean()),
            "accuracy": accuracy,
            "error": 1 - accuracy,
            "macro_f1": f1 / splits.classes,
        }

    return {"majority class": score}


def series(task: Forecast, splits: Splits) -> dict[str, Model]:
    """Forecasts (windows, horizon, targets) from the context (windows, context, targets)."""
    ahead = task.gap + np.arange(task.horizon)

    def model(forecast: Callable[[np.ndarray], np.ndarray]) -> Model:
        def score(arrays: Arrays) -> Metrics:
            columns = slice(None) if task.targets is None else list(task.targets)
            some = arrays.get("starts", slice(None))
            found = windows(arrays["series"][:, columns], task)[some]
            error = found[:, task.context + task.gap :] - forecast(found[:, : task.context])
            error = error.astype(np.float64)
            weight = np.ones(1)
            if "observed" in arrays:
                weight = windows(arrays["observed"], task)[some, task.context + task.gap :]
            mse = mean(error**2, weight)
            return {"loss": mse, "mse": mse, "mae": mean(np.abs(error), weight)}

        return score

    models = {
        "last value": model(lambda past: past[:, -1:]),
        "mean": model(lambda past: np.zeros(1)),
    }
    if task.season <= task.context:
        same_place = task.context - task.season + ahead % task.season
        models["seasonal"] = model(lambda past: past[:, same_place])
    return models


def mean(values: np.ndarray, weight: np.ndarray) -> float:
    """The mean of those values that count."""
    weight = np.broadcast_to(weight, values.shape)
    return float(np.average(values, weights=weight.astype(np.float64)))


def windows(values: np.ndarray, task: Forecast) -> np.ndarray:
    """(rows, V) -> (windows, context + gap + horizon, V), a view."""
    length = task.rows
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=0).swapaxes(1, 2)


def polyphony(task: Polyphony, splits: Splits) -> dict[str, Model]:
    """Frames from the second on are predicted; keys are independent of each other."""
    now, after = _frames(splits.train)  # (frames, V)
    frequency = (after.sum(0) + 1) / (len(after) + 2)
    on = ((now * after).sum(0) + 1) / (now.sum(0) + 2)  # P(sounds next | sounds now)
    off = (((1 - now) * after).sum(0) + 1) / ((1 - now).sum(0) + 2)

    def model(probability: Callable[[np.ndarray], np.ndarray]) -> Model:
        def score(arrays: Arrays) -> Metrics:
            now, after = _frames(arrays)
            p = probability(now)
            nll = float(-(after * np.log(p) + (1 - after) * np.log(1 - p)).sum(1).mean())
            return {"loss": nll, "nll": nll}

        return score

    return {
        "key frequency": model(lambda now: frequency),
        "key frequency, given the frame before": model(lambda now: np.where(now == 1, on, off)),
    }


def _frames(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a frame and the one after it in the same piece."""
    x, ends = arrays["x"].astype(np.float64), np.cumsum(arrays["length"])
    first = np.zeros(len(x), bool)
    first[np.concatenate([[0], ends[:-1]])] = True
    last = np.zeros(len(x), bool)
    last[ends - 1] = True
    return x[~last], x[~first]


def transduction(task: Transduction, splits: Splits) -> dict[str, Model]:
    """Each place of a target has the symbols' frequencies there in train, the source unread."""
    place, symbol = _places(splits.train)
    count = np.zeros((max(_places(a)[0].max() for _, a in splits.items()) + 1, splits.symbols))
    np.add.at(count, (place, symbol), 1)
    frequency = (count + 1) / (count.sum(1, keepdims=True) + splits.symbols)
    likely = count.argmax(1)

    def score(arrays: Arrays) -> Metrics:
        place, symbol = _places(arrays)
        right = likely[place] == symbol
        ends = np.cumsum(arrays["y_length"])
        exact = [r.all() for r in np.split(right, ends[:-1])]
        return {
            "loss": float(-np.log(frequency[place, symbol]).mean()),
            "exact_match": float(np.mean(exact)),
            "token_accuracy": float(right.mean()),
        }

    return {"symbols of each place": score}


def _places(arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """The place within its target of each symbol, and the symbol."""
    place = np.concatenate([np.arange(n) for n in arrays["y_length"]])
    return place, arrays["y"].astype(np.int64)


BASELINES = {
    LanguageModel: language,
    Classification: classes,
    Forecast: series,
    Polyphony: polyphony,
    Transduction: transduction,
}
