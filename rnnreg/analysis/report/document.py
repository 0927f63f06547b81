"""The executed notebook as one Markdown document, and that typeset as a paper by Typst."""

import json
import re
import shutil
import tempfile
from pathlib import Path

import nbformat
import typst

from rnnreg.analysis.pandoc import pandoc
from rnnreg.analysis.report.page import FACTS
from rnnreg.analysis.tables import LONGEST, escape
from rnnreg.errors import UserError

CITED = "--citeproc"
REFERENCES = "## References\n\n::: {#refs}\n:::"


def document(notebook: nbformat.NotebookNode, paper: bool = False) -> str:
    """Prose, figures and tables in their order; on paper what is folded stands at the end.

    A page's widgets (outputs that are HTML alone) have no place on paper.
    """
    parts, appendix = [], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text, facts = data.get("text/markdown", ""), data.get(FACTS, {})
            if "text/html" in data and not text:
                parts.append(_raw(data["text/html"]))
            elif not facts.get("fold"):
                parts.append(text)
            elif not paper:
                parts.append(_folded(text, facts))
            elif facts["lines"] <= LONGEST:
                appendix.append(text)
            else:
                fold, lines = escape(facts["fold"]), facts["lines"]
                appendix.append(f"*{fold}: {lines} lines, in report.html and in tables/.*")
    return "\n\n".join([*parts, *appendix, REFERENCES]) + "\n"


def _folded(text: str, facts: dict) -> str:
    """A fold of the page: open in print, or, where it is too long, a line says where it lies."""
    fold, long = _html(facts["fold"]), facts["lines"] > LONGEST
    opening = f"<details{' class=long' * long}><summary>{fold}</summary>"
    told = f"{fold}: {facts['lines']} lines, in tables/{facts.get('name')}.csv."
    ending = "</details>" + f'<p class="printed">{told}</p>' * long
    return "\n\n".join([_raw(opening), text, _raw(ending)])


def check_citations(text: str, source: Path) -> None:
    """UserError where a document cites what the list of references lacks."""
    known = re.findall(r"^@\w+\{(\w+),", (source / "references.bib").read_text("utf-8"), re.M)
    for key in re.findall(r"[\[;]\s*@(\w+)", text):
        if key not in known:
            raise UserError(f"report/report.md: cites '{key}', which report/references.bib lacks.")


def markup(notebook: nbformat.NotebookNode, source: Path) -> str:
    """The document in Typst's markup."""
    options = [CITED, f"--bibliography={source / 'references.bib'}"]
    options += ["--metadata=link-citations:true"]
    text = document(notebook, paper=True)
    alts = dict(re.findall(r'\((figures/\S+)\.svg\)\{\S+ alt="(.*)"\}', text))

    def drawn(match: re.Match) -> str:  # pandoc leaves out what stands for a figure
        alt = re.sub(r"\\(.)", r"\1", alts.get(match[1], ""))
        return f'image("{match[1]}.pdf", alt: {json.dumps(alt, ensure_ascii=False)}'

    body = re.sub(r'image\("(figures/[^"]+)\.svg"', drawn, pandoc(text, "typst", *options))
    return f'#import "paper.typ": *\n#show: paper\n\n{body}'


def typeset(notebook: nbformat.NotebookNode, folder: Path, source: Path) -> bytes:
    """The PDF. The template and the references come from `source`, the figures from `folder`.

    Figures float, but where Typst's tags (0.15) fail on a float beside a table that goes on on the
    next page: then they stand where they are named.
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        shutil.copytree(folder / "figures", root / "figures")
        shutil.copy(source / "paper.typ", root / "paper.typ")
        (root / "main.typ").write_text(markup(notebook, source), encoding="utf-8")
        try:
            return typst.compile(str(root / "main.typ"), root=str(root))
        except typst.TypstError as error:
            if "internal error" not in str(error):
                raise
            stay = {"floats": "no"}
            return typst.compile(str(root / "main.typ"), root=str(root), sys_inputs=stay)


def _raw(html: str) -> str:
    return f"```{{=html}}\n{html}\n```"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
