"""Training: a population step by step, and a row from tuning to evaluation.

The page to read first. `Population.step` is the whole of a training step; `train` is the whole
of a row's protocol.
"""

import math
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from rnnreg import registry
from rnnreg.batches import batches
from rnnreg.benchmark import Benchmark, Budget
from rnnreg.cells.base import Cell
from rnnreg.errors import UserError
from rnnreg.model import Batch, Network, forward, initial
from rnnreg.noise import Noise
from rnnreg.optimizers import OPTIMIZERS
from rnnreg.records import Record
from rnnreg.regularizers.base import Chain, Regularizer, matrices, norms, spread
from rnnreg.selection import choose
from rnnreg.study import Row
from rnnreg.unroll import path

DIVERGED = 10  # times the naive validation loss
SMALL = 1e-3  # a weight below counts as zero
SCHEDULES = {  # learning rate as a share of its first value, from the share of steps done
    "constant": lambda done: 1.0,
    "linear": lambda done: 1 - done,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    # Zaremba et al. 2014, section 4.1, medium model: 6 of 39 epochs, then / 1.2 an epoch
    "hold_decay": lambda done: 1.2 ** -max(39 * done - 6, 0),
}

Watch = Callable[["Population"], None]


@dataclass(frozen=True)
class Setting:
    """All that a row fixes for its members."""

    benchmark: type[Benchmark]
    cell: type[Cell]
    regularizer: type[Regularizer]
    budget: Budget
    network: Network
    splits: dict[str, dict[str, np.ndarray]]
    facts: dict  # of the prepared data
    device: torch.device

    def regularizers(self, strength: Tensor) -> Regularizer:
        """The regularizer; after it the benchmark's own clip, unless the row clips itself."""
        own = self.regularizer(strength)
        if self.regularizer.clips or math.isinf(self.benchmark.base_clip):
            return own
        clip = registry.load("regularizer", "clip_norm")
        return Chain(own, clip(torch.full_like(strength, self.benchmark.base_clip)))

    @property
    def naive(self) -> dict[str, dict[str, float]]:
        """The scores of the best naive baseline: {"validation" | "test": metrics}."""
        return self.facts["naive"][self.facts["naive_best"]]


def setting(row: Row, facts: dict, splits: dict, device: str = "cpu") -> Setting:
    """Resolve a row's names and numbers."""
    benchmark = registry.load("benchmark", row.benchmark)
    cell = registry.load("cell", row.cell)
    rate = {} if row.rate is None else {"learning_rate": row.rate}
    budget = replace(benchmark.budget, **{**rate, **row.budget})
    for key, known in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if getattr(budget, key) not in known:
            given, allowed = getattr(budget, key), ", ".join(known)
            where = f"benchmarks/{row.benchmark}.py (or the study): budget: {key}"
            raise UserError(f"{where}: given '{given}', allowed are {allowed}.")
    if budget.checks > budget.steps:
        raise UserError(
            f"benchmarks/{row.benchmark}.py (or the study): budget: checks: given {budget.checks}, "
            f"allowed is at most one a step, {budget.steps}."
        )
    network = Network(
        cell,
        facts["inputs"],
        facts["outputs"],
        benchmark.model.hidden,
        benchmark.model.layers,
        benchmark.model.embedding,
        symbols=facts["symbols"] > 0,
        every_step=benchmark.task.every_step,
    )
    regularizer = registry.load("regularizer", row.regularizer)
    device = torch.device(device)
    return Setting(benchmark, cell, regularizer, budget, network, splits, facts, device)


class Population:
    """M members that train side by side, each as if it were alone.

    Members stop (early stopping, divergence) at checks; once half have, the others go on without
    them. Results are kept for all: `index` tells which of them each training member is.
    """

    def __init__(self, setting: Setting, strengths: list[float], seeds: list[int]):
        self.setting, self.strengths, self.all_seeds = setting, strengths, seeds
        self.budget, self.task = setting.budget, setting.benchmark.task
        self.seeds = torch.tensor(seeds, device=setting.device)
        self.reg = setting.regularizers(torch.tensor(strengths, device=setting.device))
        self.params = initial(setting.network, self.seeds)
        self.optimizer = OPTIMIZERS[self.budget.optimizer](self.params)
        self.batches = batches(self.task, setting.splits, self.seeds, self.budget.batch)
        self.index = torch.arange(len(seeds), device=setting.device)
        self.alive = torch.ones(len(seeds), dtype=torch.bool, device=setting.device)
        self.state, self.done, self.started = None, 0, time.perf_counter()
        self.final = {n: p.clone() for n, p in self.params.items()}
        self.best = {n: p.clone() for n, p in self.params.items()}
        self.curves = Curves(len(seeds), self.check_steps(), setting.device)
        self.since = Tally(self.index)

    def check_steps(self) -> list[int]:
        """After which steps the members are validated; the last is the last step."""
        count = self.budget.checks
        return [round((i + 1) * self.budget.steps / count) for i in range(count)]

    def step(self) -> None:
        """One training step of all members."""
        noise = Noise(self.seeds, self.done)
        batch = self.batches.train(self.done)
        state = None if batch.fresh else self.state
        params = {n: p.requires_grad_() for n, p in self.params.items()}
        weights = self.reg.weights(params, noise)
        trace = forward(
            self.setting.network, weights, batch, partial(self.reg.mask, noise=noise), state
        )
        loss = self.task.loss(trace.output, batch.y, batch.weight)  # (M,)
        penalized = loss + self.reg.penalty(weights, trace)
        # The sum, never the mean: a member's gradient is then independent of M.
        found = torch.autograd.grad(penalized.sum(), list(params.values()))
        with torch.no_grad():
            grads = dict(zip(params, found, strict=True))
            used = self.reg.gradients(grads)
            share = SCHEDULES[self.budget.schedule](self.done / self.budget.steps)
            rate = self.budget.learning_rate * share
            stepped = self.reg.project(self.optimizer(params, used, rate))
            self.since.add(loss, norms(grads), None if used is grads else norms(used))
            self.params = self.hold(stepped)
        self.state = [tuple(s.detach() for s in layer) for layer in trace.state]
        self.done += 1

    def hold(self, stepped: dict[str, Tensor]) -> dict[str, Tensor]:
        """The new parameters of members that train, the old ones of those that have stopped."""
        if self.everyone:
            return stepped
        pairs = ((n, spread(self.alive, p.ndim), p) for n, p in self.params.items())
        return {n: torch.where(alive, stepped[n], p.detach()) for n, alive, p in pairs}

    everyone = True  # no member has stopped since the last `keep`

    def check(self, number: int) -> None:
        """Validate, remember the best, and see who goes on."""
        metrics = self.evaluate(self.params, self.reg, "validation")
        self.curves.put(number, self.index, self.alive, metrics, self.since, self.done)
        self.since = Tally(self.index)
        better = self.curves.best_check[self.index] == number
        for name, p in self.params.items():
            self.best[name][self.index[better]] = p.detach()[better]
        limit = DIVERGED * self.setting.naive["validation"]["loss"]
        self.curves.judge(number, self.index, limit)
        keep = self.reg.keep_training(self.curves.loss[: number + 1, self.index])
        self.alive = self.alive & keep & ~self.curves.diverged[self.index]
        going = int(self.alive.sum())
        self.everyone = going == len(self.alive)
        if 2 * going <= len(self.alive):
            self.keep(self.alive.nonzero().flatten())

    def keep(self, chosen: Tensor) -> None:
        """Go on with some of the members; the others' parameters are final."""
        for name, p in self.params.items():
            self.final[name][self.index] = p.detach()
        self.params = {n: p.detach()[chosen] for n, p in self.params.items()}
        self.index, self.seeds, self.alive = (
            t[chosen] for t in (self.index, self.seeds, self.alive)
        )
        self.reg, self.everyone = self.reg.members(chosen), True
        self.optimizer.keep(chosen)
        self.batches.keep(chosen)
        if self.state is not None:
            self.state = [tuple(s[chosen] for s in layer) for layer in self.state]
        self.since = Tally(self.index)

    def run(self, watch: Watch | None = None) -> None:
        """Train to the last step, or until nobody goes on."""
        for number, at in enumerate(self.check_steps()):
            while self.done < at and len(self.index):
                self.step()
                if watch:
                    watch(self)
            if len(self.index):
                self.check(number)
        self.keep(self.index[:0])

    def evaluate(
        self, params: dict[str, Tensor], reg: Regularizer, split: str
    ) -> dict[str, Tensor]:
        """Metrics of a split, each (M,): weights and masks at their expected values."""
        members = len(params["output"])
        noise = Noise(params["output"].new_zeros(members, dtype=torch.int64), 0, training=False)
        totals, state = {}, None
        with torch.no_grad():
            weights = reg.weights(params, noise)
            for batch in self.batches.evaluate(split):
                state = None if batch.fresh else state
                mask = partial(reg.mask, noise=noise)
                trace = forward(self.setting.network, weights, batch, mask, state)
                state = trace.state
                for name, value in self.totals(trace.output, batch).items():
                    totals[name] = totals.get(name, 0) + value
        return self.task.metrics(totals)

    def totals(self, output: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The task's totals, with the batch's targets repeated for every member."""
        members = output.shape[0]
        y = batch.y.expand(members, *batch.y.shape[1:])
        weight = batch.weight
        if weight is not None:
            weight = weight.expand(members, *weight.shape[1:])
        return self.task.totals(output, y, weight)


class Tally:
    """Sums over the steps since the last check, a member each; stays on the device."""

    def __init__(self, index: Tensor):
        self.steps = 0
        zeros = torch.zeros(len(index), dtype=torch.float64, device=index.device)
        self.loss, self.norm, self.clipped = zeros, zeros.clone(), zeros.clone()

    def add(self, loss: Tensor, norm: Tensor, used: Tensor | None) -> None:
        """One step: the loss, the gradient's norm, and its norm after the `gradients` hook."""
        self.steps += 1
        self.loss = self.loss + loss.detach()
        self.norm = self.norm + norm
        if used is not None:
            self.clipped = self.clipped + (used != norm)


class Curves:
    """What the checks saw of all members of a population, those that stopped included."""

    def __init__(self, members: int, steps: list[int], device: torch.device):
        def empty(dtype=torch.float64):
            return torch.full((len(steps), members), math.nan, dtype=dtype, device=device)

        self.loss, self.train_loss, self.norm = empty(), empty(), empty()
        self.metrics: list[dict[str, Tensor]] = []
        self.at = steps
        self.checks = torch.zeros(members, dtype=torch.int64, device=device)
        self.clipped = torch.zeros(members, dtype=torch.float64, device=device)
        self.best_loss = torch.full((members,), math.inf, dtype=torch.float64, device=device)
        self.best_check = torch.zeros(members, dtype=torch.int64, device=device)
        self.diverged = torch.zeros(members, dtype=torch.bool, device=device)

    def put(self, number, index, alive, metrics, since: Tally, done: int) -> None:
        """The check of that number, for the members at `index` that are alive."""
        members = index[alive]
        self.loss[number, members] = metrics["loss"][alive]
        self.train_loss[number, members] = (since.loss / since.steps)[alive]
        self.norm[number, members] = (since.norm / since.steps)[alive]
        self.clipped[members] += since.clipped[alive]
        self.checks[members] = number + 1
        self.metrics.append({n: self._whole(v, members, alive) for n, v in metrics.items()})
        better = self.loss[number, members] < self.best_loss[members]  # never for NaN
        self.best_check[members[better]] = number
        self.best_loss[members] = torch.fmin(self.loss[number, members], self.best_loss[members])

    def judge(self, number: int, index: Tensor, limit: float) -> None:
        """Mark those as diverged whose numbers are not finite, or whose loss is above the limit."""
        seen = torch.stack([self.loss[number], self.train_loss[number], self.norm[number]])[
            :, index
        ]
        had = self.checks[index] == number + 1
        bad = ~seen.isfinite().all(0) | (self.loss[number, index] > limit)
        self.diverged[index] |= bad & had

    def _whole(self, values: Tensor, members: Tensor, alive: Tensor) -> Tensor:
        whole = torch.full_like(self.best_loss, math.nan)
        whole[members] = values[alive].double()
        return whole


def train(
    row: Row,
    facts: dict,
    splits: dict,
    known: Iterable[Record] = (),
    device: str = "cpu",
    save: Callable[[list[Record]], None] = lambda records: None,
    watch: Watch | None = None,
) -> list[Record]:
    """Tune, then evaluate; returns the records of all members that the row asks for.

    Members among `known` that this code and this data made are not trained again. `save` gets all
    records so far after each phase.
    """
    job = setting(row, facts, splits, device)
    current = [
        r for r in known if (r.fingerprint, r.data_hash) == (row.fingerprint, facts["data_hash"])
    ]
    have = {r.member: r for r in current}

    def make(phase: str, strengths: Iterable[float], seeds: Iterable[int]) -> list[Record]:
        wanted = [(phase, s, seed) for s in strengths for seed in seeds]
        missing = [m for m in wanted if m not in have]
        if missing:
            population = Population(job, [s for _, s, _ in missing], [k for *_, k in missing])
            population.run(watch)
            have.update((r.member, r) for r in records(row, job, population, phase))
            save(list(have.values()))
        return [have[m] for m in wanted]

    tuned = make("tune", row.strengths, row.tuning_seeds)
    chosen = dict.fromkeys(choose(tuned, criterion) for criterion in ("best", "final"))
    return tuned + make("evaluate", chosen, row.evaluation_seeds)


def records(row: Row, job: Setting, population: Population, phase: str) -> list[Record]:
    """One record for each member of a trained population."""
    reg = job.regularizers(torch.tensor(population.strengths, device=job.device))
    scores = _scores(population, reg, phase)
    curves = population.curves
    big = dict(enumerate(matrices(population.final)))
    weight_norm = norms(big)
    small = torch.cat([(w.abs() < SMALL).flatten(1) for w in big.values()], dim=1).double().mean(1)
    parameters = sum(p[0].numel() for p in population.final.values())
    seconds = (time.perf_counter() - population.started) / len(population.strengths)
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    clip = job.benchmark.base_clip
    described = {**vars(job.budget), **vars(job.benchmark.model)}
    described["base_clip"] = None if math.isinf(clip) else clip
    made = []
    for m, (strength, seed) in enumerate(
        zip(population.strengths, population.all_seeds, strict=True)
    ):
        checks = int(curves.checks[m])
        diverged = bool(curves.diverged[m])
        at = curves.at[:checks]
        made.append(
            Record(
                benchmark=row.benchmark,
                cell=row.cell,
                regularizer=row.regularizer,
                phase=phase,
                strength=strength,
                seed=seed,
                steps=at[-1],
                check_steps=at,
                train_loss=_finite(curves.train_loss[:checks, m]),
                validation_loss=_finite(curves.loss[:checks, m]),
                gradient_norm=_finite(curves.norm[:checks, m]),
                clipped=float(curves.clipped[m]) / at[-1],
                best_step=curves.at[int(curves.best_check[m])],
                scores=_naive(job, phase) if diverged else scores[m],
                diverged=diverged,
                setting=described,
                parameters=parameters,
                weight_norm=_finite(weight_norm)[m],
                small_weights=float(small[m]),
                seconds=seconds,
                data_hash=job.facts["data_hash"],
                fingerprint=row.fingerprint,
                versions=versions,
                device=device_name(job.device),
                path=path(job.cell, job.device),
            )
        )
    return made


def device_name(device: torch.device) -> str:
    """The device as records name it: its kind, and the model of a GPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _scores(population: Population, reg: Regularizer, phase: str) -> list[dict]:
    """{"best" | "final": {split: metrics}} of each member; the test split in evaluation only."""
    curves, members = population.curves, range(len(population.strengths))
    last = curves.best_check if reg.scored_at == "best" else (curves.checks - 1).clamp(min=0)
    at = {"best": curves.best_check.tolist(), "final": last.tolist()}
    found = [
        {
            c: {"validation": {n: float(v[m]) for n, v in curves.metrics[at[c][m]].items()}}
            for c in at
        }
        for m in members
    ]
    if phase == "tune":
        return found
    final = population.best if reg.scored_at == "best" else population.final
    for split, name in (("sample", "train"), ("test", "test")):
        best = population.evaluate(population.best, reg, split)
        at_end = best if final is population.best else population.evaluate(final, reg, split)
        for m in members:
            found[m]["best"][name] = {n: float(v[m]) for n, v in best.items()}
            found[m]["final"][name] = {n: float(v[m]) for n, v in at_end.items()}
    return found


def _naive(job: Setting, phase: str) -> dict:
    """The scores of a member that diverged. It has no training score of its own."""
    splits = ("validation", "test") if phase == "evaluate" else ("validation",)
    scores = {split: dict(job.naive[split]) for split in splits}
    return {"best": scores, "final": scores}


def _finite(values: Tensor) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in values.tolist()]
