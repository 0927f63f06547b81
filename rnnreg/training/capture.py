"""A population on a GPU: each step is one launch, of work that was recorded once.

A recording holds addresses and numbers. What a step moves stays in the same tensors, so the step
ends by writing there; the number of the step is a tensor, or the masks of one step would be those
of all; and a Python number of the first recording is the number of every replay.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain

import torch
from torch import Tensor

from rnnreg.training.model import zero_state
from rnnreg.training.population import Population
from rnnreg.training.setting import Setting

Function = Callable[..., list[Tensor]]
Replay = Callable[[], list[Tensor]]
Record = Callable[[Function, list[Tensor]], Replay]


def populate(
    setting: Setting, strengths: list[float], seeds: list[int], rates: Sequence[float | None] = ()
) -> Population:
    """M members on the device of the setting."""
    kind = CapturedPopulation if setting.device.type == "cuda" else Population
    return kind(setting, strengths, seeds, rates)


def cuda_graphs() -> Record:
    """Records CUDA graphs that share their working memory; they are replayed one after another.

    Of no use once all of them are gone: torch does not open their memory to a graph again.
    """
    pool = torch.cuda.graph_pool_handle()

    def record(function, given):
        graph = torch.cuda.CUDAGraph()
        # The stream of now is that of afterwards, even where a recording does not end well.
        with torch.cuda.stream(torch.cuda.current_stream()), torch.cuda.graph(graph, pool=pool):
            found = function(*given)

        def replay():
            graph.replay()
            return found

        return replay

    return record


class Captured:
    """One function(key, *given, *kept) -> tensors, recorded when a key comes for the second time.

    The first time it runs as it is: what compiles or allocates once, does so then. `kept` are the
    same tensors at every call; those given are copied into tensors of the recording's own. What a
    replay returns is overwritten by the next. The function is not held: it is a method of who holds
    this, and the two would wait for the garbage collector with all their memory.
    """

    def __init__(self, kept: list[Tensor], record: Record):
        self.kept, self.record = kept, record
        self.seen: set[Hashable] = set()
        self.recorded: dict[Hashable, tuple[list[Tensor], Replay]] = {}

    def __call__(self, function: Function, key: Hashable, *given: Tensor) -> list[Tensor]:
        shape = (key, *(t.shape for t in given))
        if shape not in self.seen:
            self.seen.add(shape)
            return function(key, *given, *self.kept)
        if shape not in self.recorded:
            own = [t.clone() for t in given]
            replay = self.record(lambda *all: function(key, *all), [*own, *self.kept])
            self.recorded[shape] = own, replay
        own, replay = self.recorded[shape]
        for mine, new in zip(own, given, strict=True):
            mine.copy_(new)
        return replay()


class CapturedPopulation(Population):
    """A population that replays its steps and checks; between checks nothing waits for the GPU."""

    def __init__(
        self,
        setting: Setting,
        strengths: list[float],
        seeds: list[int],
        rates: Sequence[float | None] = (),
        recorder: Callable[[], Record] = cuda_graphs,
    ):
        super().__init__(setting, strengths, seeds, rates)
        torch.backends.cuda.matmul.allow_tf32 = self.budget.precision == "tf32"
        self.table = torch.tensor(self.numbers, dtype=torch.float32, device=setting.device)
        self.clock = torch.zeros(1, dtype=torch.int64, device=setting.device)
        if self.batches.carried:
            zero = zero_state(setting.network, self.params["output_bias"], self.budget.batch)
            self.state = [tuple(s.clone() for s in layer) for layer in zero]
        self.recorder = recorder
        self.renew()

    def renew(self) -> None:
        """Record anew: what a recording holds for constant has changed."""
        record = self.recorder()
        self.names = list(self.moving())
        self.advancing = Captured(self._moving(), record)
        self.measuring = Captured([*chain(*self._weights())], record)
        self.totals: list[str] = []

    def step(self):
        key, index = self.batches.pick(self.done)
        with self.looking(first=not self.done):
            self.advancing(self._advance, key, index)
        self._move(self.advancing.kept)
        self.done += 1
        self.since.steps += 1

    def _advance(self, key: Hashable, index: Tensor, *kept: Tensor) -> list[Tensor]:
        self._move(kept)
        numbers = self.table[self.clock][0].unbind()
        self.advance(key, index, self.noise.then(self.clock), numbers)
        self.clock = self.clock + 1
        for old, new in zip(kept, self._moving(), strict=True):
            if old is not new:
                old.copy_(new)
        return []

    def _moving(self) -> list[Tensor]:
        """All tensors that a step moves, its number with them."""
        return [*self.moving().values(), self.clock]

    def _weights(self) -> tuple[Iterable[Tensor], ...]:
        """What the weights that are evaluated follow from."""
        return self.params.values(), self.kept.values(), self.running.values()

    def _move(self, tensors: Sequence[Tensor]) -> None:
        """Put these in the place of `_moving`."""
        *own, self.clock = tensors
        self.move(dict(zip(self.names, own, strict=True)))

    def measure(self, params, reg, split, key, index, state):
        if params is not None:
            return super().measure(params, reg, split, key, index, state)
        before = chain(*(state or ()))
        found = self.measuring(self._measure, (split, key), index, *before)
        count = len(self.totals)
        return dict(zip(self.totals, found[:count], strict=True)), self.layers(found[count:])

    def _measure(self, key: Hashable, index: Tensor, *given: Tensor) -> list[Tensor]:
        own = self.params, self.kept, self.running
        count = len(given) - sum(map(len, own))
        state, each = self.layers(given[:count]) or None, iter(given[count:])
        params, kept, running = ({name: next(each) for name in some} for some in own)
        weights = {**self.reg.average(params, kept), **running}
        totals, state = super().measure(weights, self.reg, *key, index, state)
        self.totals = list(totals)
        return [*totals.values(), *chain(*state)]

    def keep(self, chosen):
        super().keep(chosen)
        self.renew()

    def restore(self, snapshot):
        super().restore(snapshot)
        self.clock.fill_(self.done)
        self.renew()
