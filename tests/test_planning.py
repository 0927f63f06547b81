"""What is done before a study: learning rates are chosen, its cost is estimated."""

import csv
from functools import partial
from pathlib import Path

import pytest

from rnnreg.data import prepared
from rnnreg.study import study
from rnnreg.training import estimate, rates


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A reader of prepared data that knows elnino."""
    folder = tmp_path_factory.mktemp("data")
    prepared.download("elnino", folder / "raw")
    prepared.prepare("elnino", folder / "raw", folder / "prepared")
    return partial(prepared.read, folder=folder / "prepared")


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> study.Study:
    """Two cells and two regularizers on elnino for ten steps; a rate table of its own."""
    file = tmp_path / "tiny.yaml"
    file.write_text(
        "title: Tiny\nbenchmarks: [elnino]\ncells: [gru, lstm]\nregularizers: [none, l2]\n"
        "seeds: {tuning: 2, evaluation: 3}\nstrengths: {l2: [1e-4, 1e-2]}\n"
        "budgets: {elnino: {steps: 10, checks: 2}}\n"
    )
    for module in (study, rates):
        monkeypatch.setattr(module, "RATES", tmp_path / "learning_rates.csv")
    return study.read(str(file))


def test_the_rate_with_the_lowest_validation_loss_is_what_rows_train_with(tiny, data):
    row = tiny.row("elnino", "lstm", "l2")
    before = row.fingerprint
    assert row.rate is None
    told = []
    rates.choose(tiny, data, "cpu", tell=told.append)
    assert len(told) == 2, "one choice a benchmark and cell, whatever the regularizers"
    with Path(study.RATES).open() as lines:
        table = [line for line in csv.DictReader(lines) if line["cell"] == "lstm"]
    assert [float(line["learning_rate"]) for line in table] == list(rates.CANDIDATES)
    best = min(table, key=lambda line: float(line["validation_loss"]))
    assert best["chosen"] == "1"
    assert sum(int(line["chosen"]) for line in table) == 1
    assert row.rate == float(best["learning_rate"])
    assert row.fingerprint != before, "another rate makes other results"
    rates.choose(tiny, data, "cpu", tell=told.append)
    assert len(told) == 2, "what the table has is not measured again"


def test_an_estimate_counts_rows_and_members(tiny, data):
    found = {e["cell"]: e for e in estimate.estimate(tiny, data, "cpu")}
    assert set(found) == {"gru", "lstm"}
    for entry in found.values():
        assert entry["rows"] == 2
        # none: 1 strength x 2 + 3; l2: 2 strengths x 2 + 3, or + 6 where the criteria differ
        assert entry["members"] == [5 + 7, 5 + 10]
        low, high = entry["hours"]
        assert 0 < low < high
        assert low == pytest.approx(12 * entry["seconds a member"] / 3600)
