"""What is known of one trained member, and what can be wrong with a record that was read."""

import math
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from types import UnionType
from typing import get_args, get_origin

Metrics = dict[str, float]


@dataclass(frozen=True)
class Record:
    """One member of one row: who it is, how it learned, how it scored, what made it.

    Curves have one entry a check. `scores` is {"best" | "final": {"train" | "validation" | "test":
    {metric: value}}}: "best" is the check with the lowest validation loss, "final" the last one
    (for a regularizer scored at its best check, final is best). Losses are without penalty and in
    evaluation. Only the evaluation phase has "test"; and "noisy", test with noise in its inputs,
    where the benchmark asks for it. A member that diverged has the naive scores.
    Fields with a default are missing in older records.
    """

    benchmark: str
    cell: str
    regularizer: str
    phase: str  # "tune" or "evaluate"
    strength: float
    seed: int
    steps: int  # optimizer steps taken
    check_steps: list[int]
    train_loss: list[
        float | None
    ]  # mean over the steps since the check before; as trained, no penalty
    validation_loss: list[float | None]
    gradient_norm: list[float | None]  # mean over those steps, before the `gradients` hook
    clipped: float  # fraction of steps at which the `gradients` hook changed the gradient
    best_step: int
    scores: dict[str, dict[str, Metrics]]
    diverged: bool
    setting: dict[str, object]  # its budget, the sizes of its model, base clip
    parameters: int
    weight_norm: float | None  # of the final input, recurrent and output matrices together
    small_weights: float | None  # fraction of their entries with |w| < 1e-3
    seconds: float  # the population's time over its members
    data_hash: str
    fingerprint: str
    versions: dict[str, str]
    device: str
    path: str  # how the recurrence was computed
    learning_rate: float | None = None  # its own; None: that of the budget, see `rate`
    trial: int | None = None  # number of the search's trial that its setting comes from
    # at 0, 1, 2, 4, 8, ... steps from the end: see training/distance.py
    gradient_by_distance: list[float | None] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)  # of a combination, with their strengths
    # L2 norm of what each input has, of numbers, in the first layer's or the convolution's matrix
    input_norms: list[float | None] = field(default_factory=list)
    start: str = ""  # hash of the weights of another row that it starts from
    content: str = field(default="", compare=False)  # a hash of all other fields, as written

    @property
    def row(self) -> str:
        return f"{self.benchmark}/{self.cell}/{self.regularizer}"

    @property
    def rate(self) -> float:
        """The learning rate that it was trained with, before its schedule."""
        return self.setting["learning_rate"] if self.learning_rate is None else self.learning_rate

    @property
    def member(self) -> tuple[str, float | None, float, int]:
        """What tells one member of a row from another."""
        return self.phase, *self.tuned, self.seed

    @property
    def tuned(self) -> tuple[float | None, float]:
        """What tuning chooses: learning rate and strength."""
        return self.learning_rate, self.strength


def fault(given: object) -> str:
    """What is wrong with a record that came from JSON, in words; '' where nothing is."""
    if not isinstance(given, dict):
        return "not a record"
    known = _fields()
    if unknown := [name for name in given if name not in known]:
        return f"a record of another version (it has '{unknown[0]}')"
    for name, (kind, optional) in known.items():
        if name not in given and not optional:
            return f"not a record of this version ('{name}' is missing)"
        if name in given and not _fits(given[name], kind):
            return f"{name} is {given[name]!r:.60}"
    if given["phase"] not in ("tune", "evaluate"):
        return f"phase is {given['phase']!r:.60}, allowed are 'tune' and 'evaluate'"
    return _score_fault(given["scores"], given["phase"] == "evaluate")


def hashed(given: dict) -> bool:
    """Whether a record was written with a hash: that came with the first of the optional fields."""
    return any(name in given for name, (_, optional) in _fields().items() if optional)


@cache
def _fields() -> dict[str, tuple[type | UnionType, bool]]:
    """Name -> type of each field, and whether a record may be without it."""
    return {
        f.name: (f.type, f.default is not MISSING or f.default_factory is not MISSING)
        for f in fields(Record)
    }


def _score_fault(scores: dict, tested: bool) -> str:
    needed = ("validation", "test") if tested else ("validation",)
    for criterion in ("best", "final"):
        parts = scores.get(criterion)
        missing = [p for p in needed if not isinstance(parts, dict) or not parts.get(p)]
        if missing:
            return f"there is no score '{criterion}, {missing[0]}'"
        if "test" in parts and not tested:
            return "a tuning member has a score on test"
        for part, metrics in parts.items():
            if not isinstance(metrics, dict) or "loss" not in metrics:
                return f"there is no score '{criterion}, {part}, loss'"
            for metric, value in metrics.items():
                if not _fits(value, float) or not 0 <= value < math.inf:
                    return f"the score '{criterion}, {part}, {metric}' is {value!r:.60}"
    return ""


def _fits(value: object, kind: type | UnionType) -> bool:
    """Whether a value is of a field's type, as far as its container; a float may be whole."""
    plain = _plain(kind)
    return bool in plain if isinstance(value, bool) else isinstance(value, plain)


@cache
def _plain(kind: type | UnionType) -> tuple[type, ...]:
    """The types, or their containers, that a field's values have."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    plain = tuple(get_origin(k) or k for k in kinds)
    return (*plain, int) if float in plain else plain
