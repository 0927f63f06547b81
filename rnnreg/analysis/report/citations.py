"""From `[@holm1979]` to a citation and an entry in the list of references."""

import html
import re
from pathlib import Path

from rnnreg.errors import UserError

CITED = re.compile(r"\[@([\w; @]+)\]")


def read(file: Path) -> dict[str, dict[str, str]]:
    """The entries of a BibTeX file that has one field a line, by key."""
    entries = {}
    for entry in re.finditer(r"@(\w+)\{(\w+),\n(.*?)\n\}", file.read_text(encoding="utf-8"), re.S):
        fields = re.findall(r"^\s*(\w+) = \{(.*)\},$", entry[3], re.M)
        entries[entry[2]] = {"kind": entry[1], **dict(fields)}
    return entries


def keys(text: str) -> list[str]:
    """The keys that a text cites, in order."""
    found = [k.strip(" @") for group in CITED.findall(text) for k in group.split(";")]
    return list(dict.fromkeys(found))


def resolve(text: str, entries: dict[str, dict[str, str]]) -> str:
    """Replace each citation by author and year, linked to its entry in the list."""

    def cite(match: re.Match) -> str:
        parts = []
        for key in keys(match[0]):
            if key not in entries:
                raise UserError(
                    f"report/report.md: cites '{key}', which report/references.bib lacks."
                )
            parts.append(f"[{_who(entries[key])} {entries[key]['year']}](#ref-{key})")
        return f"({'; '.join(parts)})"

    return CITED.sub(cite, text)


def listed(cited: list[str], entries: dict[str, dict[str, str]]) -> str:
    """The list of references as HTML, in alphabetical order."""
    items = []
    for key in sorted(cited, key=lambda k: (entries[k]["author"], entries[k]["year"])):
        e = {
            field: html.escape(_unbraced(value), quote=False)
            for field, value in entries[key].items()
        }
        where = e.get("journal") or e.get("booktitle") or e.get("publisher", "")
        numbers = e.get("volume", "") + (f"({e['number']})" if "number" in e else "")
        pages = f", {e['pages']}" if "pages" in e else ""
        authors = e["author"].replace(" and ", "; ")
        place = f"<i>{where}</i>{' ' + numbers if numbers else ''}{pages}"
        items.append(f"<li id='ref-{key}'>{authors} ({e['year']}). {e['title']}. {place}.</li>")
    return f"<ul class='references'>{''.join(items)}</ul>"


def _who(entry: dict[str, str]) -> str:
    names = [name.split(",")[0] for name in entry["author"].split(" and ")]
    return (
        names[0]
        if len(names) == 1
        else " and ".join(names)
        if len(names) == 2
        else f"{names[0]} et al."
    )


def _unbraced(text: str) -> str:
    return (
        text.replace("--", "–")
        .replace("`", "‘")
        .replace("'", "’")
        .replace("{", "")
        .replace("}", "")
    )
