"""Columns of raw files that have a reader in `datasets`: CSV, JSON (lines, too) and Parquet."""

from pathlib import Path
from tempfile import TemporaryDirectory

from rnnreg.errors import UserError

KINDS = {
    ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet",
}  # fmt: skip


def read_columns(file: Path, *columns: str, kind: str = "", **options: object) -> list[list]:
    """The columns of a file as lists, in the order asked for.

    `kind` is csv, json or parquet; if it is not given, the file's ending tells. `options` are the
    reader's, for csv those of pandas.read_csv. Nothing is fetched, and nothing is left behind: the
    reader's cache is a temporary folder. UserError for a file or a column that cannot be had.
    """
    import datasets
    from datasets.exceptions import DatasetGenerationError

    kind = kind or KINDS.get(file.suffix, "")
    if kind not in KINDS.values():
        raise UserError(
            f"{file}: kind: given '{kind or file.suffix}', allowed are csv, json and parquet."
        )
    datasets.disable_progress_bars()
    read = getattr(datasets.Dataset, f"from_{kind}")
    with TemporaryDirectory() as cache:
        try:
            table = read(str(file), cache_dir=cache, keep_in_memory=True, **options)
        except (DatasetGenerationError, ValueError) as error:
            reason = error.__cause__ or error
            raise UserError(f"{file}: cannot be read as {kind}: {reason}") from error
    return [_column(file, table, name) for name in columns]


def _column(file: Path, table, name: str) -> list:
    if name not in table.column_names:
        known = ", ".join(table.column_names)
        raise UserError(f"{file}: no column '{name}'. Its columns: {known}")
    values = table[name][:]
    if None in values:
        raise UserError(
            f"{file}: column '{name}': {values.count(None)} values are missing, the first in row "
            f"{values.index(None)} (of 0 to {len(values) - 1}). Remedy: read it with "
            "keep_default_na=False if words such as NA are meant, or leave those rows out."
        )
    return values
