"""One thread a test process, and the plain loop wherever a test asks for the definition."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from rnnreg.kernels import unroll
from rnnreg.training import row as training


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@pytest.fixture
def plain_loop(monkeypatch):
    """Whatever fast path there is, the recurrence is computed by the plain loop."""
    import rnnreg.training.model

    monkeypatch.setattr(rnnreg.training.model, "unroll", unroll.plain)
    monkeypatch.setattr(training, "path", lambda *_: "plain")
