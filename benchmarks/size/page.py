"""The page of the size study, docs/size.md, from the records that are published of it.

    python benchmarks/size/page.py

Data sets of which a row is missing are left out. Data must be prepared in data/prepared:
rnnreg download --study size && rnnreg prepare --study size.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

import yaml

from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.draw import save
from rnnreg.analysis.figures.pays import pays
from rnnreg.analysis.report import shown_pays
from rnnreg.analysis.report.readme import on_white, replace
from rnnreg.analysis.results import REFERENCE, Results, load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.analysis.tables import fixed, tabulated, word
from rnnreg.study import records, registry, study

STUDY, PARTS = "size", ("sixty_fourth", "sixteenth", "quarter", "whole")
SHOWN = ("1/64", "1/16", "1/4", "all")
PAGE = registry.ROOT / "docs" / "size.md"
PICTURE = PAGE.with_suffix(".svg")
PUBLISHED = registry.ROOT / "results" / "published" / STUDY / "records"


def whole(published: Path = PUBLISHED) -> list[str]:
    """The variants of those data sets of which every row is published."""
    rows = study.read(STUDY).rows
    missing = {
        row.benchmark.partition("@")[0]
        for row in rows
        if not (published / row.benchmark / row.cell / f"{row.regularizer}.jsonl").is_file()
    }
    names = dict.fromkeys(row.benchmark for row in rows)
    return [name for name in names if name.partition("@")[0] not in missing]


def made(names: list[str], folder: Path) -> Results:
    """The study of these variants alone, collected and compared in a folder."""
    given = yaml.safe_load((study.STUDIES / f"{STUDY}.yaml").read_text(encoding="utf-8"))
    file = folder / f"{STUDY}.yaml"
    file.write_text(yaml.safe_dump({**given, "benchmarks": names}), encoding="utf-8")
    prepared = Path("data/prepared").resolve()
    shutil.copytree(PUBLISHED, folder / "results" / STUDY / "records")
    with contextlib.chdir(folder):
        collect(study.read(str(file)), prepared)
        compare(Path("results") / STUDY)
        return load(folder / "results" / STUDY)


def table(results: Results) -> str:
    """Effects in percent at the best check, a line a data set, part and cell; bold: a verdict."""
    frame = results.read("pays")
    verdicts = results.read("comparisons")
    verdicts = verdicts[verdicts["criterion"] == "best"]
    keys = ["benchmark", "cell", "regularizer"]
    told = verdicts.set_index(keys)["verdict"].isin(["better", "worse"])
    names = [name for name in results.compared("best") if name != REFERENCE]
    lines = []
    for (benchmark, cell), own in frame.groupby(["benchmark", "cell"], sort=False):
        base, _, part = benchmark.partition("@")
        effects = own.set_index("regularizer")["effect"]
        lines.append((base, PARTS.index(part), cell, own["overfit"].iloc[0], effects, benchmark))
    columns = {
        "Data set": lambda r: registry.facts("benchmark", r[0])["title"].partition(",")[0],
        "Part": lambda r: SHOWN[r[1]],
        "Cell": lambda r: results.title("cells", r[2]),
        "Gap, %": lambda r: fixed(r[3], 0),
    }
    for name in names:
        columns[results.title("regularizers", name)] = lambda r, name=name: word(
            fixed(r[4][name], 1, sign=True), strong=bool(told[r[5], r[2], name])
        )
    return tabulated("size", "", sorted(lines, key=lambda r: r[:3]), columns, 3).body


def main() -> None:
    """Write the page's picture and its table."""
    names = whole()
    with tempfile.TemporaryDirectory() as folder:
        results = made(names, Path(folder).resolve())
        with style.drawing():
            save(pays(results), Path(folder) / "pays")
        drawn = (Path(folder) / "pays.svg").read_text(encoding="utf-8")
        text = [
            "![Improvement over none against the gap of none, a panel a regularizer](size.svg)",
            f"*{shown_pays.caption(results)}*",
            shown_pays.pays(results),
            table(results),
            "*Improvement over none in percent, at the best validation check; bold: better or "
            "worse than none. Gap: as in the figure.*",
        ]
    records.write_text(PICTURE, on_white(drawn))
    page = replace(PAGE.read_text(encoding="utf-8"), "size", "\n\n".join(text), PAGE)
    records.write_text(PAGE, page)


if __name__ == "__main__":
    main()
