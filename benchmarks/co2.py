"""Weekly carbon dioxide in the air at Mauna Loa, 1958 to 2001, as it comes with statsmodels.

2,284 weeks, cut by time: 1,560 (to 1988) train, 312 validate, 412 test. 59 weeks lack a
measurement: they hold the last one before, and never count as targets. Windows are anchored, as the
level rises.
"""

from rnnreg.data import Benchmark, Budget, Model, Packaged, expect, forecast
from rnnreg.tasks import Forecast


class Co2(Benchmark):
    """Forecast the next half year from the last year."""

    title = "Mauna Loa carbon dioxide"
    group = "time series"
    licence = "public domain"
    citation = (
        "Keeling & Whorf (2004), Atmospheric CO2 concentrations at sites in the SIO network, "
        "Carbon Dioxide Information Analysis Center; packaged by statsmodels"
    )
    sources = (
        Packaged(
            "co2.csv",
            "statsmodels",
            "datasets/co2/co2.csv",
            "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f",
        ),
    )
    regime = "a smooth series, whose season repeats: 30 years of it cannot be learned by heart"
    task = Forecast(context=52, horizon=26, season=52, anchored=True)
    model = Model(hidden=32)
    budget = Budget(steps=800, batch=16, learning_rate=3e-3, checks=20)

    def prepare(self, raw):
        import pandas as pd

        weeks = pd.read_csv(raw["co2.csv"])[["co2"]]
        measured = weeks.notna().to_numpy()
        found = len(weeks), int((~measured).sum())
        expect(self.name, "weeks, missing", found, (2_284, 59))
        values = weeks.ffill().to_numpy(float)
        return forecast(values, self.task, rows=(1_560, 312, 412), observed=measured)
