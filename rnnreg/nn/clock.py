"""The draws and the progress of a training loop of one's own."""

from copy import copy

from rnnreg.errors import UserError
from rnnreg.kernels.noise import Noise


class Clock(Noise):
    """Noise that says so where how long training takes is read and was not told."""

    @property
    def steps(self) -> int:
        if not self.total:
            raise UserError(
                f"regularize: {self.regularizer}: it depends on how far training is. Remedy: "
                "regularize(..., steps=...), the steps of the whole training."
            )
        return self.total

    @steps.setter
    def steps(self, value: int) -> None:
        self.total = value

    def drawing(self, noise: Noise) -> "Clock":
        """The draws of another noise at the time that this clock shows."""
        other = copy(self)
        for name in ("seeds", "distinct", "member", "within", "training"):
            setattr(other, name, getattr(noise, name))
        return other
