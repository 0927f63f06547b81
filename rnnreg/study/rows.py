"""A study, resolved: its rows, and the files that it has."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from rnnreg.errors import unknown
from rnnreg.study import combine, fingerprint, registry, starts
from rnnreg.study import search as searches
from rnnreg.study import variants as changed
from rnnreg.study.variants import NOTHING, Variant

JOBS = ("row", "cell")  # the default first
Setting = tuple[float | None, float]  # learning rate (None: the budget's) and strength


@dataclass(frozen=True)
class Row:
    """One benchmark x cell x regularizer, with every number of the study resolved."""

    benchmark: str
    cell: str
    regularizer: str
    strengths: tuple[float, ...]  # of a grid
    tuning_seeds: tuple[int, ...]  # of a search: that of all trials, and the survivors' fresh ones
    evaluation_seeds: tuple[int, ...]
    budget: dict[str, object] = field(default_factory=dict)  # overrides of the benchmark's Budget
    search: searches.Search | None = None  # None: the strengths are a grid
    variant: Variant = NOTHING
    ratios: combine.Ratios = field(default_factory=dict)  # of a combination that is no file
    start: "Row | None" = None  # from whose best model its members start
    rising: bool = False  # strengths are tried from weak to strong, until validation gets worse

    @property
    def name(self) -> str:
        return f"{self.benchmark}/{self.cell}/{self.regularizer}"

    @property
    def facts(self) -> dict:
        """What is known of its regularizer without importing it."""
        if self.ratios:
            return combine.facts(self.regularizer, self.ratios)
        return registry.facts("regularizer", self.regularizer)

    @property
    def fingerprint(self) -> str:
        """A hash of what decides a member's result but its own numbers and its data.

        Learning rate (where it is searched), strength, seed and data are fields of the record of
        their own: so more seeds or trials train only the new members, and the hash is known before
        the data is there.
        """
        names = [("benchmark", changed.base(self.benchmark)), ("cell", self.cell)]
        names += [] if self.ratios else [("regularizer", self.regularizer)]
        # A combination's results follow from the files of its parts, too.
        names += [("regularizer", part) for part in self.facts.get("ratios", {})]
        files = [registry.path(kind, name) for kind, name in names]
        code = [fingerprint.code(file) for file in files]
        given = {**self.budget, **self.variant.trained}
        given |= {"combine": list(self.ratios.items())} if self.ratios else {}
        given |= {"from": self.start.request} if self.start else {}
        return fingerprint.digest([fingerprint.RESULTS_VERSION, given, *code])

    @property
    def settings(self) -> tuple[Setting, ...]:
        """What is tuned over: the trials of the search, or the strengths of the grid.

        One, where a search has nothing to search: then nothing is tuned.
        """
        if self.search:
            return self.search.settings
        return tuple((None, strength) for strength in self.strengths)

    @property
    def request(self) -> str:
        """What the workflow compares to decide whether to run the row again: canonical JSON."""
        asked = [self.fingerprint, self.strengths, self.tuning_seeds, self.evaluation_seeds]
        asked += ["small_to_large"] if self.rising else []
        return json.dumps(asked if self.search is None else [*asked, self.search.told()])


@dataclass(frozen=True)
class Study:
    """A study file, resolved and checked."""

    name: str
    title: str
    rows: tuple[Row, ...]
    mirror: str | None = None
    job: str = JOBS[0]
    keep: bool = False  # whether the best model of each row is kept
    asked: str = ""  # what reads it again: its name, or the path of its file

    @property
    def folder(self) -> Path:
        return Path("results") / self.name

    def records(self, row: Row) -> Path:
        """results/<study>/records/<benchmark>/<cell>/<regularizer>.jsonl"""
        return self.folder / "records" / row.benchmark / row.cell / f"{row.regularizer}.jsonl"

    def unfinished(self, row: Row) -> Path:
        """What a row has trained so far; gone once the command that trained it is through.

        A finished row has it too until then: a workflow deletes what a failed job has written.
        """
        file = self.records(row)
        return file.with_name(f".{file.name}.partial")

    def as_jobs(self, job: str | None) -> "Study":
        """The study with another kind of job, as a command asks; of results it changes nothing."""
        if job not in (None, *JOBS):
            raise unknown("--config job", job, JOBS)
        return replace(self, job=job or self.job)

    def log(self, row: Row) -> Path:
        """What the workflow's last job of a row has said."""
        names = [row.benchmark, row.cell, row.regularizer]
        logs = [self.folder / "logs" / f"{'/'.join(names[:n])}.log" for n in (3, 2)]
        there = [log for log in logs if log.is_file()]
        return max(there, key=lambda log: log.stat().st_mtime, default=logs[JOBS.index(self.job)])

    def failed(self, row: Row) -> Path:
        """Why a row failed, until it is trained again."""
        return self.unfinished(row).with_suffix(".failed")

    def model(self, row: Row) -> Path:
        """results/<study>/models/<benchmark>/<cell>/<regularizer>.safetensors, where it is kept."""
        file = self.records(row).relative_to(self.folder / "records")
        return (self.folder / "models" / file).with_suffix(".safetensors")

    def keeps(self, row: Row) -> bool:
        """Whether the best model of a row is kept: of all, or for another row to start from."""
        return self.keep or any(r.start and r.start.name == row.name for r in self.rows)

    def started_from(self, row: Row) -> str:
        """The hash of the weights that a row starts from; "" where there is none, or no file."""
        return starts.weights_hash(self.model(row.start)) if row.start else ""

    def lock(self, row: Row) -> Path:
        """Held by the process that trains a row."""
        return self.unfinished(row).with_suffix(".lock")

    def checkpoint(self, row: Row) -> Path:
        """What a row has in training."""
        return self.unfinished(row).with_suffix(".safetensors")

    def left_by_the_killed(self, row: Row) -> list[Path]:
        """What processes that were killed had begun to write of a row; for who holds its lock."""
        file = self.records(row)
        begun = (f".{file.name}.*.part", f"..{file.name}.*.part")
        return [left for pattern in begun for left in file.parent.glob(pattern)]

    def row(self, benchmark: str, cell: str, regularizer: str) -> Row:
        wanted = f"{benchmark}/{cell}/{regularizer}"
        found = {r.name: r for r in self.rows}
        if wanted not in found:
            raise unknown(f"study {self.name}: row", wanted, found)
        return found[wanted]

    def variant(self, benchmark: str) -> Variant:
        """What the study changes of a benchmark; nothing, of one that it does not name."""
        return next((r.variant for r in self.rows if r.benchmark == benchmark), NOTHING)

    @property
    def benchmarks(self) -> list[str]:
        return list(dict.fromkeys(r.benchmark for r in self.rows))

    @property
    def regularizers(self) -> list[str]:
        return list(dict.fromkeys(r.regularizer for r in self.rows))
