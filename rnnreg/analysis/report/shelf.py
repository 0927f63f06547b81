"""Records of one row in a folder of results: those that count, and those of the chosen setting."""

from pathlib import Path

from rnnreg.errors import unknown
from rnnreg.study import records
from rnnreg.study.records import Record
from rnnreg.study.selection import choose
from rnnreg.study.study import Row, Study

NOT_RUN, STALE = "not run", "records of other code or data"


def current(root: Path, study: Study, row: Row, data: str = "") -> tuple[list[Record], bool]:
    """The records under root/<study>/records that are of the row's code, and of this data where it
    is given; and whether there are others alone."""
    file = root / study.name / study.records(row).relative_to(study.folder)
    found = records.read(file, row.name) if file.is_file() else []
    kept = [r for r in found if r.fingerprint == row.fingerprint and data in ("", r.data_hash)]
    return kept, bool(found) and not kept


def evaluated(found: list[Record], at: str) -> list[Record]:
    """Those of the evaluation phase, of the setting that a criterion chooses."""
    members = [r for r in found if r.phase == "evaluate"]
    if not members:
        return []
    chosen = choose(found, at)
    return [r for r in members if r.tuned == chosen]


def scores(members: list[Record], at: str, metric: str) -> dict[int, float]:
    """The metric on test, by seed; UserError where the records do not have it."""
    for member in members:
        if metric not in (known := member.scores[at]["test"]):
            raise unknown(f"benchmarks/published.yaml: metric of {member.benchmark}", metric, known)
    return {m.seed: m.scores[at]["test"][metric] for m in members}


def faults(members: list[Record], row: Row, versions: int) -> list[str]:
    """Why these members cannot say that something is so; `versions` of the data they are of."""
    wanted = set(row.evaluation_seeds)
    missing = len(wanted - {m.seed for m in members})
    diverged = sum(m.diverged for m in members)
    found = [f"{missing} of {len(wanted)} seeds missing"] if missing else []
    found += [f"{diverged} of {len(members)} diverged"] if diverged else []
    return found + ([f"records of {versions} versions of the data"] if versions > 1 else [])
