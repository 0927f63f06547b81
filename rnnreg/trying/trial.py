"""The whole of a trial: from a file that was understood to its answer. Read `run` first."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from rnnreg.data import decoding
from rnnreg.models.keep import Keeper
from rnnreg.study import registry, stop
from rnnreg.study.record import Record
from rnnreg.study.study import FIRST_EVALUATION_SEED, Row
from rnnreg.tasks import Forecast
from rnnreg.trying import rounds, simple, sizing
from rnnreg.trying.measure import gain, measure, tested
from rnnreg.trying.place import Place, none_row
from rnnreg.trying.rounds import NONE, Rounds
from rnnreg.trying.understood import Sizes, Understood
from rnnreg.trying.workers import Workers, columns_of

SIZING, SEARCH = 0.2, 0.75  # of the minutes, at which the next stage begins
SEEDS = 8  # of evaluation, where there is time; six at least
MODELS = 180  # that a search should be able to train: they say how long one may take


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a trial."""

    cell: str = "lstm"
    regularizers: tuple[str, ...] = ()  # none given: all that suit
    minutes: float = 10.0
    seeds: int = SEEDS
    jobs: int = 1
    device: str = "cpu"
    most_steps: int = sizing.STEPS[2]


class Trial:
    """One file's trial. What it finds is in `found`, plain enough for JSON."""

    def __init__(
        self, place: Place, understood: Understood, asked: Asked, tell: Callable[[str], None],
        live: Callable[[Rounds, float], None] = lambda rounds, until: None,
    ):  # fmt: skip
        self.place, self.understood, self.asked = place, understood, asked
        self.tell, self.live = tell, live
        self.begun = time.monotonic()
        self.found: dict = {}
        self.records: dict[str, list[Record]] = {}
        self.columns: dict[str, list[list[float]]] = {}

    def at(self, share: float) -> float:
        """When that share of the minutes is over."""
        return self.begun + 60 * self.asked.minutes * share

    def run(self) -> dict:
        """All stages; a signal ends the search, and a second one the test."""
        self.place.clear()
        data = self.place.prepare(self.understood, Sizes())
        task = registry.load("benchmark", self.place.name).task
        self.level = getattr(task, "level", "symbol")
        self.sizes, self.sized, self.data = sizing.find(
            self.place, self.understood, self.asked.cell, data, self._seconds(),
            self.asked.device, self.at(SIZING), self.tell, self.asked.most_steps,
        )  # fmt: skip
        self.data = self.place.prepare(self.understood, self.sizes)
        if part := self._part():
            self.tell(f"so that it can be learned by heart in this time: {part}")
        self.measure = measure(self.data[0], self.understood.units)
        self._without_network(task)
        self.row = self._row()
        with Workers(self.asked.jobs, self.place, self.data, self.asked.device) as workers:
            self._search(workers)
            self._test(workers)
        self._describe()
        return self.found

    def _seconds(self) -> float:
        """What a model may take, so that a search has a fair number of them."""
        return 60 * self.asked.minutes * (SEARCH - SIZING) * self.asked.jobs / MODELS / rounds.COST

    def _row(self) -> Row:
        return replace(none_row(self.place.name, self.asked.cell, self.sizes, {}), budget={})

    def _without_network(self, task) -> None:
        """Naive scores, and those of what one would try first: on all of the training part.

        Those on the test part are told after the search, for which they are not used.
        """
        facts, splits = self.data[0], self.understood.splits
        shown = self.measure.of
        self.naive = {n: shown(s["test"]) for n, s in facts["naive"].items()}
        more = columns_of(dict(splits.items()), facts) if isinstance(task, Forecast) else {}
        scores = simple.scores(task, splits, more or None)
        self.simple = {n: shown(s["test"]) for n, s in scores.items()}
        self.simple_columns = {
            n: [s[f"test {v}"]["mse"] for v in range(len(more))] for n, s in scores.items()
        }
        losses = {n: s["validation"]["loss"] for n, s in {**facts["naive"], **scores}.items()}
        self.beside = min(losses, key=losses.get)
        self.tell(f"without a network, validation loss: {_listed(losses)}")

    def _search(self, workers: Workers) -> None:
        names, self.unsuited = rounds.suited(
            rounds.known(list(self.asked.regularizers)), self.row, self.data
        )
        best = sizing.chosen(self.sized)
        left = self.at(SEARCH) - time.monotonic()
        models = left * self.asked.jobs / (best.seconds * rounds.COST)
        plan = rounds.plan(names, models)
        until = self.at(SEARCH)
        self.rounds = Rounds(
            self.row, plan, workers, until, lambda found: self.live(found, self.at(1)),
            lambda wider: self.tell(f"there is time for more: {wider}"),
        )  # fmt: skip
        self.tell(f"search: {plan}")
        try:
            self.rounds.run()
        except stop.Interrupted as signal:
            self.rounds.stopped()
            self.tell(f"\n{signal}: no further round. The best so far is tested now; once more "
                      "leaves that out.")  # fmt: skip

    def _test(self, workers: Workers) -> None:
        """The best and none with fresh seeds on the test part."""
        ranking = self.rounds.ranking()
        others = [n for n in ranking if n != NONE]
        self.chosen = ranking[0] if ranking else NONE
        self.best = others[0] if others else None
        if not self.best:
            return
        seeds = range(FIRST_EVALUATION_SEED, FIRST_EVALUATION_SEED + self._seeds())
        tasks = []
        for name in (NONE, self.best):
            setting = self.rounds.chosen(name)
            tasks.append((self.rounds.rows(name), [("evaluate", *setting, s) for s in seeds]))
        self.tell(f"test: none and {self.best}, {len(seeds)} seeds each")
        try:
            for row, (made, columns) in workers.map(tasks):
                self.records[row.regularizer], self.columns[row.regularizer] = made, columns
        except stop.Interrupted:
            self.records = {}
            return
        told = _listed({**self.naive, **self.simple})
        self.tell(f"without a network, test {self.measure.name}: {told}")
        try:
            self._keep()
        except stop.Interrupted as signal:
            self.models = {}
            self.place.clear()
            self.tell(f"\n{signal}: no model is kept. The same command writes one.")

    def _seeds(self) -> int:
        """As many as are asked for, or fewer, down to six, where time is short."""
        left = self.at(1) - time.monotonic()
        a_seed = 2 * rounds.COST * sizing.chosen(self.sized).seconds / self.asked.jobs
        return min(self.asked.seeds, max(6, int(left / a_seed)))

    def _keep(self) -> None:
        """The model to be used: of the regularizer that was chosen."""
        known = decoding.read(self.place.name, self.place.prepared, self.data[0]["data_hash"])
        self.models = {}
        for name in {NONE, self.best}:
            keeper = Keeper(self.rounds.rows(name), self.data[0], self.place.prepared)
            keeper.decoding = known
            file = self.place.folder / ("model" if name == self.take else f"model_{name}")
            self.models[name] = keeper.write(
                file.with_suffix(".safetensors"), self.data[1], self.records[name],
                self.asked.device,
            )  # fmt: skip

    @property
    def gain(self) -> dict | None:
        """Of the best regularizer over none, on the test part."""
        if len(self.records) < 2:
            return None
        return gain(self.data[0], self.measure, self.records[NONE], self.records[self.best])

    @property
    def take(self) -> str:
        """The regularizer of the model to be used: the best, where it is shown to be better."""
        gained = self.gain is None or self.gain["verdict"] in ("better", "untested")
        return self.best if self.chosen != NONE and gained else NONE

    def _describe(self) -> None:
        """All that the report reads."""
        facts, search = self.data[0], self.rounds
        count = sum(map(len, search.found.values())) + sum(map(len, self.records.values()))
        self.found |= {
            "file": self.understood.file.name,
            "source": str(self.understood.file.resolve()),
            "doc": self.understood.doc,
            "told": self.understood.told,
            "more": self.understood.more,
            "cell": self.asked.cell,
            "cell_title": registry.facts("cell", self.asked.cell)["title"],
            "metric": self.measure.name,
            "lower": self.measure.lower,
            "scale": self.measure.scale,
            "sizes": asdict(self.sizes),
            "part": self._part(),
            "sizing": sizing.as_facts(self.sized),
            "naive": self.naive if self.records else {},
            "simple": self.simple if self.records else {},
            "beside": self.beside,
            "plan": asdict(search.plan),
            "minutes_for_all": self._minutes_for_all(),
            "rounds": {"finished": search.finished, "raced": search.raced, "last": search.last,
                       "skipped": search.skipped},
            "unsuited": self.unsuited,
            "ranking": [self._line(name) for name in search.ranking()],
            "chosen": self.chosen,
            "take": self.take,
            "none": self._member(NONE),
            "best": self._member(self.best) if self.best else None,
            "gain": self.gain,
            "columns": self._by_column(facts),
            "models": count,
            "minutes": (time.monotonic() - self.begun) / 60,
            "jobs": self.asked.jobs,
        }  # fmt: skip

    def _minutes_for_all(self) -> float:
        """How long a search of the fewest trials of all regularizers takes, from what was done."""
        plan = self.rounds.plan
        fewest = rounds.fewest(len(plan.names) + len(plan.dropped))
        trained = sum(map(len, self.rounds.found.values()))
        return (time.monotonic() - self.begun) / 60 * max(fewest / max(trained, 1), 1)

    def _part(self) -> str:
        """What of the training data is read, in words; "" for all of it."""
        amount, kind = self.sizes.train, self.data[0]["task"]
        if not amount:
            return ""
        if kind == "Classification":
            return f"{amount:,} of the training texts, evenly spread"
        what = "rows" if kind == "Forecast" else f"{self.level}s"
        return f"the last {amount:,} {what} of the training part"

    def _line(self, name: str) -> dict:
        facts = registry.facts("regularizer", name)
        rate, strength = self.rounds.chosen(name)
        return {
            "name": name, "title": facts["title"], "group": facts["group"],
            "round": self.rounds.last[name], "trials": len(self.rounds.found[name]),
            "loss": self.rounds.loss(name), "rate": rate, "strength": strength,
            "searched": len(facts["strengths"]) > 1,
        }  # fmt: skip

    def _member(self, name: str) -> dict | None:
        """A regularizer with its test score and its learning curve, means over seeds."""
        if name not in self.rounds.found:
            return None
        found = self._line(name)
        if own := self.records.get(name):
            scores = [self.measure.of(m) for m in tested(own)]
            found |= {"test": sum(scores) / len(scores), "tests": scores}
            found["curve"] = _curve(own)
        return found

    def _by_column(self, facts: dict) -> dict[str, dict[str, float]]:
        """RMSE of each column that is forecast, in its own unit, where there are several."""
        if len(facts["scale"]) < 2 or not self.records:
            return {}
        found = {n: [sum(c) / len(c) for c in zip(*rows, strict=True)]
                 for n, rows in self.columns.items()}  # fmt: skip
        found |= self.simple_columns
        return {
            name: {
                column: math.sqrt(mse) * scale
                for column, mse, scale in zip(
                    self.understood.units, each, facts["scale"], strict=True
                )
            }
            for name, each in found.items()
        }


def _listed(scores: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def _curve(records: list[Record]) -> dict[str, list]:
    """Mean losses at each check, of the members that were there to the last."""
    whole = [r for r in records if None not in r.validation_loss]
    longest = max((len(r.check_steps) for r in whole), default=0)
    whole = [r for r in whole if len(r.check_steps) == longest]

    def mean(name: str) -> list[float]:
        each = [getattr(r, name) for r in whole]
        return [sum(v) / len(v) for v in zip(*each, strict=True)]

    steps = whole[0].check_steps if whole else []
    return {"steps": steps, "validation": mean("validation_loss"), "train": mean("train_loss")}
