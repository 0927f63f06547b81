"""A few trajectories, held: when one moves, results have changed, and RESULTS_VERSION must rise.

After a change that is meant to change results: raise RESULTS_VERSION in
rnnreg/study/fingerprint.py, say so in CHANGELOG.md, and write the trajectories anew with
`python tests/test_golden.py`.
"""

import json
from pathlib import Path

import pytest
from toys import TASKS, setting

from rnnreg.study import registry
from rnnreg.study.fingerprint import RESULTS_VERSION
from rnnreg.training.population import Population

FILE = Path(__file__).with_name("golden.json")
PAIRS = {"language": "dropout", "labels": "recurrent_dropout", "series": "clip_norm", "music": "l2"}
# Machines differ in the last bits of a product; a change of the algorithm moves far more.
TOLERANCE = 2e-4


def trajectory(kind: str, cell: str) -> list[float]:
    """Validation losses of a member trained on a toy task with two regularized layers."""
    regularizer = PAIRS[kind]
    strength = registry.load("regularizer", regularizer).strengths[1]
    population = Population(setting(kind, cell, regularizer), [strength], [1])
    population.run()
    return population.curves.loss[:, 0].tolist()


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("cell", ["elman_relu", "elman_tanh", "gru", "lstm"])
def test_trajectories_have_not_moved(kind, cell):
    held = json.loads(FILE.read_text())
    assert held["RESULTS_VERSION"] == RESULTS_VERSION, "write the trajectories anew"
    assert trajectory(kind, cell) == pytest.approx(held[f"{kind}/{cell}"], rel=TOLERANCE)


if __name__ == "__main__":
    found = {
        f"{kind}/{cell}": trajectory(kind, cell)
        for kind in TASKS
        for cell in ("elman_relu", "elman_tanh", "gru", "lstm")
    }
    FILE.write_text(json.dumps({"RESULTS_VERSION": RESULTS_VERSION, **found}, indent=1) + "\n")
