"""Hourly air pollution and weather in Beijing, 2010 to 2014; forecast is the pollution alone.

Split by years: 2010-2012, 2013, 2014; no split is fixed by others. 2,067 hours lack a measurement
of pm2.5: they hold the last one before (the first day, before any, the mean of train), a further
input tells them from measurements, and they never count as targets. The wind's direction is four
inputs of 0 and 1. Everything else is standardised.
"""

import numpy as np

from rnnreg.data import Benchmark, Budget, Download, Model, expect, forecast
from rnnreg.tasks import Forecast

NUMBERS = ["pm2.5", "DEWP", "TEMP", "PRES", "Iws", "Is", "Ir"]
WINDS = ["NE", "NW", "SE", "cv"]  # cv: calm, or of no direction
TRAIN = (365 + 365 + 366) * 24


class BeijingPm25(Benchmark):
    """Forecast a day of fine dust from two days of dust and weather."""

    title = "Beijing PM2.5"
    group = "time series"
    licence = "CC BY 4.0 (policy of the UCI repository)"
    citation = "Liang et al. (2015), Assessing Beijing's PM2.5 pollution, Proc. R. Soc. A 471"
    sources = (
        Download(
            "pollution.csv",
            "https://raw.githubusercontent.com/jbrownlee/Datasets/"
            "d20fcb6402ae34e653d4513b00f39257bb37ed7f/pollution.csv",
            "892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2",
        ),
    )
    task = Forecast(context=48, horizon=24, season=24, targets=(0,))
    regime = "spells of dirty air decide the loss of any block: three months cannot tell"
    train = 2_160  # the last hours
    model = Model(hidden=48)
    budget = Budget(steps=800, batch=32, learning_rate=1e-3, checks=20, validated=400)

    def prepare(self, raw):
        import pandas as pd

        table = pd.read_csv(raw["pollution.csv"])
        missing = table["pm2.5"].isna().to_numpy()
        expect(self.name, "rows, missing", (len(table), int(missing.sum())), (43_824, 2_067))
        expect(self.name, "winds", sorted(table["cbwd"].unique()), WINDS)
        table["pm2.5"] = table["pm2.5"].ffill().fillna(table["pm2.5"][:TRAIN].mean())
        wind = np.stack([table["cbwd"] == w for w in WINDS], axis=1)
        measured = ~missing[:, None]
        values = np.concatenate([table[NUMBERS].to_numpy(float), wind, measured], axis=1)
        flags = range(len(NUMBERS), values.shape[1])
        rows = (TRAIN, 365 * 24, 365 * 24)
        return forecast(values, self.task, rows=rows, observed=measured, keep=flags)
