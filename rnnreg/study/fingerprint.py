"""What of a row's code decides its results: a hash that no comment, docstring or title moves."""

import ast
import hashlib
import json
from collections.abc import Set
from functools import cache
from pathlib import Path

# Raise this when the core computes other results than before: every published record is then stale.
# tests/test_golden.py holds trajectories that fail when it should have been raised.
RESULTS_VERSION = 2

# Draws that give other values than before: a row whose file asks for one is stale. `normal` was
# infinite once in 2^24 times; `learned`, which draws the same numbers, came after that.
RENEWED = {"normal": "normal, always finite"}

# Class attributes that no result depends on: words, and what is searched (a strength is the
# member's own).
WORDS = {
    "title", "source", "group", "family", "licence", "citation", "published", "regime", "noisy",
    "strengths", "searched", "scale",
}  # fmt: skip


def digest(parts: object) -> str:
    """A short hash of anything that is JSON, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def code(file: Path, without: Set[str] = WORDS) -> str:
    """The syntax tree of a file as text, without what decides no member's result.

    Comments are not in a tree; docstrings and class attributes named in `without` are taken out,
    and of imports from rnnreg the module: a name may move to another one. Draws that are `RENEWED`
    count as others than before.
    """
    return _code(file.read_text(encoding="utf-8"), frozenset(without))


@cache  # the rows of a study share their files
def _code(text: str, without: Set[str]) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "rnnreg":
            node.module = "rnnreg"
        if isinstance(node, ast.Attribute):
            node.attr = RENEWED.get(node.attr, node.attr)
        if isinstance(node, ast.ClassDef):
            node.body = [item for item in node.body if not _sets(item, without)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and _starts_with_text(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def _sets(item: ast.stmt, names: Set[str]) -> bool:
    """Whether a statement of a class sets one of these attributes."""
    targets = item.targets if isinstance(item, ast.Assign) else []
    return any(getattr(target, "id", "") in names for target in targets)


def _starts_with_text(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> bool:
    return bool(node.body) and ast.get_docstring(node) is not None
