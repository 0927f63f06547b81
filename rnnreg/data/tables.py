"""Columns of raw files, whatever their format: CSV by pandas, JSON (lines, too) and Parquet."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rnnreg.errors import UserError, unknown

KINDS = {
    ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet",
}  # fmt: skip


def read_columns(file: Path, *columns: str, kind: str = "", **options: object) -> list[list]:
    """The columns of a file as lists, in the order asked for.

    `kind` is csv, json or parquet; if it is not given, the file's ending tells. `options` are the
    reader's, for csv those of pandas.read_csv. UserError for a file or a column that cannot be
    had, and for a value that is missing.
    """
    kind = kind or KINDS.get(file.suffix, "")
    if kind not in KINDS.values():
        raise UserError(
            f"{file}: kind: given '{kind or file.suffix}', allowed are csv, json and parquet."
        )
    if kind == "csv":
        table = read_table(file, **options)
        known = {str(name): column for name, column in table.items()}
        values = [_known(file, known, name).tolist() for name in columns]
    else:
        values = _with_datasets(file, kind, lambda table: _lists(file, table, columns), options)
    return [_complete(file, *pair) for pair in zip(columns, values, strict=True)]


def read_table(file: Path, **options: object):
    """A CSV file as pandas' table of at least one row; each row has as many cells as the header."""
    import pandas as pd
    from pandas.errors import ParserWarning

    _check_there(file)
    options = {"index_col": False, **options}  # or a cell too many in each row shifts all columns
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Length of header", category=ParserWarning)
            table = pd.read_csv(file, **options)
    except ParserWarning as error:
        raise UserError(
            f"{file}: rows have more cells than the header has names. Remedy: name each column; or "
            "give sep=';' where that is what separates the cells, decimal=',' for a decimal comma."
        ) from error
    except UnicodeDecodeError as error:
        raise undecodable(file, error) from error
    except (OSError, ValueError, LookupError) as error:
        raise UserError(f"{file}: cannot be read as csv: {str(error).strip()}") from error
    if not len(table):
        raise UserError(f"{file}: no rows.")
    return table


def read_frame(file: Path, **options: object):
    """A table of any of the KINDS, by the file's ending, as pandas has it.

    `options` are the reader's, for csv those of pandas.read_csv. UserError where it cannot be read.
    """
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        known = ", ".join(KINDS)
        raise UserError(f"{file}: a table ends with one of {known}. Remedy: rename the file.")
    if kind == "csv":
        tabs = {"sep": "\t"} if file.suffix.lower() == ".tsv" else {}
        return read_table(file, **{**tabs, **options})
    found = _with_datasets(file, kind, lambda table: table.to_pandas(), options)
    if not len(found):
        raise UserError(f"{file}: no rows.")
    return found


def _lists(file: Path, table, columns: Sequence[str]) -> list[list]:
    known = {name: table[name] for name in table.column_names}  # read when asked for
    return [_known(file, known, name)[:] for name in columns]


def _with_datasets(file: Path, kind: str, take: Callable, options: dict):
    """What `take` makes of the table. Nothing is fetched, and the cache is a temporary folder."""
    import datasets
    from datasets.exceptions import DatasetGenerationError

    _check_there(file)
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)  # faults are told here
    read = getattr(datasets.Dataset, f"from_{kind}")
    with TemporaryDirectory() as cache:
        try:
            table = read(str(file), cache_dir=cache, keep_in_memory=True, **options)
            return take(table)
        except (DatasetGenerationError, ValueError, OSError, StopIteration) as error:
            reason = error.__cause__ or error
            if isinstance(reason, UnicodeDecodeError):
                raise undecodable(file, reason) from error
            told = str(reason) if "no data" not in str(reason) else "no rows"
            raise UserError(f"{file}: cannot be read as {kind}: {told or 'no rows'}") from error


def _check_there(file: Path) -> None:
    if not file.is_file():
        raise UserError(f"{file}: no such file.")
    if not file.stat().st_size:
        raise UserError(f"{file}: the file is empty.")


def _known(file: Path, columns: Mapping, name: str):
    if name not in columns:
        raise unknown(f"{file}: column", name, columns)
    return columns[name]


def _complete(file: Path, name: str, found: list) -> list:
    missing = [i for i, value in enumerate(found) if value is None or value != value]  # NaN
    if missing:
        raise UserError(
            f"{file}: column '{name}': {len(missing)} values are missing, the first in row "
            f"{missing[0]} (of 0 to {len(found) - 1}). Remedy: read it with "
            "keep_default_na=False if words such as NA are meant, or leave those rows out."
        )
    return found


def read_text(file: Path, encoding: str = "utf-8") -> str:
    """A text file as one string; UserError where it is missing or in another encoding."""
    _check_there(file)
    try:
        return file.read_text(encoding=encoding)
    except UnicodeDecodeError as error:
        raise undecodable(file, error) from error


def undecodable(file: Path, error: UnicodeDecodeError) -> UserError:
    """The error for a file that is not in the encoding it was read with: names the line."""
    data, line = file.read_bytes(), ""
    try:
        data.decode(error.encoding)
    except UnicodeDecodeError as found:
        lines = data[: found.start].split(b"\n")
        line = f"line {len(lines)}: byte 0x{data[found.start]:02x}: "
    return UserError(
        f"{file}: {line}not {error.encoding}. Remedy: read it with the encoding that it was "
        "written in, such as encoding='latin-1'."
    )
