"""README's examples keep what they promise, as they stand there."""

import doctest
import re
import sys
from dataclasses import replace
from types import ModuleType

import pytest
import torch
from toys import setting

from rnnreg.regularizers import Regularizer
from rnnreg.regularizers._checks import attributes
from rnnreg.study import registry
from rnnreg.training.population import Population

NAME = "l2_output"


@pytest.fixture
def kind(monkeypatch) -> type[Regularizer]:
    text = (registry.ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(rf"```python\n(# rnnreg/regularizers/{NAME}\.py\n.*?)```", text, re.DOTALL)
    module = ModuleType(f"rnnreg.regularizers.{NAME}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, f"{NAME}.py", "exec"), vars(module))
    return module.L2Output


def test_its_doctest_holds(kind):
    found = doctest.testmod(sys.modules[kind.__module__])
    assert (found.attempted, found.failed) == (2, 0)


def test_it_trains_and_its_off_is_none(kind):
    attributes(kind)
    job = setting("labels")
    runs = [Population(replace(job, regularizer=kind), [s], [1]) for s in (kind.off, 1e-2)]
    runs.append(Population(job, [0.0], [1]))
    for population in runs:
        population.run()
    off, strong, none = (p.final["output"] for p in runs)
    assert off.equal(none)
    assert strong.norm() < none.norm()


def test_the_loop_of_ones_own_trains():
    text = (registry.ROOT / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(import rnnreg\n.*?)```", text, re.DOTALL)
    torch.manual_seed(0)
    words = torch.randint(0, 1000, (8, 12))
    code += "    losses.append(loss.item())\n"
    code += "    norms.append(torch.cat([p.grad.flatten() for p in model.parameters()]).norm())\n"
    found = {"batches": [(words, words % 5)] * 30, "losses": [], "norms": []}
    exec(compile(code, "README.md", "exec"), found)
    assert found["losses"][-1] < 0.9 * found["losses"][0]
    assert 0.0999 < max(found["norms"]) < 0.1001
