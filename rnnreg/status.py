"""How far a study is: rows done, begun and waiting, and the time that is left."""

import time

from rnnreg import records
from rnnreg.study import Study

RUNNING = 600  # seconds since a row last wrote its phase, within which it counts as running


def progress(study: Study) -> list[dict]:
    """One entry a row: its name, its state ("done", "begun" or "waiting") and seconds spent."""
    rows = []
    for row in study.rows:
        file = study.records(row)
        partial = file.with_name(f".{file.name}.partial")
        if file.exists():
            found = records.read(file)
            stale = any(r.fingerprint != row.fingerprint for r in found)
            state = "stale" if stale else "done"
            rows.append({"row": row, "state": state, "seconds": sum(r.seconds for r in found)})
        elif partial.exists():
            seconds = sum(r.seconds for r in records.read(partial))
            rows.append({"row": row, "state": "begun", "seconds": seconds})
        else:
            rows.append({"row": row, "state": "waiting", "seconds": 0.0})
    return rows


def show(study: Study) -> None:
    """Print a table of benchmarks x states, and how much work is left at the pace so far."""
    rows = progress(study)
    states = ["done", "begun", "waiting", "stale"]
    print(f"{study.title}: {len(rows)} rows, {time.strftime('%H:%M:%S')}")
    print(f"{'benchmark':<20}" + "".join(f"{s:>9}" for s in states) + f"{'s a row':>10}")
    left = 0.0
    for benchmark in study.benchmarks:
        own = [r for r in rows if r["row"].benchmark == benchmark]
        counts = [sum(r["state"] == s for r in own) for s in states]
        spent = [r["seconds"] for r in own if r["state"] == "done"]
        pace = sum(spent) / len(spent) if spent else float("nan")
        left += pace * (len(own) - counts[0]) if spent or counts[0] < len(own) else 0.0
        cells = "".join(f"{c:>9}" for c in counts)
        print(f"{benchmark:<20}{cells}{pace:>10.1f}")
    if left == left:
        print(f"left: {left / 60:.1f} core-minutes at the pace of the rows that are done")
    else:
        print("left: not known before each benchmark has a finished row")
