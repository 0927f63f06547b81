"""Monthly sea-surface temperature off Peru, 1950 to 2010, as it comes with statsmodels.

One series of 61 x 12 months, cut by time: 41 years train, 8 validate, 12 test. It has no gaps.
"""

from rnnreg.data import Benchmark, Budget, Model, Packaged, expect, forecast, read_csv
from rnnreg.tasks import Forecast

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]


class Elnino(Benchmark):
    """Forecast the next twelve months from the last twenty-four."""

    title = "El Niño sea-surface temperature"
    group = "time series"
    licence = "public domain"
    citation = "NOAA National Weather Service, ERSST.V3B, Niño 1+2; packaged by statsmodels"
    sources = (
        Packaged(
            "elnino.csv",
            "statsmodels",
            "datasets/elnino/elnino.csv",
            "b647be00e0fd264be9764e317e6b963f35030014ecca2b21b204521716e463ad",
        ),
    )
    regime = "a few strong events decide the loss of any block: 41 years cannot tell"
    task = Forecast(context=24, horizon=12, season=12)
    model = Model(hidden=32)
    budget = Budget(steps=800, batch=16, learning_rate=3e-3, checks=20)
    noisy = 0.3  # standard deviations of noise

    def prepare(self, raw):
        values = read_csv(raw["elnino.csv"], MONTHS).reshape(-1, 1)
        expect(self.name, "months", len(values), 732)
        return forecast(values, self.task, rows=(41 * 12, 8 * 12, 12 * 12))
