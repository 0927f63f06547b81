"""A population: M members that train side by side. The page to read first.

`Population.advance` is the whole of a training step; `run` goes through the steps and the checks.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain

import torch
from torch import Tensor

from rnnreg.cells.base import State
from rnnreg.kernels.noise import Noise
from rnnreg.kernels.normalise import follow
from rnnreg.regularizers import Regularizer, norms
from rnnreg.regularizers._checks import checked
from rnnreg.tasks import Totals
from rnnreg.trace import Batch, Params, Trace
from rnnreg.training.batches import batches
from rnnreg.training.curves import Curves, Tally
from rnnreg.training.decoder import greedy
from rnnreg.training.model import forward, initial, zero_statistics
from rnnreg.training.objectives import objective
from rnnreg.training.optimizers import OPTIMIZERS, Number
from rnnreg.training.passes import differentiate
from rnnreg.training.schedules import SCHEDULES, drops
from rnnreg.training.setting import Setting, known
from rnnreg.training.snapshot import joined, parted

FOLLOW = 0.1  # of a batch's statistics in the running ones, as in torch.nn.BatchNorm1d

Watch = Callable[["Population"], None]


class Population:
    """M members that train side by side, each as if it were alone.

    Members stop (early stopping, divergence) at checks; once half have, the others go on without
    them. Results are kept for all: `index` tells which of them each training member is. Learning
    rates are the members' own, `rates`, or that of the budget.
    """

    def __init__(
        self,
        setting: Setting,
        strengths: list[float],
        seeds: list[int],
        rates: Sequence[float | None] = (),
    ):
        self.setting, self.strengths, self.all_seeds = setting, strengths, seeds
        self.budget, self.task = setting.budget, setting.benchmark.task
        self.objective = objective(self.task, self.budget.loss)
        own = self.budget.learning_rate
        self.rates = [own if r is None else r for r in rates or [None] * len(seeds)]
        self.rate = torch.tensor(self.rates, dtype=torch.float32, device=setting.device)
        seeds = torch.tensor(seeds, device=setting.device)
        self.noise = Noise(seeds, 0, steps=self.budget.steps)
        self.reg = setting.regularizers(torch.tensor(strengths, device=setting.device))
        self.params = initial(setting.network, self.noise.seeds)
        self.start = setting.start and setting.start.to(setting.device)
        if self.start:
            self.params = self.start.into(self.params)
        self.running = zero_statistics(setting.network, self.params["output_bias"])
        self.optimizer = OPTIMIZERS[self.budget.optimizer](self.params)
        self.batches = batches(
            self.task,
            setting.splits,
            self.noise.seeds,
            self.budget.batch,
            self.budget.validated,
            self.budget.columns,
            holding=self.reg.second == "held",
        )
        self.data = known(setting) if self.reg.uses("batch") else None
        self.index = torch.arange(len(seeds), device=setting.device)
        self.alive = torch.ones(len(seeds), dtype=torch.bool, device=setting.device)
        self.state, self.done, self.started = None, 0, time.perf_counter()
        self.numbers = [self._numbers(step) for step in range(self.budget.steps)]
        with self.looking(first=True):
            self.kept = self.reg.start(self.params)
            self.final = {n: p.clone() for n, p in self.evaluated.items()}
        self.best = {n: p.clone() for n, p in self.final.items()}
        self.curves = Curves(len(seeds), self.check_steps(), setting.device)
        self.since = Tally(self.index)

    def check_steps(self) -> list[int]:
        """After which steps the members are validated; the last is the last step."""
        count = self.budget.checks
        return [round((i + 1) * self.budget.steps / count) for i in range(count)]

    def _numbers(self, step: int) -> tuple[float, ...]:
        share = SCHEDULES[self.budget.schedule](self.budget, step, self.batches.epoch_steps)
        return share, *self.optimizer.numbers(step + 1)

    @property
    def evaluated(self) -> Params:
        """The weights that are validated, scored and stored: the parameters, or their average."""
        weights = self.reg.average(self.params, self.kept)
        return {**weights, **self.running} if self.running else weights

    def step(self) -> None:
        """Take the next step."""
        key, index = self.batches.pick(self.done)
        noise, numbers = self.noise.then(self.done), self.numbers[self.done]
        with self.looking(first=not self.done):
            self.advance(key, index, noise, numbers)
        self.done += 1
        self.since.steps += 1

    @contextmanager
    def looking(self, first: bool) -> Iterator[None]:
        """The first time, look at what each hook returns; a later step or check does not."""
        reg = self.reg
        self.reg = checked(reg, len(self.index)) if first else reg
        try:
            yield
        finally:
            self.reg = reg

    def advance(
        self, key: Hashable, index: Tensor, noise: Noise, numbers: Sequence[Number]
    ) -> None:
        """One training step of all members, on the batch that `key` and `index` pick."""
        batch = self.batches.batch("train", key, index[self.batches.member])
        state = None if batch.fresh else self.state
        if self.data is not None:
            batch = self.reg.batch(batch, noise, self.data)
        params = {n: p.detach().requires_grad_() for n, p in self.params.items()}
        run = partial(self.forward, self.reg, batch, state)
        loss, grads, trace = differentiate(
            self.reg, self.objective, run, params, noise, self.budget.summed
        )
        share, *numbers = numbers
        start, network = self.start, self.setting.network
        with torch.no_grad():
            rate = self.rate * share  # (M,)
            if start:
                nothing = {n: torch.zeros_like(g) for n, g in grads.items()}
                grads = start.held(grads, nothing, noise.progress, network)
            used = self.reg.gradients(grads, self.params, noise)
            norm = self.optimizer(self.params, used, rate, *numbers)
            if used is grads:
                self.since.add(loss, norm)
            else:
                self.since.add(loss, norms(grads), norm)
            moved = self.reg.project(self.params, rate)
            held = start and start.held(moved, self.params, noise.progress, network)
            self.params = held or moved
            self.kept = self.reg.keep(self.kept, self.params, noise)
            for name, seen in trace.seen.items():
                self.running[name] = follow(self.running[name], seen, FOLLOW)
        if self.batches.carried:
            self.state = [tuple(s.detach() for s in layer) for layer in trace.state]

    def forward(
        self,
        reg: Regularizer,
        batch: Batch,
        state: list[State] | None,
        weights: Params,
        noise: Noise,
        moved: Tensor | None = None,
    ) -> Trace:
        """`model.forward` under a regularizer's masks and shifts.

        In the precision of the budget, which is a GPU's; a CPU's is float32.
        """
        mask = partial(reg.mask, noise=noise)
        shift = partial(reg.shift, noise=noise, weights=weights) if reg.uses("shift") else None
        start = self.start.weights if self.start else {}
        run = partial(forward, self.setting.network, weights, batch, mask, state, shift, moved)
        if self.setting.device.type == "cpu" or self.budget.precision != "bfloat16":
            return replace(run(), start=start) if start else run()
        with torch.autocast(self.setting.device.type, torch.bfloat16, cache_enabled=False):
            trace = run()
        return replace(trace, output=trace.output.float(), start=start)

    def check(self, number: int) -> None:
        """Validate, remember the best, and see who goes on."""
        metrics = self.evaluate(None, self.reg, "validation")
        weights = self.evaluated
        self.curves.put(number, self.index, self.alive, metrics, self.since, self.done)
        self.since.clear()
        better = self.curves.best_check[self.index] == number
        for name, p in weights.items():
            self.best[name][self.index[better]] = p[better]
        limit = self.budget.diverged * self.setting.naive["validation"]["loss"]
        self.curves.judge(number, self.index, limit)
        losses = self.curves.loss[: number + 1, self.index]
        with self.looking(first=not number):
            keep = self.reg.keep_training(losses)
        self.stop(~(keep & ~self.curves.diverged[self.index]))
        self.anneal(losses)
        if self.reg.uses("told"):
            with self.looking(first=not number):
                self.tell(losses)
        if 2 * int(self.alive.sum()) <= len(self.alive):
            self.keep(self.alive.nonzero().flatten())

    def anneal(self, losses: Tensor) -> None:
        """Set the rates of a schedule that goes by validation losses (checks, M), in place."""
        if self.budget.schedule == "plateau" and len(losses):
            first = torch.tensor(self.rates, device=self.rate.device)[self.index]
            self.rate.copy_(first * self.budget.factor ** -drops(losses, self.budget.patience))

    def stop(self, members: Tensor) -> None:
        """The parameters of these (M,) are final: what they do from now on is of no account."""
        members = members & self.alive
        self.alive &= ~members
        for name, p in self.evaluated.items():
            self.final[name][self.index[members]] = p[members]

    @torch.no_grad()
    def tell(self, losses: Tensor) -> None:
        """Move what the regularizer keeps by the validation losses (checks, M), in place."""
        told = self.reg.told(self.kept, losses, self.noise.then(self.done))
        for name, new in told.items():
            if new is not self.kept[name]:
                self.kept[name].copy_(new)

    def keep(self, chosen: Tensor) -> None:
        """Go on with some of the members."""
        self.move({name: t[chosen] for name, t in self.moving().items()})
        self.index, self.alive = self.index[chosen], self.alive[chosen]
        self.rate = self.rate[chosen]
        self.noise = Noise(self.noise.seeds[chosen], 0, steps=self.budget.steps)
        self.reg = self.reg.members(chosen)
        self.batches.keep(chosen)

    def moving(self) -> Params:
        """All tensors that a step moves, by name: (M, ...) of the members that train."""
        moments = {f"{i}": m for i, m in enumerate(self.optimizer.moments)}
        state = {f"{i}": s for i, s in enumerate(chain(*(self.state or ())))}
        return joined(
            params=self.params,
            kept=self.kept,
            running=self.running,
            moments=moments,
            since=self.since.sums,
            state=state,
        )

    def move(self, tensors: Params) -> None:
        """Put these in the place of what is `moving`."""
        of = parted(tensors)
        self.params, self.kept, self.running = of["params"], of["kept"], of["running"]
        self.optimizer.moments = list(of["moments"].values())
        self.since.loss, self.since.norm, self.since.clipped = of["since"].values()
        self.state = self.layers(list(of["state"].values())) or None

    def layers(self, states: Sequence[Tensor]) -> list[State]:
        """A tuple a layer, from the states of all layers in a row."""
        each = self.setting.cell.states
        return [tuple(states[i : i + each]) for i in range(0, len(states), each)]

    def snapshot(self) -> Params:
        """Everything that training has changed so far, by name."""
        spent = time.perf_counter() - self.started
        far = {"done": self.done, "since": self.since.steps, "seconds": spent}
        return joined(
            far={name: torch.tensor(float(n)).double() for name, n in far.items()},
            members={"index": self.index, "alive": self.alive},
            moving=self.moving(),
            final=self.final,
            best=self.best,
            curves=self.curves.tensors(),
        )

    def fits(self, snapshot: Params) -> bool:
        """Whether a snapshot has the tensors that this population has."""
        own, grown = self.snapshot().keys(), ("curves/", "moving/state/")
        more = snapshot.keys() - own
        return own <= snapshot.keys() and all(name.startswith(grown) for name in more)

    def restore(self, snapshot: Params) -> None:
        """Go on from a snapshot of the same members, to the last bit as they would have."""
        of = parted({n: t.to(self.setting.device) for n, t in snapshot.items()})
        self.keep(of["members"]["index"])
        self.alive = of["members"]["alive"]
        self.move(of["moving"])
        self.final, self.best = of["final"], of["best"]
        self.curves.restore(of["curves"])
        self.anneal(self.curves.loss[: len(self.curves.metrics), self.index])
        self.done, self.since.steps = int(of["far"]["done"]), int(of["far"]["since"])
        self.started = time.perf_counter() - float(of["far"]["seconds"])

    def run(self, watch: Watch | None = None) -> None:
        """Train to the last step, or until nobody goes on; from where it is."""
        made = len(self.curves.metrics)
        for number, at in [*enumerate(self.check_steps())][made:]:
            while self.done < at and len(self.index):
                self.step()
                if watch:
                    watch(self)
            if len(self.index):
                self.check(number)
        self.stop(self.alive)
        self.keep(self.index[:0])

    def evaluate(self, params: Params | None, reg: Regularizer, split: str) -> dict[str, Tensor]:
        """Metrics of a split, each (M,): weights and masks at their expected values.

        Of these weights, or of those that are `evaluated` now.
        """
        totals, state = {}, None
        for key, index in self.batches.portions(split):
            found, state = self.measure(params, reg, split, key, index, state)
            for name, value in found.items():
                totals[name] = totals.get(name, 0) + value
        return self.task.metrics(totals)

    @torch.no_grad()
    def measure(
        self,
        params: Params | None,
        reg: Regularizer,
        split: str,
        key: Hashable,
        index: Tensor,
        state: list[State] | None,
    ) -> tuple[Totals, list[State]]:
        """The task's totals over one portion of a split, and the state after it."""
        params = self.evaluated if params is None else params
        members = len(params["output_bias"])
        noise = self.noise.expected()
        batch = self.batches.batch(split, key, index)
        state = None if batch.fresh else state
        trace = self.forward(reg, batch, state, reg.weights(params, noise), noise)
        y = batch.y.expand(members, *batch.y.shape[1:])  # the same targets for every member
        weight = batch.weight
        if weight is not None:
            weight = weight.expand(members, *weight.shape[1:])
        totals = self.task.totals(trace.output, y, weight)
        if self.setting.network.decoder:
            totals |= self.task.written(self.write(params, reg, trace, noise), y, weight)
        return totals, trace.state

    def write(self, params: Params, reg: Regularizer, trace: Trace, noise: Noise) -> Tensor:
        """What a decoder writes by itself, from the encoder's part of a trace: (M, S, B)."""
        network, weights = self.setting.network, reg.weights(params, noise)
        states = trace.state[: network.layers]
        mask = partial(reg.mask, noise=noise)
        shift = partial(reg.shift, noise=noise, weights=weights) if reg.uses("shift") else None
        return greedy(network, weights, trace.batch, trace.hidden[-1], states, mask, shift)
