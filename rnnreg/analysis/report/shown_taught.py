"""What articles that teach these networks claim, and the verdict of the study `claims`."""

from pathlib import Path

import pandas as pd

from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics.claims import HOLDS, NOT, OPEN
from rnnreg.analysis.statistics.measures import LARGE
from rnnreg.analysis.tables import Cell, Table, interval, tabulated, word
from rnnreg.errors import UserError
from rnnreg.study import records, registry

ROOT = registry.PACKAGE.parent / "results" / "published" / "claims"
PAGE = registry.PACKAGE.parent / "docs" / "claims.md"
CAPTION = (
    "What articles that teach regularized recurrent networks claim, tested. A claim holds where "
    "the interval of every data set lies on the side of zero that is claimed and reaches the "
    "margin there, does not hold where none reaches it, and is open otherwise; that two are the "
    "same holds where "
    "every interval lies within the margin, and does not hold where every one leaves out zero. "
    "Effect: the mean over the data sets of the claim, with a 95% interval over seeds. Verdicts "
    "rest on intervals of single data sets, simultaneous within a claim, not over all claims."
)
BY_SET = (
    "The claims by data set: the effect, with an interval over seeds that holds for all data sets "
    "of the claim at once, and whether it is as claimed."
)


def taught(results: Results) -> Table:
    """One line a claim; none in other studies."""
    return table(results.read("claims"))


def taught_by_set(results: Results) -> Table:
    """One line a claim and data set; none in other studies."""
    return by_set(results.read("claims"))


def table(frame: pd.DataFrame) -> Table:
    """The claims, from the table that `compare` wrote."""
    lines = []
    for _, own in frame.groupby("claim", sort=False):
        counts = own["shown"].value_counts()
        sets = ", ".join(f"{counts[w]} {w}" for w in ("yes", "no", "open") if w in counts)
        lines.append(own.iloc[0].to_dict() | {"sets": sets})
    columns = {
        "Number": lambda r: str(r["number"]),
        "Claim": lambda r: r["claim"],
        "Verdict": lambda r: word(r["verdict"], r["verdict"] == HOLDS),
        "By data set": lambda r: r["sets"],
        "Measured by": lambda r: r["tested"],
        "Preset of its article": lambda r: r["article"],
        "Effect": lambda r: effect(r, "mean"),
    }
    return tabulated("taught", CAPTION, lines, columns, 6)


def by_set(frame: pd.DataFrame) -> Table:
    """The same, a line a data set."""
    columns = {
        "Claim": lambda r: r["claim"],
        "Data set": lambda r: r["place"],
        "As claimed": lambda r: word(r["shown"], r["shown"] == "yes"),
        "Margin": lambda r: f"{r['margin']:g}{'%' if r['ratio'] else ' points'}",
        "Effect": lambda r: effect(r, "effect"),
        "Seeds": lambda r: str(r["seeds"]),
    }
    return tabulated("taught_by_set", BY_SET, frame.to_dict("records"), columns, 4)


def effect(line: dict, name: str) -> Cell:
    """An effect and its interval: a factor, percent, or points.

    >>> made = {"ratio": True, "margin": 10.0, "effect": -50.0, "low": -60.0, "high": -40.0}
    >>> effect(made, "effect").text, effect(made | {"margin": 2.0}, "effect").text
    ('x 0.50 [0.40, 0.60]', '−50.0 [−60.0, −40.0] %')
    """
    ends = ("low", "high") if name == "effect" else (f"{name}_low", f"{name}_high")
    values = [line[name], *(line[end] for end in ends)]
    if line["ratio"] and line["margin"] == LARGE:
        made = interval(*(1 + v / 100 for v in values), 2)
        return Cell(made.text if made.text == "–" else f"x {made.text}")
    made = interval(*values, 1, True)
    unit = "%" if line["ratio"] else "points"
    return Cell(made.text if made.text == "–" else f"{made.text} {unit}")


def write(folder: Path = ROOT) -> Path:
    """The page, from the claims.csv of a folder: into docs/ for the one that ships, else beside it.

    UserError where the folder has none.
    """
    file = folder / "claims.csv"
    if not file.is_file():
        raise UserError(f"{file}: not there. Remedy: rnnreg run claims, and name results/claims.")
    frame = pd.read_csv(file)
    counts = frame.drop_duplicates("claim")["verdict"].value_counts()
    told = ", ".join(f"{counts.get(v, 0)} {w}" for v, w in WORDS.items())
    text = HEAD.format(count=frame["claim"].nunique(), told=told)
    for made in (table(frame), by_set(frame)):
        text += f"\n{made.as_markdown()}"
    page = PAGE if folder.resolve() == ROOT.resolve() else folder / PAGE.name
    records.write_text(page, text)
    return page


WORDS = {HOLDS: "hold", NOT: "do not hold", OPEN: "are open"}
HEAD = """# Claims of tutorials

Written by `rnnreg claims` from results/published/claims.

{count} claims of articles that teach recurrent networks with regularization, in words of our own:
{told}. Each is tested on small data sets with eight seeds, at the learning rate of the data set's
file (those of clipping and of exploding gradients: 0.03), so a verdict is about networks and data
of this size. Open means that data sets disagree, that intervals are too wide, or that what is
measured could not be seen, as which of two rows is faster where both are there at the first check:
the column "By data set" says which. Norms of gradients are those of loss and penalty together, and
without clipping none of these networks fails.

`benchmarks/claims.yaml` lists the claims with the rows that test them,
`rnnreg/analysis/statistics/claims.py` has the rule by which a verdict follows, and `measures.py`
beside it the measures. The articles are not at hand: an entry names the preset study whose subject
the claim is. `rnnreg run claims` measures all of it again.
"""
