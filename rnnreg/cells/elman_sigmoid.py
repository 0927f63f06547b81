"""The simple recurrent network with the logistic sigmoid."""

from rnnreg.cells import Cell


class ElmanSigmoid(Cell):
    """h = 1 / (1 + exp(-(W x + b + R h)))."""

    title = "Elman (sigmoid)"
    source = (
        "Elman 1990, Finding Structure in Time, Cognitive Science 14(2), figure 2; logistic units"
    )
    gates = 1

    @staticmethod
    def step(x, r, state, update):
        return (update * (x + r).sigmoid(),)
