"""A regularizer explained: the same text in a terminal and on docs/regularizers.md."""

import re
import textwrap
from pathlib import Path

import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.families import REFERENCE
from rnnreg.errors import UserError
from rnnreg.study import described, registry

PUBLISHED = registry.ROOT / "results" / "published"
SPEED = registry.ROOT / "benchmarks" / "speed" / "results"
PAGE = "docs/regularizers.md"
WIDTH = 98
NOWHERE = (
    "No figure: the studies compared here do not have it, or it does not suit their data sets."
)
UNTIMED = (
    "Not timed: no table of costs has it. `python benchmarks/speed/run.py --only cost` makes one, "
    "of those that ship."
)
WHEN = {"best": "at the best check", "final": "after the last step"}
HEAD = """\
# The regularizers

Written by `rnnreg readme` from their files under `rnnreg/regularizers/`, from the published tables
under `results/published/` and from `benchmarks/speed/results/`; edit those, not this page.
`rnnreg explain NAME` shows the same text, and where a regularizer stands in the studies at hand.

Where a regularizer stands is told of each published study alone: how many data sets a figure is of,
the improvement (of the error rate, where sequences are classified), and its 95% interval for these
data sets and new seeds, simultaneous over the regularizers of a family. Two data sets do not speak
for others. The studies are
"""


def terminal(name: str) -> str:
    """What `rnnreg explain` prints, with the studies under results/."""
    facts = registry.facts("regularizer", name)
    lines = [f"{facts.get('title', name)} ({name}; {facts['group']})"]
    studies = _tables(Path("results")) | published()
    for heading, paragraphs in sections(name, studies).items():
        lines.append(f"\n{heading}")
        lines += [textwrap.indent(text, "  ") for text in paragraphs]
    return "\n".join(lines)


def page() -> str:
    """Markdown: all regularizers that ship, by group."""
    studies = published()
    told = [_described(PUBLISHED / name) for name in _tables(PUBLISHED)]
    parts = [HEAD, "\n".join(told) + "\n"]
    for group, names in _shipped().items():
        parts.append(f"## {words.capital(group)}\n")
        for name in names:
            parts.append(f"### {name}\n\n*{registry.facts('regularizer', name)['title']}*\n")
            for heading, paragraphs in sections(name, studies).items():
                text = re.sub(r"<(?=\w)", "&lt;", "\n\n".join(paragraphs))  # <unk> is no tag
                parts.append(f"**{heading}**\n\n{text}\n")
    return "\n".join(parts)


def table() -> str:
    """Markdown: a line a group, each regularizer with its source and a link to its place."""
    lines = ["| Group | Regularizers |", "| --- | --- |"]
    for group, names in _shipped().items():
        told = (_linked(registry.facts("regularizer", name)) for name in names)
        lines.append(f"| {group} | {'; '.join(told)} |")
    return "\n".join(lines)


def _linked(facts: dict) -> str:
    name = facts["name"]
    return f"[{facts['title']}]({PAGE}#{name}) ({described.authors(facts['source'])})"


def _shipped() -> dict[str, list[str]]:
    known = registry.shipped("regularizer")
    found = {g: [n for n in names if n in known] for g, names in described.grouped().items()}
    return {group: names for group, names in found.items() if names}


def sections(name: str, studies: dict[str, pd.DataFrame]) -> dict[str, list[str]]:
    """Heading -> paragraphs, in Markdown that a terminal can show.

    `studies` has the table `across` of each study, by the study's name.
    """
    facts = registry.facts("regularizer", name)
    equations = [f"`{hook}`: {text}" for hook, text in described.equations(name).items()]
    parts = [f"{part} {strength:g}" for part, strength in described.parts(name).items()]
    suits = "It runs with any cell and on any task."
    if reasons := described.unsuited(name):
        suits = "Some rows are left out, with "
        suits += "the reason: " if len(reasons) == 1 else "one of these reasons: "
        suits += f"{'; '.join(reasons)}."
    source = words.capital(facts.get("source", "no source in its file")) + "."
    found = {
        "Equation": _list(equations),
        "What it does": [described.does(name)],
        "Parts at strength 1": _list(parts),
        "When it suits": [_fill(text) for text in (described.helps(name), suits) if text],
        "Paper": [_fill(text) for text in (source, *described.departures(name))],
        "Strength": [_fill(words.capital(described.strengths(name)) + ".")],
        "Cost": _list(cost(name)) or ([_fill(UNTIMED)] if _timed() else []),
        "Where it stands": _standing(name, studies),
    }
    return {heading: paragraphs for heading, paragraphs in found.items() if paragraphs}


def cost(name: str) -> list[str]:
    """The time of a training step against that of none, a sentence a machine."""
    found = []
    for file in sorted(SPEED.glob("*/cost.csv")):
        frame = pd.read_csv(file).query("regularizer == @name")
        ends = frame.groupby("cell", sort=False)["ratio"].agg(["min", "max"])
        each = [f"{c} {_range(low, high)}" for c, low, high in ends.itertuples()]
        if each:
            machine = file.with_name("machine.txt").read_text(encoding="utf-8").strip()
            found.append(f"a training step against one of none: {', '.join(each)} ({machine})")
    return found


def _timed() -> bool:
    """Whether there is a table of costs at all."""
    return any(SPEED.glob("*/cost.csv"))


def published() -> dict[str, pd.DataFrame]:
    """The table `across` of each published study, by name."""
    return {_published(name): frame for name, frame in _tables(PUBLISHED).items()}


def _published(study: str) -> str:
    return f"{study}, published"


def _tables(folder: Path) -> dict[str, pd.DataFrame]:
    files = sorted(folder.glob("*/across.csv"))
    return {file.parent.name: _read(file) for file in files if file.read_bytes().strip()}


def _read(file: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(file, keep_default_na=False, na_values=[""])
        return frame.astype(
            {"regularizer": str, "scope": str, "criterion": str, "effect": float, "benchmarks": int}
        )
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{file}: cannot be read ({error}). Remedy: python -m rnnreg compare {file.parent}"
        ) from error


def _described(study: Path) -> str:
    """The data sets and cells of a published study, from where its records lie."""
    rows = [file.relative_to(study / "records").parts for file in study.glob("records/*/*/*")]
    sets, cells = (sorted({row[i] for row in rows}) for i in (0, 1))
    count = words.count(len(sets), "data set")
    return _fill(f"{study.name}: {count}, {words.listed(sets)}; {words.listed(cells)}", "- ")


def _standing(name: str, studies: dict[str, pd.DataFrame]) -> list[str]:
    """Its effect against none in each study, over all data sets and group by group."""
    if name == REFERENCE:
        return []
    told = {study: _told(name, across) for study, across in studies.items()}
    # Of a study that is here as it is published, the published one alone.
    known = {s: own for s, own in told.items() if own != told.get(_published(s))}
    lines = [f"{study}, {text}" for study, own in known.items() for text in own]
    head = "Improvement of the test loss over none, geometric mean over data sets and cells:"
    return [head, *_list(lines)] if lines else [NOWHERE]


def _told(name: str, across: pd.DataFrame) -> list[str]:
    """Its effect in one study, a text a criterion."""
    frame = across[across["regularizer"] == name]
    frame = frame[~frame["scope"].str.contains(": ")]  # those are of one cell
    found = []
    for criterion, when in WHEN.items():
        rows = frame[frame["criterion"] == criterion].iterrows()
        if each := [f"{_over(row)} {words.judged(row)}" for _, row in rows]:
            found.append(f"{when}: {'; '.join(each)}")
    return found


def _over(row: pd.Series) -> str:
    """Of how many data sets a figure is: `all 2 data sets`, `NLP (1 data set)`."""
    count = words.count(row["benchmarks"], "data set")
    return f"all {count}" if row["scope"] == "all" else f"{row['scope']} ({count})"


def _list(items: list[str]) -> list[str]:
    """One paragraph, an item a line."""
    return ["\n".join(_fill(item, "- ") for item in items)] if items else []


def _fill(text: str, mark: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * len(mark),
        break_on_hyphens=False,
        break_long_words=False,
    )


def _range(low: float, high: float) -> str:
    return f"{low:.2f}" if low == high else f"{low:.2f} to {high:.2f}"
