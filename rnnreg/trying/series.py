"""A table of numbers in time: its columns, times, gaps and period, and what can be forecast."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnreg.data import naive, timed
from rnnreg.data.given import filled, read_series
from rnnreg.data.numbers import numbers
from rnnreg.data.tables import read_frame
from rnnreg.errors import UserError, unknown
from rnnreg.tasks import Forecast
from rnnreg.trying import delimited
from rnnreg.trying.understood import Understood, listed, one_line

FEWEST, MOST = 60, 100  # rows of a series; columns that a network of this size can read
SHARES = 0.7, 0.1, 0.2
WORDS = {
    "h": "hour", "D": "day", "B": "working day", "W": "week", "M": "month", "Q": "quarter",
    "Y": "year", "min": "minute", "s": "second",
}  # fmt: skip
CALENDAR = {"h": (24, 168), "D": (7, 365), "B": (5,), "M": (12,), "Q": (4,), "7D": (52,)}
CLEAR = 0.3  # autocorrelation at a period


@dataclass(frozen=True)
class Table:
    """The columns of numbers in the order of time, and how they were found."""

    names: list[str]
    values: np.ndarray  # (rows, D), NaN for gaps
    times: object  # pandas' index, or None
    time: str
    every: str
    dayfirst: bool
    options: dict
    left_out: dict[str, str]  # column -> why
    rows: int  # of the file


def understand(
    file: Path,
    horizon: int,
    targets: Sequence[str] = (),
    columns: Sequence[str] = (),
    time: str | None = None,
    encoding: str | None = None,
) -> Understood:
    """What is to be forecast of a table; UserError where that cannot be."""
    table = read(file, [*columns, *(t for t in targets if t not in columns)], bool(columns), time,
                 encoding, targets)  # fmt: skip
    rows = len(table.values)
    _check_horizon(file, rows, horizon)
    chosen = [table.names.index(t) for t in targets] or list(range(len(table.names)))
    train = filled(table.values)[: round(SHARES[0] * rows)]
    season, strength = period(train[:, chosen[0]], table.every)
    context = int(np.clip(max(2 * horizon, 2 * season, 8), 8, max(8, min(rows // 10, 192))))
    season = season if season <= context else 1
    given = {"context": context, "horizon": horizon, "season": season}
    given |= {} if chosen == list(range(len(table.names))) else {"targets": tuple(chosen)}
    arguments = _arguments(table)
    splits, anchored = _splits(file, given, arguments)
    given |= {"anchored": True} if anchored else {}
    names = [table.names[c] for c in chosen]
    return Understood(
        file,
        "time series",
        one_line(f"Forecast {horizon} rows of {listed(names, 3)} from the last {context}."),
        f"Forecast({', '.join(f'{k}={v}' for k, v in given.items())})",
        "read_series",
        arguments,
        splits,
        _told(file, table, names, given, strength, anchored),
        _more(table),
        names,
    )


def read(
    file: Path,
    asked: Sequence[str],
    only: bool,
    time: str | None,
    encoding: str | None,
    targets: Sequence[str] = (),
) -> Table:
    """The columns of numbers. Those `asked` must be there and hold some; `only` these are read."""
    is_text = file.suffix.lower() in (".csv", ".tsv", ".txt")
    options = delimited.options(file, encoding) if is_text else {}
    frame = read_frame(file, **options)
    frame.columns = [str(name) for name in frame.columns]
    asking = {"--target": targets, "--columns": asked, "--time": [time] if time else []}
    for option, names in asking.items():
        for name in names:
            if name not in frame.columns:
                raise unknown(f"{option}: {file}: column", name, frame.columns)
    time = _time(frame) if time is None else time
    marks = {k: options[k] for k in ("decimal", "thousands") if k in options}
    found, left_out = {}, {}
    for name in asked if only else [n for n in frame.columns if n != time]:
        values, why = _column(file, frame[name], name in asked, marks)
        if why and name in asked:
            raise UserError(f"{file}: column '{name}': {why}. Remedy: name another column.")
        if why:
            left_out[name] = why
        else:
            found[name] = values
    if not found:
        told = "; ".join(f"'{n}': {w}" for n, w in list(left_out.items())[:3]) or "one column"
        raise UserError(
            f"{file}: no column of numbers that changes in time ({told}). Remedy: a forecast needs "
            "one; for labelled texts: --text COLUMN --label COLUMN."
        )
    if len(found) > MOST:
        raise UserError(
            f"{file}: {len(found)} columns of numbers, and up to {MOST} are read at once. Remedy: "
            f"--columns {','.join(list(found)[:3])},... names those to read, --target those to "
            "forecast."
        )
    values = np.stack(list(found.values()), axis=1)
    dayfirst, every, index = False, "", None
    if time:
        dayfirst = _dayfirst(frame[time])
        index = timed.times(file, frame[time], dayfirst)
        every = timed.spacing(index.sort_values())
        values, index = timed.regular(file, values, index, every)
    _check_rows(file, len(values))
    poor = {n: why for n, own in zip(found, values.T, strict=True) if (why := _part(own))}
    for name, why in poor.items():
        if name in asked or len(poor) == len(found):
            raise UserError(f"{file}: column '{name}': {why}. Remedy: name another column.")
    values = values[:, [n not in poor for n in found]]
    names, left_out = [n for n in found if n not in poor], left_out | poor
    return Table(names, values, index, time, every, dayfirst, options, left_out, len(frame))


def _column(file: Path, column, asked: bool, marks: dict) -> tuple[np.ndarray | None, str]:
    """The numbers of a column, and why it is of no use, if it is not."""
    if column.isna().all():
        return None, "all its cells are missing"
    values = numbers(file, column, asked, **marks)
    if values is None:
        return None, "no numbers"
    known = values[np.isfinite(values)]
    if np.isinf(values).any():
        return None, "has infinite values"
    if len(known) < len(values) / 2:
        return None, f"{1 - len(known) / len(values):.0%} of its cells are missing"
    if known.min() == known.max():
        return None, f"constant, {known[0]:g} in all rows: there is nothing to forecast"
    return values, ""


def _part(values: np.ndarray) -> str:
    """Why one of the three parts of a column in the order of time is of no use; "" if none is."""
    ends = np.round(np.cumsum(SHARES[:2]) * len(values)).astype(int)
    train, validation, test = (part[~np.isnan(part)] for part in np.split(values, ends))
    if len(train) == 0 or train.min() == train.max():
        return f"constant in the first {SHARES[0]:.0%} of the rows, from which is learned"
    if len(validation) == 0:
        return f"no value in the {SHARES[1]:.0%} of the rows that validate"
    return "" if len(test) else f"no value in the last {SHARES[2]:.0%} of the rows, the test part"


def _time(frame) -> str:
    """The first column of times, or of a year; "" where there is none."""
    import pandas as pd

    for name in frame.columns[:5]:
        column = frame[name].dropna()
        if not len(column) or pd.api.types.is_bool_dtype(column):
            continue
        if pd.api.types.is_datetime64_any_dtype(column):
            return name
        if pd.api.types.is_numeric_dtype(column):
            named = re.fullmatch(r"(?i)(year|jahr|date|time|timestamp)", name.strip())
            if named and column.is_unique and timed.is_time(column):
                return name
            continue
        sample = column.iloc[:: max(len(column) // 50, 1)].astype(str)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            parsed = timed.parsed(sample, _dayfirst(column))
        if parsed.notna().mean() > 0.8 and sample.str.contains(r"\d").all():
            return name
    return ""


def _dayfirst(column) -> bool:
    """Whether 03/04/2020 is in April: where some first number is above 12."""
    found = column.astype(str).str.extract(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}")
    first, second = (found[i].dropna().astype(int) for i in (0, 1))
    if not len(first):
        return False
    dotted = column.astype(str).str.match(r"^\d{1,2}\.\d{1,2}\.\d{4}").all()
    return bool(first.max() > 12 or (dotted and second.max() <= 12))


def _check_rows(file: Path, rows: int) -> None:
    if rows < FEWEST:
        raise UserError(
            f"{file}: {rows} rows, and a series needs {FEWEST} at least, to train, validate and "
            "test. Remedy: more rows, or a method that needs no training."
        )


def _check_horizon(file: Path, rows: int, horizon: int) -> None:
    if horizon > rows // 10:
        raise UserError(
            f"--forecast: given {horizon}, allowed are 1 to {rows // 10}: of the {rows} rows of "
            f"{file} a tenth validates, and a forecast must fit into it."
        )


def period(values: np.ndarray, every: str = "") -> tuple[int, float]:
    """Rows of a period and the autocorrelation there; (1, 0) where none is clear.

    The highest peak of the autocorrelation of the values less their trend, a moving mean or a line;
    calendar periods of the spacing come first where they are as clear.

    >>> period(np.sin(np.arange(200) * 2 * np.pi / 12))[0]
    12
    """
    rows = len(values)
    line = np.polyval(np.polyfit(np.arange(rows), values, 1), np.arange(rows))
    rest = values - line
    spectrum = np.abs(np.fft.rfft(rest, 2 * rows)) ** 2
    found = np.fft.irfft(spectrum)[: rows // 3]
    if len(found) < 4 or found[0] <= 0:
        return 1, 0.0
    found = found / found[0] * rows / (rows - np.arange(len(found)))
    inner = found[1:-1]
    peaks = 1 + np.flatnonzero((inner > found[:-2]) & (inner >= found[2:]))
    peaks = [p for p in peaks if p > 1 and found[p] > CLEAR]
    if not peaks:
        return 1, 0.0
    best = max(peaks, key=lambda p: found[p])
    near = [p for p in peaks if found[p] > 0.9 * found[best]]
    usual = [p for p in near if p in CALENDAR.get(every, ())]
    chosen = usual[0] if usual else near[0]  # a multiple of a period is one, too
    return int(chosen), float(found[chosen])


def _arguments(table: Table) -> dict:
    found = {"columns": table.names}
    found |= {"time": table.time} if table.time else {}
    found |= {"every": table.every} if table.every else {}
    found |= {"dayfirst": True} if table.dayfirst else {}
    return {**found, **table.options}


def _splits(file: Path, given: dict, arguments: dict):
    """The splits, and whether windows are to be read less their last row: its level drifts.

    So it is where the last value foretells the validation part twice as well as the mean of train.
    """
    task = Forecast(**given)
    splits = read_series(file, task, **arguments)
    known = naive.scores(task, splits)
    last, mean = (known[name]["validation"]["loss"] for name in ("last value", "mean"))
    return splits, last < mean / 2


def _told(file: Path, table: Table, names, given: dict, strength: float, anchored: bool) -> dict:
    rows = len(table.values)
    how = delimited.described(table.options)
    told = {"file": f"{file.name}, {table.rows:,} rows{f', {how}' if how else ''}"}
    if table.time:
        told["time"] = _times(table)
    others = [n for n in table.names if n not in names]
    told["forecast"] = f"{given['horizon']} rows of {listed(names)}, from the last "
    told["forecast"] += f"{given['context']} rows"
    told["forecast"] += f" of these and of {listed(others)}" if others else ""
    if table.left_out:
        reasons = (f"{n} ({w})" for n, w in table.left_out.items())
        told["left out"] = listed(list(reasons))
    gaps = int(np.isnan(table.values).sum())
    if gaps:
        told["gaps"] = f"{gaps:,} values ({gaps / table.values.size:.1%}), filled with the value "
        told["gaps"] += "before; not counted in any score"
    season = given["season"]
    told["period"] = "none found"
    if season > 1:
        told["period"] = f"{season} rows, where the autocorrelation is {strength:.2f}"
    if anchored:
        told["level"] = "drifts: each window is read less its last row"
    first, second = round(SHARES[0] * rows), round((SHARES[0] + SHARES[1]) * rows)
    told["split"] = (
        f"by time: {first:,} rows train, {second - first:,} validate, {rows - second:,} test; a "
        "forecast starts at each row (rolling origin)"
    )
    return told


def _times(table: Table) -> str:
    index, every = table.times, table.every
    number, unit = re.fullmatch(r"(\d*)(.*)", every).groups()
    unit = unit.partition("-")[0]
    word = WORDS.get(unit, unit)
    apart = f"every {f'{number} {word}s' if number else word}" if every else "at unequal distances"
    missing = len(table.values) - table.rows
    put_in = f"; {missing:,} rows are missing, and put in as gaps" if missing > 0 else ""
    ends = (str(time).removesuffix(" 00:00:00") for time in (index[0], index[-1]))
    return f"{table.time}, {apart}, {' to '.join(ends)}{put_in}"


def _more(table: Table) -> dict:
    found = {}
    for name, values in zip(table.names, table.values.T, strict=True):
        known = values[~np.isnan(values)]
        found[f"column {name}"] = (
            f"{known.min():.4g} to {known.max():.4g}, mean {known.mean():.4g}, standard deviation "
            f"{known.std():.4g}, {len(values) - len(known)} gaps"
        )
    return found
