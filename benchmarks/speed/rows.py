"""Whole rows: rnnreg's population against a straightforward script on the same batches.

The script is what one would write for one member: an embedding, nn.LSTM (or its like), nn.Linear,
the optimizer of torch.optim, and batches from the same source. A row is its steps and its
validation checks; both are timed a few times, and the row is steps x step + checks x check.
"""

from pathlib import Path

import torch
from contenders import MODULES
from torch import nn

from rnnreg.data import prepared
from rnnreg.study import study
from rnnreg.tasks import LanguageModel
from rnnreg.training.batches import batches
from rnnreg.training.capture import populate
from rnnreg.training.setting import Setting, setting

ROWS = [
    ("etth1", "lstm"),
    ("etth1", "gru"),
    ("tinyshakespeare", "lstm"),
    ("tinyshakespeare", "gru"),
    ("python_docs", "lstm"),
    ("us_macro", "lstm"),
    ("jsb_chorales", "lstm"),
    ("r8", "lstm"),
]
ON_GPU = [("etth1", "lstm"), ("etth1", "gru"), ("tinyshakespeare", "lstm"), ("ptb_word", "lstm")]


def job(benchmark: str, cell: str, device: str, regularizer: str = "none") -> Setting:
    facts, splits = prepared.read(benchmark, Path("data/prepared"))
    row = study.Row(benchmark, cell, regularizer, (0.0,), (0,), (1000,), {})
    return setting(row, facts, splits, device)


def members(benchmark: str, device: str) -> int:
    """How many train side by side."""
    if device == "cpu":
        return 8
    return 10 if benchmark == "ptb_word" else 32


class Model(nn.Module):
    """Embedding, recurrent layers, linear output."""

    def __init__(self, sizes):
        super().__init__()
        kind, _, options = MODULES[sizes.cell.name]
        self.embed = nn.Embedding(sizes.inputs, sizes.embedding) if sizes.symbols else nn.Identity()
        below = sizes.embedding if sizes.symbols else sizes.inputs
        self.recurrent = kind(below, sizes.hidden, sizes.layers, **options)
        self.output = nn.Linear(sizes.hidden, sizes.outputs)
        self.every_step = sizes.every_step

    def forward(self, x, state):
        h, state = self.recurrent(self.embed(x), state)
        return self.output(h if self.every_step else h[-1]), state


class Script:
    """One member, trained by torch alone."""

    def __init__(self, job: Setting):
        self.job, self.task = job, job.benchmark.task
        self.model = Model(job.network).to(job.device)
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[job.budget.optimizer]
        self.optimizer = kind(self.model.parameters(), lr=job.budget.learning_rate)
        seeds = torch.tensor([0], device=job.device)
        budget = job.budget
        self.batches = batches(self.task, job.splits, seeds, budget.batch, budget.validated)
        self.done, self.state = 0, None

    def run(self, batch, state):
        state = None if batch.fresh else state
        output, state = self.model(batch.x[0], state)
        kept = isinstance(self.task, LanguageModel)
        return output[None], state if kept else None

    def step(self):
        batch = self.batches.train(self.done)
        output, state = self.run(batch, self.state)
        self.state = None if state is None else _detached(state)
        loss = self.task.loss(output, batch.y, batch.weight).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.done += 1

    @torch.no_grad()
    def check(self):
        total, state = {}, None
        for batch in self.batches.evaluate("validation"):
            output, state = self.run(batch, state)
            for name, value in self.task.totals(output, batch.y, batch.weight).items():
                total[name] = total.get(name, 0) + value
        return self.task.metrics(total)


def _detached(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def contenders(benchmark: str, cell: str, device: str) -> tuple[Setting, dict, dict]:
    """The job, and what to time: one step of all members, one check of all members."""
    here, count = job(benchmark, cell, device), members(benchmark, device)
    population = populate(here, [0.0] * count, list(range(count)))
    masked = job(benchmark, cell, device, "recurrent_dropout")
    dropped = populate(masked, [0.25] * count, list(range(count)))
    scripts = [Script(here) for _ in range(count)]

    def check(population):
        return lambda: population.evaluate(population.params, population.reg, "validation")

    steps = {
        "rnnreg": population.step,
        "rnnreg, recurrent dropout": dropped.step,
        "torch script": lambda: [s.step() for s in scripts],
    }
    checks = {
        "rnnreg": check(population),
        "rnnreg, recurrent dropout": check(dropped),
        "torch script": lambda: [s.check() for s in scripts],
    }
    return here, steps, checks
