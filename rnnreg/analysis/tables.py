"""A table that is written once and shown everywhere: HTML, Markdown, LaTeX, Typst, CSV."""

import csv
import html
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MINUS = "−"


@dataclass(frozen=True)
class Cell:
    """What is shown, what it is sorted by, and whether it stands out."""

    text: str
    key: float | str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under a heading; `left` counts the columns of words, the others are numbers."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)
    left: int = 1

    def as_csv(self) -> str:
        """The texts as comma-separated values."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([c.text.replace(MINUS, "-") for c in row] for row in self.rows)
        return out.getvalue()

    def as_markdown(self) -> str:
        """A pipe table with its caption."""
        rule = ["---"] * self.left + ["---:"] * (len(self.columns) - self.left)
        lines = [self.columns, rule]
        lines += [[f"**{c.text}**" if c.strong else c.text for c in row] for row in self.rows]
        body = "\n".join(
            "| " + " | ".join(t.replace("|", "\\|") for t in line) + " |" for line in lines
        )
        return f"{body}\n\n{self.caption}\n"

    def as_latex(self) -> str:
        """A booktabs table (packages booktabs and longtable where it is long)."""
        align = "l" * self.left + "r" * (len(self.columns) - self.left)
        head = " & ".join(map(_latex, self.columns)) + r" \\"
        body = "\n".join(
            " & ".join(rf"\textbf{{{_latex(c.text)}}}" if c.strong else _latex(c.text) for c in row)
            + r" \\"
            for row in self.rows
        )
        caption = rf"\caption{{{_latex(self.caption)}}}\label{{tab:{self.name}}}"
        if len(self.rows) > 40:
            return (
                f"\\begin{{longtable}}{{{align}}}\n{caption} \\\\\n\\toprule\n{head}\n"
                "\\midrule\n\\endhead\n"
                f"{body}\n\\bottomrule\n\\end{{longtable}}\n"
            )
        return (
            f"\\begin{{table}}\n\\centering\n{caption}\n\\begin{{tabular}}{{{align}}}\n\\toprule\n{head}\n"
            f"\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
        )

    def as_html(self) -> str:
        """A table whose columns sort by their keys; the page's script does the sorting."""
        kinds = [""] * self.left + [" class='n'"] * (len(self.columns) - self.left)
        head = "".join(
            f"<th scope='col'{kind}>{html.escape(c)}</th>"
            for kind, c in zip(kinds, self.columns, strict=True)
        )
        body = "\n".join(
            "<tr>" + "".join(self._td(i, c) for i, c in enumerate(r)) + "</tr>" for r in self.rows
        )
        return (
            f"<figure class='table' id='tab-{self.name}'>"
            f"<figcaption>{html.escape(self.caption)}</figcaption>"
            f"<div class='scroll'><table><thead><tr>{head}</tr></thead>\n"
            f"<tbody>{body}</tbody></table></div></figure>"
        )

    def _td(self, column: int, cell: Cell) -> str:
        kind = "" if column < self.left else " class='n'"
        key = html.escape(str(cell.key if cell.key != "" else cell.text), quote=True)
        text = html.escape(cell.text)
        return f"<td{kind} data-key='{key}'>{f'<b>{text}</b>' if cell.strong else text}</td>"


def word(text: object, strong: bool = False) -> Cell:
    """A cell of words."""
    return Cell(str(text), "", strong)


def number(value: float, digits: int = 3, sign: bool = False, strong: bool = False) -> Cell:
    """A cell with a number to so many significant digits; a dash where there is none.

    >>> number(-0.012345).text, number(math.nan).text, number(2.5, 2, sign=True).text
    ('−0.0123', '–', '+2.5')
    """
    return Cell(show(value, digits, sign), _key(value), strong)


def interval(
    value: float,
    low: float,
    high: float,
    decimals: int = 3,
    sign: bool = False,
    strong: bool = False,
) -> Cell:
    """A cell with a value and its interval, which sorts by the value.

    >>> interval(1.0, 0.5, 1.5, 1).text
    '1.0 [0.5, 1.5]'
    """
    if not math.isfinite(value):
        return Cell("–", _key(value))
    text = fixed(value, decimals, sign)
    if math.isfinite(low):
        text += f" [{fixed(low, decimals, sign)}, {fixed(high, decimals, sign)}]"
    return Cell(text, _key(value), strong)


def whole(value: float) -> Cell:
    """A cell with a whole number, thousands apart.

    >>> whole(2000).text, whole(123456.0).text
    ('2000', '123,456')
    """
    if not math.isfinite(value):
        return Cell("–", _key(value))
    return Cell(f"{value:,.0f}" if value >= 10000 else f"{value:.0f}", float(value))


def p_value(p: float) -> Cell:
    """A cell with a p-value; a dash where no test was made."""
    if math.isnan(p):
        return Cell("–", _key(p))
    return Cell("< 0.001" if p < 0.001 else f"{p:.3f}", p)


def show(value: float, digits: int = 3, sign: bool = False) -> str:
    """A number to so many significant digits, never in scientific notation below 10,000."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    size = math.floor(math.log10(abs(value))) if value else 0
    if size < -4:
        return f"{value:.{digits - 1}g}".replace("-", MINUS)
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
    return Cell(text, value)


def decimals_for(values: Iterable[float]) -> int:
    """Decimals that show three significant digits of the typical value.

    >>> decimals_for([1.5, 2.5]), decimals_for([0.05]), decimals_for([120.0])
    (2, 4, 0)
    """
    known = sorted(abs(v) for v in values if math.isfinite(v) and v)
    if not known:
        return 2
    return max(0, 2 - math.floor(math.log10(known[len(known) // 2])))


def _key(value: float) -> float | str:
    return float(value) if math.isfinite(value) else "nan"


def _latex(text: str) -> str:
    text = re.sub(r"([&%$#_{}])", r"\\\1", text)
    for sign, code in {
        MINUS: "$-$",
        "∞": r"$\infty$",
        "–": "--",
        "<": "$<$",
        "×": r"$\times$",
    }.items():
        text = text.replace(sign, code)
    return text
