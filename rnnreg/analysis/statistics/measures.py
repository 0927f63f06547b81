"""What a claim is measured by: values of two rows, seed by seed, from the members of a study."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rnnreg.analysis.results import KEYS, Results

SMALL = 2.0  # margin of losses and shares, percent or points
LARGE = 10.0  # of what differs by factors: gradients, steps, weights
FAR = 4  # place in gradient_by_distance of eight steps from the end
ZERO = 0.01  # of the mean norm of the other inputs' weights: below it an input counts as zeroed
NEAR = 1.05  # of the best validation loss: what counts as reached
EARLY = 4  # a search that looks early sees one check of so many

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Measure:
    """How a claim is measured.

    tested   in words
    margin   the smallest effect that counts, in percent or points
    ratio    whether the effect is a ratio, in percent; else a difference, in points
    pairs    values of the row and of the one it is held against, by seed; or, where there is one
             set of rows alone, their logarithms of a ratio
    at       by which criterion the strength of its members was chosen; "": no one strength counts
    """

    tested: str
    margin: float
    ratio: bool
    pairs: Callable
    at: str = "final"


def _members(results: Results, row: str, criterion: str) -> pd.DataFrame:
    """A row's evaluated members, by seed."""
    return of_row(results.evaluated(criterion), row).set_index("seed").sort_index()


def of_row(frame: pd.DataFrame, row: str) -> pd.DataFrame:
    """The lines of a table that are of one row, benchmark/cell/regularizer."""
    return frame[(frame[KEYS] == row.split("/")).all(axis=1)]


def _column(name: str, criterion: str = "final") -> Callable[[Results, str, str], Pair]:
    """One number of each member."""

    def pairs(results: Results, of: str, than: str) -> Pair:
        one, other = (_members(results, row, criterion)[name].astype(float) for row in (of, than))
        one, other = one.align(other, join="inner")
        return one.to_numpy(), other.to_numpy()

    return pairs


def _gap(results: Results, of: str, than: str) -> Pair:
    """Test loss less training loss, in shares of the test loss of what the row is held against."""
    own = [_members(results, row, "final") for row in (of, than)]
    gaps = [f["final_test_loss"] - f["final_train_loss"] for f in own]
    one, other = (g / own[1]["final_test_loss"].mean() for g in gaps)
    one, other = one.align(other, join="inner")
    return one.to_numpy(), other.to_numpy()


def _tuned(results: Results, row: str, name: str = "final_validation_loss") -> pd.DataFrame:
    """A number of all members of tuning, by default the validation loss after the last step: a line
    a seed, a column a strength, from small to large."""
    frame = of_row(results.members[results.members["phase"] == "tune"], row)
    return frame.pivot(index="seed", columns="strength", values=name).astype(float)


def _strongest(results: Results, of: str, than: str) -> Pair:
    one, other = (_tuned(results, row).iloc[:, -1] for row in (of, than))
    one, other = one.align(other, join="inner")
    return one.to_numpy(), other.to_numpy()


def _steps(results: Results, of: str, than: str) -> Pair:
    """Steps until the validation loss is near the best of the two members of a seed, or all.

    NaN where both are there at their first check, or neither is before the end: which is faster
    cannot be seen.
    """
    one, other = (_members(results, row, "best") for row in (of, than))
    seeds = one.index.intersection(other.index)
    found = []
    for seed in seeds:
        target = NEAR * min(_curve(one.loc[seed]) + _curve(other.loc[seed]))
        pair = [_reached(m.loc[seed], target) for m in (one, other)]
        unseen = one.loc[seed]["check_steps"][0], json.loads(one.loc[seed]["setting"])["steps"]
        seen = pair[0] != pair[1] or pair[0] not in unseen
        found.append(pair if seen else [math.nan, math.nan])
    return tuple(np.array(found, dtype=float).T)


def _curve(member: pd.Series) -> list[float]:
    """The validation losses of a member; infinite where there is none."""
    return [math.inf if v is None or math.isnan(v) else v for v in member["validation_loss"]]


def _reached(member: pd.Series, target: float) -> int:
    """The step at which a member's validation loss is at the target; all of its budget's, where it
    never is or training ends before."""
    checks = zip(member["check_steps"], _curve(member), strict=True)
    return next((s for s, v in checks if v <= target), json.loads(member["setting"])["steps"])


def _reach(results: Results, of: str, than: str) -> Pair:
    """The gradient at h eight steps before the end, over that at the end."""

    def ratio(norms) -> float:
        norms = [math.nan if n is None else n for n in norms]
        return max(norms[min(FAR, len(norms) - 1)] / norms[0], 1e-30) if norms else math.nan

    own = [_members(results, row, "final")["gradient_by_distance"] for row in (of, than)]
    one, other = own[0].map(ratio).align(own[1].map(ratio), join="inner")
    return one.to_numpy(float), other.to_numpy(float)


def _peak(results: Results, of: str, than: str) -> Pair:
    """The largest of the means of the gradient's norm from check to check, of those that are
    finite; NaN of a member without any."""

    def largest(norms) -> float:
        return max((n for n in norms if n is not None and math.isfinite(n)), default=math.nan)

    own = [_members(results, row, "final")["gradient_norm"].map(largest) for row in (of, than)]
    one, other = own[0].align(own[1], join="inner")
    return one.to_numpy(float), other.to_numpy(float)


def _diverged(results: Results, of: str, than: str) -> Pair:
    """Whether a seed of tuning diverged, at the strength at which the fewest of the others did.

    Not at the one that validation chose: what diverged has the naive scores, and where those are
    better than what a member learns, validation chooses a strength that diverges.
    """
    tuned = [_tuned(results, row, "diverged") for row in (of, than)]
    own = [pd.Series({s: t.loc[s, _others_best(t, s)] for s in t.index}) for t in tuned]
    one, other = own[0].align(own[1], join="inner")
    return one.to_numpy(float), other.to_numpy(float)


def _noise_inputs(results: Results, of: str, than: str) -> Pair:
    """The mean norm of the weights of inputs that are noise, over that of the others."""
    return _of_inputs(results, of, than, lambda noise, rest: np.mean(noise) / np.mean(rest))


def _zeroed_inputs(results: Results, of: str, than: str) -> Pair:
    """The share of inputs that are noise whose weights have a norm near zero."""
    return _of_inputs(
        results, of, than, lambda noise, rest: np.mean(np.array(noise) < ZERO * np.mean(rest))
    )


def _of_inputs(results: Results, of: str, than: str, number: Callable) -> Pair:
    """A number of the norms of the weights of inputs that are noise, and of the other inputs."""
    lines = {"/".join(r[k] for k in KEYS): r for r in results.study["rows"]}

    def of_member(row: str) -> pd.Series:
        noise = lines[row]["variant"]["noise_columns"]
        norms = _members(results, row, "final")["input_norms"]
        return norms.map(lambda n: number(n[-noise:], n[:-noise]))

    one, other = of_member(of).align(of_member(than), join="inner")
    return one.to_numpy(float), other.to_numpy(float)


def _patience(results: Results, rows: list[str]) -> np.ndarray:
    """The validation loss with the least patience, over that with the most: logarithms."""
    tuned = _tuned(results, rows[0])
    return np.log(tuned.iloc[:, 0] / tuned.iloc[:, -1]).to_numpy()


def _others_best(losses: pd.DataFrame, seed: int) -> float:
    """The strength with the lowest mean over all seeds but one."""
    return losses.drop(index=seed).mean().idxmin()


def _spread(results: Results, rows: list[str]) -> np.ndarray:
    """How far losses lie apart over strengths of a kind, over how far over kinds at their best.

    The best strength of a kind is chosen on the other seeds. Logarithms of the ratio of ranges.
    """
    tuned = [_tuned(results, row).map(math.log) for row in rows]
    found = []
    for seed in tuned[0].index:
        within = [np.ptp(t.loc[seed].to_numpy()) for t in tuned]
        kinds = [t.loc[seed, _others_best(t, seed)] for t in tuned]
        found.append(math.log(np.mean(within) / np.ptp(kinds)))
    return np.array(found)


def _early(results: Results, rows: list[str]) -> np.ndarray:
    """The loss of a strength found early, over that of the one found by the full search.

    Early: from small to large strengths while the loss at a quarter of the steps falls. Both are
    chosen on the other seeds. Logarithms of the ratio, after the last step.
    """
    full = _tuned(results, rows[0])
    frame = of_row(results.members[results.members["phase"] == "tune"], rows[0])
    checks = frame["check_steps"].map(len).max()  # of a member that went on to the end
    early = frame.assign(at=[_curve(m)[min(checks // EARLY, len(m["check_steps"])) - 1]
                             for _, m in frame.iterrows()])  # fmt: skip
    early = early.pivot(index="seed", columns="strength", values="at")
    found = []
    for seed in full.index:
        means = early.drop(index=seed).mean().tolist()
        at = next((i for i in range(len(means) - 1) if means[i + 1] >= means[i]), len(means) - 1)
        found.append(math.log(full.loc[seed].iloc[at] / full.loc[seed, _others_best(full, seed)]))
    return np.array(found)


MEASURES = {
    "gap": Measure(
        "test loss less training loss after the last step, in points of 100 x the test loss of "
        "what it is held against", SMALL, False, _gap),
    "best": Measure("test loss at the best validation check", SMALL, True,
                    _column("best_test_loss", "best"), "best"),
    "final": Measure("test loss after the last step", SMALL, True, _column("final_test_loss")),
    "strongest": Measure("validation loss after the last step at the strongest of the grid", SMALL,
                         True, _strongest, ""),
    "zeros": Measure("share of weights below 0.001, in points", SMALL, False,
                     _column("small_weights")),
    "noise_inputs": Measure(
        "norm of the weights of six inputs that are noise, over that of the others", LARGE, True,
        _noise_inputs),
    "zeroed_inputs": Measure(
        "share of six inputs that are noise whose weights have a norm below 1% of the mean of the "
        "others, in points", SMALL, False, _zeroed_inputs),
    "weight_norm": Measure("norm of all weight matrices", LARGE, True, _column("weight_norm")),
    "steps": Measure(
        "steps until the validation loss is within 5% of the best that either row reaches, or all "
        "steps",
        LARGE, True, _steps, "best"),
    "reach": Measure("gradient at h eight steps before the end, over that at the end", LARGE, True,
                     _reach),
    "peak": Measure("largest of the means of gradient norms from one check to the next", LARGE,
                    True, _peak),
    "diverged": Measure(
        "share of seeds that diverged, at the strength at which the fewest others did, in points",
        SMALL, False, _diverged, ""),
    "parameters": Measure("number of weights", SMALL, True, _column("parameters")),
    "patience": Measure(
        "validation loss at the best check with the least patience of the grid, over that with the "
        "most", SMALL, True, _patience, ""),
    "spread": Measure(
        "range of validation losses over the grid of a kind, over their range over four kinds at "
        "their best", LARGE, True, _spread, ""),
    "early": Measure(
        "validation loss after the last step at the strength found early, over that at the best",
        SMALL, True, _early, ""),
}  # fmt: skip
