"""Daily exchange rates of eight currencies.

Split by time, 70/10/20 as from Autoformer on (LSTNet: 60/20/20). 96 days ahead from the last 96,
which is usual too. Close to a random walk: nobody should expect to beat the last value by much,
and many published models lose to it. Windows are anchored, as the level drifts. No dates in the
file; 182 rows equal the row before.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, forecast, read_csv
from rnnreg.tasks import Forecast


class ExchangeRate(Benchmark):
    """Forecast eight exchange rates."""

    title = "Exchange rates"
    group = "time series"
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
    task = Forecast(context=96, horizon=96, season=7, anchored=True)
    regime = "close to a random walk: what the training years teach does not hold later"
    model = Model(hidden=32)
    budget = Budget(steps=600, batch=32, learning_rate=1e-3, checks=20, validated=150)

    def prepare(self, raw):
        values = read_csv(raw["exchange_rate.txt.gz"], header=None)
        expect(self.name, "rows, columns", values.shape, (7_588, 8))
        return forecast(values, self.task, rows=(5_311, 760, 1_517))
