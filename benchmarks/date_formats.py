"""Dates as people write them, into ISO 8601. Generated: no download.

A day of 1950 to 2049 is written in one of eight English ways, "Tue 3 March 1987" or "03/07/87",
say, and its target is "1987-03-03". A number alone cannot tell day from month, so numbers are day
first with dots, and month first with slashes. A day is in one split only, with one of its ways.
The year of two digits is of 1950 to 2049.
"""

import datetime

import numpy as np

from rnnreg.data import Benchmark, Budget, Model, transduction
from rnnreg.tasks import Transduction

FIRST, DAYS = datetime.date(1950, 1, 1), 36_525
SIZES = {"train": 400, "validation": 500, "test": 1000}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WAYS = (
    "{day} {month} {year}",
    "{month} {day}, {year}",
    "{weekday} {day} {month} {year}",
    "{weekday}, {month} {day}, {year}",
    "{day} {short} {two:02}",
    "{short} {day}, '{two:02}",
    "{day:02}.{number:02}.{two:02}",
    "{number:02}/{day:02}/{year}",
)


class DateFormats(Benchmark):
    """Write a date as year, month and day."""

    title = "Date formats"
    group = "NLP"
    licence = "generated, no licence needed"
    citation = "this project"
    task = Transduction()
    regime = "generated: more of it costs nothing"
    model = Model(hidden=48, embedding=24, head="additive")
    budget = Budget(steps=1200, batch=32, learning_rate=5e-3, checks=20)

    def prepare(self, raw):
        rng = np.random.RandomState(0)  # its stream is frozen for good, that of default_rng is not
        days = iter(rng.permutation(DAYS)[: sum(SIZES.values())].tolist())
        parts = {
            s: [pair(next(days), rng.randint(len(WAYS))) for _ in range(n)]
            for s, n in SIZES.items()
        }
        return transduction(**parts)


def pair(number: int, way: int) -> tuple[str, str]:
    """A day, counted from the first, as people write it, and in ISO 8601."""
    day = FIRST + datetime.timedelta(days=number)
    month, weekday = MONTHS[day.month - 1], WEEKDAYS[day.weekday()]
    source = WAYS[way].format(
        day=day.day, month=month, short=month[:3], number=day.month, year=day.year,
        two=day.year % 100, weekday=weekday[:3],
    )  # fmt: skip
    return source, day.isoformat()
