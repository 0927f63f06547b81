"""What a notebook cell shows: prose, figures and tables, for the browser and for paper."""

import base64
import re

from rnnreg.analysis.results import Results, load
from rnnreg.analysis.tables import Table

__all__ = ["Prose", "figure", "folded", "load", "table"]
PAPER = "application/vnd.rnnreg+json"  # what the PDF is typeset from


class Prose(str):
    """Markdown that a cell shows."""

    def _repr_markdown_(self) -> str:
        return str(self)


class Shown:
    """A figure or table: HTML for the browser, facts for paper, its caption as plain text."""

    def __init__(self, html: str, paper: dict):
        self.html, self.paper = html, paper

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        return {"text/html": self.html, PAPER: self.paper, "text/plain": self.paper["caption"]}


def figure(results: Results, name: str, caption: str) -> Shown:
    """A drawn figure of the study, by its name."""
    file = results.folder / "figures" / f"{name}.svg"
    code = base64.b64encode(file.read_bytes()).decode()
    html = (
        f"<figure id='fig-{name}'>"
        f"<img alt='{_plain(caption)}' src='data:image/svg+xml;base64,{code}'>"
        f"<figcaption>{_plain(caption)}</figcaption></figure>"
    )
    return Shown(html, {"kind": "figure", "name": name, "caption": caption})


def table(found: Table, note: str = "") -> Shown | Prose:
    """A table, or, where it has no rows, a sentence that says so."""
    if not found.rows:
        return Prose(note or f"*There is nothing to tabulate here ({found.name}).*")
    rows = [[{"text": c.text, "strong": c.strong} for c in row] for row in found.rows]
    paper = {
        "kind": "table",
        "name": found.name,
        "caption": found.caption,
        "left": found.left,
        "columns": list(found.columns),
        "rows": rows,
    }
    return Shown(found.as_html(), paper)


def folded(found: Table, summary: str) -> Shown | Prose:
    """A long table: folded away in the browser, in the appendix on paper."""
    whole = table(found, note=" ")
    if isinstance(whole, Shown):
        whole.paper["appendix"] = True
        whole.html = f"<details><summary>{_plain(summary)}</summary>{whole.html}</details>"
    return whole


def _plain(text: str) -> str:
    text = re.sub(r"[*`]", "", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&#39;")
