"""Add two marked numbers, over a hundred steps. Generated, at the lengths of the paper.

Hochreiter & Schmidhuber 1997, section 5.4: a sequence of 100 to 110 pairs of a number from -1 to 1
and a marker. The marker is 1 at one of the first ten pairs and at one of the first 49 others, -1 at
the first and the last pair, else 0; a number that is marked at the first pair is 0. The target, at
the end, is 0.5 and a quarter of the sum of both marked numbers. Here it is a quarter of the sum,
so that 0 is the mean, and the row after a sequence holds it: a forecast from 110 rows, of which
those before the first pair are 0. Initial weights lie within 0.1, as there. Unlike there, train is
a fixed set and batches have 32 sequences.
"""

import numpy as np

from rnnreg.data import Benchmark, Budget, Model
from rnnreg.data.benchmark import Splits
from rnnreg.tasks import Forecast

SHORTEST, LONGEST = 100, 110
SIZES = {"train": 10_000, "validation": 500, "test": 2560}


class Adding(Benchmark):
    """Forecast a quarter of the sum of two marked numbers."""

    title = "Adding, a hundred steps"
    group = "time series"
    licence = "generated, no licence needed"
    citation = "Hochreiter & Schmidhuber (1997), Long Short-Term Memory, Neural Computation 9(8)"
    task = Forecast(context=LONGEST, horizon=1, season=1, targets=(0,))
    regime = "generated: more of it costs nothing"
    model = Model(hidden=8, initial=0.1)
    budget = Budget(steps=3000, batch=32, learning_rate=1e-2, checks=20)
    base_clip = 1.0

    def prepare(self, raw):
        rng = np.random.RandomState(0)  # its stream is frozen for good, that of default_rng is not
        arrays = {}
        for split, count in SIZES.items():
            series = np.concatenate([sequence(rng) for _ in range(count)])
            starts = np.arange(count, dtype=np.int32) * (LONGEST + 1)
            arrays[split] = {"series": series, "starts": starts}
        decoding = {"mean": [0.0, 0.0], "deviation": [1.0, 1.0]}
        return Splits(**arrays, counts={"sequences": SIZES}, scale=[1.0], decoding=decoding)


def sequence(rng: np.random.RandomState) -> np.ndarray:
    """(LONGEST + 1, 2): numbers and markers, and a row with the target."""
    rows = np.zeros((LONGEST + 1, 2), np.float32)
    pairs = rows[LONGEST - rng.randint(SHORTEST, LONGEST + 1) : LONGEST]
    one, other = rng.randint(0, 10), rng.randint(0, SHORTEST // 2 - 1)
    marked = [one, other + (other >= one)]
    pairs[:, 0] = rng.uniform(-1, 1, len(pairs))
    pairs[[0, -1], 1] = -1
    pairs[marked, 1] = 1
    if 0 in marked:
        pairs[0, 0] = 0
    rows[LONGEST, 0] = pairs[marked, 0].sum() / 4
    return rows
