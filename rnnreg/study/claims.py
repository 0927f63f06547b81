"""benchmarks/claims.yaml: what is claimed, and which rows of the study `claims` test it.

    - claim: Gradients vanish less in an LSTM     in words
      number: 21                                  claims of one number belong together
      article: articles/ten_tricks                the preset study of the article
      measure: reach                              of rnnreg/analysis/statistics/claims.py
      is: more                                    or less, same, no more
      of: "{}/lstm/none"                          the row that is measured; {} is each of `on`
      than: "{}/elman_tanh/none"                  the row that it is held against
      beyond_of, beyond_than: ...                 and how much more than these two differ
      on: [us_macro, trec]                        data sets, two or more

A measure of one row, or of several with spaces between, has no `than`.
"""

from dataclasses import dataclass
from pathlib import Path

from rnnreg.errors import UserError, unknown
from rnnreg.study import document, registry, schema, study

STUDY = "claims"
FILE = registry.ROOT / "benchmarks" / "claims.yaml"
EXPECTED = ("more", "less", "same", "no more")
KEYS = {
    "claim": str, "number": int, "article": str, "measure": str, "is": str, "of": str,
    "than": str, "beyond_of": str, "beyond_than": str, "on": list,
}  # fmt: skip
NEEDED = ("claim", "number", "article", "measure", "is", "of", "on")


@dataclass(frozen=True)
class Claim:
    """One claim; rows are benchmark/cell/regularizer, with {} for each of `on`."""

    claim: str
    number: int
    article: str
    measure: str
    expected: str
    of: str
    on: tuple[str, ...]
    than: str = ""
    beyond_of: str = ""
    beyond_than: str = ""

    def rows(self, place: str) -> dict[str, list[str]]:
        """The names of the rows on one data set: "of", "than", "beyond_of", "beyond_than"."""
        given = {k: getattr(self, k) for k in ("of", "than", "beyond_of", "beyond_than")}
        return {k: text.replace("{}", place).split() for k, text in given.items() if text}


def read(file: Path = FILE) -> list[Claim]:
    """The claims; UserError where the file, or the study, does not have what one needs."""
    where = registry.short(file)
    given = document.read(file, where)
    if not isinstance(given, list):
        raise UserError(f"{where}: given {type(given).__name__}, expected a list of claims.")
    trained = {row.name for row in study.read(STUDY).rows}
    found = [_claim(f"{where}: [{i}]", each, trained) for i, each in enumerate(given)]
    for i, claim in enumerate(found):
        if claim.claim in [c.claim for c in found[:i]]:
            raise UserError(f"{where}: [{i}]: '{claim.claim}' is listed twice; list it once.")
    return found


def _claim(where: str, given: object, trained: set[str]) -> Claim:
    schema.check_mapping(where, given, KEYS, NEEDED)
    where = f"{where}: {given['claim'][:40]}"
    if given["is"] not in EXPECTED:
        raise unknown(f"{where}: is", given["is"], EXPECTED)
    if len(given["on"]) < 2:
        raise UserError(f"{where}: on: given {given['on']}, expected two data sets or more.")
    if given["article"] not in study.names():
        raise unknown(f"{where}: article", given["article"], study.names())
    names = {k: v for k, v in given.items() if k not in ("is", "on")}
    claim = Claim(expected=given["is"], on=tuple(given["on"]), **names)
    for place in claim.on:
        for key, rows in claim.rows(place).items():
            for row in rows:
                if row not in trained:
                    raise unknown(f"{where}: {key}", row, trained)
    return claim
