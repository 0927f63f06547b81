"""Columns of numbers from CSV files: nothing is guessed, and nothing is dropped without a word."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnnreg.data.tables import read_table
from rnnreg.errors import UserError, unknown

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(\.\d+)?")  # a second 1.5 is 1.5.1
COMMA = re.compile(r"[-+]?[\d.' ]*\d,\d[\d,. ]*")  # 0,5 or 1,000: a number, written otherwise


def read_csv(file: Path, columns: Sequence[str] | None = None, **options: object) -> np.ndarray:
    """The columns of a table, or all that hold numbers, as float64 (rows, D).

    `options` are those of pandas.read_csv. An empty cell, NA or NaN is a gap, NaN in the result.
    A column in which no cell is a number is text: left out, with a warning that names it. UserError
    names file, row and column of any other cell that is no number.
    """
    table = read_table(file, **options)
    if columns is None and not {"header", "names"} & set(options):
        _check_header(file, [str(name) for name in table.columns])
    for name in columns or ():
        if name not in table:
            raise unknown(f"{file}: column", name, map(str, table.columns))
    chosen = list(table.columns) if columns is None else list(columns)
    asked = columns is not None
    found = {name: numbers(file, table[name], asked, **options) for name in chosen}
    text = [str(name) for name, values in found.items() if values is None]
    if len(text) == len(found):
        raise UserError(
            f"{file}: no column holds numbers; '{text[0]}' holds {table.iloc[0, 0]!r} in row 0. "
            "Remedy: sep=';' if that is what separates the cells, decimal=',' for a decimal comma."
        )
    if text:
        warnings.warn(
            f"{file}: columns left out, for they hold no numbers: {', '.join(text)}", stacklevel=2
        )
    return np.stack([values for values in found.values() if values is not None], axis=1)


def _check_header(file: Path, names: list[str]) -> None:
    """UserError where the names of columns are measurements. 0, 1, 2, ... may be names."""
    numbers = [name for name in names if NUMBER.fullmatch(name)]
    first = int(numbers[0]) if numbers and numbers[0].isdigit() else 0
    counting = [str(first + i) for i in range(len(numbers))]
    if numbers != counting or numbers == [str(first)] != ["0"]:
        raise UserError(
            f"{file}: its first row, which should name the columns, holds numbers: "
            f"{', '.join(names[:5])}. Remedy: header=None if the file has no header, header=0 if "
            "these are names."
        )


def numbers(
    file: Path, column, asked: bool, decimal: str = ".", thousands: str = "", **_: object
) -> np.ndarray | None:
    """A column as float64 (rows,); None where it is text that nobody asked for."""
    import pandas as pd

    if pd.api.types.is_bool_dtype(column) and not asked:
        return None
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64)

    def plain(cell: object) -> object:  # pandas leaves all cells of a column as they are, or none
        return cell.replace(thousands, "").replace(decimal, ".") if isinstance(cell, str) else cell

    values = pd.to_numeric(column.map(plain), errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(np.isnan(values) & column.notna().to_numpy())
    cells = [str(column.iloc[i]) for i in wrong]
    if not len(wrong):
        return values
    text = np.isnan(values).all() and not any(COMMA.fullmatch(c) for c in cells)
    if text and not asked:
        return None
    more = f" (such cells: {len(wrong)})" if len(wrong) > 1 else ""
    raise UserError(
        f"{file}: column '{column.name}': {cells[0]!r} in row {wrong[0]} (of 0 to "
        f"{len(values) - 1}) is no number{more}. Remedy: {_remedy(cells[0], asked, decimal)}"
    )


def _remedy(cell: str, asked: bool, decimal: str) -> str:
    if COMMA.fullmatch(cell) and decimal == ",":
        return "thousands='.' for thousands."
    if COMMA.fullmatch(cell):
        return "decimal=',' for a decimal comma, thousands=',' for thousands."
    leave = "" if asked else ", or name the columns to be read"
    return f"correct the file{leave}; or na_values=[{cell!r}], if it marks a gap."
