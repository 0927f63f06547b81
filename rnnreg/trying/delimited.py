"""How the cells of a text file are told apart: found in its first lines."""

import csv
import io
import re
from collections import Counter
from pathlib import Path

from rnnreg.data.numbers import COMMA, NUMBER
from rnnreg.data.tables import undecodable
from rnnreg.errors import UserError

LARGEST = 1 << 29  # bytes of a file that is read at once
SAMPLE = 1 << 16
SEPARATORS = (",", ";", "\t", "|")
GAPS = ["?", "-", "--", "."]  # cells that mark a gap, beside those that pandas knows


def check(file: Path) -> None:
    """UserError where the file is not there, empty, or too large to be read at once."""
    if file.is_dir():
        raise UserError(f"{file}: a folder. Remedy: give one file.")
    if not file.is_file():
        raise UserError(f"{file}: no such file.")
    size = file.stat().st_size
    if not size:
        raise UserError(f"{file}: the file is empty.")
    if size > LARGEST:
        raise UserError(
            f"{file}: {size / 2**20:,.0f} MB, and a file is read at once up to "
            f"{LARGEST / 2**20:,.0f} MB. Remedy: a part of it, such as its last million lines; in "
            "minutes a network trains on some thousands of them."
        )


def encoded(file: Path, asked: str | None) -> str:
    """The encoding: the one asked for, or UTF-8 (with or without a mark), or UTF-16 with one."""
    data = file.read_bytes()
    marks = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    found = asked or next((e for mark, e in marks.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(found)
    except LookupError:
        raise UserError(
            f"--encoding: given '{found}', which is none that Python knows. Remedy: utf-8, "
            "latin-1, cp1252, utf-16, ..."
        ) from None
    except UnicodeDecodeError as error:
        told = str(undecodable(file, error)).partition(" Remedy:")[0]
        raise UserError(
            f"{told} Remedy: --encoding with the one that it was written in; --encoding cp1252 "
            "reads what most Windows programs write."
        ) from None
    if "\0" in text:
        raise UserError(
            f"{file}: holds zero bytes: no text in {found}. Remedy: --encoding utf-16, or export "
            "the data as CSV."
        )
    return found


def options(file: Path, encoding: str | None) -> dict:
    """What pandas.read_csv needs to read the file, where that is not its default."""
    found = {} if (known := encoded(file, encoding)) == "utf-8" else {"encoding": known}
    with file.open(encoding=known, newline="") as stream:
        lines = stream.read(SAMPLE).splitlines()
    blank = sum(not line.strip() for line in lines)
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise UserError(f"{file}: no rows: blank lines alone.")
    lines = lines[:-1] if len(lines) > 2 else lines  # the last may be cut
    separator = _separator(lines)
    if separator != ("\t" if file.suffix.lower() == ".tsv" else ","):
        found["sep"] = separator
    cells = [cell for row in _rows(lines[1:], separator) for cell in row]
    commas = sum(bool(COMMA.fullmatch(c.strip())) for c in cells)
    points = sum("." in c and bool(NUMBER.fullmatch(c.strip())) for c in cells)
    if separator != "," and commas > points:
        found["decimal"] = ","
    header = next(_rows(lines[:1], separator))
    if len(lines) > 1 and all(NUMBER.fullmatch(c.strip()) for c in header):
        found |= {"header": None, "names": [f"column {i + 1}" for i in range(len(header))]}
    if len(header) == 1 and blank:
        found["skip_blank_lines"] = False  # of one column they are gaps
    gaps = "|".join(map(re.escape, GAPS))
    edge = re.escape(separator)
    marked = re.search(rf"(^|{edge})({gaps})({edge}|\r?$)", file.read_text(known), re.MULTILINE)
    return {**found, **({"na_values": GAPS} if marked else {})}


def _separator(lines: list[str]) -> str:
    """The one by which most lines have the same number of cells, two at least."""

    def fit(separator: str) -> tuple[float, int]:
        counts = Counter(len(row) for row in _rows(lines[:200], separator))
        cells, times = counts.most_common(1)[0]
        return (times / sum(counts.values()), cells) if cells > 1 else (0.0, 0)

    best = max(SEPARATORS, key=fit)
    return best if fit(best)[1] else ","


def _rows(lines: list[str], separator: str):
    return csv.reader(io.StringIO("\n".join(lines)), delimiter=separator)


def described(options: dict) -> str:
    """The options in words; "" where the file is as most are."""
    names = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
    told = [f"cells between {names[options['sep']]}"] if "sep" in options else []
    told += ["decimal comma"] if "decimal" in options else []
    told += ["no header"] if "names" in options else []
    told += [options["encoding"]] if "encoding" in options else []
    return ", ".join(told)
