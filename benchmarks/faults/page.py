"""Write what was measured into docs/faults.md and docs/cluster.md, from the tables in results/.

python benchmarks/faults/page.py
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from rnnreg.analysis.report.readme import replace
from rnnreg.study import records, registry
from rnnreg.training.estimate import SHARE

RESULTS = Path(__file__).resolve().parent / "results"


def checkpoints() -> list[str]:
    """What checkpoints cost, and what a kill loses with them and without."""
    cost = pd.read_csv(RESULTS / "cost.csv")
    each = cost.groupby("checkpoints")["seconds"].agg(["min", "max"])
    told = {c: f"{least:.1f} to {most:.1f} s" for c, least, most in each.itertuples()}
    saving = cost[cost["saves"] > 0]
    share = saving["seconds saving"].sum() / saving["seconds"].sum()
    lines = [
        f"- A row takes {told['yes']} with checkpoints and {told['no']} without (the processor's, "
        f"{len(cost) // 2} times each, in turn, on a machine with other work). {share:.2%} of it "
        f"go into its {saving['saves'].median():.0f} checkpoints, timed one by one."
    ]
    if (RESULTS / "kills.csv").is_file():
        kills = pd.read_csv(RESULTS / "kills.csv")
        lost = kills.groupby("checkpoints")["lost"].agg(["median", "max"])
        told = {c: f"{m:.0f} s (at most {most:.0f} s)" for c, m, most in lost.itertuples()}
        whole, count = kills["undisturbed"][0], len(kills) // 2
        lines.append(
            f"- `kill -9` in the middle of a row of {whole:.0f} s, at {count} moments, loses "
            f"{told['yes']} with checkpoints and {told['no']} without, the start of the second "
            "command included."
        )
    return lines


def moments() -> list[str]:
    """How many signals came, and how many records were compared."""
    table = pd.read_csv(RESULTS / "moments.csv")
    each = ", ".join(f"{n} {s}" for s, n in table["signal"].value_counts().items())
    hit = table["hit"].value_counts()
    return [
        f"- {len(table)} random moments of a study ({each}; "
        f"{hit.get('all', 0)} to all processes, {hit.get('first', 0)} to the first alone): "
        f"{table['compared'].max()} records compared, all equal to those of the undisturbed run."
    ]


def scale() -> list[str]:
    """How long the head takes with a large study, and what it holds."""
    table = pd.read_csv(RESULTS / "scale.csv").set_index("what")
    names = {"graph": "the job graph", "status": "`status`", "collect": "`collect`"}
    sizes = table.iloc[0]
    told = [
        f"{names[what]} takes {row['seconds']:.0f} s and {row['MiB']:.0f} MiB"
        for what, row in table.iterrows()
    ]
    return [
        f"- {sizes['rows']:.0f} rows, {sizes['members']:,.0f} members: {', '.join(told)} (of the "
        f"processor, and of memory). They are {sizes['files']:,.0f} files, {sizes['MB']:.0f} MB."
    ]


WAYS = (  # how rows become jobs, the run that shows it, what its start counts for, what trains
    ("Rows submitted together", "undisturbed", "rows", "a row", "a row trains"),
    ("A job a row", "a job a row", "rows", "a row", "a row trains"),
    ("A job a cell (`job: cell`)", "a job a cell", "jobs", "a cell", "its rows together train"),
)


def slurm() -> list[str]:
    """What the runs through Slurm took, and from how long a row on that is little."""
    lines = []
    for run in pd.read_csv(RESULTS / "slurm.csv").to_dict("records"):
        lines.append(
            f"- Slurm, {run['what']}: {run['rows']:.0f} rows in {run['jobs']:.0f} jobs, "
            f"{run['wall']:.0f} s from the command to the table; a row takes "
            f"{run['training'] / run['rows']:.1f} s of training and {run['overhead a row']:.1f} s "
            "beside it in its job."
        )
    return lines + ways()


def ways() -> list[str]:
    """How long rows must be for each way to keep the share, by the runs on idle cores."""
    runs = pd.read_csv(RESULTS / "slurm.csv").set_index("what")
    lines = []
    for way, what, counted, of, who in WAYS:
        if (idle := f"{what} on idle cores") not in runs.index:
            lines.append(f"- {way}: not measured on idle cores yet.")
            continue
        run = runs.loc[idle]
        beside = (run["in jobs"] - run["training"]) / run[counted]
        lines.append(
            f"- {way}: {beside:.1f} s {of} beside its training, under {SHARE:.0%} of a job where "
            f"{who} for {beside * (1 - SHARE) / SHARE:.0f} s and longer."
        )
    return lines


PAGES: dict[str, tuple[tuple[str, Callable[[], list[str]]], ...]] = {
    "docs/faults.md": (("cost.csv", checkpoints), ("moments.csv", moments)),
    "docs/cluster.md": (("scale.csv", scale), ("slurm.csv", slurm)),
}


def measured(page: str) -> str:
    """The generated part of a page: a line a thing measured."""
    parts = [make() for table, make in PAGES[page] if (RESULTS / table).is_file()]
    return "\n".join(line for part in parts for line in part)


def main() -> None:
    """Write the pages."""
    for page in PAGES:
        file = registry.ROOT / page
        text = file.read_text(encoding="utf-8")
        records.write_text(file, replace(text, "measured", measured(page), file))


if __name__ == "__main__":
    main()
