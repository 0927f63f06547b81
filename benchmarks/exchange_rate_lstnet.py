"""Daily exchange rates of eight currencies, as LSTNet's table has them: one day, some days ahead.

Split by time, 60/20/20. From the last 168 days the rates of a single later day, the third;
variants of a study have another gap. Values stay in their own unit, without which the published
score, the relative squared error, cannot be had: it is the root of the mean squared error over
all eight rates divided by the standard deviation of all test values together, which `prepare`
counts as the paper's code does (github.com/laiguokun/LSTNet, utils.py). Members may train in
another unit, by a budget's `scaling`; scores stay in this one. Unlike there, the first test days
are not predicted, as many as `gap`, and no linear model runs beside.
"""

import math

from rnnreg.data import Benchmark, Budget, Download, Model, expect, forecast, read_csv
from rnnreg.tasks import Forecast

COLUMNS = 8


class ExchangeRateLstnet(Benchmark):
    """Forecast eight exchange rates of one day."""

    title = "Exchange rates, one day"
    group = "time series"
    family = "exchange_rate"
    licence = "unknown"
    citation = "Lai et al. (2018), Long- and Short-Term Temporal Patterns, SIGIR (arXiv:1703.07015)"
    sources = (
        Download(
            "exchange_rate.txt.gz",
            "https://raw.githubusercontent.com/laiguokun/multivariate-time-series-data/"
            "7f402f185cc2435b5e66aed13a3b560ed142e023/exchange_rate/exchange_rate.txt.gz",
            "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
        ),
    )
    task = Forecast(context=168, horizon=1, season=7, gap=2)
    regime = "close to a random walk: what the training years teach does not hold later"
    model = Model(hidden=50)
    budget = Budget(steps=1000, batch=32, learning_rate=1e-3, checks=20, validated=500)

    def prepare(self, raw):
        values = read_csv(raw["exchange_rate.txt.gz"], header=None)
        expect(self.name, "rows, columns", values.shape, (7_588, COLUMNS))
        splits = forecast(values, self.task, shares=(0.6, 0.2, 0.2), keep=range(COLUMNS))
        test = splits.test["series"][self.task.context :]
        by_rows = math.sqrt(1 - 1 / len(test))  # theirs corrects for rows, not for values
        splits.counts["standard deviation of test"] = float(test.std(ddof=1)) * by_rows
        return splits
