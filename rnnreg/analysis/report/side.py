"""Two studies side by side, as one page."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from rnnreg.analysis import words
from rnnreg.analysis.figures import draw, style
from rnnreg.analysis.figures.effects import across_rows, forest
from rnnreg.analysis.report import web
from rnnreg.analysis.report.page import figure, table
from rnnreg.analysis.report.report import SOURCE
from rnnreg.analysis.results import Results, load
from rnnreg.analysis.tables import Cell, Table, escape, interval, tabulated
from rnnreg.errors import UserError
from rnnreg.study import records

CAPTION = (
    "Relative improvement over none in percent, over all data sets and cells of each study, at the "
    "best validation check, with 95% intervals, simultaneous within a family. Bold: better."
)


def side_by_side(a: Path, b: Path) -> Path:
    """Write b/beside_<a>.html: the effects of the regularizers that both compared studies have.

    UserError where one has no row `none`, or nothing is in both.
    """
    both = {folder.name: load(folder) for folder in (Path(a), Path(b))}
    if len(both) < 2:
        raise UserError(f"{a}, {b}: two studies of one name; give two different ones")
    effects = {name: _effects(results) for name, results in both.items()}
    one, other = effects.values()
    names = [n for n in one.index if n in other.index]
    if not names:
        raise UserError(f"{a}, {b}: no regularizer beside none is in both; nothing to compare")
    last = list(both.values())[-1]
    name = f"beside_{Path(a).name}"
    frame = pd.concat([e.loc[names].assign(panel=n) for n, e in effects.items()]).reset_index()
    text = "\n\n".join(
        [
            f"# {' and '.join(map(escape, both))}, side by side",
            *(_told(n, results) for n, results in both.items()),
            _agreement(names, one, other),
            figure(last, name, f"{' and '.join(both)}. {CAPTION}"),
            table(_table(last, effects, names)),
        ]
    )
    file = last.folder / f"{name}.html"
    with TemporaryDirectory() as scratch, style.drawing():
        draw.save(forest(last, frame, list(both)), Path(scratch) / "figures" / name)
        records.write_text(file, web.page(text, Path(scratch), SOURCE, " and ".join(both)))
    return file


def _effects(results: Results) -> pd.DataFrame:
    """The rows of `across` over all data sets, by regularizer."""
    if not results.has_reference:
        raise UserError(f"{results.folder}: has no row `none`, so it shows no effects")
    across = across_rows(results)
    return across[across["scope"] == "all"].set_index("regularizer")


def _told(name: str, results: Results) -> str:
    sets = words.listed([results.title("benchmarks", b) for b in results.benchmarks])
    cells = words.listed([results.title("cells", c) for c in results.cells])
    return f"**{escape(name)}** ({escape(results.study['title'])}): {sets}; {cells}."


def _agreement(names: list[str], one: pd.DataFrame, other: pd.DataFrame) -> str:
    same = one.loc[names, "verdict"] == other.loc[names, "verdict"]
    opposite = {"better", "worse"}
    against = [n for n in names if {one["verdict"][n], other["verdict"][n]} == opposite]
    return (
        f"Of {words.count(len(names), 'regularizer')} in both, {same.sum()} have the same verdict "
        f"and {len(against)} opposite ones."
    )


def _table(results: Results, effects: dict[str, pd.DataFrame], names: list[str]) -> Table:
    def effect(study: str, name: str) -> Cell:
        row = effects[study].loc[name]
        ends = row["effect"], row["low"], row["high"]
        return interval(*ends, 1, True, strong=row["verdict"] == "better")

    columns = {
        "Regularizer": lambda name: results.title("regularizers", name),
        "Family": results.group,
    }
    for study, frame in effects.items():
        columns[f"{study}: verdict"] = lambda name, frame=frame: frame["verdict"][name]
    for study in effects:
        columns[f"{study}: effect, %"] = lambda name, study=study: effect(study, name)
    return tabulated("side", CAPTION, names, columns, 4)
