"""Pairs of texts, a source and the target that is written for it, as symbols."""

from collections.abc import Sequence

import numpy as np

from rnnreg.data.benchmark import Arrays, Splits
from rnnreg.data.sequences import end_to_end, repeated
from rnnreg.data.text import UNKNOWN
from rnnreg.errors import UserError

END = "<end>"  # symbol 0: ends a target, and is read before its first symbol
Pairs = Sequence[tuple[Sequence, Sequence]]  # (source, target): strings, or lists of words


def transduction(train: Pairs, validation: Pairs, test: Pairs, **counts: object) -> Splits:
    """Splits of a transduction; source and target share one vocabulary, that of train.

    >>> splits = transduction([("ab", "b")], [("a", "c")], [("b", "b")])
    >>> splits.decoding["symbols"], splits.train["y"].tolist(), splits.validation["y"].tolist()
    (['<end>', 'a', 'b', '<unk>'], [2, 0], [3, 0])
    """
    parts = {"train": train, "validation": validation, "test": test}
    for split, pairs in parts.items():
        empty = [i for i, (source, _) in enumerate(pairs) if not len(source)]
        if empty or not len(pairs):
            told = f"pair {empty[0]} has an empty source" if empty else "there are no pairs"
            raise UserError(f"{split}: {told}. Remedy: leave it out, or give more of the data.")
    known = sorted({symbol for pair in train for text in pair for symbol in text})
    symbols = [END, *(s for s in known if s not in (END, UNKNOWN)), UNKNOWN]
    numbers = {symbol: i for i, symbol in enumerate(symbols)}
    arrays = {split: _arrays(pairs, numbers) for split, pairs in parts.items()}
    sources = {split: [tuple(source) for source, _ in pairs] for split, pairs in parts.items()}
    counts = {
        "sequences": {split: len(pairs) for split, pairs in parts.items()},
        "vocabulary": len(symbols),
        **repeated("sources", sources),
        **counts,
    }
    decoding = {"symbols": symbols}
    return Splits(**arrays, symbols=len(symbols), counts=counts, decoding=decoding)


def _arrays(pairs: Pairs, numbers: dict) -> Arrays:
    def encoded(text: Sequence) -> np.ndarray:
        return np.array([numbers.get(s, len(numbers) - 1) for s in text], np.int32)

    source = end_to_end([encoded(text) for text, _ in pairs])
    target = end_to_end([encoded([*text, END]) for _, text in pairs])
    return {**source, "y": target["x"], "y_length": target["length"]}
