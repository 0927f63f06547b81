"""The long short-term memory with forget gate."""

from rnnreg.cells import Cell


class LSTM(Cell):
    """c = f c + i g, h = o tanh(c), with gates in the order i, f, g, o."""

    title = "LSTM"
    source = (
        "Hochreiter and Schmidhuber 1997, Long Short-Term Memory, Neural Computation 9(8); forget "
        "gate of Gers, Schmidhuber and Cummins 2000, started open (bias 1: Jozefowicz et al. 2015)"
    )
    gates = 4
    states = 2
    first_bias = (0.0, 1.0, 0.0, 0.0)
    cell_state = True

    @staticmethod
    def step(x, r, state, update, mask=1.0, norm=lambda c: c):
        _, c = state
        i, f, g, o = (x + r).chunk(4, dim=-1)
        c = mask * (f.sigmoid() * c + update * i.sigmoid() * g.tanh())
        return o.sigmoid() * norm(c).tanh(), c
