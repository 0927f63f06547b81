"""A table that is written once and shown everywhere: Markdown, which pandoc turns into others."""

import csv
import html
import io
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rnnreg.analysis.pandoc import pandoc

MINUS = "−"
LONGEST = 400  # lines of a table on paper: longer ones are in the page and in tables/*.csv


@dataclass(frozen=True)
class Cell:
    """What is shown, and whether it stands out. A page sorts by the number that it begins with."""

    text: str
    strong: bool = False

    def __str__(self) -> str:
        text = escape(self.text)
        return f"**{text}**" if self.strong and text else text


@dataclass(frozen=True)
class Table:
    """Rows of cells under a heading; `left` counts the columns of words, the others are numbers."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    left: int = 1

    @property
    def body(self) -> str:
        """A pipe table without its caption."""
        rule = [":---"] * self.left + ["---:"] * (len(self.columns) - self.left)
        lines = [map(escape, self.columns), rule, *(map(str, row) for row in self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    @property
    def captioned(self) -> str:
        """The table as pandoc reads it; as HTML where it is long: for a page alone, and faster."""
        if len(self.rows) > LONGEST:
            return f"```{{=html}}\n{self.as_html()}\n```"
        return f"{self.body}\n\n: {escape(self.caption)} {{#{anchor('tab', self.name)}}}"

    def as_html(self) -> str:
        """What pandoc makes of a table, without the end tags that HTML lets one leave out."""
        kinds = [""] * self.left + [" class=n"] * (len(self.columns) - self.left)

        def line(tag: str, texts: Iterable[str]) -> str:
            cells = zip(kinds, texts, strict=True)
            return "<tr>" + "".join(f"<{tag}{kind}>{text}" for kind, text in cells)

        def shown(cell: Cell) -> str:
            text = html.escape(cell.text)
            return f"<strong>{text}</strong>" if cell.strong and text else text

        return "\n".join(
            [
                f'<table id="{anchor("tab", self.name)}">',
                f"<caption>{html.escape(self.caption)}</caption>",
                f"<thead>{line('th', map(html.escape, self.columns))}</thead><tbody>",
                *(line("td", map(shown, row)) for row in self.rows),
                "</tbody></table>",
            ]
        )

    def as_csv(self) -> str:
        """The texts as comma-separated values."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([c.text.replace(MINUS, "-") for c in row] for row in self.rows)
        return out.getvalue()

    def as_markdown(self) -> str:
        """A pipe table with its caption below."""
        return f"{self.body}\n\n{self.caption}\n"


def tabulated(
    name: str,
    caption: str,
    lines: Iterable,
    columns: dict[str, Callable[..., Cell | str]],
    left: int = 1,
) -> Table:
    """A table of a row a line; each column's function makes the cell, or the words, of a line."""
    rows = [tuple(_cell(make(line)) for make in columns.values()) for line in lines]
    return Table(name, caption, tuple(columns), rows, left)


def latex(tables: list[Table]) -> list[str]:
    """Each as a longtable (packages booktabs and longtable), by one run of pandoc."""
    mark = "nexttablefollows"
    made = pandoc(f"\n\n{mark}\n\n".join(t.captioned for t in tables), "latex")
    return [part.strip() + "\n" for part in made.split(mark)]


def _cell(made: Cell | str) -> Cell:
    return made if isinstance(made, Cell) else Cell(str(made))


def anchor(kind: str, name: str) -> str:
    """Where a page's links find a table or figure.

    >>> anchor("tab", "scores_trec@quarter")
    'tab-scores_trec-quarter'
    """
    return re.sub(r"[^\w-]", "-", f"{kind}-{name}")


def escape(text: str) -> str:
    r"""Text as Markdown that shows it as it is.

    >>> print(escape("a|b *c*"))
    a\|b \*c\*
    """
    return re.sub(r"([\\`*_{}<>#|@$~^'\"]|\](?=[(\[]))", r"\\\1", text)


def word(text: object, strong: bool = False) -> Cell:
    """A cell of words."""
    return Cell(str(text), strong)


def number(value: float, digits: int = 3, sign: bool = False, strong: bool = False) -> Cell:
    """A cell with a number to so many significant digits; a dash where there is none.

    >>> number(-0.012345).text, number(math.nan).text, number(2.5, 2, sign=True).text
    ('−0.0123', '–', '+2.5')
    """
    return Cell(show(value, digits, sign), strong)


def interval(
    value: float,
    low: float,
    high: float,
    decimals: int = 3,
    sign: bool = False,
    strong: bool = False,
) -> Cell:
    """A cell with a value and its interval, as its text.

    >>> interval(1.0, 0.5, 1.5, 1).text
    '1.0 [0.5, 1.5]'
    """
    if not math.isfinite(value):
        return Cell("–")
    text = fixed(value, decimals, sign)
    if math.isfinite(low):
        text += f" [{fixed(low, decimals, sign)}, {fixed(high, decimals, sign)}]"
    return Cell(text, strong)


def spread(line: dict, name: str, decimals: int, sign: bool = False, strong: bool = False) -> Cell:
    """A cell with the interval of a line that has name, name_low and name_high."""
    ends = (line[f"{name}{end}"] for end in ("", "_low", "_high"))
    return interval(*ends, decimals, sign, strong)


def whole(value: float) -> Cell:
    """A cell with a whole number, thousands apart.

    >>> whole(2000).text, whole(123456.0).text
    ('2000', '123,456')
    """
    if not math.isfinite(value):
        return Cell("–")
    return Cell(f"{value:,.0f}" if value >= 10000 else f"{value:.0f}")


def p_value(p: float) -> Cell:
    """A cell with a p-value; a dash where no test was made."""
    if math.isnan(p):
        return Cell("–")
    return Cell("< 0.001" if p < 0.001 else f"{p:.3f}")


def show(value: float, digits: int = 3, sign: bool = False) -> str:
    """A number to so many significant digits, never in scientific notation below 10,000."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    size = math.floor(math.log10(abs(value))) if value else 0
    if size < -4:
        return f"{value:.{digits}g}".replace("-", MINUS)
    return fixed(value, max(0, digits - 1 - size), sign)


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """A number to so many decimals, with a true minus.

    Where the sign matters, a number that is not zero is not shown as zero: it gets up to three
    decimals more.

    >>> fixed(-0.04, 1), fixed(-0.04, 1, True), fixed(0.0, 1, True), fixed(1e-9, 1, True)
    ('0.0', '−0.04', '0.0', '0.0')
    """
    if sign:
        further = (decimals + more for more in range(4))
        decimals = next((d for d in further if round(value, d)), decimals)
    text = f"{value:{'+' if sign else ''}.{decimals}f}"
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def strength(value: float) -> Cell:
    """A strength as it stands in a grid."""
    text = "∞" if math.isinf(value) else f"{value:g}".replace("e-0", "e-").replace("-", MINUS)
    return Cell(text)


def decimals_for(values: Iterable[float]) -> int:
    """Decimals that show three significant digits of the typical value.

    >>> decimals_for([1.5, 2.5]), decimals_for([0.05]), decimals_for([120.0])
    (2, 4, 0)
    """
    known = sorted(abs(v) for v in values if math.isfinite(v) and v)
    if not known:
        return 2
    return max(0, 2 - math.floor(math.log10(known[len(known) // 2])))
