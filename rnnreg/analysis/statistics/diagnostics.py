"""What explains a score: gap, divergence, weights, gradients, speed; what `none` does late."""

import numpy as np
import pandas as pd

from rnnreg.analysis.results import KEYS, REFERENCE, Results
from rnnreg.analysis.statistics import inference as st
from rnnreg.study.regimes import late_gain


def diagnostics(results: Results) -> pd.DataFrame:
    """One line a row and criterion, means over the evaluation seeds.

    train_loss, test_loss, gap   gap = test - train loss, in nats or MSE, with interval
    diverged, members            counted
    weight_norm, small_weights   after training; small: the share of weights with |w| < 0.001
    clipped                      share of steps at which the gradient was changed
    steps, best_step, seconds    per member; seconds_ratio over those of `none`
    reached                      share of seeds whose validation loss came down to the best one of
                                 `none` at the same seed; speed: steps of `none` to its best over
                                 the steps that this took (above 1 is faster), over those seeds
    """
    keys = [*KEYS, "criterion"]
    scores = results.scores.assign(gap=results.scores["test_loss"] - results.scores["train_loss"])
    means = ["train_loss", "test_loss", "weight_norm", "small_weights", "clipped", "steps",
             "best_step", "seconds"]  # fmt: skip
    groups = scores.groupby(keys, sort=False)
    frame = groups[means].mean()
    gap = scores.set_index([*keys, "seed"])["gap"].unstack("seed").loc[frame.index]
    frame["gap"], frame["gap_low"], frame["gap_high"] = st.mean_interval(gap.to_numpy())
    frame["members"], frame["diverged"] = groups.size(), groups["diverged"].sum()
    frame = frame.join(pd.DataFrame(_speeds(results), index=frame.index)).reset_index()
    reference = frame[frame["regularizer"] == REFERENCE]
    on = ["benchmark", "cell", "criterion"]
    seconds = frame.merge(reference[[*on, "seconds"]], on=on, how="left", suffixes=("", "_none"))
    return frame.assign(seconds_ratio=frame["seconds"] / seconds["seconds_none"].to_numpy())


def _speeds(results: Results) -> list[dict]:
    """`reached` and `speed` of each row and criterion, in the order of `scores`."""
    evaluated = results.members[results.members["phase"] == "evaluate"]
    names = [*KEYS, "place", "seed"]
    kept = [evaluated[c] for c in ("validation_loss", "check_steps", "best_step")]
    found = zip(*kept, strict=True)
    curves = dict(zip(zip(*(evaluated[c] for c in names), strict=True), found, strict=True))
    rows = results.rows.to_dict("records")
    chosen = {tuple(r[k] for k in KEYS): r for r in rows}
    members = {}
    for *key, place, seed in results.scores[[*KEYS, "criterion", "place", "seed"]].itertuples(
        index=False
    ):
        members.setdefault(tuple(key), []).append((place, seed))
    return [_speed(curves, chosen, key, own) for key, own in members.items()]


def _speed(curves: dict, chosen: dict, key: tuple, members: list[tuple[int, int]]) -> dict:
    *row, criterion = key
    none = (*row[:2], REFERENCE)
    if none not in chosen:
        return {"reached": np.nan, "speed": np.nan}
    ratios = []
    for place, seed in members:
        losses, steps, _ = curves[(*row, place, seed)]
        targets, _, best_step = curves[(*none, chosen[none][f"place_{criterion}"], seed)]
        hit = np.flatnonzero(_known(losses) <= _known(targets).min())
        if hit.size:
            ratios.append(best_step / steps[hit[0]])
    return {"reached": len(ratios) / len(members), "speed": np.mean(ratios) if ratios else np.nan}


def _known(curve: np.ndarray) -> np.ndarray:
    """A curve as numbers; a check that was not finite counts as infinite."""
    return np.nan_to_num(np.array(curve, dtype=float), nan=np.inf)


def late(results: Results) -> pd.DataFrame:
    """How far the validation loss of `none` still falls at the end, at the rates of this study.

    One line a data set and cell: late_gain, by the rule of `regimes.late_gain`, the mean over the
    n evaluated members of the best check that did not diverge.
    """
    members = results.evaluated("best")
    none = members[(members["regularizer"] == REFERENCE) & ~members["diverged"].astype(bool)]
    found = []
    for (benchmark, cell), own in none.groupby(["benchmark", "cell"], sort=False):
        gains = late_gain(np.stack(own["validation_loss"].to_list(), axis=1).astype(float))
        line = {"benchmark": benchmark, "cell": cell, "n": len(own)}
        found.append({**line, "late_gain": gains.mean()})
    return pd.DataFrame(found, columns=["benchmark", "cell", "n", "late_gain"])


def patience(results: Results) -> pd.DataFrame:
    """What stopping after p checks without a new best would have saved and cost `none`.

    From the learning curves of the evaluated members of `none`: saved, the share of steps not
    taken, and lost, how much higher in percent the best validation loss seen is than that of the
    whole run; mean and interval over seeds, for each p up to the number of checks.
    """
    members = results.evaluated("best")
    none = members[members["regularizer"] == REFERENCE]
    rows = []
    for (benchmark, cell), group in none.groupby(["benchmark", "cell"], sort=False):
        pairs = [
            _stopped(c, s)
            for c, s in zip(group["validation_loss"], group["check_steps"], strict=True)
        ]
        for index in range(min(len(p) for p in pairs)):
            saved, lost = np.array([p[index] for p in pairs]).T
            row = {"benchmark": benchmark, "cell": cell, "patience": index + 1}
            for name, values in {"saved": saved, "lost": lost}.items():
                row[name], row[f"{name}_low"], row[f"{name}_high"] = st.mean_interval(values)
            rows.append(row)
    return pd.DataFrame(rows)


def _stopped(curve: np.ndarray, steps: np.ndarray) -> list[tuple[float, float]]:
    """(saved %, lost %) for patience 1, 2, ... checks.

    >>> _stopped(np.array([3.0, 1.0, 2.0, 0.5]), np.array([10, 20, 30, 40]))[0]
    (25.0, 100.0)
    """
    curve = _known(curve)
    best_so_far = [int(np.argmin(curve[: i + 1])) for i in range(len(curve))]
    found = []
    for wait in range(1, len(curve) + 1):
        stops = [i for i, best in enumerate(best_so_far) if i - best >= wait]
        last = stops[0] if stops else len(curve) - 1
        lost = curve[best_so_far[last]] / curve.min() - 1
        found.append((100 * float(1 - steps[last] / steps[-1]), 100 * float(lost)))
    return found
