"""The simple recurrent network with tanh."""

from rnnreg.cells import Cell


class ElmanTanh(Cell):
    """h = tanh(W x + b + R h)."""

    title = "Elman (tanh)"
    source = "Elman 1990, Finding Structure in Time, Cognitive Science 14(2), figure 2; tanh units"
    gates = 1

    @staticmethod
    def step(x, r, state, update):
        return (update * (x + r).tanh(),)
