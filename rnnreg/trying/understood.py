"""What a file was found to be: told to its owner, and written as a benchmark."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rnnreg.data.benchmark import Splits

HEAD = '''"""{plain}, as `rnnreg try` has understood it: change what you know better."""

from rnnreg.data import Benchmark, Budget, Local, Model, {reader}
from rnnreg.tasks import {kind}


class {class_name}(Benchmark):
    """{doc}"""

    title = {title}
    group = "{group}"
    licence = "your own"
    citation = "your own"
    sources = (Local({name}, {path}),)
    task = {task}
    train = {train}
    model = Model(hidden={hidden}{embedding})
    budget = Budget(steps={steps}, batch={batch}, checks={checks}, validated={validated})

    def prepare(self, raw):
        return {call}
'''


@dataclass(frozen=True)
class Sizes:
    """What is decided of the network and its training; `train` symbols, texts or rows, 0: all."""

    hidden: int = 32
    steps: int = 400
    batch: int = 16
    train: int = 0
    checks: int = 20
    validated: int = 0


@dataclass(frozen=True)
class Understood:
    """A file, and what it was found to be.

    told       what is shown: key -> words
    more       what is shown as well with --explain
    task       the code of the task, such as "Classification()"
    reader     the function of rnnreg.data that reads it
    arguments  what it is given after the file, and the task where it reads a series
    splits     what it makes of the file
    units      of the columns that are predicted: their names; () where scores have no unit
    """

    file: Path
    group: str
    doc: str
    task: str
    reader: str
    arguments: dict[str, object]
    splits: Splits
    told: dict[str, str]
    more: dict[str, str] = field(default_factory=dict)
    units: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What the benchmark is called: the file's name as an identifier."""
        found = re.sub(r"\W+", "_", self.file.stem.lower(), flags=re.ASCII).strip("_")
        return found if found.isidentifier() else f"data_{found}".rstrip("_")

    def code(self, sizes: Sizes, name: str) -> str:
        """The benchmark's file."""
        return HEAD.format(
            plain=one_line(self.file.name),
            title=code(self.file.name),
            reader=self.reader,
            kind=self.task.partition("(")[0],
            class_name="".join(part.capitalize() for part in name.split("_")) or "Data",
            doc=self.doc,
            group=self.group,
            name=code(self.file.name),
            path=code(str(self.file.resolve())),
            task=self.task,
            embedding=f", embedding={embedding(sizes.hidden)}" if self.splits.symbols else "",
            call=self._call(),
            **vars(sizes),
        )

    def _call(self) -> str:
        given = [f"raw[{code(self.file.name)}]"]
        given += ["self.task"] if self.reader == "read_series" else []
        given += [f"{key}={code(value)}" for key, value in self.arguments.items()]
        lines = "".join(f"            {argument},\n" for argument in given)
        return f"{self.reader}(\n{lines}        )"


def code(value: object) -> str:
    """A value as the code of it, with text in double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | tuple):
        ends = "[]" if isinstance(value, list) else "()"
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"{ends[0]}{', '.join(map(code, value))}{comma}{ends[1]}"
    return repr(value)


def embedding(hidden: int) -> int:
    """The width of the embedding beside so many units."""
    return max(hidden // 2, 8)


def one_line(text: str) -> str:
    """Text as it can stand in a docstring."""
    return re.sub(r"\s+", " ", str(text)).replace("\\", "/").replace('"', "'").strip()


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names with commas between, cut where there are many."""
    more = f", ... ({len(names)})" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
