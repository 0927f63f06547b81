"""Rows that wait for a GPU: each trains a few steps here, its model whole, on made-up text.

Batches have 2 windows of 8 symbols, for the whole ones take a core minutes. By hand:
python -m pytest -m slow tests/test_papers_gpu.py --durations 0
"""

from dataclasses import replace

import numpy as np
import pytest

from rnnreg.data.benchmark import Splits
from rnnreg.data.naive import scores
from rnnreg.study import registry, study
from rnnreg.training.row import records, trained
from rnnreg.training.setting import setting

ROWS = {row.name: row for row in study.read("papers_gpu").rows}
SYMBOLS = {"ptb_word": 10_000, "ptb_char": 50}
MILLIONS = {"zaremba_medium": 20, "gal_medium": 20, "merity": 24}  # weights, as papers count them
SHORT = {"steps": 4, "checks": 2, "batch": 2, "validated": 0}


@pytest.mark.slow
@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_waits_for_a_gpu_trains(name):
    row = ROWS[name]
    benchmark, _, variant = row.benchmark.partition("@")
    rate, strength = row.settings[0]
    budget = {**row.budget, **SHORT}
    short = replace(row, budget=budget, variant=replace(row.variant, task={"window": 8}))
    facts, splits = made_up(benchmark)
    job = setting(short, facts, splits)
    (population,) = trained(job, [strength], [1000], [rate])
    (record,) = records(short, job, population, "evaluate")
    assert not record.diverged
    assert all(norm > 0 for norm in record.gradient_norm)
    assert len(set(record.validation_loss)) == 2, "the weights move"
    if variant in MILLIONS:
        assert record.parameters / 1e6 == pytest.approx(MILLIONS[variant], abs=0.5)


def made_up(benchmark: str) -> tuple[dict, dict[str, dict[str, np.ndarray]]]:
    """Facts and splits of a text of random symbols, as many kinds as the real one has."""
    task, symbols = registry.load("benchmark", benchmark).task, SYMBOLS[benchmark]
    rng = np.random.default_rng(0)
    size = {"train": 200, "validation": 65, "test": 65}
    splits = {s: {"tokens": rng.integers(0, symbols, n).astype(np.int32)} for s, n in size.items()}
    naive = scores(task, Splits(**splits, symbols=symbols))
    facts = {
        "inputs": symbols,
        "outputs": symbols,
        "symbols": symbols,
        "naive": naive,
        "naive_best": "unigram",
        "data_hash": "made up",
        "headline": task.headline,
    }
    return facts, splits
