"""A progress line for a row in training: only on a terminal, so that logs stay quiet."""

import sys
import time
from pathlib import Path

EVERY = 0.25  # seconds between two drawings
BEAT = 10.0  # seconds between two signs of life
WIDTH = 24


class Progress:
    """Draws a population's progress; `training.train` calls it after every step.

    Every ten seconds it touches the row's unfinished file, by which `rnnreg status` knows that
    somebody is at work on the row.
    """

    def __init__(self, name: str, unfinished: Path, stream=None):
        self.name, self.stream, self.shown = name, stream or sys.stderr, 0.0
        self.unfinished, self.beat = unfinished, time.perf_counter()
        self.quiet = not self.stream.isatty()

    def __call__(self, population) -> None:
        """Show steps, members alive, training loss, steps a second and time left."""
        now = time.perf_counter()
        if now - self.beat > BEAT:
            self.beat = now
            self.unfinished.touch()
        if self.quiet or now - self.shown < EVERY:
            return
        self.shown = now
        done, steps = population.done, population.budget.steps
        speed = done / (now - population.started)
        full = round(WIDTH * done / steps)
        alive, since = population.alive, population.since
        loss = float(since.loss[alive].nanmean()) / max(since.steps, 1)
        self.stream.write(
            f"\r\x1b[K{self.name} [{'=' * full}{' ' * (WIDTH - full)}] {done}/{steps} steps, "
            f"{int(alive.sum())}/{len(population.strengths)} members, loss {loss:.3f}, "
            f"{speed:.0f} steps/s, {(steps - done) / speed:.0f} s left"
        )
        self.stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if not self.quiet:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
