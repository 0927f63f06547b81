"""A progress line for a row in training: only on a terminal, so that logs stay quiet."""

import sys
import time

EVERY = 0.25  # seconds between two drawings
WIDTH = 24


class Progress:
    """Draws a population's progress; `training.train` calls it after every step."""

    def __init__(self, name: str, stream=sys.stderr):
        self.name, self.stream, self.shown = name, stream, 0.0
        self.quiet = not stream.isatty()

    def __call__(self, population) -> None:
        """Show steps, members alive, training loss, steps a second and time left."""
        now = time.perf_counter()
        if self.quiet or now - self.shown < EVERY:
            return
        self.shown = now
        done, steps = population.done, population.budget.steps
        speed = done / (now - population.started)
        full = round(WIDTH * done / steps)
        loss = float(population.since.loss.nanmean()) / max(population.since.steps, 1)
        self.stream.write(
            f"\r\x1b[K{self.name} [{'=' * full}{' ' * (WIDTH - full)}] {done}/{steps} steps, "
            f"{len(population.index)}/{len(population.strengths)} members, loss {loss:.3f}, "
            f"{speed:.0f} steps/s, {(steps - done) / speed:.0f} s left"
        )
        self.stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if not self.quiet:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
