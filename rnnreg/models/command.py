"""`rnnreg predict MODEL FILE`: its options, and what it prints."""

import argparse
import csv
import io
import sys
from pathlib import Path

from rnnreg.errors import UserError

EXAMPLES = """\
examples:
  rnnreg predict tried/current/model.safetensors current.csv     the rows after the last
  rnnreg predict tried/reviews/model.safetensors new.csv --text review
  rnnreg predict tried/novel/model.safetensors begin.txt --length 400
"""


def options(p: argparse.ArgumentParser) -> None:
    """The command's options."""
    p.epilog, p.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    p.add_argument("model", type=Path, help="MODEL.safetensors, with MODEL.json beside it")
    p.add_argument("file", type=Path, help="new data, laid out as that of training")
    p.add_argument("--text", metavar="COLUMN", help="the column of texts, of a table")
    p.add_argument("--length", type=int, default=200, help="symbols by which a text goes on")
    p.add_argument("--temperature", type=float, default=0.7, help="0: the most likely symbol")
    p.add_argument("--seed", type=int, default=0, help="of the symbols that are drawn")
    p.add_argument("--out", type=Path, help="a file, instead of the terminal")


def run(given: argparse.Namespace) -> None:
    """Read the model and the file, and print what the model says, as CSV or text."""
    from rnnreg.models.file import load
    from rnnreg.study import records

    if not given.file.is_file():
        raise UserError(f"{given.file}: no such file.")
    model = load(given.model)
    kinds = {"Forecast": forecast, "Classification": classes, "LanguageModel": language}
    kind = kinds.get(type(model.task).__name__)
    if kind is None:
        raise UserError(
            f"{given.model}: a model of {type(model.task).__name__}, of which no file is read. "
            "Remedy: rnnreg.load(path).predict(frames), in Python."
        )
    text = kind(model, given)
    if given.out:
        records.write_text(given.out, text)
    else:
        sys.stdout.write(text)


def forecast(model, given: argparse.Namespace) -> str:
    """The rows after the last one of the file, a line each."""
    from rnnreg.data.given import filled, rows
    from rnnreg.data.numbers import read_csv

    read, task = model.facts.decoding.get("read"), model.task
    if read:
        values, times = rows(given.file, **read)
        names, values = read["columns"], filled(values)
    else:  # of a benchmark's own file, which says nothing of how it reads
        values, times = read_csv(given.file), None
        names = [f"column {i}" for i in range(model.network.inputs)]
    found = model.predict(values)
    columns = [names[c] for c in task.columns(model.network.inputs)]
    ahead = _ahead(times, task.horizon) if read and read["every"] else range(1, task.horizon + 1)
    head = read["time"] if read and read["every"] else "row"
    lines = [[t, *(f"{v:.6g}" for v in row)] for t, row in zip(ahead, found, strict=True)]
    return _csv([[head, *columns], *lines])


def _ahead(times, horizon: int) -> list:
    """The times after the last one."""
    step = times.freq
    ahead = (times[-1] + (i + 1) * step for i in range(horizon))
    return [str(time).removesuffix(" 00:00:00") for time in ahead]


def classes(model, given: argparse.Namespace) -> str:
    """The class of each text and its probability, a line each: rows of a table, or lines."""
    from rnnreg.data.tables import KINDS, read_frame, read_text
    from rnnreg.errors import unknown
    from rnnreg.models.predict import probabilities

    read = model.facts.decoding.get("read", {})
    if not model.network.symbols:
        raise UserError(
            f"{given.model}: a model of sequences of numbers, of which no file is read. Remedy: "
            "rnnreg.load(path).predict(list of arrays), in Python."
        )
    if given.file.suffix.lower() in KINDS:
        frame = read_frame(given.file, **read.get("options", {}))
        name = given.text or read.get("text", "")
        if name not in frame.columns:
            raise unknown(f"--text: {given.file}: column", name, map(str, frame.columns))
        cases = [case if isinstance(case, str) else "" for case in frame[name]]
    else:
        cases = [line for line in read_text(given.file).splitlines() if line.strip()]
    known = model.facts.decoding["classes"]
    found = probabilities(model, cases)
    lines = [[known[p.argmax()], f"{p.max():.4f}"] for p in found]
    return _csv([["class", "probability"], *lines])


def language(model, given: argparse.Namespace) -> str:
    """How well the text is foretold, and how it goes on."""
    from rnnreg.data.tables import read_text
    from rnnreg.models.predict import score

    text = read_text(given.file, model.facts.decoding.get("encoding", "utf-8"))
    metric, (label, _) = model.task.headline, model.task.labels[model.task.headline]
    told = f"{label}: {score(model, text)[metric]:.4g}\n\n" if len(text) > 1 else ""
    more = {"length": given.length, "temperature": given.temperature, "seed": given.seed}
    return f"{told}{model.predict(text, **more)}\n"


def _csv(lines: list[list]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
