"""A plain text: its length, its symbols, what occurs twice."""

from pathlib import Path

from rnnreg.data.checks import duplicates
from rnnreg.data.given import PIECE, read_language
from rnnreg.errors import UserError
from rnnreg.tasks import LanguageModel
from rnnreg.trying import delimited
from rnnreg.trying.understood import Understood

FEWEST = {"character": 2_000, "word": 2_000}  # symbols of a text
WINDOW = 32
SYMBOLS = 20_000  # of a vocabulary


def understand(file: Path, level: str = "character", encoding: str | None = None) -> Understood:
    """What is to be predicted of a text; UserError where that cannot be."""
    found = delimited.encoded(file, encoding)
    splits = read_language(file, level, found)
    sizes = splits.counts["symbols"]
    total = sum(sizes.values())
    if total < FEWEST[level]:
        raise UserError(
            f"{file}: {total:,} {level}s, and a text needs {FEWEST[level]:,} at least, to train, "
            "validate and test. Remedy: a longer text."
        )
    if splits.symbols > SYMBOLS:
        raise UserError(
            f"{file}: {splits.symbols:,} different {level}s, and up to {SYMBOLS:,} are predicted. "
            "Remedy: --level character, or a part of the text."
        )
    arguments = {"level": level} | ({} if found == "utf-8" else {"encoding": found})
    told = {"file": f"{file.name}, {total:,} {level}s in {splits.counts['paragraphs']:,} "
            f"paragraphs, {splits.symbols:,} of them different"}  # fmt: skip
    if repeated := splits.counts["repeated paragraphs, left out"]:
        told["left out"] = f"{repeated:,} paragraphs that were there before"
    told["predict"] = f"the next {level} from those before it"
    told["split"] = (
        f"by position: {sizes['train']:,} {level}s train, {sizes['validation']:,} validate, "
        f"{sizes['test']:,} test; no paragraph of {PIECE} characters or more is in two"
    )
    for what, found_twice in duplicates(LanguageModel(level, window=WINDOW), splits).items():
        if any(found_twice.values()):
            counts = ", ".join(f"{n:,} of {split}" for split, n in found_twice.items())
            told["repeated"] = f"{what}: {counts}"
    unknown = splits.counts["symbols not in train"]
    symbols = splits.decoding["symbols"]
    more = {
        f"{level}s that train lacks": ", ".join(f"{n} in {s}" for s, n in unknown.items()),
        "vocabulary": repr("".join(symbols[:-1]) if level == "character" else symbols[:20]),
    }
    return Understood(
        file,
        "NLP",
        f"Predict the next {level}.",
        f'LanguageModel("{level}", window={WINDOW})',
        "read_language",
        arguments,
        splits,
        told,
        more,
    )
