"""Columns of files, whatever their format; and what cannot be read is told."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from rnnreg.data.tables import read_columns
from rnnreg.errors import UserError

TABLE = pd.DataFrame({"words": ["a b", "NA", 'c "'], "label": [2, 0, 1]})
WRITE = {
    "t.csv": lambda file: TABLE.to_csv(file, index=False),
    "t.tsv": lambda file: TABLE.to_csv(file, index=False, sep="\t"),
    "t.json": lambda file: TABLE.to_json(file, orient="records"),
    "t.jsonl": lambda file: TABLE.to_json(file, orient="records", lines=True),
    "t.parquet": lambda file: TABLE.to_parquet(file),
}
OPTIONS = {
    "t.csv": {"keep_default_na": False},
    "t.tsv": {"keep_default_na": False, "sep": "\t"},
}


@pytest.mark.parametrize("name", WRITE)
def test_all_formats_give_the_same(tmp_path, name):
    WRITE[name](tmp_path / name)
    found = read_columns(tmp_path / name, "label", "words", **OPTIONS.get(name, {}))
    assert found == [[2, 0, 1], ["a b", "NA", 'c "']]


def test_a_changed_file_is_read_anew(tmp_path):
    file = tmp_path / "t.csv"
    for value in (1, 2):
        file.write_text(f"a\n{value}\n")
        assert read_columns(file, "a") == [[value]]


def test_nothing_is_printed_and_nothing_is_left_behind(tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    (tmp_path / "t.csv").write_text("a\n1\n")
    code = "import sys, pathlib; from rnnreg.data.tables import read_columns as read; "
    code += "print(read(pathlib.Path(sys.argv[1]), 'a'))"
    hidden = {n: v for n, v in os.environ.items() if not n.startswith(("HF_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "t.csv"],
        env={**hidden, "HOME": str(home), "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[[1]]\n", "")
    assert [*home.rglob("*"), *temporary.rglob("*")] == []


class TestFaults:
    """One message that names the file."""

    def told(self, file, *columns, **options):
        with pytest.raises(UserError) as error:
            read_columns(file, *columns, **options)
        assert str(error.value).startswith(f"{file}: ")
        return str(error.value).removeprefix(f"{file}: ")

    def test_a_column_that_is_not_there(self, tmp_path):
        WRITE["t.csv"](tmp_path / "t.csv")
        told = self.told(tmp_path / "t.csv", "labels")
        assert told == "no column 'labels'. Its columns: words, label"

    def test_a_missing_value(self, tmp_path):
        WRITE["t.csv"](tmp_path / "t.csv")
        told = self.told(tmp_path / "t.csv", "words")
        assert told.startswith("column 'words': 1 values are missing, the first in row 1 (of 0 to")

    @pytest.mark.parametrize("kind", ["parquet", "json", "csv"])
    def test_a_damaged_file(self, tmp_path, kind):
        file = tmp_path / f"t.{kind}"
        file.write_bytes(b"a\n1\n\xff\xff\n")
        assert self.told(file, "a").startswith(f"cannot be read as {kind}: ")

    def test_another_format(self, tmp_path):
        told = self.told(tmp_path / "t.arff", "a")
        assert told == "kind: given '.arff', allowed are csv, json and parquet."
