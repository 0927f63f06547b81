"""The draws and the progress of a training loop of one's own."""

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
