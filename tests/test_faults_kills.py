"""Signals at random moments of a study: in the end its records are those of an undisturbed run.

RNNREG_MOMENTS is how many; benchmarks/faults/moments.py writes a table of them.
"""

import os
import sys

import pytest

from rnnreg.study import registry

sys.path.insert(0, str(registry.ROOT / "benchmarks" / "faults"))
import moments


@pytest.mark.slow
def test_random_moments(tmp_path):
    count = int(os.environ.get("RNNREG_MOMENTS", "3"))
    found, compared = moments.disturbed(moments.project(tmp_path), count, 1, lambda found: None)
    assert len(found) == count
    assert compared > 0
