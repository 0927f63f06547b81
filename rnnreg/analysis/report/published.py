"""Published numbers beside ours: a verdict by rule for each, and the page that shows them.

The rule: a result is reproduced where the 95% interval of our mean over seeds lies inside the band
that was stated before, not reproduced where it lies outside, and cannot be told in between. Of one
seed the value stands for its interval. A row that lacks seeds, or of which a member diverged, whose
record carries the naive score, is never reproduced; of records of several data nothing is told.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from rnnreg.analysis.report import concluded, shelf
from rnnreg.analysis.report.shelf import NOT_RUN, STALE
from rnnreg.analysis.statistics.inference import LEVEL, mean_interval
from rnnreg.errors import unknown
from rnnreg.study import published, records, registry
from rnnreg.study.published import Contents, Published
from rnnreg.study.records import Record
from rnnreg.study.study import Row, Study

ROOT = registry.ROOT / "results" / "published"
PAGE = registry.ROOT / "docs" / "published.md"
RESAMPLES = 2_000
REPRODUCED, MISSED, OPEN = "reproduced", "not reproduced", "cannot be told"
MET, NOT_MET = "bar met", "bar not met"  # where the band is a bar
HEAD = """# Published numbers beside ours

Written by `rnnreg published` from the records under results/published and from
benchmarks/published.yaml, which states each band before its row is run. A result is *reproduced*
where the 95% interval of our mean over seeds lies inside the band, *not reproduced* where it lies
outside, and *cannot be told* in between. It is reproduced only where all evaluation seeds of the
row are there and none diverged, or else cannot be told; nor is anything told of records of more
than one version of the data. A band from 0 to theirs is a bar, *met* or *not met* by the same
rule: that ours is no worse is no reproduction. Naive is the best score on test without a network,
as `rnnreg prepare` counts it: where it lies inside the band, too, a verdict does not say that
anything was learned. A member that diverged counts at the naive score, which can flatter a row: the
mean of the others then stands beside the verdict. Some misses, and some results that cannot be
told, have another row, which differs in one thing or more (*Tested*, at the end of the page); where
that row misses too, the cause is not known. Rows that wait for a GPU were checked by a few
steps with their whole models (tests/test_papers_gpu.py).

Hours are those of all members of a row, of its search too, by the clock, with whatever else the
machine did. Records do not say whether a run was interrupted: a row that is stopped, or killed,
goes on from its records and its checkpoint, and ends with the same numbers ([faults](faults.md)).
"""


@dataclass(frozen=True)
class Held:
    """A published result with ours: `values` one a seed, and the records that they come from."""

    result: Published
    study: Study
    row: Row
    members: list[Record]
    verdict: str
    data: int = 1  # versions of the data that its records, tuning too, were made of
    hours: float = 0.0  # of all of them
    tested: tuple["Held", ...] = ()  # rows that differences are tested by

    @property
    def faults(self) -> list[str]:
        """Why these members cannot say that a result is reproduced."""
        return shelf.faults(self.members, self.row, self.data)

    @property
    def values(self) -> np.ndarray:
        found = [*shelf.scores(self.members, self.result.at, self.result.metric).values()]
        if self.result.deviation is None:
            return np.array(found)
        return np.sqrt(found) / self.result.deviation


def verdict(values: np.ndarray, band: tuple[float, float]) -> str:
    """By the rule of the module.

    >>> verdict(np.array([114.0, 114.5, 115.0]), (110, 117))
    'reproduced'
    >>> verdict(np.array([116.0, 117.5]), (110, 117)), verdict(np.array([120.0]), (110, 117))
    ('cannot be told', 'not reproduced')
    """
    mean, low, high = (float(v) for v in mean_interval(values))
    if math.isnan(low):
        low = high = mean
    # No score is below zero, which is the lower end of a bar.
    if band[0] <= max(low, 0) and high <= band[1]:
        return REPRODUCED
    return MISSED if high < band[0] or low > band[1] else OPEN


def hold(root: Path = ROOT) -> tuple[list[Held], Contents]:
    """Each published result with the records under root/<study>/records."""
    contents, known = published.read(), published.rows()
    return [_held(root, result, known) for result in contents.results.values()], contents


def _held(root: Path, result: Published, known: dict[str, tuple[Study, Row]]) -> Held:
    if result.row not in known:
        raise unknown(f"{result.name}: row", result.row, known)
    study, row = known[result.row]
    others = tuple(
        _held(root, replace(result, row=each["row"], tested=()), known) for each in result.tested
    )
    current, stale = shelf.current(root, study, row, result.data)
    tested = shelf.evaluated(current, result.at)
    if not tested:
        return Held(result, study, row, [], STALE if stale else NOT_RUN, tested=others)
    hours = sum(m.seconds for m in current) / 3600
    held = Held(result, study, row, tested, "", len({m.data_hash for m in current}), hours, others)
    return replace(held, verdict=_word(held))


def _word(h: Held) -> str:
    if h.data > 1:
        return OPEN
    word = verdict(h.values, h.result.band)
    if word == REPRODUCED and h.faults:
        return OPEN
    return {REPRODUCED: MET, MISSED: NOT_MET}.get(word, word) if h.result.bar else word


def table(held: list[Held]) -> pd.DataFrame:
    """One line a result: theirs, the band, ours with its interval, the verdict, the hours."""
    return pd.DataFrame([_line(h) for h in held])


def _line(h: Held) -> dict:
    mean, low, high = (float(v) for v in mean_interval(h.values)) if h.members else [math.nan] * 3
    return {
        "result": h.result.name,
        "row": h.row.name,
        "metric": h.result.metric if h.result.deviation is None else "relative squared error",
        "at": h.result.at,
        "theirs": h.result.theirs,
        "naive": math.nan if h.result.naive is None else h.result.naive,
        "band_low": h.result.band[0],
        "band_high": h.result.band[1],
        "ours": mean,
        "low": low,
        "high": high,
        "seeds": len(h.members),
        "diverged": sum(m.diverged for m in h.members),
        "learning_rate": h.members[0].rate if h.members else math.nan,
        "hours": h.hours,
        "verdict": h.verdict,
        "source": h.result.source,
    }


def correlation(ours: list[np.ndarray], theirs: list[float]) -> tuple[float, float, float]:
    """Kendall's tau-b of the means of ours with theirs, and its 95% interval over our seeds.

    The interval has the quantiles of tau over resamples of each row's seeds.

    >>> correlation([np.array([1.0, 1.1]), np.array([2.0, 2.1])], [8.0, 9.0])
    (1.0, 1.0, 1.0)
    """
    rng = np.random.default_rng(0)
    means = np.array([values.mean() for values in ours])
    draws = [rng.choice(v, (RESAMPLES, len(v))).mean(1) for v in ours]
    taus = [stats.kendalltau(each, theirs).statistic for each in np.stack(draws, axis=1)]
    low, high = np.quantile(taus, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(stats.kendalltau(means, theirs).statistic), float(low), float(high)


def page(held: list[Held], contents: Contents, root: Path = ROOT) -> str:
    """The table, learning curves, rankings, conclusions, what is left out, and differences."""
    lines = [HEAD, _counts(held), "", *_table(held), ""]
    lines += [line for h in held if h.result.curve and h.members for line in _curve(h)]
    lines += _rankings(held, contents.rankings)
    lines += [line for each in contents.conclusions for line in concluded.section(each, root)]
    if contents.left_out:
        lines += ["## Left out", "", *(f"- {e.what}: {e.why}." for e in contents.left_out), ""]
    lines += ["## What differs, where bands come from, and what trains each row", ""]
    lines += [
        f"- **{h.result.name}**: `rnnreg train --study {h.study.name} "
        f"{h.row.name.replace('/', ' ')}`. Differs: {h.result.differs}. "
        f"Band: {h.result.why}. {_tested(h)}Read in: {h.result.read}."
        for h in held
    ]
    return "\n".join(lines).rstrip() + "\n"


def _tested(h: Held) -> str:
    """What the rows that differ say."""
    told = [
        f"{each['change']} ({other.row.name}): {_other(h, other)}"
        for each, other in zip(h.result.tested, h.tested, strict=True)
    ]
    if not told:
        return ""
    without = f"; without this, {_ours(h)}{_faults(h)}" if any(o.members for o in h.tested) else ""
    return f"Tested: {'; '.join(told)}{without}. "


def _other(h: Held, other: Held) -> str:
    """The result of a row that differs, and its rate where the search chose another."""
    if not other.members:
        return other.verdict
    said = f"{_ours(other)}, {other.verdict}{_faults(other)}{_solved(other)}"
    rate = other.members[0].rate
    if h.members and h.members[0].rate != rate:
        said += f", at a rate of {rate:g}, not {h.members[0].rate:g}"
    return said


def _solved(h: Held) -> str:
    """How many seeds are within the band, where some are not."""
    inside = sum(h.result.band[0] <= v <= h.result.band[1] for v in h.values)
    return f" ({inside} of {len(h.values)} seeds within the band)" if inside < len(h.values) else ""


def _counts(held: list[Held]) -> str:
    found = [h.verdict for h in held]
    words = REPRODUCED, MISSED, MET, NOT_MET, OPEN, STALE, NOT_RUN
    told = (f"{found.count(v)} {v}" for v in words)
    return f"Of {len(held)} results: {', '.join(t for t in told if not t.startswith('0 '))}."


def _table(held: list[Held]) -> list[str]:
    lines = [
        "| Result | Source | Score | Theirs | Band | Naive "
        "| Ours (95% interval) | Seeds | Hours | Verdict |",
        "| :--- | :--- | :--- | ---: | ---: | ---: | ---: | ---: | ---: | :--- |",
    ]
    for h in held:
        line = _line(h)
        band = "{:g} to {:g}".format(*h.result.band)
        naive = "–" if h.result.naive is None else f"{h.result.naive:.4g}"
        hours = f"{h.hours:.2f}" if h.members else "–"
        waits = f", waits for {h.result.waits}" if h.verdict == NOT_RUN and h.result.waits else ""
        side = ""
        if h.verdict == MISSED:
            side = ", ours is lower" if line["ours"] < h.result.theirs else ", ours is higher"
        lines.append(
            f"| {h.result.name} | {h.result.source} | {line['metric']}, {h.result.at} | "
            f"{h.result.theirs:g} | {band} | {naive} | {_ours(h)} | "
            f"{len(h.members) or '–'} | {hours} | {h.verdict}{side}{waits}{_faults(h)} |"
        )
    return lines


def _faults(h: Held) -> str:
    """Why a row cannot be told, and the mean of the members that did not diverge."""
    if not (h.members and h.faults):
        return ""
    trained = [v for v, m in zip(h.values, h.members, strict=True) if not m.diverged]
    others = f"; the others {np.mean(trained):.4g}" if 0 < len(trained) < len(h.members) else ""
    return f" ({', '.join(h.faults)}{others})"


def _ours(h: Held) -> str:
    """Our mean with its interval, which ends at 1 for shares of errors."""
    if not h.members:
        return "–"
    line = _line(h)
    high = min(line["high"], 1) if h.result.metric == "error" else line["high"]
    interval = f" [{max(line['low'], 0):.4g}, {high:.4g}]" if len(h.members) > 1 else ""
    return f"{line['ours']:.4g}{interval}"


def _curve(h: Held) -> list[str]:
    """Validation by check, theirs and ours, as far as all have checks."""
    losses, theirs = [m.validation_loss for m in h.members], h.result.curve["values"]
    count = min(map(len, [theirs, *losses]))
    ours = np.exp(np.array([own[:count] for own in losses], dtype=float)).mean(0)
    theirs = np.array(theirs[:count], dtype=float)
    away = (ours / theirs - 1) * 100
    rows = zip(range(1, count + 1), theirs, ours, away, strict=False)
    lowest = [int(np.argmin(each)) + 1 for each in (theirs, ours)]
    return [
        f"## Learning curve of {h.result.name}",
        "",
        f"Perplexity on validation after each check; theirs: {h.result.curve['source']}. "
        f"Theirs is lowest at check {lowest[0]}, ours at check {lowest[1]} of {count}.",
        "",
        "| Check | Theirs | Ours | Difference, % |",
        "| ---: | ---: | ---: | ---: |",
        *(f"| {i} | {a:.1f} | {b:.1f} | {d:+.1f} |" for i, a, b, d in rows),
        "",
    ]


def _rankings(held: list[Held], rankings: list[published.Ranking]) -> list[str]:
    by_name = {h.result.name: h for h in held}
    lines = []
    for ranking in rankings:
        each = [by_name[name] for name in ranking.results]
        if not all(h.members for h in each):
            lines.append(f"| {ranking.title} | {len(each)} | not run | |")
            continue
        if any(h.data > 1 for h in each):
            lines.append(f"| {ranking.title} | {len(each)} | {OPEN} | |")
            continue
        tau, low, high = correlation([h.values for h in each], [h.result.theirs for h in each])
        lines.append(f"| {ranking.title} | {len(each)} | {tau:.2f} | {low:.2f} to {high:.2f} |")
    if not lines:
        return []
    head = [
        "## Rankings",
        "",
        "Rank correlation (Kendall's tau) of our order with theirs. The interval is of our seeds "
        "alone: of three rows, an order by chance has a tau of 1 once in six.",
        "",
        "| Ranking | Rows | Tau | 95% interval |",
        "| :--- | ---: | ---: | ---: |",
    ]
    return [*head, *lines, ""]


def write(root: Path = ROOT) -> Path:
    """Write published.csv, and the page: into docs/ for the records that ship, else beside it."""
    held, contents = hold(root)
    records.write_text(root / "published.csv", table(held).to_csv(index=False))
    file = PAGE if root.resolve() == ROOT.resolve() else root / "published.md"
    records.write_text(file, page(held, contents, root))
    return file
