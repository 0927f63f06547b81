"""A fault in something that a user wrote or set up: shown as one message, never as a traceback.

And a lack of memory told apart from other faults.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Names the file and key, what was given, what is allowed, and the remedy."""


def unknown(where: str, given: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not one of `known`, with the nearest match.

    >>> print(unknown("quick.yaml: cells[0]", "ltsm", ["gru", "lstm"]))
    quick.yaml: cells[0]: unknown 'ltsm'; did you mean 'lstm'? Known: gru, lstm
    """
    known = sorted(known)
    near = get_close_matches(str(given), known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else "."
    return UserError(f"{where}: unknown '{given}'{hint} Known: {', '.join(known)}")


def out_of_memory(error: BaseException | None) -> bool:
    """Whether memory ran out, as torch, cuBLAS or the end of a recording that it broke off says."""
    if error is None:
        return False
    told = ("out of memory", "ALLOC_FAILED")
    return any(t in str(error) for t in told) or out_of_memory(error.__context__)
