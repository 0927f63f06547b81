"""Rows with times -> rows at equal distances: sorted, none missing, gaps marked."""

import warnings
from pathlib import Path

import numpy as np

from rnnreg.errors import UserError

PERIODS = {"M": (28, 31), "Q": (90, 92), "Y": (365, 366)}  # days from one row to the next
LONGEST = 3  # times as many rows as the file has, where gaps are filled


def times(file: Path, column, dayfirst: bool = False):
    """A column of times as pandas' DatetimeIndex; UserError names the first that is none."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of formats that differ from row to row
        found = parsed(_written(column), dayfirst)
    wrong = np.flatnonzero(found.isna().to_numpy())
    if len(wrong):
        cell = column.iloc[wrong[0]]
        raise UserError(
            f"{file}: column '{column.name}': '{cell}' in row {wrong[0]} (of 0 to "
            f"{len(column) - 1}) is no time (such cells: {len(wrong)}). Remedy: correct or leave "
            "out those rows."
        )
    index = pd.DatetimeIndex(found)
    repeated = np.flatnonzero(index.duplicated())
    if len(repeated):
        raise UserError(
            f"{file}: column '{column.name}': {len(repeated)} times occur more than once, the "
            f"first, {column.iloc[repeated[0]]}, in row {repeated[0]}. Remedy: one row a time "
            "(a mean of the rows that share it, or one file a series); or name another column."
        )
    return index


def parsed(column, dayfirst: bool):
    """Times, NaT for what is none; in UTC where their offsets differ (summer time)."""
    import pandas as pd

    try:
        return pd.to_datetime(column, errors="coerce", dayfirst=dayfirst)
    except ValueError:  # "Mixed timezones detected"
        return pd.to_datetime(column, errors="coerce", dayfirst=dayfirst, utc=True)


def _written(column):
    """Times as pandas reads them: years as text, seconds or milliseconds since 1970 as such."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column):
        return column
    if column.between(1000, 2999).all() and (column % 1 == 0).all():
        return column.astype(int).astype(str)
    if _are_dates(column):  # 20200131
        return column.astype(int).astype(str)
    if column.between(1e8, 1e10).all():
        return pd.to_datetime(column, unit="s")
    if column.between(1e11, 1e13).all():
        return pd.to_datetime(column, unit="ms")
    return pd.Series(pd.NaT, index=column.index)


def spacing(index) -> str:
    """How far apart the rows of a sorted DatetimeIndex are, as pandas writes it.

    "M", "Q" and "Y" are calendar months, quarters and years; "" is no equal distance, up to gaps.
    """
    import pandas as pd

    if len(index) < 3:
        return ""
    step = pd.Series(index).diff().median()
    for name, (least, most) in PERIODS.items():
        if least <= step.days <= most and not index.to_period(name).duplicated().any():
            return name
    weekdays = step == pd.Timedelta("1D") and (index.day_of_week < 5).all()
    days, rest = divmod(step, pd.Timedelta("1D"))
    name = pd.tseries.frequencies.to_offset(step).freqstr
    if not rest:
        name = "B" if weekdays else "D" if days == 1 else f"{days}D"
    if (index[-1] - index[0]) / step > 2 * LONGEST * len(index):
        return ""  # before a grid is made that no memory holds
    whole = _grid(index, name)
    fits = index.isin(whole).all() and len(whole) <= LONGEST * len(index)
    return name if fits else ""


def _grid(index, every: str):
    import pandas as pd

    if every in PERIODS:
        return pd.period_range(index[0], index[-1], freq=every)
    return pd.date_range(index[0], index[-1], freq=every)


def regular(file: Path, values: np.ndarray, index, every: str):
    """Rows in the order of time, one a step of `every`: values (rows, D) and their times.

    A row that is missing is NaN. Without `every` the rows are sorted, and that is all. UserError
    where a row is not a whole number of steps after the first, or two are of one month.
    """
    import pandas as pd

    order = np.argsort(index, kind="stable")
    values, index = values[order], index[order]
    if not every:
        return values, index
    own = index.to_period(every) if every in PERIODS else index
    whole = _grid(index, every)
    wrong = np.flatnonzero(own.duplicated() | ~own.isin(whole))
    if len(wrong):
        raise UserError(
            f"{file}: {len(wrong)} of {len(own)} rows are not '{every}' apart, counted from the "
            f"first, {index[0]}; one is of {index[wrong[0]]}. Remedy: rows as far apart as those "
            "of training, one a time."
        )
    found = pd.DataFrame(values, index=own).reindex(whole)
    return found.to_numpy(), whole


def is_time(column) -> bool:
    """Whether a column of numbers can be years, or seconds or milliseconds since 1970."""
    ranges = ((1000, 2999), (1e8, 1e10), (1e11, 1e13))
    return _are_dates(column) or any(column.between(*ends).all() for ends in ranges)


def _are_dates(column) -> bool:
    """Whether numbers are years, months and days, such as 20200131."""
    month, day = column // 100 % 100, column % 100
    return bool(
        column.between(10_000_101, 29_991_231).all()
        and (month.between(1, 12) & day.between(1, 31)).all()
    )
