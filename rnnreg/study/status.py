"""How far a study is: rows done, running and waiting, and the time that is left."""

import statistics
import time
from pathlib import Path

from rnnreg.study import records
from rnnreg.study.progress import BEAT
from rnnreg.study.study import Row, Study

STATES = ("done", "running", "interrupted", "waiting", "stale")
AGAIN = 5.0  # seconds between two tables of a watch


def state(study: Study, row: Row) -> tuple[str, float]:
    """One of STATES, and the seconds of training that the row's records hold."""
    file, unfinished = study.records(row), study.unfinished(row)
    begun, ended = _changed(unfinished), _changed(file)
    if begun > ended:
        alive = time.time() - begun < 6 * BEAT
        seconds = sum(r.seconds for r in records.read(unfinished))
        return ("running" if alive else "interrupted"), seconds
    if not ended:
        return "waiting", 0.0
    found = records.read(file)
    stale = any(r.fingerprint != row.fingerprint for r in found)
    return ("stale" if stale else "done"), sum(r.seconds for r in found)


def _changed(file: Path) -> float:
    """When a file was last written; 0 where there is none."""
    return file.stat().st_mtime if file.exists() else 0.0


def table(study: Study) -> tuple[str, bool]:
    """The table as text, and whether every row is done."""
    states = {row.name: state(study, row) for row in study.rows}
    lines = [f"{study.title}: {len(study.rows)} rows at {time.strftime('%H:%M:%S')}"]
    lines.append(f"{'':<18}" + "".join(f"{s:>13}" for s in STATES) + f"{'s a row':>10}")
    left, known = 0.0, True
    for benchmark in study.benchmarks:
        own = [states[r.name] for r in study.rows if r.benchmark == benchmark]
        counts = {s: sum(found == s for found, _ in own) for s in STATES}
        spent = [seconds for found, seconds in own if found == "done"]
        pace = statistics.mean(spent) if spent else float("nan")
        open_rows = len(own) - counts["done"]
        if open_rows:
            known = known and bool(spent)
            left += pace * open_rows - sum(s for f, s in own if f in ("running", "interrupted"))
        shown = f"{pace:>10.1f}" if spent else f"{'-':>10}"
        lines.append(f"{benchmark:<18}" + "".join(f"{counts[s]:>13}" for s in STATES) + shown)
    running = max(sum(found == "running" for found, _ in states.values()), 1)
    if known:
        lines.append(
            f"left: {left / 60:.1f} core-minutes, {left / 60 / running:.1f} minutes at this pace"
        )
    else:
        lines.append("left: not known before each benchmark has a finished row")
    return "\n".join(lines), all(found == "done" for found, _ in states.values())


def show(study: Study, watch: bool = False) -> None:
    """Print the table; with `watch` again and again, until every row is done."""
    text, finished = table(study)
    print(text, flush=True)
    while watch and not finished:
        time.sleep(AGAIN)
        text, finished = table(study)
        print(f"\x1b[{text.count(chr(10)) + 1}A\x1b[J{text}", flush=True)
