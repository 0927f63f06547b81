"""The search: every regularizer gets the same number of trials in a round, the better half goes on.

A trial is one learning rate and strength, a point of the study's own sequence (study/search.py), so
that trial i has the same rate for all. In round k of n regularizers beside `none` each has
u x 2^k trials on one seed; the half with the lowest validation losses goes on, until three are
left. `none` has as many trials of learning rates, in every round. Of the last ones the best two
settings are trained on two fresh seeds, whose mean validation loss decides: the study's own race.
The test part takes no part in any of it.

What a model takes is known after the first round: where more of them fit into the time than were
planned, that round gets more regularizers, or more trials of all, before any is left behind.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rnnreg.study import registry
from rnnreg.study.protocol import Member
from rnnreg.study.record import Record
from rnnreg.study.search import Search, strengths
from rnnreg.study.selection import choose, survivors
from rnnreg.study.study import Row
from rnnreg.training.row import unsuited
from rnnreg.trying.workers import Workers

NONE = "none"
# Checkpoints are chosen by validation in every row: there early stopping saves steps, no more.
LEFT_OUT = {
    "early_stopping": "the best check is taken everywhere, which is what it would choose",
    "dropout_unscaled": "a slip of tutorials, not to be used",
    "dropout_at_test": "it is dropout, scaled elsewhere",
    "l2_mean": "it is L2 with another unit of its strength",
    "l2_start": "without weights to start from it is L2",
}
# Those that most people would try first; where minutes do not suffice for all, these are tried.
FIRST = (
    "l2", "dropout", "recurrent_dropout", "zoneout", "l1", "weight_decay", "layer_norm",
    "weight_drop", "variational_dropout", "clip_norm", "clip_value", "label_smoothing",
)  # fmt: skip
FEWEST, MOST = 2, 32  # trials of a first round, and of a last one
FINALISTS = 3  # beside none
RACE = 2  # settings of each, and seeds
COST = 2.0  # of a member of a small population of any regularizer, against four of none


@dataclass(frozen=True)
class Plan:
    """How many trials each round has, of how many regularizers beside none."""

    names: list[str]
    trials: list[int]  # of each round, those before included
    left: list[int]  # regularizers in each round, beside none
    dropped: list[str] = field(default_factory=list)  # those for which minutes do not suffice

    @property
    def members(self) -> int:
        """Models that are trained in all, in the search."""
        return _members(self.trials, self.left)

    def __str__(self) -> str:
        each = zip(self.left, self.trials, strict=True)
        listed = ", ".join(f"{left} of {trials} trials" for left, trials in each)
        return f"rounds of {listed}, {self.members} models in all"


def plan(names: list[str], models: float, least: int = FEWEST) -> Plan:
    """The largest rounds for which that many models can be trained; fewer regularizers at need.

    A first round has `least` trials or more.
    """
    order = [n for n in FIRST if n in names] + [n for n in names if n not in FIRST]
    for count in range(len(order), 0, -1):
        left = _halved(count)
        for trials in range(16, least - 1, -1):
            each = [min(trials * 2**k, MOST) for k in range(len(left))]
            if _members(each, left) <= models or (count == 1 and trials == least):
                return Plan(sorted(order[:count]), each, left, sorted(order[count:]))
    return Plan([], [FEWEST], [0], sorted(order))


def fewest(count: int) -> int:
    """The models of the shortest search of so many regularizers."""
    left = _halved(count)
    return _members([min(FEWEST * 2**k, MOST) for k in range(len(left))], left)


def _halved(count: int) -> list[int]:
    left = [count]
    while left[-1] > FINALISTS:
        left.append(max(math.ceil(left[-1] / 2), FINALISTS))
    return left


def _members(trials: list[int], left: list[int]) -> int:
    new = [b - a for a, b in zip([0, *trials], trials, strict=False)]
    race = (min(left[-1], FINALISTS) + 1) * RACE * RACE
    return sum(n * (count + 1) for n, count in zip(new, left, strict=True)) + race


def suited(names: list[str], row: Row, data: tuple[dict, dict]) -> tuple[list[str], dict[str, str]]:
    """Those that make sense here; and of the others, why not."""
    reasons = {}
    for name in names:
        if name in LEFT_OUT:
            reasons[name] = LEFT_OUT[name]
        elif reason := unsuited(replace(row, regularizer=name), *data):
            reasons[name] = reason
    return [n for n in names if n not in reasons and n != NONE], reasons


@dataclass
class Rounds:
    """The search of one file's regularizers, and what it has found so far."""

    row: Row  # of none
    plan: Plan
    workers: Workers
    until: float  # time.monotonic, after which no further round begins
    tell: Callable[["Rounds"], None] = lambda rounds: None
    widened: Callable[[Plan], None] = lambda plan: None
    found: dict[str, list[Record]] = field(default_factory=dict)  # of finished rounds
    current: dict[str, list[Record]] = field(default_factory=dict)
    going: int = 0  # regularizers of the round, none included
    finished: int = 0  # rounds
    raced: bool = False
    last: dict[str, int] = field(default_factory=dict)  # regularizer -> its last round
    skipped: int = 0  # rounds that did not fit into the time
    a_model: float = 0.0  # seconds that one took in the last round

    def rows(self, name: str) -> Row:
        """The row of a regularizer, with the trials of the last round."""
        searched, scale = strengths("try", name, None)
        search = Search(MOST, FINALISTS, RACE, strength=searched, scale=scale)
        if name == NONE:
            search = replace(search, strength=(0.0, 0.0))
        return replace(self.row, regularizer=name, strengths=(), search=search)

    def run(self) -> None:
        """All rounds that fit into the time, and the race."""
        self._round(0, self.plan.names)
        if wider := self._wider():
            self._round(0, wider.names, wider.trials[0])
            self.plan = wider
            self.widened(wider)
        going = self.plan.names
        for number in range(1, len(self.plan.trials)):
            going = self.ranking(going)[: self.plan.left[number]]
            if not self._fits(number, going):
                self.skipped = len(self.plan.trials) - number
                break
            self._round(number, going)
        self._race(self.ranking(going)[:FINALISTS])

    def _round(self, number: int, names: list[str], trials: int = 0) -> None:
        """Train what these and none lack of the trials of a round."""
        begun, tasks = time.monotonic(), []
        for name in [NONE, *names]:
            row, have = self.rows(name), len(self.found.get(name, []))
            settings = row.settings[have : trials or self.plan.trials[number]]
            tasks.append((row, [("tune", *setting, 0) for setting in settings]))
        tasks = [(row, members) for row, members in tasks if members]
        self._train(tasks)
        self.last |= dict.fromkeys([NONE, *names], number + 1)
        self.finished = number + 1
        if new := sum(len(members) for _, members in tasks):  # else all have had the most there are
            self.a_model = (time.monotonic() - begun) / new

    def _wider(self) -> Plan | None:
        """A larger plan, where one fits into the time by what the first round took a model."""
        trained = sum(map(len, self.found.values()))
        models = trained + max(self.until - time.monotonic(), 0) / self.a_model
        now = self.plan
        wider = plan([*now.names, *now.dropped], models, least=now.trials[0])
        larger = wider.members > now.members and set(wider.names) >= set(now.names)
        return wider if larger else None

    def stopped(self) -> None:
        """After a signal: of a first round those stand that have had all its trials, as none has.

        Of a later round that was not whole nothing counts.
        """
        if not self.finished and NONE in self.current:
            self.found = dict(self.current)
            self.last = dict.fromkeys(self.found, 1)

    def _fits(self, number: int, going: list[str]) -> bool:
        """Whether the next round ends in time, by what the last one took a model."""
        trials = self.plan.trials
        models = (trials[number] - trials[number - 1]) * (len(going) + 1)
        models += (FINALISTS + 1) * RACE * RACE
        return time.monotonic() + models * self.a_model <= self.until

    def _train(self, tasks: list[tuple[Row, list[Member]]]) -> None:
        """A round counts once it is whole."""
        self.current, self.going = {}, len(tasks)
        for row, (made, _) in self.workers.map(tasks):
            self.current[row.regularizer] = made
            self.tell(self)
        for name, made in self.current.items():
            self.found.setdefault(name, []).extend(made)
        self.current = {}

    def _race(self, names: list[str]) -> None:
        tasks = []
        for name in [NONE, *names]:
            best = survivors(self.found[name], RACE)
            seeds = range(1, 1 + RACE)
            tasks.append((self.rows(name), [("tune", *s, seed) for s in best for seed in seeds]))
        self._train(tasks)
        self.raced = True
        self.last |= dict.fromkeys([NONE, *names], self.finished + 1)

    def ranking(self, names: list[str] | None = None) -> list[str]:
        """Regularizers by their validation loss, the best first; those that came further first."""
        known = [n for n in self.found if names is None or n in names]
        return sorted(known, key=lambda n: (-self.last.get(n, 0), self.loss(n)))

    def loss(self, name: str) -> float:
        """The lowest validation loss of its trials; after the race, the mean over fresh seeds."""
        own = self.found[name]
        if self.raced and any(r.seed for r in own):
            chosen = self.chosen(name)
            own = [r for r in own if r.seed and r.tuned == chosen]
            return sum(map(validation, own)) / len(own)
        return min(map(validation, own))

    def chosen(self, name: str) -> tuple[float, float]:
        """Its learning rate and strength."""
        return choose(self.found[name], "best")


def validation(record: Record) -> float:
    """The validation loss of a member's best check; infinite where it is no number."""
    loss = record.scores["best"]["validation"]["loss"]
    return math.inf if loss is None or math.isnan(loss) else loss


def known(asked: list[str]) -> list[str]:
    """The regularizers to try: all that ship, or those asked for."""
    for name in asked:
        registry.path("regularizer", name, "--regularizers")
    return [n for n in asked or registry.shipped("regularizer") if n != NONE]
