"""Mutation testing of the statistics and of what feeds a sentence: do the tests notice a change?

    python tests/mutants.py COUNT [SEED [FILE ...]]
    python tests/mutants.py faults

The first makes COUNT mutants in a copy of the project, one at a time (a comparison, an operator, a
number, a truth value, min for max, best for final), of all files below or of those whose names are
given, runs the tests of the analysis on each, and prints those that survive, and of how many they
were drawn. The second puts in the faults of known_faults.py, one at a time, without the tests that
hold what was printed before: each must be caught by one that knows what is right. A mutant takes
some ten seconds on an idle core.
"""

import ast
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot  # noqa: F401  (imported once, before the forks)
import pytest
import scipy.stats  # noqa: F401
import seaborn  # noqa: F401
from known_faults import ANALYSIS, FAULTS

ROOT = Path(__file__).resolve().parents[1]
FILES = [
    *sorted(p.relative_to(ROOT) for p in (ROOT / "rnnreg/analysis/statistics").glob("[!_]*.py")),
    *(ANALYSIS / f"{n}.py" for n in ("results", "families", "words", "tables", "collect")),
    *(ANALYSIS / f"report/{n}.py" for n in ("findings", "sentences", "reproduced")),
    *(ANALYSIS / f"report/shown_{n}.py" for n in ("pays", "regime", "setup")),
    Path("rnnreg/study/selection.py"),
]
Change = tuple[Path, int, int, str]  # in a file, in place of which bytes, what
ABOUT = (  # the quick ones first: a mutant mostly ends with the first
    "worked selection regime tables pays collect printed statistics aggregate reproduction search "
    "simultaneous axes coverage robustness compare"
)
PRINTED = "tests/test_analysis_printed.py"
TESTS = [*map(str, FILES)]  # their doctests
TESTS += [f"tests/test_analysis_{name}.py" for name in ABOUT.split()]
TESTS += [f"tests/test_{name}.py" for name in ("noisy", "claims", "unsuited")]
LEFT_OUT = (".git", ".venv", ".snakemake", "data")  # of the project's own folder
OPERATORS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is", ast.Add: "-",
    ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.Pow: "*", ast.And: "or", ast.Or: "and",
}  # fmt: skip
SWAPS = [("max", "min"), ("argmax", "argmin"), ("idxmax", "idxmin"), ("any", "all")]
NAMES = dict(SWAPS) | {b: a for a, b in SWAPS} | {"mean": "median"}
WORDS = {"best": "final", "final": "best", "better": "worse", "worse": "better"}


def mutants(text: bytes) -> Iterator[tuple[int, int, str]]:
    """Where to put what in place of which bytes."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def begin(node: ast.AST) -> int:
        return starts[node.lineno - 1] + node.col_offset

    def end(node: ast.AST) -> int:
        return starts[node.end_lineno - 1] + node.end_col_offset

    for node in ast.walk(ast.parse(text)):
        for left, operator, right in _operations(node):
            between = text[end(left) : begin(right)]
            if type(operator) in OPERATORS and b"(" not in between and b")" not in between:
                yield end(left), begin(right), f" {OPERATORS[type(operator)]} "
        if isinstance(node, ast.Constant):
            value = node.value
            if isinstance(value, bool):
                yield begin(node), end(node), str(not value)
            elif isinstance(value, int | float):
                yield begin(node), end(node), repr(value + 1)
            elif isinstance(value, str) and value in WORDS:
                yield begin(node), end(node), repr(WORDS[value])
        if isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield end(node) - len(node.attr), end(node), NAMES[node.attr]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Invert):
            yield begin(node), begin(node) + 1, ""


def _operations(node: ast.AST) -> list[tuple]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return [(node.left, node.ops[0], node.comparators[0])]
    if isinstance(node, ast.BoolOp):
        return [(node.values[0], node.op, node.values[1])]
    return [(node.left, node.op, node.right)] if isinstance(node, ast.BinOp) else []


def left_out(folder: str, names: list[str]) -> set[str]:
    """What of a folder is not copied: of results all but the published ones, which tests read."""
    if Path(folder) == ROOT / "results":
        return {*names} - {"published"}
    return {*LEFT_OUT} if Path(folder) == ROOT else set()


def noticed(root: Path, tests: list[str]) -> bool:
    """Whether tests of the analysis fail on the project as it now stands in a folder.

    They run in a fork of this process, which has imported the libraries already: a start of
    Python would take longer than most mutants live.
    """
    child = os.fork()
    if not child:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os.chdir(root)
        sys.path.insert(0, str(root))
        os._exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def tried(changes: list[Change], tests: list[str]) -> Iterator[bool]:
    """Whether the tests notice each change, put by itself into a copy of the project."""
    sys.dont_write_bytecode = True  # a mutant of the same size and second would go unseen
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "project"
        shutil.copytree(ROOT, root, ignore=left_out)
        if noticed(root, tests):
            raise SystemExit("The tests fail without a mutant.")
        for file, start, stop, new in changes:
            text = (ROOT / file).read_bytes()
            (root / file).write_bytes(text[:start] + new.encode() + text[stop:])
            yield noticed(root, tests)
            (root / file).write_bytes(text)


def described(file: Path, start: int, stop: int, new: str) -> str:
    text = (ROOT / file).read_bytes()
    line = text[:start].count(b"\n")
    shown, old = text.splitlines()[line].decode().strip(), text[start:stop].decode().strip()
    return f"{file}:{line + 1}: {old!r} -> {new.strip()!r}: {shown}"


def sample(count: int, seed: int, names: list[str]) -> None:
    """Try so many mutants, and print those that survive."""
    files = [f for f in FILES if f.name in names or not names]
    every = [(f, *m) for f in files for m in mutants((ROOT / f).read_bytes())]
    chosen = random.Random(seed).sample(every, min(count, len(every)))
    caught = 0
    for change, seen in zip(chosen, tried(chosen, TESTS), strict=True):
        caught += seen
        if not seen:
            print(f"survived: {described(*change)}", flush=True)
    print(f"{caught} of {len(chosen)} mutants noticed, of {len(every)} in all")


def faults() -> int:
    """Try every known fault; returns how many survive."""
    places = [fault.place((ROOT / fault.path).read_bytes()) for fault in FAULTS]
    changes = [(f.path, *place, f.new) for f, place in zip(FAULTS, places, strict=True)]
    survived, tests = 0, tried(changes, [test for test in TESTS if test != PRINTED])
    for fault, seen in zip(FAULTS, tests, strict=True):
        survived += not seen
        print(f"{'caught' if seen else 'survived'}: {fault.name}", flush=True)
    print(f"{len(FAULTS) - survived} of {len(FAULTS)} faults caught")
    return survived


if __name__ == "__main__":
    if sys.argv[1:] == ["faults"]:
        sys.exit(faults() > 0)
    count, seed, *names = [*sys.argv[1:], "0"] if len(sys.argv) == 2 else sys.argv[1:]
    sample(int(count), int(seed), names)
