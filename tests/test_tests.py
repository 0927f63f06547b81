"""What no test may do."""

import ast
from pathlib import Path

import pytest
from known_faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[1]
WIDE = {"AssertionError", "Exception", "BaseException"}


def swallowed(text: str) -> list[int]:
    """Lines where a failed assertion is caught, and not raised again."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            named = ast.walk(node.type) if node.type else ()
            caught = {n.id for n in named if isinstance(n, ast.Name)} or WIDE
            raised = any(isinstance(n, ast.Raise) for n in ast.walk(node))
            found += [node.lineno] if caught & WIDE and not raised else []
    return found


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.glob("*.py")), ids=lambda f: f.stem)
def test_no_test_catches_its_own_failure(file):
    """As HFTA's do: they print the AssertionError, and pass."""
    assert swallowed(file.read_text(encoding="utf-8")) == []


def test_a_swallowed_failure_is_seen():
    one = "try:\n    assert False\nexcept {}:\n    {}\n"
    assert swallowed(one.format("AssertionError as error", "print(error)")) == [3]
    assert swallowed(one.format("(OSError, Exception)", "pass")) == [3]
    assert swallowed("try:\n    assert False\nexcept:\n    pass\n") == [3]
    assert swallowed(one.format("AssertionError", "raise")) == []
    assert swallowed(one.format("ImportError", "pass")) == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
def test_a_known_fault_can_still_be_put_in(fault):
    """So that `python tests/mutants.py faults` tries it, and not a text that is gone."""
    text = (ROOT / fault.path).read_bytes()
    start, stop = fault.place(text)
    put_in = text[:start] + fault.new.encode() + text[stop:]
    assert ast.dump(ast.parse(put_in)) != ast.dump(ast.parse(text))


@pytest.mark.parametrize("text", [b"", b"old old"])
def test_a_fault_whose_text_is_gone_is_an_error(text):
    fault = Fault("nothing", "advice.py", "old", "new")
    assert fault.place(b"an old one") == (3, 6)
    with pytest.raises(ValueError, match=r"analysis/advice\.py: 'old' is there [02] times, not"):
        fault.place(text)
