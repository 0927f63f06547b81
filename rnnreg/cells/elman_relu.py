"""The simple recurrent network with rectified linear units."""

from rnnreg.cells import Cell


class ElmanReLU(Cell):
    """h = max(0, W x + b + R h)."""

    title = "Elman (ReLU)"
    source = (
        "Elman 1990, Finding Structure in Time, Cognitive Science 14(2), figure 2; with rectified "
        "linear units as in Le, Jaitly and Hinton 2015, arXiv:1504.00941 (there from the identity; "
        "here from a uniform distribution)"
    )
    gates = 1

    @staticmethod
    def step(x, r, state, update):
        return (update * (x + r).relu(),)
