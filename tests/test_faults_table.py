"""docs/faults.md names tests that exist, and every fault test."""

import ast
import re
import sys

import pytest

from rnnreg.study import registry

sys.path.insert(0, str(registry.ROOT / "benchmarks" / "faults"))
import page

TESTS = registry.ROOT / "tests"
PAGE = (registry.ROOT / "docs/faults.md").read_text(encoding="utf-8")
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if "::" in line]


def found_in(file) -> dict[str, bool]:
    """Test -> whether it is marked slow, of one file."""
    found = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        for one in inner:
            if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
                name = one.name if one is node else f"{node.name}::{one.name}"
                slow = any("slow" in ast.unparse(d) for d in one.decorator_list)
                found[f"{file.name}::{name}"] = slow
    return found


def test_every_line_names_a_test_that_exists_and_says_whether_it_is_slow():
    known = {n: slow for f in TESTS.glob("test_*.py") for n, slow in found_in(f).items()}
    assert len(ROWS) > 60
    for fault, promise, shown in ROWS:
        assert fault, shown
        assert promise, shown
        name = shown.removeprefix("*slow* ")
        assert name in known, name
        assert known[name] == shown.startswith("*slow* "), name


def test_every_fault_test_is_in_the_table():
    named = set(re.findall(r"test_\w+\.py::[\w:]+", PAGE))
    files = [f for f in TESTS.glob("test_faults_*.py") if f.stem != "test_faults_table"]
    assert len(files) >= 6
    own = {name for file in files for name in found_in(file)}
    assert own <= named, sorted(own - named)


def test_as_many_bytes_are_damaged_as_the_page_says():
    told = re.search(r"(\d+) of each line in `make test`.* ([\d,]+) in `make test-faults`", PAGE)
    few = re.search(r'"RNNREG_FUZZ", "(\d+)"', (TESTS / "test_faults_bytes.py").read_text())
    many = re.search(r"RNNREG_FUZZ:-(\d+)", (registry.ROOT / "Makefile").read_text())
    assert told.groups() == (few[1], f"{int(many[1]):,}")


@pytest.mark.parametrize("name", page.PAGES)
def test_what_was_measured_is_what_the_page_says(name):
    assert page.measured(name) in (registry.ROOT / name).read_text(encoding="utf-8")
