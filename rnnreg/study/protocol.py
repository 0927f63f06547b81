"""Which members a row asks for, phase by phase. Training, collecting and status all ask here."""

from collections.abc import Iterable, Iterator, Mapping

from rnnreg.study.records import Record
from rnnreg.study.selection import CRITERIA, choose, survivors, worse
from rnnreg.study.study import Row

Member = tuple  # what Record.member gives


def current(
    row: Row, found: Iterable[Record], data_hash: str, start: str = ""
) -> dict[Member, Record]:
    """Of the records found, those that the present code made of the present data.

    And from the weights of this hash, `start`; "": whichever they started from.
    """
    made = row.fingerprint, data_hash
    fresh = [r for r in found if (r.fingerprint, r.data_hash) == made]
    return {r.member: r for r in fresh if start in ("", r.start)}


def phases(row: Row, have: Mapping[Member, Record]) -> Iterator[list[Member]]:
    """The members of each phase: tuning, and evaluation of what tuning chose.

    A search with one setting alone, which is the number of a paper, has nothing to choose.
    A search is tuned in two phases: all trials on the first seed, and the best of them on the
    others. Strengths from small to large are a phase each. A phase follows from the records of
    those before, which `have` must hold by then.
    """
    if row.search and len(row.settings) == 1:
        chosen = row.settings
    elif row.rising:
        tuned, last = [], []
        for setting in row.settings:
            tune = [("tune", *setting, seed) for seed in row.tuning_seeds]
            yield tune
            before, last = last, [have[member] for member in tune]
            tuned += last
            if before and worse(last, before):
                break
        chosen = dict.fromkeys(choose(tuned, criterion) for criterion in CRITERIA)
    else:
        seeds = row.tuning_seeds[:1] if row.search else row.tuning_seeds
        tune = [("tune", *setting, seed) for setting in row.settings for seed in seeds]
        yield tune
        tuned = [have[member] for member in tune]
        if row.search:
            left = survivors(tuned, row.search.survivors)
            race = [("tune", *setting, seed) for setting in left for seed in row.tuning_seeds[1:]]
            yield race
            tuned += [have[member] for member in race]
        chosen = dict.fromkeys(choose(tuned, criterion) for criterion in CRITERIA)
    yield [("evaluate", *setting, seed) for setting in chosen for seed in row.evaluation_seeds]


def asked(row: Row, have: Mapping[Member, Record]) -> list[Member]:
    """The members asked for, up to the first phase that is not whole: the next is not known yet."""
    members = []
    for phase in phases(row, have):
        members += phase
        if any(member not in have for member in phase):
            break
    return members
