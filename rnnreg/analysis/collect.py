"""From records to one table of members and one file of facts; refuses what other code made."""

import hashlib
import io
import json
import math
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from rnnreg.errors import UserError
from rnnreg.study import records, regimes, registry
from rnnreg.study.facts import read as read_facts
from rnnreg.study.fingerprint import digest
from rnnreg.study.protocol import asked, current
from rnnreg.study.records import Record
from rnnreg.study.selection import CRITERIA, choose
from rnnreg.study.study import Row, Study
from rnnreg.study.variants import base


def collect(study: Study, prepared: Path = Path("data/prepared")) -> Path:
    """Write members.parquet and study.json into the study's folder, and return the folder.

    Every record must have been made by the present code from the present data, and every member
    that the study asks for must be there. UserError names the first row where that is not so,
    why, how many more there are, and the command that renews it. Records that the study no
    longer asks for are left out.
    """
    facts = {b: read_facts(b, prepared) for b in study.benchmarks}
    for benchmark, own in facts.items():
        if noise := registry.facts("benchmark", base(benchmark)).get("noisy"):
            own["noisy"] = noise
    wanted, places, faults, rows = [], [], [], []
    left_out = {}
    for row in study.rows:
        if reason := records.unsuited(study.records(row), row.fingerprint):
            left_out[row.name] = reason
            continue
        found, where, why = _check(study, row, facts[row.benchmark]["data_hash"])
        why = why or _started(found, study.started_from(row), row)
        if why:
            faults.append((row, where, why))
            continue
        wanted += found
        place = {setting: i for i, setting in enumerate(row.settings)}
        places += [place[r.tuned] for r in found]
        rows.append(_described(row, found, {c: place[choose(found, c)] for c in CRITERIA}))
    if faults:
        raise _refusal(study, faults)
    frame = io.BytesIO()
    table(wanted).assign(place=places).to_parquet(frame, index=False)
    records.write_bytes(study.folder / "members.parquet", frame.getvalue())
    described = {"name": study.name, "title": study.title, "rows": rows, "benchmarks": facts}
    described["unsuited"] = left_out
    described["regime"] = [li for li in regimes.read() if li["benchmark"] in study.benchmarks]
    one = {row.regularizer: row for row in study.rows}
    known = {
        "cell": {n: registry.facts("cell", n) for n in dict.fromkeys(r.cell for r in study.rows)},
        "regularizer": {name: row.facts for name, row in one.items()},
    }
    for kind, each in known.items():
        shipped = registry.shipped(kind)
        described[f"{kind}s"] = {n: {**f, "shipped": n in shipped} for n, f in each.items()}
    described["members"] = content(frame.getvalue())  # a kill between the two writes is told
    plain = json.loads(json.dumps(_plain(described)))
    text = json.dumps({**plain, "content": digest(plain)}, indent=1)
    records.write_text(study.folder / "study.json", text)
    return study.folder


def content(members: bytes) -> str:
    """The hash by which study.json names the members.parquet that it was written with."""
    return hashlib.sha256(members).hexdigest()[:16]


def table(members: list[Record]) -> pd.DataFrame:
    """One row a member; curves as lists; scores flattened, as in `best_test_loss`."""
    return pd.DataFrame([_flat(m) for m in members])


def _check(study: Study, row: Row, data_hash: str) -> tuple[list[Record], str, str]:
    """The members that the row asks for, in the order of its grid; where is what wrong, or ''."""
    file, bad = study.records(row), []
    if not file.is_file():
        return [], str(file), f"no records ({file} is not there)"
    members = records.read(file, row.name, lambda *fault: bad.append(fault))
    if bad:
        return [], *bad[0]
    found = {r.member: r for r in members}
    code = row.fingerprint
    fresh = {r.member: r for r in members if r.fingerprint == code}
    have = current(row, members, data_hash)
    wanted = asked(row, have)
    why = _why(wanted, found, fresh, have)
    return [] if why else [have[k] for k in wanted], str(file), why


def _why(wanted: list, found: dict, fresh: dict, current: dict) -> str:
    missing = [k for k in wanted if k not in found]
    if missing:
        phase, rate, strength, seed = missing[0]
        at = f"strength {strength:g}" if rate is None else f"rate {rate:g}, strength {strength:g}"
        return f"{len(missing)} members missing (first: {phase}, {at}, seed {seed})"
    stale = [found[k] for k in wanted if k not in fresh]
    if stale:
        return f"code changed: {len(stale)} members have fingerprint {stale[0].fingerprint}"
    moved = [fresh[k] for k in wanted if k not in current]
    if moved:
        return f"data changed: {len(moved)} members were trained on data {moved[0].data_hash}"
    return ""


def _started(found: list[Record], start: str, row: Row) -> str:
    """Which members started from other weights than those that are there now, if there are any."""
    old = [r for r in found if start not in ("", r.start)]
    if not old:
        return ""
    return f"weights changed: {len(old)} members started from others of {row.start.name}"


def _described(row: Row, found: list[Record], chosen: dict[str, int]) -> dict:
    """A row as study.json has it: what was tuned over, and the place in it of each choice."""
    budget = found[0].setting["learning_rate"]
    tried = {record.tuned for record in found}  # from small to large not all may be
    settings = [setting for setting in row.settings if setting in tried]
    return {
        **asdict(row),
        "learning_rates": [budget if rate is None else rate for rate, _ in settings],
        "strengths": [strength for _, strength in settings],
        "fingerprint": row.fingerprint,
        "chosen": chosen,
    }


def _refusal(study: Study, faults: list[tuple[Row, str, str]]) -> UserError:
    row, where, why = faults[0]
    command = f"python -m rnnreg train --study {study.asked or study.name}"
    message = f"{where}: {row.name}: {why}.\n"
    message += f"Remedy: {command} {row.benchmark} {row.cell} {row.regularizer}"
    if len(faults) > 1:
        others = ", ".join(r.name for r, *_ in faults[1:4])
        more = f" and {len(faults) - 4} others" if len(faults) > 4 else ""
        message += f"\nThe same holds for {others}{more}; all at once: {command} --missing"
    return UserError(message)


def _flat(member: Record) -> dict:
    row = vars(member) | {"learning_rate": member.rate}
    for criterion, parts in row.pop("scores").items():
        for part, metrics in parts.items():
            row |= {f"{criterion}_{part}_{metric}": value for metric, value in metrics.items()}
    for key in ("versions", "setting", "parts"):
        row[key] = json.dumps(row[key], sort_keys=True)
    return row


def _plain(value: object) -> object:
    """Strict JSON: numbers that are not finite as text, which `float` reads back."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
