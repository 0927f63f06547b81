"""What one would try first, without a network: fitted to train, chosen on validation.

    series     ridge regression of all rows ahead on all rows of the context; DLinear (Zeng et al.
               2023, "Are Transformers Effective for Time Series Forecasting?"): one linear map of
               the trend and one of the rest, the same for all columns
    texts      logistic regression on TF-IDF of words and pairs of words
    language   n-grams, interpolated (Witten and Bell 1991), of the length that validates best

Scores are those of `rnnreg.data.naive`, over the same targets.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from rnnreg.data import naive
from rnnreg.data.benchmark import Arrays, Splits
from rnnreg.tasks import Classification, Forecast, LanguageModel, Task

Scores = dict[str, dict[str, dict[str, float]]]  # name -> split -> metric -> value
ALPHAS = np.geomspace(1e-1, 1e5, 7)  # of ridge regression on standardised columns
COSTS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # inverse strengths of logistic regression
TREND = 25  # rows of DLinear's moving mean
ORDERS = {"character": 8, "word": 4}  # longest n-grams
FEATURES = 2_000  # of ridge: the last rows of the context
LARGEST = 30_000_000  # numbers of ridge's table; windows are thinned out above


def scores(task: Task, splits: Splits, more: dict[str, Arrays] | None = None) -> Scores:
    """{model: {"validation" | "test": metrics}}; of a series also those of `more` arrays."""
    given = {} if more is None else {"more": more}
    return {name: fit(task, splits, **given) for name, fit in MODELS[type(task)].items()}


def ridge(task: Forecast, splits: Splits, more: dict[str, Arrays] | None = None) -> dict:
    """All rows ahead from all columns of the context."""

    def tables(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = list(task.columns(windows.shape[2]))
        recent = max(FEATURES // windows.shape[2], 1)
        x, y = (
            windows[:, : task.context][:, -recent:],
            windows[:, task.context + task.gap :, columns],
        )
        return x.reshape(len(x), -1), y.reshape(len(y), -1)

    return _linear(task, splits, tables, more or {})


def dlinear(task: Forecast, splits: Splits, more: dict[str, Arrays] | None = None) -> dict:
    """Unlike the paper, fitted in closed form, with a ridge, and not by gradient steps."""

    def tables(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = list(task.columns(windows.shape[2]))
        past = windows[:, : task.context, columns].swapaxes(1, 2)  # (windows, V, context)
        half = (min(TREND, task.context) - 1) // 2
        padded = np.pad(past, ((0, 0), (0, 0), (half, half)), mode="edge")
        trend = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=2).mean(-1)
        x = np.concatenate([trend, past - trend], axis=2)
        ahead = windows[:, task.context + task.gap :, columns].swapaxes(1, 2)
        return x.reshape(-1, x.shape[2]), ahead.reshape(-1, task.horizon)

    return _linear(task, splits, tables, more or {})


def _linear(task: Forecast, splits: Splits, tables: Callable, more: dict[str, Arrays]) -> dict:
    """Ridge regression with the strength that validates best."""
    from sklearn.linear_model import Ridge

    given = {**dict(splits.items()), **more}
    parts = {split: _windows(task, arrays) for split, arrays in given.items()}
    windows, weight = parts.pop("train")
    columns = windows.shape[2]
    every = max(1, windows.size // LARGEST)
    whole = np.broadcast_to(weight, (len(weight), task.horizon, weight.shape[2]))
    seen = (whole[::every] > 0).all((1, 2))  # windows of which no target was filled in
    seen = seen if seen.any() else np.ones_like(seen)
    x, y = tables(windows[::every][seen])
    fitted = [Ridge(alpha=alpha).fit(x, y) for alpha in ALPHAS]
    losses = [_score(task, parts["validation"], m, tables, columns)["loss"] for m in fitted]
    best = fitted[int(np.argmin(losses))]
    return {split: _score(task, part, best, tables, columns) for split, part in parts.items()}


def _windows(task: Forecast, arrays: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """Windows (N, context + horizon, D), anchored where the task is, and weights of targets."""
    windows = naive.windows(arrays["series"], task)
    if task.anchored:
        windows = windows - windows[:, task.context - 1 : task.context]
    if "observed" not in arrays:
        return windows, np.ones((len(windows), 1, 1))
    return windows, naive.windows(arrays["observed"], task)[:, task.context + task.gap :]


def _score(task: Forecast, part: tuple, model, tables: Callable, columns: int) -> dict:
    windows, weight = part
    x, y = tables(windows)
    error = (model.predict(x) - y).reshape(len(windows), -1).astype(np.float64)
    count = len(task.columns(columns))
    # ridge has (horizon, V) a window, DLinear (V, horizon)
    by_row = y.shape[1] == task.horizon * count and len(y) == len(windows)
    shape = (task.horizon, count) if by_row else (count, task.horizon)
    error = error.reshape(len(windows), *shape)
    error = error if by_row else error.swapaxes(1, 2)
    mse, mae = naive.mean(error**2, weight), naive.mean(np.abs(error), weight)
    return {"loss": mse, "mse": mse, "mae": mae}


def logistic(task: Classification, splits: Splits) -> dict:
    """Words and pairs of words, weighed by TF-IDF."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    def grams(case: np.ndarray) -> list[str]:
        return [*map(str, case), *(f"{a} {b}" for a, b in pairwise(case))]

    table = TfidfVectorizer(analyzer=grams, sublinear_tf=True)
    cases = {split: np.split(a["x"], np.cumsum(a["length"])[:-1]) for split, a in splits.items()}
    x = {"train": table.fit_transform(cases["train"])}
    x |= {split: table.transform(cases[split]) for split in ("validation", "test")}
    tried = []
    for cost in COSTS:
        model = LogisticRegression(C=cost, max_iter=1000).fit(x["train"], splits.train["y"])
        found = {s: _classes(model.predict_proba(x[s]), dict(splits.items())[s]["y"]) for s in x}
        tried.append({s: found[s] for s in ("validation", "test")})
    return min(tried, key=lambda found: found["validation"]["loss"])


def _classes(probability: np.ndarray, y: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import f1_score, log_loss

    classes = np.arange(probability.shape[1])
    named = probability.argmax(1)
    accuracy = float((named == y).mean())
    return {
        "loss": float(log_loss(y, probability, labels=classes)),
        "accuracy": accuracy,
        "error": 1 - accuracy,
        "macro_f1": float(f1_score(y, named, labels=classes, average="macro", zero_division=0)),
    }


def ngrams(task: LanguageModel, splits: Splits) -> dict:
    """P(w | h) = (n(h w) + T(h) P(w | shorter h)) / (n(h) + T(h)), T(h) symbols follow h in train.

    The shortest is the unigram, (n(w) + 1) / (N + V).
    """
    parts = {split: arrays["tokens"].astype(np.int64) for split, arrays in splits.items()}
    lengths = [len(text) for text in parts.values()]
    whole = np.concatenate(list(parts.values()))
    cut = np.cumsum(lengths)
    in_train = np.arange(len(whole)) < cut[0]
    count = np.bincount(whole[in_train], minlength=splits.symbols)
    p = ((count + 1) / (cut[0] + splits.symbols))[whole]  # of each symbol, given ever more
    tried = [_text_scores(task, p, cut)]
    history = np.zeros(len(whole), np.int64)  # the number of the history before each place
    for order in range(1, ORDERS[task.level]):
        before = np.concatenate([np.full(order, -1), whole[:-order]])
        starts = np.concatenate([[0], cut[:-1]])
        far = np.arange(len(whole)) - starts[np.searchsorted(cut, np.arange(len(whole)), "right")]
        known = in_train & (far >= order)
        history = np.unique(history * (splits.symbols + 1) + before + 1, return_inverse=True)[1]
        pair = np.unique(history * splits.symbols + whole, return_inverse=True)[1]
        n = np.bincount(history[known], minlength=history.max() + 1)[history]
        times = np.bincount(pair[known], minlength=pair.max() + 1)
        first = np.full(pair.max() + 1, -1)
        first[pair[known]] = history[known]
        kinds = np.bincount(first[first >= 0], minlength=history.max() + 1)[history]
        use = (far >= order) & (n > 0)
        finer = (times[pair] + kinds * p) / np.maximum(n + kinds, 1)
        p = np.where(use, finer, p)
        tried.append(_text_scores(task, p, cut))
    return min(tried, key=lambda found: found["validation"]["loss"])


def _text_scores(task: LanguageModel, p: np.ndarray, cut: np.ndarray) -> dict:
    """Of validation and test, each symbol but a split's first."""
    found = {}
    for split, start, end in (("validation", cut[0], cut[1]), ("test", cut[1], cut[2])):
        loss = float(-np.log(p[start + 1 : end]).mean())
        unit = math.exp(loss) if task.level == "word" else loss / math.log(2)
        found[split] = {"loss": loss, task.headline: unit}
    return found


MODELS: dict[type, dict[str, Callable]] = {
    Forecast: {"ridge regression": ridge, "DLinear": dlinear},
    Classification: {"TF-IDF and logistic regression": logistic},
    LanguageModel: {"n-grams": ngrams},
}
