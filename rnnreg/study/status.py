"""How far a study is: rows done, running and waiting, members there, and the time that is left."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from rnnreg.study import killed, records
from rnnreg.study.progress import BEAT
from rnnreg.study.protocol import asked
from rnnreg.study.study import Row, Study

STATES = ("done", "running", "interrupted", "failed", "waiting", "stale")
AGAIN = 5.0  # seconds between two tables of a watch


@dataclass(frozen=True)
class State:
    """How far a row is."""

    word: str  # one of STATES
    there: int  # members that the study asks for and that are trained
    asked: int  # members asked for; those of evaluation are known once the row is tuned
    seconds: float  # of training, in those that are there


def state(study: Study, row: Row) -> State:
    """How far a row is, by its files; a row that lacks members asked for is waiting for them."""
    file, unfinished = study.records(row), study.unfinished(row)
    fingerprint = row.fingerprint  # it reads source files
    if records.unsuited(file, fingerprint):
        return State("done", 0, 0, 0.0)
    begun, ended = _changed(unfinished), _changed(file)
    there = [f for f in (file, unfinished) if f.exists()]
    found = [r for f in there for r in records.read(f, row.name, records.warn)]
    have = {r.member: r for r in found if r.fingerprint == fingerprint}
    members = asked(row, have)
    trained = [have[member] for member in members if member in have]
    if study.failed(row).exists():
        word = "failed"
    elif begun > ended:
        since = abs(time.time() - begun)  # a clock that was set back is no sign of life
        word = "running" if since < 6 * BEAT else "interrupted"
    elif len(have) < len({r.member for r in found}):
        word = "stale"
    else:
        word = "done" if len(trained) == len(members) else "waiting"
    return State(word, len(trained), len(members), sum(r.seconds for r in trained))


def _changed(file: Path) -> float:
    """When a file was last written; 0 where there is none."""
    return file.stat().st_mtime if file.exists() else 0.0


def table(study: Study, seen: dict[str, tuple] | None = None) -> tuple[str, bool]:
    """The table as text, and whether every row is done.

    `seen` holds the rows that are done between two tables: their records are read once.
    """
    states = _states(study, {} if seen is None else seen)
    lines = [f"{study.title}: {len(study.rows)} rows at {time.strftime('%H:%M:%S')}"]
    lines.append(
        f"{'':<18}" + "".join(f"{s:>13}" for s in (*STATES, "members")) + f"{'s a row':>10}"
    )
    left, known = 0.0, True
    for benchmark in study.benchmarks:
        own = [states[r.name] for r in study.rows if r.benchmark == benchmark]
        counts = {word: sum(s.word == word for s in own) for word in STATES}
        members = f"{sum(s.there for s in own)}/{sum(s.asked for s in own)}"
        spent = [s.seconds for s in own if s.word == "done"]
        pace = statistics.mean(spent) if spent else float("nan")
        open_rows = len(own) - counts["done"]
        if open_rows:
            known = known and bool(spent)
            begun = sum(s.seconds for s in own if s.word != "done")
            left += max(pace * open_rows - begun, 0)
        shown = f"{pace:>10.1f}" if spent else f"{'-':>10}"
        told = (*counts.values(), members)
        lines.append(f"{benchmark:<18}" + "".join(f"{t:>13}" for t in told) + shown)
    running = max(sum(s.word == "running" for s in states.values()), 1)
    if known:
        lines.append(
            f"left: {left / 60:.1f} core-minutes, {left / 60 / running:.1f} minutes at this pace"
        )
    else:
        lines.append("left: not known before each benchmark has a finished row")
    if any(s.word == "failed" for s in states.values()):
        again = f"again: python -m rnnreg retry {quote(study.asked or study.name)}"
        lines += [failures(study), again]
    return "\n".join(lines), all(s.word == "done" for s in states.values())


def _states(study: Study, seen: dict[str, tuple]) -> dict[str, State]:
    """How far each row is; those in `seen` whose files are as they were are not read again."""
    states = {}
    for row in study.rows:
        files = (study.records(row), study.unfinished(row), study.failed(row))
        changed = tuple(_changed(f) for f in files)
        before, states[row.name] = seen.get(row.name, (None, None))
        if before != changed:
            states[row.name] = state(study, row)
            if states[row.name].word == "done":
                seen[row.name] = (changed, states[row.name])
    return states


def failures(study: Study, since: float = 0.0, most: int = 10) -> str:
    """Which rows failed, why, and where more of it stands; those that failed since a moment."""
    failed = [row for row in study.rows if _changed(study.failed(row)) > since]
    lines = []
    for row in failed[:most]:
        lines.append(f"failed: {row.name}: {study.failed(row).read_text(encoding='utf-8').strip()}")
        if (log := study.log(row)).is_file():
            lines.append(f"  more: cat {quote(str(log))}")
    if len(failed) > most:
        lines.append(f"and {len(failed) - most} more rows")
    return "\n".join(lines)


def reasons(study: Study, since: float, others: Mapping[str, Sequence[str]]) -> str:
    """Why a workflow failed since a moment: its rows by name, and the other steps by their logs.

    `others` maps the log of a step to its outputs, which are gone where it failed.
    """
    killed.look(study, since)
    told = [failures(study, since)]
    for log, outputs in others.items():
        if _changed(Path(log)) > since and not all(Path(o).exists() for o in outputs):
            told.append(f"failed: {_last_message(Path(log))}\n  more: cat {quote(log)}")
    return "\n".join(filter(None, told))


def _last_message(log: Path) -> str:
    """The message that a log ends with, or the last line of its traceback."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    start = max((i for i, line in enumerate(lines) if line.startswith("rnnreg: ")), default=-1)
    if any(line.startswith("Traceback") for line in lines[start:]):
        start = -1
    return "\n".join(lines[start:]).removeprefix("rnnreg: ") or "its log is empty"


def show(study: Study, watch: bool = False) -> None:
    """Print the table; with `watch` again and again, until every row is done."""
    seen = {}
    text, finished = table(study, seen)
    print(text, flush=True)
    while watch and not finished:
        time.sleep(AGAIN)
        text, finished = table(study, seen)
        print(f"\x1b[{text.count(chr(10)) + 1}A\x1b[J{text}", flush=True)
