"""The executed notebook as one HTML file that asks nobody for anything."""

import re

import mistune
import nbformat

from rnnreg.analysis.report import citations

MARKDOWN = mistune.create_markdown(escape=True, plugins=["table"])

STYLE = """
:root { --ink: #1c1c1c; --soft: #5c5c5c; --line: #d9d9d9; --paper: #fffefb; --link: #0b5394; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body { margin: 0; color: var(--ink); background: var(--paper);
  font: 17px/1.55 "Source Serif 4", "Iowan Old Style", Charter, Georgia, serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1.25rem 6rem; }
@media (min-width: 80rem) { body { display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; } main { max-width: 56rem; } }
nav { padding: 2rem 1.25rem; font-size: 0.82rem; line-height: 1.35;
  border-right: 1px solid var(--line); }
nav ol { list-style: none; margin: 0; padding: 0; } nav li { margin: 0.35em 0; }
nav li.h3 { padding-left: 1em; } nav a { color: var(--soft); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--link); text-decoration: underline; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 2px; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: 0 0 0.4em; font-weight: 600; }
h2 { font-size: 1.4rem; margin: 2.6em 0 0.6em; padding-top: 0.6em;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.12rem; margin: 2.2em 0 0.5em; }
p, li { text-wrap: pretty; hyphens: auto; } code { font-size: 0.85em; }
figure { margin: 1.8em 0; } figure img { width: 100%; height: auto; display: block;
  mix-blend-mode: multiply; }
figcaption { color: var(--soft); font-size: 0.86rem; line-height: 1.4; margin: 0.5em 0; }
.scroll { overflow-x: auto; }
.table figcaption { display: flex; gap: 1em; justify-content: space-between; }
table { border-collapse: collapse; font-size: 0.8rem; line-height: 1.35; width: 100%;
  border-top: 1.5px solid var(--ink); border-bottom: 1.5px solid var(--ink);
  font-variant-numeric: tabular-nums lining-nums; }
th { text-align: left; vertical-align: bottom; border-bottom: 1px solid var(--ink); cursor: pointer;
  font-weight: 600; padding: 0.35em 0.6em; }
th.n { text-align: right; }
th:hover { color: var(--link); } th[aria-sort=ascending]::after { content: " ▲"; font-size: 0.7em; }
th[aria-sort=descending]::after { content: " ▼"; font-size: 0.7em; }
td { padding: 0.22em 0.6em; vertical-align: top; } td.n { text-align: right; white-space: nowrap; }
tbody tr:hover { background: #f3f0e6; }
button { font: inherit; font-size: 0.75rem; color: var(--soft); background: none; cursor: pointer;
  border: 1px solid var(--line); border-radius: 3px; padding: 0.1em 0.6em; height: 2em;
  flex: none; }
summary { cursor: pointer; color: var(--link); margin: 0.8em 0; }
.references { list-style: none; padding: 0; font-size: 0.9rem; } .references li { margin: 0.5em 0; }
@media print { nav, button { display: none; } body { display: block; font-size: 11pt; } }
"""

SCRIPT = """
for (const figure of document.querySelectorAll("figure.table")) {
  const table = figure.querySelector("table"), body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const key = (row, i) => row.cells[i].dataset.key;
  heads.forEach((head, i) => {
    head.tabIndex = 0;
    const sort = () => {
      const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down > 0 ? "ascending" : "descending");
      const rows = [...body.rows];
      const isNumber = rows.every(r => key(r, i) === "nan" || !isNaN(Number(key(r, i))));
      const order = (a, b) => {
        const x = key(a, i), y = key(b, i);
        if (x === "nan" || y === "nan") return (x === "nan") - (y === "nan");
        return down * (isNumber ? Number(x) - Number(y) : x.localeCompare(y));
      };
      body.append(...rows.sort(order));
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", e => { if (e.key === "Enter") sort(); });
  });
  const button = document.createElement("button");
  button.textContent = "copy";
  button.title = "Copy the table, to be pasted into a spreadsheet";
  button.addEventListener("click", async () => {
    const line = row => [...row.cells].map(cell => cell.textContent).join("\\t");
    const text = [...table.rows].map(line).join("\\n");
    await navigator.clipboard.writeText(text);
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  figure.querySelector("figcaption").append(button);
}
"""


def page(notebook: nbformat.NotebookNode, entries: dict) -> str:
    """The whole page: contents, body, references, and the two scripts that tables need."""
    texts = [text for cell in notebook.cells for text in _markdown(cell)]
    cited = citations.keys("\n".join(texts))
    body = "\n".join(part for cell in notebook.cells for part in _html(cell, entries))
    body += "<h2>References</h2>" + citations.listed(cited, entries)
    body, contents = _anchored(body)
    title = re.search(r"<h1[^>]*>(.*?)</h1>", body)[1]
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><link rel='icon' href='data:,'><style>{STYLE}</style></head>\n"
        f"<body><nav aria-label='Contents'><ol>{contents}</ol></nav>\n<main>{body}</main>\n"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _markdown(cell: nbformat.NotebookNode) -> list[str]:
    if cell.cell_type == "markdown":
        return [cell.source]
    return [
        o.data["text/markdown"]
        for o in cell.get("outputs", [])
        if "text/markdown" in o.get("data", {})
    ]


def _html(cell: nbformat.NotebookNode, entries: dict) -> list[str]:
    """What a cell shows. Its code is in the notebook, for those who go on there."""
    if cell.cell_type == "markdown":
        return [MARKDOWN(citations.resolve(cell.source, entries))]
    parts = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/html" in data:
            parts.append(data["text/html"])
        elif "text/markdown" in data:
            parts.append(MARKDOWN(citations.resolve(data["text/markdown"], entries)))
    return parts


def _anchored(body: str) -> tuple[str, str]:
    """Headings with an id each, and the table of contents that leads to them."""
    contents = []

    def anchor(match: re.Match) -> str:
        level, text = match[1], match[2]
        name = f"{len(contents)}-" + re.sub(r"\W+", "-", re.sub("<[^>]+>", "", text).lower()).strip(
            "-"
        )
        contents.append(f"<li class='h{level}'><a href='#{name}'>{text}</a></li>")
        return f"<h{level} id='{name}'>{text}</h{level}>"

    return re.sub(r"<h([23])>(.*?)</h\1>", anchor, body), "".join(contents)
