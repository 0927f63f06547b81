"""`rnnreg try`: its options, and what it prints."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rnnreg.errors import UserError
from rnnreg.study import processes, records, registry

if TYPE_CHECKING:
    from rnnreg.trying.understood import Understood

TABLES = (".csv", ".tsv", ".parquet", ".json", ".jsonl")
EXAMPLES = """\
examples:
  rnnreg try current.csv --forecast 12               the next 12 rows of all columns of numbers
  rnnreg try current.csv --forecast 12 --target OT   of one of them
  rnnreg try reviews.csv --text review --label stars
  rnnreg try novel.txt
"""
WIDTH = 12  # of the keys that are told


def options(p: argparse.ArgumentParser) -> None:
    """The command's options."""
    p.epilog, p.formatter_class = EXAMPLES, argparse.RawDescriptionHelpFormatter
    p.add_argument("file", type=Path, help="CSV, TSV, Parquet, JSON lines, or a text")
    p.add_argument("--forecast", type=int, metavar="ROWS", help="forecast so many rows of a table")
    p.add_argument("--target", metavar="A,B", help="the columns to forecast (default: all)")
    p.add_argument("--columns", metavar="A,B", help="the columns of numbers to read (default: all)")
    p.add_argument("--time", metavar="COLUMN", help="the column of times; '' for none")
    p.add_argument("--text", metavar="COLUMN", help="classify the texts of this column")
    p.add_argument("--label", metavar="COLUMN", help="the column of their classes")
    p.add_argument("--level", choices=["character", "word"], default="character",
                   help="what is predicted of a plain text (default character)")  # fmt: skip
    p.add_argument("--encoding", help="of a text file (default UTF-8)")
    p.add_argument("--cell", default="lstm", help="the recurrent cell (default lstm)")
    p.add_argument("--regularizers", metavar="A,B", help="try these alone")
    p.add_argument("--minutes", type=float, default=10, help="for all of it (default 10)")
    p.add_argument("--seeds", type=int, default=8, help="of the test (default 8, at least 2)")
    p.add_argument("--steps", type=int, help="of a model, at most (default: as minutes allow)")
    p.add_argument("--jobs", type=int, help="processes (default: the cores there are)")
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    p.add_argument("--explain", action="store_true", help="show more of what was understood")
    p.add_argument("--only-look", action="store_true", help="show what was understood, and end")
    p.add_argument("--save-benchmark", nargs="?", const="", metavar="NAME",
                   help="write a benchmark and a study of it, for the full suite")  # fmt: skip
    p.add_argument("--out", type=Path, default=Path("tried"), help="a folder (default tried)")
    p.set_defaults(threads=1)


def run(given: argparse.Namespace, device: Callable[[argparse.Namespace], str]) -> None:
    """Understand the file, run the trial, tell the answer, write report and model."""
    _check(given)
    understood = understand(given)
    told = {**understood.told, **(understood.more if given.explain else {})}
    width = max(WIDTH, *(len(key) + 2 for key in told))
    for key, words in told.items():
        print(f"{key:<{width}}{words}", flush=True)
    if given.only_look:
        return
    from rnnreg.trying import page, save
    from rnnreg.trying.answer import answer
    from rnnreg.trying.place import Place
    from rnnreg.trying.trial import Asked, Trial

    on = device(given)
    name = given.save_benchmark or understood.name
    save.check_name(name, given.save_benchmark is not None)
    place = Place(given.out / name, name)
    place.check_free(given.file)
    records.check_room(place.folder / "tried.json")
    asked = Asked(
        given.cell, tuple(_list(given.regularizers)), given.minutes, given.seeds,
        1 if on != "cpu" else given.jobs or processes.cores(), on,
        **({"most_steps": given.steps} if given.steps else {}),
    )  # fmt: skip
    live = Live()
    with place.registered():
        trial = Trial(place, understood, asked, live.line, live)
        found = trial.run()
        code = (place.benchmarks / f"{name}.py").read_text(encoding="utf-8")
        drawn = page.write(place.folder, found, trial)
    live.line(_table(found))
    print("\n" + "\n".join(answer(found)) + "\n")
    print(f"report      {drawn}")
    if (model := place.folder / "model.safetensors").is_file() and found["gain"]:
        print(f"model       {model} (rnnreg predict {model} FILE)")
    if given.save_benchmark is not None:
        for file in save.write(name, code, found, given.seeds):
            print(f"saved       {file}")


def understand(given: argparse.Namespace) -> "Understood":
    """What the file is, by the options that were given."""
    from rnnreg.trying import delimited, language, series, texts

    delimited.check(given.file)
    if given.forecast is not None:
        return series.understand(
            given.file, given.forecast, _list(given.target), _list(given.columns), given.time,
            given.encoding,
        )  # fmt: skip
    if given.text is not None:
        return texts.understand(given.file, given.text, given.label, given.encoding)
    return language.understand(given.file, given.level, given.encoding)


def _check(given: argparse.Namespace) -> None:
    """UserError for options that do not go together, before anything is read."""
    if given.forecast is not None and (given.text or given.label):
        raise UserError("try: --forecast and --text: a table is one or the other. Give one.")
    if (given.text is None) != (given.label is None):
        raise UserError("try: --text and --label go together: the texts, and their classes.")
    if given.forecast is None and given.text is None and given.file.suffix.lower() in TABLES:
        raise UserError(
            f"try {given.file}: what is asked of a table? Remedy: --forecast ROWS for a series of "
            f"numbers; --text COLUMN --label COLUMN for labelled texts.{_columns(given)}"
        )
    if given.forecast is not None and given.forecast < 1:
        raise UserError(f"--forecast: given {given.forecast}, allowed are whole numbers from 1.")
    for option, least in (("minutes", 0), ("seeds", 2), ("steps", 10), ("jobs", 1)):
        value = getattr(given, option)
        if value is not None and not (value >= least and value > 0):
            raise UserError(f"--{option}: given {value:g}, allowed are numbers from {least or 0}.")
    registry.path("cell", given.cell, "--cell")
    for name in _list(given.regularizers):
        registry.path("regularizer", name, "--regularizers")


def _columns(given: argparse.Namespace) -> str:
    """What columns there are, where the file can be read."""
    from rnnreg.data.tables import read_frame
    from rnnreg.trying import delimited
    from rnnreg.trying.understood import listed

    delimited.check(given.file)
    is_text = given.file.suffix.lower() in (".csv", ".tsv")
    found = delimited.options(given.file, given.encoding) if is_text else {}
    return f" Its columns: {listed(list(read_frame(given.file, **found).columns), 20)}."


def _list(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _table(found: dict) -> str:
    """The ranking by validation loss, the best ten."""
    lines = [
        f"{'':4}{'regularizer':<40}{'round':>6}{'trials':>8}{'validation':>12}{'strength':>10}"
    ]
    for place, line in enumerate(found["ranking"][:10], 1):
        strength = f"{line['strength']:.3g}" if line["searched"] else ""
        lines.append(
            f"{place:<4}{line['title'][:39]:<40}{line['round']:>6}{line['trials']:>8}"
            f"{line['loss']:>12.4g}{strength:>10}"
        )
    return "\n" + "\n".join(lines)


class Live:
    """Lines of what was done; on a terminal also one that moves, with the ranking so far."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        self.moving = self.stream.isatty()
        self.width = shutil.get_terminal_size().columns

    def line(self, text: str) -> None:
        """A line that stays."""
        self.stream.write(("\r\x1b[K" if self.moving else "") + text + "\n")
        self.stream.flush()

    def __call__(self, rounds, until: float) -> None:
        """The round, the best three so far, and the time left."""
        if not self.moving:
            return
        own = {n: min(r.scores["best"]["validation"]["loss"] for r in made)
               for n, made in rounds.current.items()}  # fmt: skip
        best = ", ".join(f"{n} {own[n]:.4g}" for n in sorted(own, key=own.get)[:3])
        left = max(until - time.monotonic(), 0)
        text = f"round {rounds.finished + 1}: {len(rounds.current)} of {rounds.going} done; "
        text += f"{int(left // 60)}:{int(left % 60):02} left; "
        self.stream.write(f"\r\x1b[K{(text + best)[: self.width - 1]}")
        self.stream.flush()
