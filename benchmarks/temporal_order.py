"""Which came in which order, X or Y? Generated; needs memory over some thirty steps.

Hochreiter & Schmidhuber 1997, section 5.6, task 6a: a sequence of symbols starts with E, ends with
B and is made of a, b, c, d in between, but for two symbols that are X or Y. The class is the pair:
XX, XY, YX or YY. Unlike there, all lengths are a third (33 to 37 symbols, the two at places 3-7
and 17-20; there 100 to 110, 10-20 and 50-60): 1,500 steps do for LSTM and GRU, and not for a
tanh RNN. Train is a fixed set, the loss is cross-entropy, and symbols are embedded.
"""

import numpy as np

from rnnreg.data import Benchmark, Budget, Model, labelled
from rnnreg.tasks import Classification

SYMBOLS = "abcdEBXY"
SIZES = {"train": 1000, "validation": 500, "test": 1000}


class TemporalOrder(Benchmark):
    """Classify a sequence by the order of two far-apart symbols."""

    title = "Temporal order, two symbols"
    group = "time series"
    licence = "generated, no licence needed"
    citation = "Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8)"
    task = Classification()
    regime = "generated: more of it costs nothing"
    model = Model(hidden=32, embedding=8)
    budget = Budget(steps=1500, batch=32, learning_rate=1e-2, checks=20)

    def prepare(self, raw):
        rng = np.random.RandomState(0)  # its stream is frozen for good, that of default_rng is not
        made = {split: [sequence(rng) for _ in range(n)] for split, n in SIZES.items()}
        parts = [([x for x, _ in cases], [y for _, y in cases]) for cases in made.values()]
        splits = labelled(*parts)
        return type(splits)(**{**vars(splits), "symbols": len(SYMBOLS)})


def sequence(rng: np.random.RandomState) -> tuple[np.ndarray, str]:
    """One sequence of symbol numbers (T,) and its class."""
    x = rng.randint(0, 4, rng.randint(33, 38))
    pair = rng.randint(0, 2, 2)
    x[[0, -1]] = SYMBOLS.index("E"), SYMBOLS.index("B")
    x[[rng.randint(3, 8), rng.randint(17, 21)]] = SYMBOLS.index("X") + pair
    return x.astype(np.int32), "".join("XY"[p] for p in pair)
