"""Load and oil temperature of an electricity transformer, hourly, July 2016 to June 2018 (ETTh1).

Split by time as in the literature: 12, 4 and 4 months of 30 days, 8,640 / 2,880 / 2,880 rows; the
rows after that are not used. No gaps; the oil temperature has long constant runs, which are in the
data. Unlike Informer, which adds calendar features, the seven series are the only inputs.
Windows are anchored: the level drifts so much that a plain LSTM loses to the seasonal forecast.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, forecast, read_csv
from rnnreg.tasks import Forecast

MONTH = 30 * 24
COLUMNS = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT"]


class Etth1(Benchmark):
    """Forecast all seven series a day ahead from the last four days."""

    title = "ETTh1, electricity transformer"
    group = "time series"
    licence = "CC BY-ND 4.0"
    citation = "Zhou et al. (2021), Informer, AAAI (arXiv:2012.07436)"
    sources = (
        Download(
            "ETTh1.csv",
            "https://raw.githubusercontent.com/zhouhaoyi/ETDataset/"
            "1d16c8f4f943005d613b5bc962e9eeb06058cf07/ETT-small/ETTh1.csv",
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
        ),
    )
    task = Forecast(context=96, horizon=24, season=24, anchored=True)
    train = 864  # the last hours
    model = Model(hidden=48)
    budget = Budget(steps=600, batch=32, learning_rate=3e-3, checks=20, validated=1_000)

    def prepare(self, raw):
        values = read_csv(raw["ETTh1.csv"], COLUMNS)
        expect(self.name, "rows", len(values), 17_420)
        return forecast(values, self.task, rows=(12 * MONTH, 4 * MONTH, 4 * MONTH))
