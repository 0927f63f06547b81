"""`rnnreg try` on files that cannot be used: one message each, with its remedy; nothing trains."""

import re
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest

from rnnreg.cli import main
from rnnreg.errors import UserError
from rnnreg.trying import delimited, workers


def series(rows=100, **columns):
    """A CSV of a wave and what else is asked for."""
    given = {"wave": np.sin(np.arange(rows) / 3).round(4), **columns}
    lines = [
        ",".join(given),
        *(",".join(map(str, row)) for row in zip(*given.values(), strict=True)),
    ]
    return "\n".join(lines) + "\n"


def days(rows=100):
    return [str(np.datetime64("2020-01-01") + i) for i in range(rows)]


def texts(labels, words="some words of a text, number {}"):
    lines = [f'"{words.format(i)}",{label}' for i, label in enumerate(labels)]
    return "\n".join(["text,label", *lines]) + "\n"


FORECAST, LABELS = ["--forecast", "5"], ["--text", "text", "--label", "label"]
TWICE = days()
TWICE[51] = TWICE[50]
NOT_A_DAY = days()
NOT_A_DAY[7] = "tomorrow"
FAULTS = {  # a file's name and content, options, what is told
    "no file": ("no.csv", None, FORECAST, r"no.csv: no such file\."),
    "a folder": ("", None, [], r": a folder\. Remedy: give one file\."),
    "empty": ("a.csv", "", FORECAST, r"a.csv: the file is empty\."),
    "blank lines": ("a.csv", "\n\n\n", FORECAST, r"a.csv: no rows: blank lines alone\."),
    "a header alone": ("a.csv", "wave,day\n", FORECAST, r"a.csv: no rows\."),
    "one row": ("a.csv", "wave\n1.5\n", FORECAST,
        r"a.csv: no column of numbers that changes in time \('wave': constant, 1.5 in all rows: "
        r"there is nothing to forecast\)\. Remedy: a forecast needs one; for labelled texts: "
        r"--text COLUMN --label COLUMN\."),
    "few rows": ("a.csv", series(40), FORECAST,
        r"a.csv: 40 rows, and a series needs 60 at least, .* Remedy: more rows, or"),
    "three rows": ("a.csv", "wave\n1\n2\n3\n", FORECAST,
        r"a.csv: 3 rows, and a series needs 60 at least, .* Remedy: more rows, or"),
    "no numbers": ("a.csv", "who,where\n" + "me,here\nyou,there\n" * 50, FORECAST,
        r"a.csv: no column of numbers .*\('who': no numbers; 'where': no numbers\)\. Remedy"),
    "all missing": ("a.csv", "wave,day\n" + ",Monday\n" * 80, FORECAST,
        r"no column of numbers .*'wave': all its cells are missing"),
    "mostly missing": ("a.csv", series(wave=["1", "2", "", "", "", ""] * 20, rows=120),
        FORECAST, r"'wave': 67% of its cells are missing"),
    "constant": ("a.csv", series(wave=[3] * 100), FORECAST,
        r"'wave': constant, 3 in all rows: there is nothing to forecast"),
    "constant where it is learned": ("a.csv", series(wave=[3] * 80 + [4] * 20), FORECAST,
        r"'wave': constant in the first 70% of the rows, from which is learned"),
    "constant, asked for": ("a.csv", series(still=[3] * 100), [*FORECAST, "--target", "still"],
        r"column 'still': constant, 3 in all rows: .* Remedy: name another column\."),
    "a thousand columns": ("a.csv", series(**{f"c{i}": np.arange(100) for i in range(999)}),
        FORECAST, r"1000 columns of numbers, and up to 100 are read at once\. Remedy: --columns "
        r"wave,c0,c1,\.\.\. names those to read"),
    "repeated dates": ("a.csv", series(day=TWICE), FORECAST,
        r"column 'day': 1 times occur more than once, the first, 2020-02-20, in row 51\. Remedy"),
    "a day that is none": ("a.csv", series(day=NOT_A_DAY), FORECAST,
        r"column 'day': 'tomorrow' in row 7 \(of 0 to 99\) is no time \(such cells: 1\)\. Remedy"),
    "numbers that are no times": ("a.csv", series(step=np.arange(100.0)),
        [*FORECAST, "--time", "step"], r"column 'step': '0.0' in row 0 \(of 0 to 99\) is no time"),
    "nothing to test on": ("a.csv", series(wave=[*np.arange(80.0), *[""] * 20],
        day=days()), FORECAST, r"column 'wave': no value in the last 20% of the rows.* Remedy"),
    "a cell that is none": ("a.csv", series(other=[*range(99), "12 Volt"]), FORECAST,
        r"column 'other': '12 Volt' in row 99 \(of 0 to 99\) is no number\. Remedy: correct"),
    "a longer forecast": ("a.csv", series(), ["--forecast", "11"],
        r"--forecast: given 11, allowed are 1 to 10: of the 100 rows of .* a tenth validates"),
    "forecast of nothing": ("a.csv", series(), ["--forecast", "0"],
        r"--forecast: given 0, allowed are whole numbers from 1\."),
    "unknown target": ("a.csv", series(), [*FORECAST, "--target", "vave"],
        r"--target: .*a.csv: column: unknown 'vave'; did you mean 'wave'\?"),
    "unknown column": ("a.csv", series(), [*FORECAST, "--columns", "vave"],
        r"--columns: .*a.csv: column: unknown 'vave'; did you mean 'wave'\?"),
    "unknown time": ("a.csv", series(day=days()), [*FORECAST, "--time", "dya"],
        r"--time: .*a.csv: column: unknown 'dya'; did you mean 'day'\?"),
    "ragged": ("a.csv", "wave,day\n1,2\n3,4,5\n" * 50, FORECAST, r"a.csv: .*cannot be read as csv"),
    "wrong encoding": ("a.csv", "Höhe,Länge\n1,2\n3,4\n".encode("latin-1"), FORECAST,
        r"a.csv: line 1: byte 0xf6: not utf-8\. Remedy: --encoding .* cp1252"),
    "unknown encoding": ("a.csv", series(), [*FORECAST, "--encoding", "klingon"],
        r"--encoding: given 'klingon', which is none that Python knows"),
    "zero bytes": ("a.txt", "Dear diary".encode("utf-16-le"), [],
        r"a.txt: holds zero bytes: no text in utf-8\. Remedy: --encoding utf-16"),
    "no parquet": ("a.parquet", "PAR1, it says", FORECAST, r"a.parquet: cannot be read as parquet"),
    "no JSON": ("a.jsonl", "{wave: 1\n", FORECAST, r"a.jsonl: cannot be read as json"),
    "not asked": ("a.csv", series(day=days()), [],
        r"what is asked of a table\? Remedy: --forecast ROWS .* Its columns: wave, day\."),
    "asked twice": ("a.csv", series(), [*FORECAST, *LABELS], r"--forecast and --text: .* Give one"),
    "text without label": ("a.csv", texts("ab" * 20), ["--text", "text"],
        r"--text and --label go together"),
    "unknown text": ("a.csv", texts("ab" * 20), ["--text", "txt", "--label", "label"],
        r"--text: .*a.csv: column: unknown 'txt'; did you mean 'text'\?"),
    "text and label alike": ("a.csv", texts("ab" * 20), ["--text", "text", "--label", "text"],
        r"--text and --label: given 'text' for both"),
    "text that is numbers": ("a.csv", "text,label\n" + "1,a\n2,b\n" * 20, LABELS,
        r"--text: .*column 'text' holds no text, '1' in row 0\. Remedy: name the column"),
    "one class": ("a.csv", texts("a" * 40), LABELS,
        r"column 'label': one class, 'a', with 5 texts or more; expected two or more\. Remedy"),
    "a class a row": ("a.csv", texts(range(40)), LABELS,
        r"column 'label': no label has 5 texts or more, .* numbers that differ from row to row"),
    "too many classes": ("a.csv", texts([i % 120 for i in range(720)]), LABELS,
        r"column 'label': 120 classes for 720 texts, allowed are 100"),
    "no labels": ("a.csv", texts([""] * 40), LABELS,
        r"--label: .*column 'label': 100% of its cells are missing\. Remedy: name another"),
    "labels missing": ("a.csv", texts(["a", "", ""] * 20), LABELS,
        r"--label: .*column 'label': 67% of its cells are missing"),
    "one text all over": ("a.csv", texts("ab" * 20, "always the same"), LABELS,
        r"no label has 5 texts or more, .*\(repeated texts, left out: 39\)"),
    "a short text": ("a.txt", "Dear diary.", [],
        r"a.txt: 11 characters, and a text needs 2,000 at least.* Remedy: a longer text"),
    "a paragraph again and again": ("a.txt", ("It rained. " * 20 + "\n\n") * 50, [],
        r"a.txt: 220 characters, and a text needs 2,000 at least"),
    "unknown cell": ("a.csv", series(), [*FORECAST, "--cell", "ltsm"],
        r"--cell: unknown 'ltsm'; did you mean 'lstm'\?"),
    "unknown regularizer": ("a.csv", series(), [*FORECAST, "--regularizers", "l2,dropuot"],
        r"--regularizers: unknown 'dropuot'; did you mean 'dropout'\?"),
    "no minutes": ("a.csv", series(), [*FORECAST, "--minutes", "0"],
        r"--minutes: given 0, allowed are numbers from 0\."),
    "a name that is none": ("a.csv", series(), [*FORECAST, "--save-benchmark", "my data"],
        r"--save-benchmark: given 'my data', allowed are letters"),
    "a name that is taken": ("a.csv", series(), [*FORECAST, "--save-benchmark", "trec"],
        r"--save-benchmark: .*trec.py is there already\. Remedy: --save-benchmark NAME"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_in_one_message(fault, tmp_path, capsys, monkeypatch):
    name, content, options, told = FAULTS[fault]
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert main(["try", str(file), *options]) == 2
    said = capsys.readouterr().err
    assert re.search(told, said), said
    assert "Traceback" not in said
    assert not (tmp_path / "tried").exists()


class Pools:
    """Stands for pools of processes: the first `broken` of them lose one with its last task.

    Where one is lost `early`, the pool takes that task no more.
    """

    def __init__(self, broken: int, early: bool = False):
        self.broken, self.early, self.sizes = broken, early, []

    def __call__(self, jobs: int, *given, **more):
        self.sizes.append(jobs)
        return self

    def submit(self, work, row, members) -> Future:
        future = Future()
        if len(self.sizes) <= self.broken and row == "last":
            if self.early:
                raise BrokenProcessPool
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(f"{row}'s {members}")
        return future

    def shutdown(self, **more):
        pass


@pytest.mark.parametrize("early", [False, True])
def test_a_process_that_is_killed_costs_no_finished_task(early, monkeypatch):
    tasks = [("first", 1), ("second", 2), ("last", 3)]
    monkeypatch.setattr(workers, "ProcessPoolExecutor", pools := Pools(1, early))
    told = pytest.warns(UserWarning, match="for want of memory; . at once go on")
    with workers.Workers(5, None, None, "cpu") as several, told:
        made = list(several.map(tasks))
    assert sorted(made) == sorted((name, f"{name}'s {i}") for name, i in tasks)
    assert pools.sizes == [5, 2]
    monkeypatch.setattr(workers, "ProcessPoolExecutor", pools := Pools(9, early))
    refused = pytest.raises(UserError, match=r"try: a process was killed.* Remedy: fewer rows")
    with workers.Workers(2, None, None, "cpu") as several, told, refused:
        list(several.map(tasks))
    assert pools.sizes == [2, 1]


def test_a_huge_file_is_not_read(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(delimited, "LARGEST", 1000)
    (tmp_path / "a.csv").write_text(series(1000))
    assert main(["try", str(tmp_path / "a.csv"), *FORECAST]) == 2
    assert "and a file is read at once up to" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.txt"])
def test_bytes_by_chance_are_told(name, tmp_path, capsys):
    """Whatever is in a file: a message, and no traceback."""
    draws = np.random.default_rng(0)
    for size in (1, 50, 5000):
        (tmp_path / name).write_bytes(draws.bytes(size))
        options = [] if name == "a.txt" else FORECAST
        assert main(["try", str(tmp_path / name), *options]) == 2
        assert capsys.readouterr().err.startswith("rnnreg: ")
