"""The executed notebook, typeset as a paper by Typst."""

import json
import shutil
import tempfile
from itertools import groupby
from pathlib import Path

import mistune
import nbformat
import typst

from rnnreg.analysis.report import citations
from rnnreg.analysis.report.page import PAPER

MARKDOWN = mistune.create_markdown(renderer="ast", plugins=["table"])
SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\*_`#$@<>[]~\"'/"})


def typeset(notebook: nbformat.NotebookNode, folder: Path, source: Path) -> bytes:
    """The PDF. The template and the references come from `source`, the figures from `folder`."""
    text = markup(notebook)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        shutil.copytree(
            folder / "figures", root / "figures", ignore=shutil.ignore_patterns("*.pdf")
        )
        for name in ("paper.typ", "references.bib"):
            shutil.copy(source / name, root / name)
        (root / "main.typ").write_text(text, encoding="utf-8")
        return typst.compile(str(root / "main.typ"), root=str(root))


def markup(notebook: nbformat.NotebookNode) -> str:
    """The notebook's prose, figures and tables in Typst's markup; long tables at the end."""
    parts, appendix = ['#import "paper.typ": *', "#show: paper"], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(_blocks(MARKDOWN(cell.source)))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if PAPER in data:
                (appendix if data[PAPER].get("appendix") else parts).append(_shown(data[PAPER]))
            elif "text/markdown" in data:
                parts.append(_blocks(MARKDOWN(data["text/markdown"])))
    references = '== References\n\n#bibliography("references.bib", title: none, style: "apa")'
    return "\n\n".join([*parts, *appendix, references]) + "\n"


def _shown(facts: dict) -> str:
    """A figure or a table as a call of the template's function."""
    caption = _escape(facts["caption"])
    if facts["kind"] == "figure":
        return f'#drawn("figures/{facts["name"]}.svg", [{caption}])'
    columns, left, rows = facts["columns"], facts["left"], facts["rows"]
    cells = [_cell(c) for row in rows for c in row]
    if facts.get("appendix"):  # too wide otherwise: the first column becomes lines of its own
        columns, left = columns[1:], left - 1
        cells = _grouped(rows)
    heads = ", ".join(f"[{_escape(c)}]" for c in columns)
    return f"#tabulated(({heads},), {left}, {len(rows)}, [{caption}],\n  " + ", ".join(cells) + ")"


def _grouped(rows: list[list[dict]]) -> list[str]:
    """Rows without their first cell, under a line for each of its values."""
    cells = []
    for title, group in groupby(rows, key=lambda row: row[0]["text"]):
        cells.append(f"group({len(rows[0]) - 1})[{_escape(title)}]")
        cells += [_cell(c) for row in group for c in row[1:]]
    return cells


def _cell(cell: dict) -> str:
    text = _escape(cell["text"])
    return f"[*{text}*]" if cell["strong"] and text else f"[{text}]"


def _blocks(tokens: list[dict]) -> str:
    return "\n\n".join(filter(None, map(_block, tokens)))


def _block(token: dict) -> str:
    kind, children = token["type"], token.get("children", [])
    if kind == "heading":
        return f"{'=' * token['attrs']['level']} {_inline(children)}"
    if kind in ("paragraph", "block_text"):
        return _inline(children)
    if kind == "list":
        sign = "+" if token["attrs"]["ordered"] else "-"
        items = [" ".join(map(_block, item["children"])).replace("\n", " ") for item in children]
        return "\n".join(f"{sign} {item}" for item in items)
    if kind in ("blank_line", "thematic_break"):
        return ""
    if kind == "block_html":  # a title, say, that looks like HTML
        return _escape(token["raw"].strip())
    raise ValueError(f"report.md: {kind} cannot be typeset; use headings, paragraphs and lists")


def _inline(tokens: list[dict]) -> str:
    return "".join(map(_span, tokens))


def _span(token: dict) -> str:
    kind = token["type"]
    if kind == "text":
        return _cited(token["raw"])
    if kind == "codespan":
        return f"#raw({json.dumps(token['raw'], ensure_ascii=False)})"
    if kind == "inline_html":
        return _escape(token["raw"])
    if kind in ("softbreak", "linebreak"):
        return "\n"
    inner = _inline(token["children"])
    if kind == "emphasis":
        return f"#emph[{inner}]"
    if kind == "strong":
        return f"#strong[{inner}]"
    if kind == "link":
        return f"#link({json.dumps(token['attrs']['url'])})[{inner}]"
    raise ValueError(f"report.md: {kind} cannot be typeset inside a line")


def _cited(text: str) -> str:
    """Text with its special characters escaped, and citations as Typst's own."""
    parts, end = [], 0
    for match in citations.CITED.finditer(text):
        parts.append(_escape(text[end : match.start()]))
        parts += [f"#cite(<{key}>)" for key in citations.keys(match[0])]
        end = match.end()
    return "".join([*parts, _escape(text[end:])])


def _escape(text: str) -> str:
    return text.translate(SPECIAL)
