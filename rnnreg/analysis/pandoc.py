"""Pandoc, which turns Markdown into HTML, Typst and LaTeX."""

import subprocess
from functools import cache

from rnnreg.errors import UserError

# Markdown with tables, attributes and citations, and nothing that a title could switch on.
MARKDOWN = "markdown" + "".join(
    f"-{name}"
    for name in (
        "raw_html", "raw_tex", "tex_math_dollars", "smart", "subscript", "superscript",
        "strikeout", "example_lists", "fancy_lists", "native_divs", "native_spans",
    )
)  # fmt: skip


def pandoc(text: str, to: str, *options: str) -> str:
    """Markdown in another format; no line is wrapped, and nothing is fetched from anywhere."""
    command = [_program(), "--from", MARKDOWN, "--to", to, "--wrap=none", *options]
    run = subprocess.run(
        [*command, "--columns=10000"], input=text, capture_output=True, text=True, check=True,
        encoding="utf-8",
    )  # fmt: skip
    return run.stdout


@cache
def _program() -> str:
    """Where pandoc lies; UserError where its package is not installed."""
    try:
        import pypandoc
    except ImportError as error:
        remedy = "python -m pip install -c constraints.txt -e ."
        raise UserError(f"pypandoc_binary is not installed. Remedy: {remedy}") from error
    return pypandoc.get_pandoc_path()
