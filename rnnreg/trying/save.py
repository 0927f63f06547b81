"""What a trial was, as a benchmark and a study of the full suite."""

from pathlib import Path

from rnnreg.errors import UserError
from rnnreg.study import records, registry, study
from rnnreg.trying.rounds import FINALISTS, NONE, RACE

STUDY = """\
# What `rnnreg try {file}` has searched, by the rules of a study: every regularizer with all trials,
# where the trial gave the better half more of them.
title: {title}
benchmarks: [{name}]
cells: [{cell}]
regularizers: [{regularizers}]
job: cell
seeds: {{evaluation: {seeds}}}
search: {{trials: {trials}, survivors: {survivors}, seeds: {race}}}
"""


def files(name: str) -> tuple[Path, Path]:
    """The benchmark's file, and the study's."""
    return registry.FOLDERS["benchmark"] / f"{name}.py", study.STUDIES / f"{name}.yaml"


def check_name(name: str, to_save: bool) -> None:
    """UserError for a name that a benchmark cannot have, before there is work to lose."""
    if not (name.isidentifier() and name.isascii()):
        raise UserError(
            f"--save-benchmark: given '{name}', allowed are letters, digits and '_', no digit "
            "first: it names files and commands."
        )
    for file in files(name) if to_save else ():
        if file.exists():
            raise UserError(
                f"--save-benchmark: {file} is there already. Remedy: --save-benchmark NAME, with a "
                "name that is free; or remove the file."
            )


def write(name: str, code: str, found: dict, seeds: int) -> list[Path]:
    """Write both files."""
    benchmark, described = files(name)
    records.write_text(benchmark, code)
    tried = sorted(line["name"] for line in found["ranking"] if line["name"] != NONE)
    text = STUDY.format(
        file=found["file"],
        title=f"Own data, {name}",
        name=name,
        cell=found["cell"],
        regularizers=", ".join([NONE, *tried]),
        seeds=seeds,
        trials=(trials := found["plan"]["trials"][max(found["rounds"]["finished"], 1) - 1]),
        survivors=min(FINALISTS, trials),
        race=RACE,
    )
    records.write_text(described, text)
    return [benchmark, described]
