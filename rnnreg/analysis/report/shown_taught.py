"""What articles that teach these networks claim, and the verdict of the study `claims`."""

import math
from pathlib import Path

import pandas as pd

from rnnreg.analysis.results import Results
from rnnreg.analysis.statistics.claims import HOLDS, LEFT_OUT, NOT, OPEN
from rnnreg.analysis.statistics.measures import LARGE
from rnnreg.analysis.tables import Cell, Table, fixed, interval, show, tabulated, word
from rnnreg.errors import UserError
from rnnreg.study import records, registry

ROOT = registry.PACKAGE.parent / "results" / "published" / "claims"
PAGE = registry.PACKAGE.parent / "docs" / "claims.md"
SPEED = registry.ROOT / "benchmarks" / "speed" / "results"
CAPTION = (
    "What articles that teach regularized recurrent networks claim, tested. A claim holds where "
    "the interval of every data set lies on the side of zero that is claimed and reaches the "
    "margin there, does not hold where none reaches it, and is open otherwise; that two are the "
    "same holds where "
    "every interval lies within the margin, and does not hold where every one leaves out zero; "
    "that one is as good as another holds where every interval lies below the margin, and does not "
    "hold where every one lies above it. Data sets that are left out do not count. "
    "Effect: the mean over the data sets of the claim, with a 95% interval over seeds. Verdicts "
    "rest on intervals of single data sets, simultaneous within a claim, not over all claims."
)
BY_SET = (
    "The claims by data set: the effect, with an interval over seeds that holds for all data sets "
    "of the claim at once, and whether it is as claimed. Strength: of the row and of the one that "
    "it is held against, as validation chose it; a dash where nothing was chosen, or where the "
    "claim is on all of the grid. Rate: the learning rate. Seeds: those that say something. "
    "An interval of shares, where seeds are few, may reach beyond 100 points."
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
        sets = ", ".join(f"{counts[w]} {w}" for w in SHOWN if w in counts)
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
        "Strength": lambda r: "–" if pd.isna(r["strengths"]) else r["strengths"] or "–",
        "Rate": lambda r: str(r["rates"]),
        "Effect": lambda r: effect(r, "effect"),
        "Seeds": lambda r: str(r["seeds"]),
    }
    return tabulated("taught_by_set", BY_SET, frame.to_dict("records"), columns, 6)


def effect(line: dict, name: str) -> Cell:
    """An effect and its interval: a factor, percent, or points.

    >>> made = {"ratio": True, "margin": 10.0, "effect": -50.0, "low": -60.0, "high": -40.0}
    >>> effect(made, "effect").text, effect(made | {"margin": 2.0}, "effect").text
    ('x 0.50 [0.40, 0.60]', '−50.0 [−60.0, −40.0] %')
    >>> effect(made | {"low": -99.79, "high": 3.0}, "effect").text
    'x 0.50 [0.0021, 1.03]'
    """
    ends = ("low", "high") if name == "effect" else (f"{name}_low", f"{name}_high")
    values = [line[name], *(line[end] for end in ends)]
    if line["ratio"] and line["margin"] == LARGE:
        made = [1 + v / 100 for v in values]
        if not math.isfinite(made[0]):
            return Cell("–")
        text = [fixed(v, 2) if 0.1 <= abs(v) < 100 else show(v, 2) for v in made]
        ends = f" [{text[1]}, {text[2]}]" if math.isfinite(made[1]) else ""
        return Cell(f"x {text[0]}{ends}")
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
    frame = pd.read_csv(file, dtype={"strengths": str, "rates": str})
    counts = frame.drop_duplicates("claim")["verdict"].value_counts()
    told = ", ".join(f"{counts.get(v, 0)} {w}" for v, w in WORDS.items())
    rates = sorted({float(rate) for each in frame["rates"] for rate in str(each).split(", ")})
    text = HEAD.format(
        count=frame["claim"].nunique(),
        told=told,
        seeds=frame["seeds"].max(),
        fewer=(frame["seeds"] < frame["seeds"].max()).sum(),
        lines=len(frame),
        lowest=frame["strengths"].str.contains("lowest", na=False).sum(),
        chosen=frame["strengths"].notna().sum(),
        rates=", ".join(f"{rate:g}" for rate in rates),
        time=_time(),
    )
    for made in (table(frame), by_set(frame)):
        text += f"\n{made.as_markdown()}"
    page = PAGE if folder.resolve() == ROOT.resolve() else folder / PAGE.name
    records.write_text(page, text)
    return page


def _time() -> str:
    """What a row of a GRU takes of the time of an LSTM's, as the speed benchmark measured it."""
    told = []
    for file in sorted(SPEED.glob("*/rows.csv")):
        frame = pd.read_csv(file).query("contender == 'rnnreg'")
        took = frame.pivot(index="benchmark", columns="cell", values="row")
        share = (took["gru"] / took["lstm"]).dropna()
        each = " and ".join(f"{value:.2f} on {name}" for name, value in share.items())
        told.append(f"{each} ({file.relative_to(registry.ROOT).as_posix()})")
    return "; ".join(told)


WORDS = {HOLDS: "hold", NOT: "do not hold", OPEN: "are open"}
SHOWN = ("yes", "no", "open", LEFT_OUT)
HEAD = """# Claims of tutorials

Written by `rnnreg claims` from results/published/claims.

{count} claims of articles that teach recurrent networks with regularization, in words of our own:
{told}.
Each is tested on small data sets, so a verdict is about networks and data of this size.

The second table has a line for each data set of a claim. Learning rates ({rates})
are not searched: they are those of the data set's file, but where the claim, or the few steps that
it is given, need another one (column "Rate"). Of {lines} lines, {fewer} have fewer than {seeds}
seeds (column "Seeds"), for some seeds say nothing: which of two rows is faster, say, where both are
there at the first check.

Strengths are chosen by validation, on other seeds, from the grid of the study. Where validation
likes a penalty least, the choice is the lowest strength of the grid, at which it is practically
off: two rows that are nearly the same are then compared. Column "Strength" says what was chosen,
and where that is an end of the grid. It is the lowest in {lowest} of {chosen} lines (of clipping,
the lowest is the strictest).

Open means that data sets disagree, that intervals are too wide, or that fewer than two data sets
say anything. A data set is left out where clipping changed no gradient in any seed: both rows are
then the same. A member that diverges has the naive scores.

Rows in which gradients explode were fixed from networks without a regularizer, as
`benchmarks/studies/claims.yaml` says. Whether clipping or a penalty helps there is told by the
seeds that diverge: the norm of the gradient that training records is that of loss and penalty
together. Strengths are not those of validation there, for where training does worse than the naive
scores, validation chooses what diverges.

On a text (trec), only networks without a regularizer are trained, for time: claims of the articles
on texts are tested on series and on sequences of numbers.

The cost of a GRU is counted in weights here, which follows from its equations. In time, a row of a
GRU takes these shares of an LSTM's: {time}.

`benchmarks/claims.yaml` lists the claims with the rows that test them,
`rnnreg/analysis/statistics/claims.py` has the rule by which a verdict follows, and `measures.py`
beside it the measures. The articles are not at hand: an entry names the preset study whose subject
the claim is. `rnnreg run claims` measures all of it again.
"""
