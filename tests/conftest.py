"""One thread a test process, and the plain loop wherever a test asks for the definition."""

import os
import signal

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch

from rnnreg.kernels import unroll
from rnnreg.kernels.native.build import keep_freed_memory
from rnnreg.study import registry
from rnnreg.training import row as training

# Of two test processes, none is left with a long file at the end: these are begun first.
LONG = ("test_workflow", "test_report", "test_contract", "test_fused", "test_analysis_compare")


def pytest_configure(config):
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False  # pytest-xdist would begin with the most tests


def pytest_collection_modifyitems(items):
    order = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONG)))


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


@pytest.fixture(autouse=True, scope="session")
def _interrupts():
    """SIGINT and SIGHUP as in a terminal: a shell in the background, or nohup, has them ignored."""
    as_usual = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, what) for number, what in as_usual.items()}
    yield
    for number, what in before.items():
        signal.signal(number, what)


@pytest.fixture
def plain_loop(monkeypatch):
    """Whatever fast path there is, the recurrence is computed by the plain loop."""
    import rnnreg.training.layers

    monkeypatch.setattr(rnnreg.training.layers, "unroll", unroll.plain)
    monkeypatch.setattr(training, "path", lambda *_: "plain")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project in a folder of its own, with one's own data beside it."""
    monkeypatch.setitem(registry.FOLDERS, "benchmark", tmp_path / "benchmarks")
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    registry.load.cache_clear()
    (tmp_path / "benchmarks").mkdir()
    hours = np.arange(600)
    rows = [f"{np.sin(h / 24 * 6.28):.4f},{h % 7},day {h // 24}\n" for h in hours]
    (tmp_path / "house.csv").write_text("current,heat,note\n" + "".join(rows))
    (tmp_path / "diary.txt").write_text("Dear diary, it rained. Dear me, again. " * 40)
    spam, ham = (f"spam Win {i} now\n" for i in range(40)), (f"ham Dear {i}\n" for i in range(80))
    (tmp_path / "mail.txt").write_text("".join([*spam, *ham]))
    yield tmp_path
    registry.load.cache_clear()
