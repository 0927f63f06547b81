"""The axes of a study, as the report shows them."""

import math

from rnnreg.analysis.results import REFERENCE, Results
from rnnreg.analysis.tables import Cell, Table, fixed, number, tabulated, word

FIRST = "None, over the first place"
CAPTION = (
    "Along the axes of the study, at the best validation check: means over data sets, cells and "
    "the other axes. None: how much better its test loss (error rate in classification) is than at "
    "the first place of the axis, in percent; gap: how far it over-fits there, in percent of its "
    "validation loss. The others: improvement over none at the same place, in percent. Bold: the "
    "95% interval over seeds, each alone, is above zero; axes.csv has all intervals."
)


def axes(results: Results) -> Table:
    """One line a place on an axis, a column a regularizer."""
    frame = results.read("axes")
    found = {(r["axis"], r["place"], r["regularizer"]): r for r in frame.to_dict("records")}
    lines = list(dict.fromkeys((axis, place) for axis, place, _ in found))
    first = dict(reversed(lines))

    def effect(line: tuple[str, str], name: str) -> Cell:
        own = found.get((*line, name))
        if own is None or (name == REFERENCE and first[line[0]] == line[1]):
            return word("–")
        low = own["effect_low"]
        better = not math.isnan(low) and low > 0
        return Cell(fixed(own["effect"], 1, True), better)

    columns = {
        "Axis": lambda line: line[0].replace("_", " "),
        "Place": lambda line: f"{line[1]:g}" if isinstance(line[1], float) else str(line[1]),
        "None, gap": lambda line: number(found[*line, REFERENCE]["gap"], 2),
    }
    for name in dict.fromkeys(name for *_, name in found):
        head = FIRST if name == REFERENCE else results.title("regularizers", name)
        columns[head] = lambda line, name=name: effect(line, name)
    return tabulated("axes", CAPTION, lines, columns, 2)
