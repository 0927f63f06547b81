"""README's generated parts: written between their marks from what commands made, never by hand."""

import re
from pathlib import Path

from rnnreg.analysis import explain, words
from rnnreg.analysis.report import findings, sentences
from rnnreg.analysis.results import load
from rnnreg.errors import UserError
from rnnreg.study import records, registry

PICTURE = "report/example/effects.svg"


def update(folder: Path | None, root: Path = registry.ROOT) -> None:
    """Write README.md's generated parts, and the page of the regularizers.

    The speed benchmark's short tables, one a machine; the list of the regularizers; and of a
    results folder, where one is given, the study's findings with the figure of effects. Its table
    across.csv then lies beside its published records.

    Each part stands between `<!-- NAME: begin -->` and `<!-- NAME: end -->`; UserError where a
    mark is missing.
    """
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    if folder:
        text = replace(text, "findings", found(folder), readme)
        across = (folder / "across.csv").read_text(encoding="utf-8")
        records.write_text(explain.PUBLISHED / folder.name / "across.csv", across)
        records.write_text(root / PICTURE, picture(folder))
    speed = sorted((root / "benchmarks/speed/results").glob("*/table.md"))
    tables = [file.read_text(encoding="utf-8") for file in speed]
    text = replace(text, "speed", "\n".join(tables), readme)
    text = replace(text, "regularizers", explain.table(), readme)
    records.write_text(readme, text)
    records.write_text(root / explain.PAGE, explain.page())


def found(folder: Path) -> str:
    """Sentences and table of a study, as Markdown."""
    results = load(folder)
    lines = [f"![{sentences.described(results)}]({PICTURE})", ""]
    lines += [f"{i}. {s}" for i, s in enumerate(findings.findings(results), 1)]
    table = (folder / "tables" / "across.md").read_text(encoding="utf-8").strip()
    models, devices = len(results.members), words.devices(results)
    made = f"*{results.study['title']}, {models} models, trained on {devices}.*"
    return "\n".join([*lines, "", table, "", made])


def picture(folder: Path) -> str:
    """The report's first figure, on white: README may be read on a dark page."""
    return on_white((folder / "figures" / "effects.svg").read_text(encoding="utf-8"))


def on_white(drawn: str) -> str:
    """A figure as SVG with a white background."""
    return drawn.replace("<defs>", '<rect width="100%" height="100%" fill="white"/>\n<defs>', 1)


def replace(text: str, name: str, content: str, where: Path) -> str:
    """The text with new content between the marks of that name."""
    marks = rf"(<!-- {name}: begin[^>]*-->\n).*?(<!-- {name}: end -->)"
    if not re.search(marks, text, flags=re.S):
        raise UserError(
            f"{where}: the marks <!-- {name}: begin --> and <!-- {name}: end --> are missing; "
            "put them where the numbers belong."
        )
    return re.sub(marks, lambda m: m[1] + content.strip() + "\n" + m[2], text, flags=re.S)
