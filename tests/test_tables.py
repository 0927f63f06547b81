"""Columns of files, whatever their format; and what cannot be read is told."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from rnnreg.data import read_labelled
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
        assert told == "column: unknown 'labels'; did you mean 'label'? Known: label, words"

    def test_a_missing_value(self, tmp_path):
        WRITE["t.csv"](tmp_path / "t.csv")
        told = self.told(tmp_path / "t.csv", "words")
        assert told.startswith("column 'words': 1 values are missing, the first in row 1 (of 0 to")

    @pytest.mark.parametrize(
        ("name", "content", "told"),
        [
            (
                "t.csv",
                b"a,b\n1,2\n1,2,3\n",
                "cannot be read as csv: Error tokenizing data. C error: ",
            ),
            ("t.csv", b"a,b\n1,2,3\n4,5,6\n", "rows have more cells than the header has names."),
            (
                "t.csv",
                b"a\n1\n\xff\n",
                "line 3: byte 0xff: not utf-8. Remedy: read it with the enco",
            ),
            ("t.csv", b"a,b\n", "no rows."),
            ("t.csv", b"", "the file is empty."),
            ("t.json", b"", "the file is empty."),
            ("t.json", b" \n", "cannot be read as json: "),
            ("t.json", b"[]", "cannot be read as json: no rows"),
            ("t.json", b"{}", "cannot be read as json: no rows"),
            ("t.json", b"3", "cannot be read as json: JSON parse error: "),
            ("t.json", b'[{"a": 1}, {"a"', "cannot be read as json: "),
            ("t.json", b"\xff", "cannot be read as json: JSON parse error: Invalid value."),
            ("t.jsonl", b'{"a": 1}\n{"a"', "cannot be read as json: JSON parse error: "),
            ("t.jsonl", '{"a": "é"}'.encode("latin-1"), "line 1: byte 0xe9: not utf-8. Remedy: "),
            ("t.parquet", b"", "the file is empty."),
            ("t.parquet", b"PAR1 and no more", "cannot be read as parquet: "),
        ],
    )
    def test_a_damaged_file(self, tmp_path, capfd, name, content, told):
        (tmp_path / name).write_bytes(content)
        assert self.told(tmp_path / name, "a").startswith(told)
        assert capfd.readouterr() == ("", "")  # told once

    def test_a_truncated_parquet_file(self, tmp_path):
        WRITE["t.parquet"](tmp_path / "t.parquet")
        data = (tmp_path / "t.parquet").read_bytes()
        (tmp_path / "t.parquet").write_bytes(data[: len(data) // 2])
        told = self.told(tmp_path / "t.parquet", "label")
        assert told.startswith("cannot be read as parquet: Parquet magic bytes not found")

    @pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
    def test_a_missing_file(self, tmp_path, kind):
        assert self.told(tmp_path / f"t.{kind}", "a") == "no such file."

    def test_another_format(self, tmp_path):
        told = self.told(tmp_path / "t.arff", "a")
        assert told == "kind: given '.arff', allowed are csv, json and parquet."


class TestLabelled:
    """Texts with labels: what has no words or no label is told with its row."""

    def told(self, file, *columns, **options):
        with pytest.raises(UserError) as error:
            read_labelled(file, *columns, **options)
        assert str(error.value).startswith(f"{file}: ")
        return str(error.value).removeprefix(f"{file}: ")

    def test_lines_that_begin_with_their_label(self, tmp_path):
        file = tmp_path / "t.txt"
        file.write_bytes("spam You have won\r\n\nham  caf\xe9 at 5 ?\n".encode("latin-1"))
        words, labels = read_labelled(file, encoding="latin-1")
        assert words == [["You", "have", "won"], ["café", "at", "5", "?"]]
        assert labels == ["spam", "ham"]
        assert self.told(file).startswith("line 3: byte 0xe9: not utf-8. Remedy: read it with")
        assert self.told(tmp_path / "nowhere.txt") == "no such file."
        file.write_text("spam You\n\nham\n")
        assert self.told(file) == (
            "line 3: given 'ham' alone, expected a label and the words of a text after it. Remedy: "
            "leave the line out."
        )

    def test_a_text_column_that_is_numbers(self, tmp_path):
        file = tmp_path / "t.csv"
        file.write_text("words,label\n1 2,a\n3,b\n")
        assert read_labelled(file, "words", "label")[0] == [["1", "2"], ["3"]]
        file.write_text("words,label\n1,a\n3,b\n")
        assert self.told(file, "words", "label") == (
            "row 0 (of 0 to 1): column 'words': given 1, expected text. Remedy: name the column of "
            "the texts; in a CSV, dtype=str makes text of numbers."
        )
        assert read_labelled(file, "words", "label", dtype=str)[0] == [["1"], ["3"]]

    def test_a_missing_label_is_no_class(self, tmp_path):
        file = tmp_path / "t.tsv"
        file.write_text("good\t1\nbad\t\n")
        told = self.told(file, 0, 1)
        assert told.startswith("row 1 (of 0 to 1): column '1': given '', expected a label: text or")

    def test_a_label_that_is_no_value(self, tmp_path):
        file = tmp_path / "t.jsonl"
        file.write_text('{"words": "a", "label": [1]}\n')
        assert "column 'label': given [1], expected a label" in self.told(file, "words", "label")

    def test_a_text_without_words(self, tmp_path):
        file = tmp_path / "t.tsv"
        file.write_text("good\t1\n \t0\n")
        assert self.told(file, 0, 1) == (
            "row 1 (of 0 to 1): column '0': no words. Remedy: leave the row out."
        )
