"""A document as one HTML file that asks nobody for anything."""

import re
from pathlib import Path
from urllib.parse import quote

from rnnreg.analysis.pandoc import pandoc
from rnnreg.analysis.report.document import CITED

PLAIN = " !$&'()*+,-./:;=?@[]_~{}|^\n"  # what a data URI in double quotes may hold as it is


def page(text: str, folder: Path, source: Path, title: str = "rnnreg") -> str:
    """A document as a page: contents, body, references, its figures, style and script within."""
    options = ["--standalone", f"--template={source / 'page.html'}", "--toc", "--toc-depth=3"]
    options += [CITED, f"--bibliography={source / 'references.bib'}"]
    options += ["--metadata=link-citations:true", f"--metadata=title:{title}"]
    return _whole(pandoc(text, "html5", *options), folder, source)


def _whole(html: str, folder: Path, source: Path) -> str:
    """The page that pandoc made, with all that it names put into it."""

    def embedded(match: re.Match) -> str:
        drawn = (folder / match[1]).read_text(encoding="utf-8")
        drawn = drawn.replace("'", "&#39;").replace('"', "'")
        return f'loading="lazy" src="data:image/svg+xml,{quote(drawn, safe=PLAIN)}"'

    html = re.sub(r'src="(figures/[^"]+)"', embedded, html)
    html = html.replace(' style="text-align: left;"', "")
    html = html.replace(' style="text-align: right;"', " class=n")
    html = re.sub(r"</t[dr]>\n|(?<=<tr>)\n", "", html)  # long tables: what HTML lets one leave out
    for name in ("page.css", "page.js"):
        html = html.replace(f"/*{name}*/", (source / name).read_text(encoding="utf-8"))
    return html
