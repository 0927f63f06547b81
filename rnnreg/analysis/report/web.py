"""The executed notebook as one HTML file that asks nobody for anything."""

import re
from pathlib import Path
from urllib.parse import quote

import nbformat

from rnnreg.analysis.pandoc import pandoc
from rnnreg.analysis.report.document import CITED, document

PLAIN = " !$&'()*+,-./:;=?@[]_~{}|^\n"  # what a data URI in double quotes may hold as it is


def page(notebook: nbformat.NotebookNode, folder: Path, source: Path) -> str:
    """The whole page: contents, body and references, its figures, style and script within."""
    options = ["--standalone", f"--template={source / 'page.html'}", "--toc", "--toc-depth=3"]
    options += [CITED, f"--bibliography={source / 'references.bib'}"]
    options += ["--metadata=link-citations:true", "--metadata=title:rnnreg"]
    return whole(pandoc(document(notebook), "html5", *options), folder, source)


def whole(html: str, folder: Path, source: Path) -> str:
    """The page that pandoc made, with all that it names put into it."""

    def embedded(match: re.Match) -> str:
        drawn = (folder / match[1]).read_text(encoding="utf-8")
        drawn = drawn.replace("'", "&#39;").replace('"', "'")
        return f'loading="lazy" src="data:image/svg+xml,{quote(drawn, safe=PLAIN)}"'

    html = re.sub(r'src="(figures/[^"]+)"', embedded, html)
    html = html.replace(' style="text-align: left;"', "")
    html = html.replace(' style="text-align: right;"', ' class="n"')
    html = re.sub(r"</t[dr]>\n|(?<=<tr>)\n", "", html)  # long tables: what HTML lets one leave out
    for name in ("page.css", "page.js"):
        html = html.replace(f"/*{name}*/", (source / name).read_text(encoding="utf-8"))
    return html
