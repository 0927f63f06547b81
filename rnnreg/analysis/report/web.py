"""The executed notebook as one HTML file that asks nobody for anything."""

import base64
import re
from pathlib import Path

import nbformat

from rnnreg.analysis.pandoc import pandoc
from rnnreg.analysis.report.document import CITED, document


def page(notebook: nbformat.NotebookNode, folder: Path, source: Path) -> str:
    """The whole page: contents, body and references, its figures, style and script within."""
    options = ["--standalone", f"--template={source / 'page.html'}", "--toc", "--toc-depth=3"]
    options += [CITED, f"--bibliography={source / 'references.bib'}"]
    options += ["--metadata=link-citations:true", "--metadata=title:rnnreg"]
    return whole(pandoc(document(notebook), "html5", *options), folder, source)


def whole(html: str, folder: Path, source: Path) -> str:
    """The page that pandoc made, with all that it names put into it."""

    def embedded(match: re.Match) -> str:
        code = base64.b64encode((folder / match[1]).read_bytes()).decode()
        return f'src="data:image/svg+xml;base64,{code}"'

    html = re.sub(r'src="(figures/[^"]+)"', embedded, html)
    html = html.replace(' style="text-align: left;"', "")
    html = html.replace(' style="text-align: right;"', ' class="n"')
    for name in ("page.css", "page.js"):
        html = html.replace(f"/*{name}*/", (source / name).read_text(encoding="utf-8"))
    return html
