"""Docstrings as Markdown: examples and lists of names, which a terminal shows by their columns."""

import re

from griffe import Extension, Object

TERM = re.compile(r"(\S.*?)\s{2,}(\S.*)")


class Docstrings(Extension):
    """Lets mkdocstrings read the docstrings of this project."""

    def on_object(self, *, obj: Object, **kwargs) -> None:
        """Rewrite the docstring of whatever was loaded."""
        if obj.docstring:
            paragraphs = obj.docstring.value.split("\n\n")
            obj.docstring.value = "\n\n".join(map(markdown, paragraphs))


def markdown(paragraph: str) -> str:
    """An example in a fence; lines of a name, two spaces and words as a list.

    >>> print(markdown("low, high   the interval\\n            of each"))
    - `low, high`: the interval of each
    """
    if paragraph.startswith(">>> "):
        return f"```pycon\n{paragraph}\n```"
    if paragraph.startswith(" ") or not TERM.match(paragraph):
        return paragraph
    items: list[str] = []
    for line in paragraph.splitlines():
        found = None if line.startswith(" ") else TERM.match(line)
        if found:
            items.append(f"- `{found[1]}`: {found[2]}")
        elif line.startswith(" "):
            items[-1] += f" {line.strip()}"
        else:
            items.append(f"\n{line}")
    return "\n".join(items)
