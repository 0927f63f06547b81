"""The house keeps its floors: imports go only to what stands above in rnnreg.__doc__."""

import ast
import re

import pytest

import rnnreg
from rnnreg.study import registry

PACKAGE = registry.ROOT / "rnnreg"
LIST = rnnreg.__doc__.partition("a module only from modules above it:")[2].splitlines()
ROOMS = [m[1] for line in LIST if (m := re.match(r"^    (\w+)/? {2,}", line))]
ANALYSIS = ["", "statistics", "figures", "report"]  # the rooms within analysis
WITHIN: dict[str, list[str]] = {}  # room -> its modules, where they are listed
for line in LIST:
    if found := re.match(r"^    (\w+)/? {2,}", line):
        own = WITHIN.setdefault(found[1], [])
    elif found := re.match(r"^      (\w+) {2,}", line):
        own.append(found[1])
FILES = {
    str(file.relative_to(PACKAGE).with_suffix("")): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.stem not in ("__init__", "__main__")
}


def room(name: str) -> str:
    """The room of a module, or of the name of something in it: its first one or two folders."""
    first, *rest = name.split("/")
    if first != "analysis":
        return first
    return f"analysis/{rest[0]}" if rest and rest[0] in ANALYSIS else first


def order(name: str) -> int:
    """The floor of a room."""
    first, _, second = room(name).partition("/")
    return len(ANALYSIS) * ROOMS.index(first) + ANALYSIS.index(second)


def imported(file) -> set[str]:
    """Modules of rnnreg, as paths, that a file imports at its own top level."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnreg"):
            path = "/".join(node.module.split(".")[1:])
            for alias in node.names:
                full = f"{path}/{alias.name}".lstrip("/")
                there = full in FILES or (PACKAGE / full).is_dir()
                found.add(full if there else path)
        if isinstance(node, ast.Import):
            found |= {
                a.name.partition(".")[2].replace(".", "/")
                for a in node.names
                if a.name.startswith("rnnreg.")
            }
    return found


def test_the_list_is_complete():
    assert {room(name).partition("/")[0] for name in FILES} == set(ROOMS)
    listed = {"study", "kernels", "nn", "data", "training", "models", "trying"}
    for each in listed:
        inside = {name.split("/")[1] for name in FILES if room(name) == each}
        assert inside == set(WITHIN[each])
        assert len(inside) == len(WITHIN[each])
    folders = {f.name for f in (PACKAGE / "analysis").iterdir() if f.is_dir()} - {"__pycache__"}
    assert folders == set(ANALYSIS) - {""}


@pytest.mark.parametrize("name", FILES)
def test_imports_go_upward(name):
    for other in imported(FILES[name]):
        if room(other) != room(name):
            assert order(other) < order(name), f"{name} imports {other}"
            continue
        own, theirs = ([*n.split("/"), ""][1] for n in (name, other))
        inside = WITHIN[room(name).partition("/")[0]]
        if own in inside and theirs in inside and own != theirs:
            assert inside.index(theirs) < inside.index(own), f"{name} imports {other}"


@pytest.mark.parametrize("name", [n for n in FILES if n.startswith(("study/", "analysis/"))])
def test_no_torch_where_none_is_promised(name):
    text = FILES[name].read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from) torch\b", text, flags=re.M)


def test_no_torch_is_loaded_by_what_promises_none():
    """What a module that promises no torch imports, promises it too."""
    for name in FILES:
        if name.startswith(("study/", "analysis/")):
            above = {room(other) for other in imported(FILES[name])}
            assert above <= {"errors", "study", *(r for r in above if r.startswith("analysis"))}
