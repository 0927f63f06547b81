"""A fault in something that a user wrote or set up: shown as one message, never as a traceback."""

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
