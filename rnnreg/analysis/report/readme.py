"""The numbers of the README: written between its marks from what commands made, never by hand."""

import re
from pathlib import Path

from rnnreg.analysis import words
from rnnreg.analysis.report import findings
from rnnreg.analysis.results import load
from rnnreg.errors import UserError
from rnnreg.study import records


def update(folder: Path, speed: Path, readme: Path = Path("README.md")) -> None:
    """Write a study's findings, and the speed benchmark's short tables, into the README.

    `speed` holds one folder a machine that was measured, each with its table.md.
    Each stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`; UserError where a mark is
    missing.
    """
    text = readme.read_text(encoding="utf-8")
    text = replace(text, "findings", found(folder), readme)
    tables = [file.read_text(encoding="utf-8") for file in sorted(speed.glob("*/table.md"))]
    text = replace(text, "speed", "\n".join(tables), readme)
    records.write_text(readme, text)


def found(folder: Path) -> str:
    """Sentences and table of a study, as Markdown."""
    results = load(folder)
    lines = [f"{i}. {s}" for i, s in enumerate(findings.findings(results), 1)]
    table = (folder / "tables" / "across.md").read_text(encoding="utf-8").strip()
    models, devices = len(results.members), words.devices(results)
    made = f"*{results.study['title']}, {models} models, trained on {devices}.*"
    return "\n".join([*lines, "", table, "", made])


def replace(text: str, name: str, content: str, where: Path) -> str:
    """The text with new content between the marks of that name."""
    marks = rf"(<!-- {name}: begin[^>]*-->\n).*?(<!-- {name}: end -->)"
    if not re.search(marks, text, flags=re.S):
        raise UserError(
            f"{where}: the marks <!-- {name}: begin --> and <!-- {name}: end --> are missing; "
            "put them where the numbers belong."
        )
    return re.sub(marks, lambda m: m[1] + content.strip() + "\n" + m[2], text, flags=re.S)
