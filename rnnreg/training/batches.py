"""From prepared arrays to batches: training batches in each seed's own order, evaluation in one.

Every source answers `train(step)`, a Batch whose leading axis is the members, and
`evaluate(split)`, the batches of a split, the same for all members (leading axis 1). The order
is a function of (seed, epoch), so training resumes anywhere and a member does not notice the
others. Shapes depend on the step alone, never on the seeds.

Both go by two questions. `pick` and `portions` say which batch, as a key and an index; `batch`
gathers it, from tensors alone. Batches of one key, and of one shape of the index, have one shape,
so that a GPU can replay what it did for one of them with the index of another.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.data.sequences import some
from rnnreg.kernels.noise import Noise
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony, Task, Transduction
from rnnreg.trace import Batch

Arrays = dict[str, np.ndarray]
Choice = tuple[Hashable, Tensor]  # key, index: see the module
HELD = 10  # one in so many is held out, where a regularizer asks for it
PAD = 16  # sequences are padded on the right to a multiple of this


class Batches(ABC):
    """The batches of one population: the task's arrays, the members' seeds (M,), B.

    `validated` is the budget's: how much of the validation split is read, 0 for all; so is
    `columns`: how many a text is cut into in evaluation. With `holding` a training batch says which
    of its sequences lie in the tenth of the training split that is held out. The "sample"
    beside the splits is a fixed part of the training data, no larger than the validation split, on
    which the training loss is measured as the others are.
    """

    carried = False  # whether a batch may start from the state after the one before

    def __init__(
        self,
        task: Task,
        splits: dict[str, Arrays],
        seeds: Tensor,
        size: int,
        validated: int = 0,
        columns: int = 32,
        holding: bool = False,
    ):
        self.holding = holding
        self.task, self.size, self.device = task, size, seeds.device
        self.validated, self.columns = validated, columns
        each = Noise(seeds, 0)
        self.noise, self.member = Noise(each.distinct, 0), each.member
        self.splits = {name: self.load(arrays) for name, arrays in splits.items()}
        self.splits["sample"] = self.load(self.sample(splits))
        self.epoch, self.drawn = -1, None
        self.parts: dict[str, list[Choice]] = {}

    def keep(self, index: Tensor) -> None:
        """Go on with some of the members."""
        self.member = self.member[index]

    def train(self, step: int) -> Batch:
        """The batch of a training step."""
        key, index = self.pick(step)
        return self.batch("train", key, index[self.member])

    def evaluate(self, split: str) -> Iterator[Batch]:
        """All targets of a split, each once; of validation, those that are `validated`."""
        return (self.batch(split, key, index) for key, index in self.portions(split))

    def portions(self, split: str) -> list[Choice]:
        """Which batches make up a split."""
        if split not in self.parts:
            most = self.validated if split == "validation" else 0
            self.parts[split] = list(self.divide(split, most))
        return self.parts[split]

    def place(self, step: int) -> int:
        """Batch number within the epoch; draws the order where an epoch starts."""
        epoch, within = divmod(step, self.epoch_steps)
        if epoch != self.epoch:
            self.epoch, self.drawn = epoch, self.draw(self.noise.then(epoch))
        return within

    def held(self, split: str, place: Tensor, count: int | Tensor) -> Tensor | None:
        """Which sequences are held out: those whose place is in the last tenth of `count`."""
        if split != "train" or not self.holding:
            return None
        return HELD * place >= (HELD - 1) * count

    def tensor(self, values: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values)).to(self.device, dtype)

    @property
    @abstractmethod
    def epoch_steps(self) -> int:
        """How many training batches an epoch has: once through the training split."""

    @abstractmethod
    def load(self, arrays: Arrays) -> object:
        """A split's arrays as tensors on the device."""

    @abstractmethod
    def sample(self, splits: dict[str, Arrays]) -> Arrays:
        """The part of the training arrays that the training loss is measured on."""

    @abstractmethod
    def draw(self, noise: Noise) -> object:
        """The order of an epoch for each distinct seed."""

    @abstractmethod
    def pick(self, step: int) -> Choice:
        """Which batch a training step takes; the index has the distinct seeds in front."""

    @abstractmethod
    def divide(self, split: str, most: int) -> Iterator[Choice]:
        """Which batches make up a split, or so much of it, evenly spread (0: all).

        The index has an axis of one in front.
        """

    @abstractmethod
    def batch(self, split: str, key: Hashable, index: Tensor) -> Batch:
        """The batch that was picked."""


class Streams(Batches):
    """Language modelling: B columns of one long text, read window by window.

    Each seed and epoch starts the text at an offset of its own. Evaluation cuts the text into
    fixed columns; what is left over at the end is padded and not counted. Part of a text is the
    first symbols of every column.
    """

    carried = True
    LONGEST = 128  # steps of an evaluation window, but
    LARGEST = 1 << 24  # numbers that its output has at the most, a member

    def load(self, arrays):
        return self.tensor(arrays["tokens"], torch.int64)

    def sample(self, splits):
        return {"tokens": splits["train"]["tokens"][: len(splits["validation"]["tokens"])]}

    def draw(self, noise):
        high = noise.at("offset").uniform((1,)).double()  # (S, 1)
        return (high * len(self.splits["train"])).long()

    def column(self) -> int:
        """How many symbols a column of the training text has."""
        return max((len(self.splits["train"]) - 1) // self.size, self.task.window)

    @cached_property
    def epoch_steps(self):
        return self.column() // self.task.window

    def pick(self, step):
        window, within = self.task.window, self.place(step)
        return (self.size, self.column(), window, within == 0), self.drawn + within * window

    def divide(self, split, most):
        targets = len(self.splits[split]) - 1
        column = -(-targets // self.columns)
        read = min(-(-most // self.columns), column) or column
        symbols = int(self.splits["train"].max()) + 1
        longest = min(self.LONGEST, max(self.LARGEST // (self.columns * symbols), 1))
        for start in range(0, read, longest):
            steps = min(longest, read - start)
            index = torch.full((1, 1), start, device=self.device)
            yield (self.columns, column, steps, start == 0), index

    def batch(self, split, key, index):
        """The next `steps` symbols of each column after the first index (M, 1)."""
        columns, column, steps, fresh = key
        text = self.splits[split]
        time = torch.arange(steps + 1, device=self.device)[:, None]
        start = torch.arange(columns, device=self.device) * column
        place = index[..., None] + time + start  # (M, T + 1, B)
        tokens = text[place % len(text)]
        counts = None if split == "train" else (place[:, 1:] < len(text)).float()
        held = self.held(split, place[:, 0] % len(text), len(text))
        return Batch(tokens[:, :-1], tokens[:, 1:], counts, fresh=fresh, held=held)


class Sequences(Batches):
    """Classification, polyphony, transduction: whole sequences of unequal length, padded on the
    right.

    Sequences of like length form a bucket of at least B; a batch comes from one bucket. The
    buckets of an epoch come in an order that all seeds share; which sequences of a bucket form a
    batch is each seed's own. What does not fill a batch waits for another epoch's order.
    """

    # Steps that the sequences of an evaluation batch have together: a CPU's should stay in cache.
    LARGEST = {"cpu": 1 << 12, "cuda": 1 << 16}

    def load(self, arrays):
        length = self.tensor(arrays["length"], torch.int64)
        first = torch.cat([length.new_zeros(1), length.cumsum(0)[:-1]])
        symbols = arrays["x"].ndim == 1
        x = self.tensor(arrays["x"], torch.int64 if symbols else torch.float32)
        x = torch.cat([x, torch.zeros_like(x[:1])])  # the last row is the padding
        y = self.tensor(arrays["y"], torch.int64) if "y" in arrays else None
        if isinstance(self.task, Polyphony):
            length = length - 1  # the last frame has nothing after it
        if isinstance(self.task, Transduction):
            y = _aligned(y, self.tensor(arrays["y_length"], torch.int64))
        return {"x": x, "y": y, "first": first, "length": length}

    def sample(self, splits):
        train, count = splits["train"], len(splits["validation"]["length"])
        every = np.unique(np.linspace(0, len(train["length"]) - 1, count).astype(int))
        return some(train, every)

    @cached_property
    def bucketed(self) -> list[tuple[int, Tensor]]:
        """(steps, sequence numbers) a bucket; each has B or more, or else all there are."""
        length = self.splits["train"]["length"]
        order = length.argsort(stable=True)
        _, counts = ((length[order] + PAD - 1) // PAD).unique_consecutive(return_counts=True)
        sizes, waiting = [], 0
        for count in counts.tolist():
            waiting += count
            if waiting >= self.size:
                sizes.append(waiting)
                waiting = 0
        if sizes:
            sizes[-1] += waiting
        return [(_padded(length[b]), b) for b in order.split(sizes or [len(order)])]

    def draw(self, noise):
        """(steps, sequence numbers (S, B)) for each batch of the epoch, in the shared order."""
        found = []
        for number, (steps, bucket) in enumerate(self.bucketed):
            order = bucket[noise.at(f"bucket {number}").order(len(bucket))]  # (S, bucket)
            whole = len(bucket) // self.size * self.size or len(bucket)
            found += [(steps, chosen) for chosen in order[:, :whole].split(self.size, dim=1)]
        shared = Noise(torch.zeros(1, dtype=torch.int64), noise.step)
        turn = shared.at("bucket order").order(len(found))[0].tolist()
        return [found[i] for i in turn]

    @cached_property
    def epoch_steps(self):
        return sum(max(len(bucket) // self.size, 1) for _, bucket in self.bucketed)

    def pick(self, step):
        within = self.place(step)  # draws the order
        return self.drawn[within]

    def divide(self, split, most):
        length = self.splits[split]["length"]
        chosen = _spread(len(length), most, self.device)
        chosen = chosen[length[chosen].argsort(stable=True)]
        while len(chosen):  # the longest first
            steps = _padded(length[chosen[-1:]])
            count = max(self.LARGEST[self.device.type] // steps, 1)
            yield steps, chosen[None, -count:]
            chosen = chosen[:-count]

    def batch(self, split, key, index):
        """The sequences with numbers `index` (M, B), padded to `key` steps."""
        data = self.splits[split]
        length = data["length"][index]  # (M, B)
        time = torch.arange(key, device=self.device)[:, None]
        valid = time < length[:, None]  # (M, T, B)
        place = data["first"][index][:, None] + time
        place = place.where(valid, len(data["x"]) - 1)
        x = _rows(data["x"], place)
        held = self.held(split, index % HELD, HELD)  # every tenth: labels may stand in order
        if isinstance(self.task, Polyphony):
            return Batch(x, _rows(data["x"], place + valid), weight=valid.float(), held=held)
        if isinstance(self.task, Transduction):
            y, counts = (values[index].movedim(-1, 1) for values in data["y"])
            return Batch(x, y, weight=counts, length=length, held=held)
        return Batch(x, data["y"][index], length=length, held=held)


class Windows(Batches):
    """Forecasting: every window of `context` rows with the `horizon` rows after it.

    An array "starts" in a split names the first rows of its windows, where they are not all; one
    "inputs" holds what is read in place of the series.
    """

    def load(self, arrays):
        series = self.tensor(arrays["series"], torch.float32)
        observed = arrays.get("observed")
        observed = None if observed is None else self.tensor(observed, torch.float32)
        inputs = self.tensor(arrays["inputs"], torch.float32) if "inputs" in arrays else series
        if "starts" in arrays:
            return series, observed, self.tensor(arrays["starts"], torch.int64), inputs
        count = max(len(series) - self.task.rows + 1, 0)
        return series, observed, torch.arange(count, device=self.device), inputs

    def sample(self, splits):
        train, rows = splits["train"], len(splits["validation"]["series"])
        if "starts" not in train:
            return {name: values[:rows] for name, values in train.items()}
        chosen = np.linspace(0, len(train["starts"]) - 1, min(rows, len(train["starts"])))
        return {**train, "starts": train["starts"][chosen.astype(int)]}

    def count(self, split: str) -> int:
        """How many windows a split has."""
        return len(self.splits[split][2])

    def draw(self, noise):
        return noise.at("order").order(self.count("train"))  # (S, windows)

    @cached_property
    def epoch_steps(self):
        return max(self.count("train") // self.size, 1)

    def pick(self, step):
        within = self.place(step)
        chosen = self.drawn[:, within * self.size : (within + 1) * self.size]
        return None, self.splits["train"][2][chosen]

    def divide(self, split, most):
        chosen = _spread(self.count(split), most, self.device)
        for start in self.splits[split][2][chosen].split(16 * self.size):
            yield None, start[None]

    def batch(self, split, key, index):
        """The windows that start at rows `index` (M, B)."""
        series, observed, _, inputs = self.splits[split]
        context, horizon = self.task.context, self.task.horizon
        time = torch.arange(context, device=self.device)[:, None]
        first = context + self.task.gap
        ahead = index[..., None] + first + torch.arange(horizon, device=self.device)
        x = _rows(inputs, index[:, None] + time)  # (M, T, B, D)
        y = _rows(series, ahead)  # (M, B, horizon, D)
        if self.task.anchored:
            last = x[:, -1]  # (M, B, D)
            x, y = x - last[:, None], y - last[:, :, None]
        if self.task.targets is not None:
            y = torch.stack([y[..., column] for column in self.task.targets], dim=-1)
        held = self.held(split, index, self.splits[split][2].max() + 1)
        return Batch(x, y, None if observed is None else observed[ahead], held=held)


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """table[index] by whole rows, which is several times faster."""
    return table[index] if table.ndim == 1 else F.embedding(index, table)


def _aligned(y: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Targets laid end to end as rows (sequences, S), zero after their end, and which count."""
    time = torch.arange(int(length.max()), device=y.device)
    counts = time < length[:, None]
    rows = y.new_zeros(counts.shape).masked_scatter(counts, y)
    return rows, counts.float()


def _spread(count: int, most: int, device: torch.device) -> Tensor:
    """The numbers of `most` of `count` things, evenly spread; of all where `most` is 0."""
    chosen = min(most or count, count)
    return torch.arange(chosen, device=device) * count // chosen


def _padded(length: Tensor) -> int:
    """Steps that hold the longest sequence, a multiple of PAD."""
    return -(-int(length.max()) // PAD) * PAD


SOURCES = {
    LanguageModel: Streams,
    Classification: Sequences,
    Polyphony: Sequences,
    Transduction: Sequences,
    Forecast: Windows,
}


def batches(
    task: Task,
    splits: dict[str, Arrays],
    seeds: Tensor,
    size: int,
    validated: int = 0,
    columns: int = 32,
    holding: bool = False,
) -> Batches:
    """The source of batches that a task calls for."""
    return SOURCES[type(task)](task, splits, seeds, size, validated, columns, holding)
