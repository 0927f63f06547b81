"""A population in the middle of its training, in a file: the same command goes on from there."""

import json
import time
import warnings
from pathlib import Path

from rnnreg.study import stop
from rnnreg.study.protocol import Member
from rnnreg.training import tensors
from rnnreg.training.population import Population, Watch

EVERY = 15.0  # seconds from one to the next, at the least
SHARE = 200  # and at least so many times what one takes: half a per cent of a row

Identity = tuple[float, float, int]  # rate, strength and seed of a member of a population


class Checkpoint:
    """The one checkpoint of a row in training.

    `made_from` names what a checkpoint must share with this process to be gone on from, in words:
    {"code": ..., "data": ..., ...}. One of anything else is left aside with a warning. `rate` is
    that of members without one of their own.
    """

    def __init__(self, file: Path, made_from: dict[str, str], rate: float):
        self.file, self.made_from, self.rate = file, made_from, rate
        self.snapshot, self.members = self._read()

    def _read(self) -> tuple[dict, list[Identity]]:
        """What the file holds of this code and data; nothing, where it holds none."""
        if not self.file.exists():
            return {}, []
        try:
            snapshot, notes = tensors.read(self.file)
            for what, own in self.made_from.items():
                if notes.get(what) != own:
                    raise ValueError(f"of other {what} ({notes.get(what)}, here {own})")
            return snapshot, [tuple(member) for member in json.loads(notes["members"])]
        except (OSError, ValueError) as error:
            self._leave(str(error))
            return {}, []

    def _leave(self, why: str) -> None:
        warnings.warn(
            f"{self.file}: a checkpoint that is {why}. It is left aside: the members in training "
            "start anew, finished ones are kept.",
            stacklevel=3,
        )

    def begun(self, missing: list[Member]) -> list[list[Member]]:
        """Members to be trained, in one population or two: those of the checkpoint come first."""
        found = {(self.rate if m[1] is None else m[1], *m[2:]): m for m in missing}
        if not self.members or not found.keys() >= set(self.members):
            return [missing]
        own = [found.pop(identity) for identity in self.members]
        return [some for some in (own, list(found.values())) if some]

    def run(self, population: Population, watch: Watch | None = None) -> None:
        """Train from where the file left these members, or from the start.

        Saved every now and then, and, before it ends with Interrupted, when a signal asks to stop.
        """
        if self.snapshot and _members(population) == self.members:
            if population.fits(self.snapshot):
                population.restore(self.snapshot)
            else:
                self._leave("of another version of rnnreg")
        self.snapshot = {}
        next_at = time.monotonic() + EVERY

        def look(population: Population) -> None:
            nonlocal next_at
            if watch:
                watch(population)
            if came or time.monotonic() > next_at:
                next_at = self._save(population)
            if came:
                steps = f"step {population.done} of {population.budget.steps}"
                raise stop.Interrupted(came[0], f"the same command goes on from {steps}")

        with stop.later() as came:
            population.run(look)

    def _save(self, population: Population) -> float:
        """Save, and say when to save again."""
        start = time.monotonic()
        notes = {**self.made_from, "members": json.dumps(_members(population))}
        tensors.write(self.file, population.snapshot(), notes)
        now = time.monotonic()
        return now + max(EVERY, SHARE * (now - start))

    def remove(self) -> None:
        """All that it held is in records."""
        self.file.unlink(missing_ok=True)


def _members(population: Population) -> list[Identity]:
    own = population.rates, population.strengths, population.all_seeds
    return list(zip(*own, strict=True))
