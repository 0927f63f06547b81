"""A results folder belongs to one study file: two of one name would mix their records in it."""

import os
from pathlib import Path

from rnnreg.errors import UserError
from rnnreg.study import records, registry
from rnnreg.study import study as studies
from rnnreg.study.study import Study

NOTE = "study_file"  # in a results folder: the path of the study file whose results it holds


def check(study: Study) -> None:
    """UserError where the study's results folder belongs to another study file that is there."""
    note = study.folder / NOTE
    if not study.asked or not note.is_file():
        return
    owner, own = note.read_text(encoding="utf-8").strip(), _path(study)
    if owner != own and Path(owner).is_file():
        raise UserError(
            f"{study.folder}: holds the results of {owner}, and {own} has the same name. Remedy: "
            f"rename {own}; its results then lie in a folder of their own."
        )


def claim(study: Study) -> None:
    """Note whose results the folder holds, after `check`."""
    check(study)
    if study.asked:
        records.write_text(study.folder / NOTE, _path(study) + "\n")


def of(folder: Path) -> Path | None:
    """The study file that a results folder belongs to; None where there is none (any more)."""
    note = folder / NOTE
    if not note.is_file():
        return None
    file = Path(note.read_text(encoding="utf-8").strip())
    here = folder.resolve() == (Path("results") / file.stem).resolve()
    return file if here and file.is_file() else None


def check_workplace() -> None:
    """UserError where this user cannot write into the folder that the workflow runs in."""
    if not os.access(".", os.W_OK):
        raise UserError(
            f"{Path.cwd()}: this user cannot write here, where data/ and results/ would lie. "
            f"Remedy: a folder of your own, and there: snakemake --snakefile "
            f"{registry.ROOT / 'Snakefile'}, with the same options."
        )


def _path(study: Study) -> str:
    """The study's file, seen from where its results folder is."""
    return os.path.relpath(studies.file(study.asked).resolve())
