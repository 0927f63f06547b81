"""Which came in which order, X or Y, over a hundred steps? Generated, at the lengths of the paper.

Hochreiter & Schmidhuber 1997, section 5.6, task 6a: a sequence of 100 to 110 symbols starts with E,
ends with B and is made of a, b, c, d in between, but for two symbols, at places 10-20 and 50-60,
that are X or Y. The class is the pair. Unlike there, train is a fixed set, the loss is
cross-entropy, symbols are embedded and batches have 32 sequences. Gradients are clipped at norm 1,
as Pascanu et al. 2013 clip them on this task.
"""

import numpy as np

from rnnreg.data import Benchmark, Budget, Model, labelled
from rnnreg.tasks import Classification

SYMBOLS = "abcdEBXY"
SIZES = {"train": 10_000, "validation": 500, "test": 2560}


class TemporalOrderLong(Benchmark):
    """Classify a sequence by the order of two symbols far apart."""

    title = "Temporal order, a hundred steps"
    group = "time series"
    family = "temporal_order"
    licence = "generated, no licence needed"
    citation = "Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8)"
    task = Classification()
    regime = "generated: more of it costs nothing"
    model = Model(hidden=32, embedding=8)
    budget = Budget(steps=3000, batch=32, learning_rate=1e-2, checks=20)
    base_clip = 1.0

    def prepare(self, raw):
        rng = np.random.RandomState(0)  # its stream is frozen for good, that of default_rng is not
        made = {split: [sequence(rng) for _ in range(n)] for split, n in SIZES.items()}
        parts = [([x for x, _ in cases], [y for _, y in cases]) for cases in made.values()]
        splits = labelled(*parts)
        return type(splits)(**{**vars(splits), "symbols": len(SYMBOLS)})


def sequence(rng: np.random.RandomState) -> tuple[np.ndarray, str]:
    """One sequence of symbol numbers (T,) and its class."""
    x = rng.randint(0, 4, rng.randint(100, 111))
    pair = rng.randint(0, 2, 2)
    x[[0, -1]] = SYMBOLS.index("E"), SYMBOLS.index("B")
    x[[rng.randint(10, 21), rng.randint(50, 61)]] = SYMBOLS.index("X") + pair
    return x.astype(np.int32), "".join("XY"[p] for p in pair)
