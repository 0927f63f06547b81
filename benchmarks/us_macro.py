"""Quarterly economy of the United States, 1959 to 2009, as it comes with statsmodels.

Six amounts and the price level are yearly growth in percent from one quarter to the next, 400 x the
difference of logarithms; the treasury bill rate and the unemployment rate are in percent. 202
quarters, cut by time: 102 (to 1984) train, 48 validate, 52 test, the crisis of 2008 among them.
"""

import numpy as np

from rnnreg.data import Benchmark, Budget, Model, Packaged, expect, forecast, read_csv
from rnnreg.tasks import Forecast

GROWTH = ["realgdp", "realcons", "realinv", "realgovt", "realdpi", "cpi", "m1"]
RATES = ["tbilrate", "unemp"]


class UsMacro(Benchmark):
    """Forecast the next year of nine indicators from the last three."""

    title = "US macroeconomic indicators"
    group = "time series"
    licence = "public domain"
    citation = (
        "Federal Reserve Bank of St. Louis (FRED) and Bureau of Labor Statistics; packaged by "
        "statsmodels"
    )
    sources = (
        Packaged(
            "macrodata.csv",
            "statsmodels",
            "datasets/macrodata/macrodata.csv",
            "d93c0d3a7a77ef83c3af14e46032bb1d02ae3a512b22ab94159a8ca226fcf708",
        ),
    )
    task = Forecast(context=12, horizon=4, season=4)
    model = Model(hidden=32)
    budget = Budget(steps=300, batch=16, learning_rate=3e-3, checks=20)
    noisy = 0.3  # standard deviations of noise

    def prepare(self, raw):
        amounts, rates = (read_csv(raw["macrodata.csv"], names) for names in (GROWTH, RATES))
        expect(self.name, "quarters", len(amounts), 203)
        values = np.concatenate([400 * np.diff(np.log(amounts), axis=0), rates[1:]], axis=1)
        return forecast(values, self.task, rows=(102, 48, 52))
