"""What `collect` wrote, read back: the members, the facts, and what follows from both at once."""

import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rnnreg.analysis.block import block, complete
from rnnreg.analysis.collect import content
from rnnreg.analysis.families import REFERENCE, families, family
from rnnreg.errors import UserError
from rnnreg.study.fingerprint import digest
from rnnreg.study.search import fold

KEYS = ["benchmark", "cell", "regularizer"]
CRITERIA = ("best", "final")
GROUPS = (
    "none", "penalties", "activations", "masks", "weights", "inputs", "outputs", "gradients",
    "averages", "stopping", "normalisation", "second pass", "combinations",
)  # fmt: skip
LOGS = {"log": "test", "log_validation": "validation", "log_noisy": "noisy"}  # column -> split


@dataclass(frozen=True)
class Results:
    """A study's folder, its facts (study.json) and its members (members.parquet)."""

    folder: Path
    study: dict
    members: pd.DataFrame

    @property
    def benchmarks(self) -> dict[str, dict]:
        return self.study["benchmarks"]

    @property
    def cells(self) -> list[str]:
        return list(self.study["cells"])

    @property
    def regularizers(self) -> list[str]:
        """`none` first, the others in the order of the study."""
        trained = {row["regularizer"] for row in self.study["rows"]}  # some make sense nowhere
        names = [name for name in self.study["regularizers"] if name in trained]
        return sorted(names, key=lambda name: name != REFERENCE)

    @property
    def has_reference(self) -> bool:
        return REFERENCE in self.study["regularizers"]

    def compared(self, criterion: str) -> list[str]:
        """`none` and what is held against it under a criterion.

        A regularizer that is scored at its best check anyway, as early stopping is, cannot improve
        a score at the best check: there it saves steps (see `diagnostics.patience`).
        """
        facts = self.study["regularizers"]
        left_out = "best" if criterion == "best" else None
        return [n for n in self.regularizers if facts[n].get("scored_at") != left_out]

    def search(self, regularizer: str) -> dict | None:
        """The search of a regularizer's rows; None: a grid."""
        found = next(r for r in self.study["rows"] if r["regularizer"] == regularizer)
        return found.get("search")

    @property
    def on_folds(self) -> list[str]:
        """Data sets on which folds of the training split stand for the seeds of tuning."""
        rows = {row["benchmark"]: row["tuning_seeds"] for row in self.study["rows"]}
        return [name for name, seeds in rows.items() if fold(seeds[0])]

    def everywhere(self, criterion: str) -> list[str]:
        """Of those compared, the ones that make sense on every data set and with every cell."""
        left_out = {name.rpartition("/")[2] for name in self.study.get("unsuited", {})}
        return [n for n in self.compared(criterion) if n not in left_out]

    def families(self, names: list[str]) -> dict[str, list[int]]:
        """Family -> the places of its members in `names`: what is corrected together."""
        return families(self.study["regularizers"], names)

    def group(self, regularizer: str) -> str:
        """What kind of regularizer it is: the penalties, the masks, ..."""
        return self.study["regularizers"][regularizer].get("group") or "others"

    def groups(self, names: list[str]) -> dict[str, list[str]]:
        """Group -> its regularizers among `names`, in the order of GROUPS and then of the study."""
        found = {group: [n for n in names if self.group(n) == group] for group in GROUPS}
        for name in names:
            if self.group(name) not in GROUPS:
                found.setdefault(self.group(name), []).append(name)
        return {group: members for group, members in found.items() if members}

    def title(self, kind: str, name: str) -> str:
        """How a benchmark, cell or regularizer is called in figures and prose."""
        return self.study[kind].get(name, {}).get("title") or name.replace("_", " ")

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One line a row of the study: what was tuned over, its seeds, and each criterion's choice.

        strengths, learning_rates   of the grid, or of the trials of the search, in their order
        place_*, chosen_*, rate_*   the place of the choice in them, its strength, its rate
        """
        frame = pd.DataFrame(self.study["rows"])
        for name in ("strengths", "learning_rates"):
            frame[name] = [tuple(map(float, s)) for s in frame[name]]
        for criterion in CRITERIA:
            frame[f"place_{criterion}"] = place = [c[criterion] for c in frame["chosen"]]
            for name, values in {"chosen": "strengths", "rate": "learning_rates"}.items():
                pairs = zip(frame[values], place, strict=True)
                frame[f"{name}_{criterion}"] = [each[i] for each, i in pairs]
        return frame.drop(columns="chosen")

    def evaluated(self, criterion: str) -> pd.DataFrame:
        """The members of evaluation at what a criterion chose."""
        return self._evaluated[criterion].copy(deep=False)

    @cached_property
    def _evaluated(self) -> dict[str, pd.DataFrame]:
        return {criterion: self._evaluate(criterion) for criterion in CRITERIA}

    def _evaluate(self, criterion: str) -> pd.DataFrame:
        column = f"place_{criterion}"
        members = self.members[self.members["phase"] == "evaluate"]
        members = members.merge(self.rows[[*KEYS, column]], on=KEYS)
        return members[members["place"] == members[column]].drop(columns=column)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One line an evaluated member and criterion, at the strength which that criterion chose.

        score   the benchmark's headline metric on the test split
        log     natural logarithm of the test loss (nats or MSE) or of the error rate: the scale
                of comparisons across benchmarks. An error rate of k in n counts as
                (k + 1/2) / (n + 1), so that no errors at all have a logarithm too.
        log_validation   the same on the validation split
        log_noisy        the same on test with noise in its inputs; empty where there is no such
                         score, `log` where the member diverged
        log_naive        `log`, where a member that diverged counts as the naive score

        A member that diverged has the naive score, or that of the worst of its family or of `none`
        that did not diverge on this data set with this cell: whichever is worse.
        """
        parts = [_scored(self.evaluated(c), c, self.benchmarks) for c in CRITERIA]
        frame = pd.concat(parts, ignore_index=True)
        return _diverging_never_pays(frame, self.benchmarks, self.study["regularizers"])

    def read(self, name: str) -> pd.DataFrame:
        """A table that `compare` wrote."""
        if name not in self._tables:
            file = self.folder / f"{name}.csv"
            remedy = f"python -m rnnreg compare {self.folder}"
            if not file.is_file():
                raise UserError(f"{file}: not there. Remedy: {remedy}")
            try:
                self._tables[name] = pd.read_csv(file, keep_default_na=False, na_values=[""])
            except ValueError as error:  # pandas' own, and text that is not UTF-8
                raise UserError(f"{file}: cannot be read ({error}). Remedy: {remedy}") from error
        return self._tables[name].copy(deep=False)

    @cached_property
    def _tables(self) -> dict[str, pd.DataFrame]:
        """What `read` has read: copies of it share its data, and write to data of their own."""
        return {}


def columns_of(results: Results, name: str, columns: list[str]) -> pd.DataFrame:
    """A table that has these columns; UserError where an older version of `compare` wrote it."""
    frame = results.read(name)
    if missing := [column for column in columns if column not in frame]:
        folder = results.folder.resolve()
        raise UserError(
            f"{folder / name}.csv: lacks {', '.join(missing)}: written by an older rnnreg. "
            f"Remedy: python -m rnnreg report {folder}"
        )
    return frame


def load(folder: Path | str, whole: bool = False) -> Results:
    """Read the folder of a study; UserError where it was not collected.

    Of one whose rows are listed one by one, those that can stand in one table, or all: `whole`.
    """
    folder = Path(folder)
    for name in ("study.json", "members.parquet"):
        if not (folder / name).is_file():
            raise UserError(
                f"{folder / name}: not there. Remedy: python -m rnnreg collect {folder.name}"
            )
    name = "study.json"
    try:
        study = json.loads((folder / name).read_text(encoding="utf-8"))
        if not isinstance(study, dict):
            raise ValueError("not a collected study")
        if study.pop("content", "") != digest(study):
            raise ValueError("edited or damaged since it was written")
        name = "members.parquet"
        data = (folder / name).read_bytes()
        if study.get("members") != content(data):
            raise ValueError("not the one that study.json beside it was written with")
        found = study, pd.read_parquet(io.BytesIO(data))
    except (OSError, ValueError, RecursionError) as error:  # pyarrow's errors are of these
        raise UserError(
            f"{folder / name}: cannot be read ({error}). Remedy: "
            f"python -m rnnreg collect {folder.name}"
        ) from error
    return Results(folder, *(found if whole or complete(study) else block(*found)))


def _scored(members: pd.DataFrame, criterion: str, facts: dict[str, dict]) -> pd.DataFrame:
    plain = ["seed", "place", "learning_rate", "strength", "diverged", "steps", "best_step",
             "seconds", "clipped", "weight_norm", "small_weights"]  # fmt: skip
    frame = members[[*KEYS, *plain]].assign(criterion=criterion)
    for part in ("train", "validation", "test"):
        frame[f"{part}_loss"] = members[f"{criterion}_{part}_loss"]
    frame[["score", *LOGS]] = np.nan
    for benchmark, fact in facts.items():
        here = members["benchmark"] == benchmark
        frame.loc[here, "score"] = members.loc[here, f"{criterion}_test_{fact['headline']}"]
        for column, part in LOGS.items():
            key = f"{criterion}_{part}_{fact['compared']}"
            if key not in members:
                continue
            compared = members.loc[here, key].astype(float)
            if fact["compared"] == "error":
                n = fact["sizes"]["test" if part == "noisy" else part]
                compared = (compared * n + 0.5) / (n + 1)
            frame.loc[here, column] = np.log(compared.clip(lower=1e-12))
    without = frame["diverged"] & frame.groupby("benchmark")["log_noisy"].transform("count").gt(0)
    frame.loc[without, "log_noisy"] = frame.loc[without, "log"]
    return frame.assign(log_naive=frame["log"])


def _diverging_never_pays(
    scores: pd.DataFrame, benchmarks: dict[str, dict], regularizers: dict[str, dict]
) -> pd.DataFrame:
    """The scores, where one that diverged is no better than the worst that did not."""
    scores = scores.copy()
    of = scores["regularizer"].map(lambda name: family(name, regularizers.get(name, {})))
    bad = scores["diverged"].astype(bool)
    for (benchmark, *_), here in scores.groupby(["benchmark", "cell", "criterion"]):
        fact = benchmarks[benchmark]
        lower = fact["metrics"][fact["headline"]]["better"] == "lower"
        own, fell = of[here.index], bad[here.index]
        for label in own[fell].unique():
            beside = here[~fell & ((own == label) | (here["regularizer"] == REFERENCE))]
            index = here.index[fell & (own == label)]
            for column in ("test_loss", "validation_loss", *LOGS):
                scores.loc[index, column] = here.loc[index, column].clip(lower=beside[column].max())
            worst = {"lower": beside["score"].max()} if lower else {"upper": beside["score"].min()}
            scores.loc[index, "score"] = here.loc[index, "score"].clip(**worst)
    return scores
