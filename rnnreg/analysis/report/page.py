"""What a notebook cell shows: prose, figures and tables, as Markdown that pandoc reads."""

from rnnreg.analysis.results import Results, load
from rnnreg.analysis.tables import Table, anchor, escape

__all__ = ["Prose", "figure", "folded", "load", "table"]
FACTS = "application/vnd.rnnreg+json"  # its name, whether it is folded away, how long it is


class Prose(str):
    """Markdown that a cell shows."""

    def _repr_markdown_(self) -> str:
        return str(self)


class Shown(Prose):
    """A figure or table; with a `fold`, its title, it is folded away or stands in the appendix."""

    name, fold, lines = "", "", 0

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        facts = {"name": self.name, "fold": self.fold, "lines": self.lines}
        return {"text/markdown": str(self), FACTS: facts, "text/plain": str(self)}


def figure(results: Results, name: str, caption: str, alt: str = "") -> Shown:
    """A drawn figure of the study, by its name; `alt` stands for it where it cannot be seen."""
    alt = escape(alt or caption.partition(". ")[0]).replace("\\'", "'")
    attributes = f'{{#{anchor("fig", name)} alt="{alt}"}}'
    return Shown(f"![{escape(caption)}](figures/{name}.svg){attributes}")


def table(found: Table, note: str = "") -> Prose:
    """A table, or, where it has no rows, a sentence that says so."""
    if not found.rows:
        return Prose(note or f"*There is nothing to tabulate here ({found.name}).*")
    shown = Shown(found.captioned)
    shown.name, shown.lines = found.name, len(found.rows)
    return shown


def folded(shown: Prose | Table, summary: str) -> Prose:
    """Folded away in the browser, in the appendix on paper; nothing where there are no rows."""
    found = table(shown, note=" ") if isinstance(shown, Table) else shown
    if isinstance(found, Shown):
        found.fold = summary
    return found
