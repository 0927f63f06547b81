"""benchmarks/published.yaml: results of papers, and what of ours is held against each.

results:
  NAME:
    row: benchmark@variant/cell/regularizer    of a shipped study
    source: paper and table
    read: where the number was seen
    metric: perplexity                         of the row's records, on test
    at: best                                   or final: at the best check, after the last step
    theirs: 114.5
    band: [110, 117]                           in which ours is reproduced; [0, theirs]: a bar
    why: where the band comes from
    differs: what of the setting is not the paper's
    deviation: 0.45                            ours is the root of the metric over this
    curve: {source: ..., values: [...]}        their validation metric, an entry a check
    naive: 0.4244                              the best naive score, as `rnnreg prepare` has it
    data: 281703685968a461                     data_hash of the records that count
    tested: {row: ..., change: ...}            a row that differs, after a miss; or a list
rankings:
  NAME: {title: ..., results: [NAME, ...]}     whose order is compared
conclusions:
  NAME:
    title: paper
    says: what it concludes, in words of our own
    read: where that was seen
    study: papers_noise                        with rows of one cell on data sets, none among them
    no_gain: [weight_noise]                    regularizers that are said not to improve on none
    metric, at: as above
    margin: 0.05                               the smallest gain that counts, in units of the metric
    why: where the margin comes from
    differs: as above
left_out:
  NAME: {what: ..., why: ...}                  what has no row, with the reason
"""

import math
import re
from dataclasses import dataclass, fields

from rnnreg.errors import UserError, unknown
from rnnreg.study import document, registry, schema, study
from rnnreg.study.selection import CRITERIA
from rnnreg.study.study import Row, Study

PAPERS = "papers"  # how the studies whose rows are held against papers are called, to begin with
FILE = registry.ROOT / "benchmarks" / "published.yaml"
TYPES = {
    "row": str, "source": str, "read": str, "metric": str, "at": str, "theirs": float,
    "band": list, "why": str, "differs": str, "deviation": float, "curve": dict,
    "waits": str, "naive": float, "data": str, "tested": (dict, list),
}  # fmt: skip
WITH_ROW = {"row": str, "change": str}  # what `tested` is made of
NEEDED = ("row", "source", "read", "metric", "at", "theirs", "band", "why", "differs")


@dataclass(frozen=True)
class Published:
    """One result of a paper; the keys are those of the file."""

    name: str
    row: str
    source: str
    read: str
    metric: str
    at: str
    theirs: float
    band: tuple[float, float]
    why: str
    differs: str
    deviation: float | None = None
    curve: dict | None = None
    waits: str = ""
    naive: float | None = None  # on test, in the unit of theirs
    data: str = ""
    tested: tuple[dict, ...] = ()

    @property
    def bar(self) -> bool:
        """Whether the band is all that is no worse than theirs: it tells no reproduction."""
        return self.band == (0, self.theirs)


@dataclass(frozen=True)
class Ranking:
    """Results of one paper whose order is compared."""

    title: str
    results: tuple[str, ...]


@dataclass(frozen=True)
class Conclusion:
    """What a paper concludes in words; the keys are those of the file."""

    title: str
    says: str
    read: str
    study: str
    no_gain: list
    metric: str
    at: str
    margin: float
    why: str
    differs: str


@dataclass(frozen=True)
class LeftOut:
    """A published result without a row."""

    what: str
    why: str


@dataclass(frozen=True)
class Contents:
    """All that the file says, checked; results by name."""

    results: dict[str, Published]
    rankings: list[Ranking]
    conclusions: list[Conclusion]
    left_out: list[LeftOut]


def read(file=FILE) -> Contents:
    """The file, checked."""
    where = registry.short(file)
    given = document.read(file, where)
    parts = dict.fromkeys(("papers", "results", "rankings", "conclusions", "left_out"), dict)
    schema.check_mapping(where, given, parts, ("papers", "results"))
    found = {
        name: _result(f"{where}: results: {name}", name, each, given["papers"])
        for name, each in given["results"].items()
    }
    rankings = []
    for name, each in given.get("rankings", {}).items():
        at = f"{where}: rankings: {name}"
        schema.check_mapping(at, each, {"title": str, "results": list}, ("title", "results"))
        schema.check_names(f"{at}: results", each["results"], [*found])
        rankings.append(Ranking(each["title"], tuple(each["results"])))
    concluded = [
        _conclusion(f"{where}: conclusions: {name}", each)
        for name, each in given.get("conclusions", {}).items()
    ]
    left_out = []
    for name, each in given.get("left_out", {}).items():
        at = f"{where}: left_out: {name}"
        schema.check_mapping(at, each, {"what": str, "why": str}, ("what", "why"))
        left_out.append(LeftOut(**each))
    return Contents(found, rankings, concluded, left_out)


def rows() -> dict[str, tuple[Study, Row]]:
    """The rows of the shipped studies of papers, with their studies."""
    found = {}
    for name in study.names():
        if name.startswith(PAPERS):
            asked = study.read(name)
            found |= {row.name: (asked, row) for row in asked.rows}
    return found


def _conclusion(where: str, given: dict) -> Conclusion:
    types = {f.name: f.type for f in fields(Conclusion)}
    schema.check_mapping(where, given, types, (*types,))
    if given["at"] not in CRITERIA:
        raise unknown(f"{where}: at", given["at"], CRITERIA)
    if not 0 < given["margin"] < math.inf:
        raise UserError(f"{where}: margin: given {given['margin']}, allowed are numbers above 0.")
    asked = [name for name in study.names() if name.startswith(PAPERS)]
    if given["study"] not in asked:
        raise unknown(f"{where}: study", given["study"], asked)
    rows = study.read(given["study"]).rows
    for row in rows:
        if f"{row.benchmark}/{row.cell}/none" not in {r.name for r in rows}:
            raise UserError(
                f"{where}: study: '{given['study']}' has no row {row.benchmark}/{row.cell}/none, "
                f"which {row.name} is held against. Remedy: add it to the study."
            )
    known = dict.fromkeys(row.regularizer for row in rows if row.regularizer != "none")
    if not given["no_gain"]:
        raise UserError(f"{where}: no_gain: given none, allowed are {', '.join(known)}.")
    schema.check_names(f"{where}: no_gain", given["no_gain"], [*known])
    return Conclusion(**given)


def _result(where: str, name: str, given: dict, papers: dict[str, dict]) -> Published:
    schema.check_mapping(where, given, {"paper": str, **TYPES}, ("paper",))
    if given["paper"] not in papers:
        raise unknown(f"{where}: paper", given["paper"], papers)
    given = {**papers[given["paper"]], **given}
    del given["paper"]
    schema.check_mapping(where, given, TYPES, NEEDED)
    if given["at"] not in CRITERIA:
        raise unknown(f"{where}: at", given["at"], CRITERIA)
    if not 0 <= given.get("naive", 0) < math.inf:
        raise UserError(f"{where}: naive: given {given['naive']}, allowed are numbers from 0.")
    if not 0 < given.get("deviation", 1) < math.inf:
        raise UserError(
            f"{where}: deviation: given {given['deviation']}, allowed are numbers above 0."
        )
    if not 0 <= given["theirs"] < math.inf:
        raise UserError(f"{where}: theirs: given {given['theirs']}, allowed are numbers from 0.")
    if not re.fullmatch(r"([0-9a-f]{16})?", given.get("data", "")):
        raise UserError(
            f"{where}: data: given '{given['data']}', expected 16 hexadecimal digits, the "
            "data_hash of a record. Remedy: copy it from the row's records."
        )
    band = given["band"]
    numbers = len(band) == 2 and all(isinstance(end, int | float) for end in band)
    if not (numbers and 0 <= band[0] < band[1] < math.inf):
        raise UserError(f"{where}: band: given {band}, expected two numbers, the lower one first.")
    tested = given.get("tested", [])
    tested = tested if isinstance(tested, list) else [tested]
    for each in tested:
        schema.check_mapping(f"{where}: tested", each, WITH_ROW, (*WITH_ROW,))
    if "curve" in given:
        curve = {"source": str, "values": list}
        schema.check_mapping(f"{where}: curve", given["curve"], curve, (*curve,))
    given = {**given, "band": (float(band[0]), float(band[1])), "tested": tuple(tested)}
    return Published(name, **given)
