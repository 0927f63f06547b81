"""The house keeps its storeys: a module imports only from modules above it in rnnreg's list."""

import ast
import re

import pytest

import rnnreg
from rnnreg.study import registry

PACKAGE = registry.ROOT / "rnnreg"
ORDER = re.findall(r"^    (\w+) {2,}", rnnreg.__doc__, flags=re.M)
ORDER = ORDER[ORDER.index("errors") :]
FILES = {
    str(file.relative_to(PACKAGE).with_suffix("")): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if file.stem not in ("__init__", "__main__")
}


def storey(name: str) -> str:
    return name.partition("/")[0]


def imported(file) -> set[str]:
    """Top-level modules of rnnreg that a file imports at its own top level."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rnnreg"):
            path = node.module.split(".")[1:]
            found |= {path[0]} if path else {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("rnnreg.")}
    return found


def test_the_list_is_complete():
    assert {storey(name) for name in FILES} == set(ORDER)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_upward(name):
    own = ORDER.index(storey(name))
    for other in imported(FILES[name]) - {storey(name)}:
        assert ORDER.index(other) < own, f"{name} imports {other}"


@pytest.mark.parametrize(
    "name",
    [n for n in FILES if storey(n) in ("study", "records", "registry", "selection", "analysis")],
)
def test_no_torch_where_none_is_promised(name):
    text = FILES[name].read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from) torch\b", text, flags=re.M)
