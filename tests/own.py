"""Benchmarks of one's own, as CONTRIBUTING.md shows them, for the fixture `project`."""

import re

from rnnreg.data import prepared
from rnnreg.study import registry

PAGE = (registry.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = {found[1]: code for code in BLOCKS if (found := re.search(r"^class (\w+)", code, re.M))}
CSV, TEXT, MAIL = EXAMPLES["House"], EXAMPLES["Diary"], EXAMPLES["Mail"]
CELL = EXAMPLES["MinimalGatedUnit"]
(PREPARE,) = (code for code in BLOCKS if not re.search(r"^class", code, re.M))
GAPS = CSV.partition("    def prepare")[0] + PREPARE  # the house with gaps


def add(project, name, code):
    (project / "benchmarks" / f"{name}.py").write_text(code)
    registry.load.cache_clear()


def make(project, name):
    """Download and prepare; the facts, and the arrays."""
    raw, folder = project / "data/raw", project / "data/prepared"
    prepared.download(name, raw)
    prepared.prepare(name, raw, folder)
    return prepared.read(name, folder)
