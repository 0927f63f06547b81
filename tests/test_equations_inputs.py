"""Regularizers of inputs against their formulas, number by number."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import KINDS, setting

from rnnreg.kernels.noise import Noise, Site
from rnnreg.study import registry
from rnnreg.trace import Batch, Data
from rnnreg.training.population import Population

STEPS, SEQUENCES = 40, 50
UNKNOWN = 7  # the last of 8 symbols
COUNTS = (5, 0, 1, 30, 0, 4, 60, 0)


def regularizer(name: str, *strengths: float):
    return registry.load("regularizer", name)(torch.tensor(strengths))


def batch_of(name, strengths, seeds, batch, data=None, step=0) -> Batch:
    noise = Noise(torch.tensor(seeds), step)
    return regularizer(name, *strengths).batch(batch, noise, data or Data(0, None))


# Gaussian noise


def noise_at(site="input", step=0, seeds=(1, 1), strengths=(0.3, 0.02)):
    noise = Noise(torch.tensor(seeds), step)
    return regularizer("input_noise", *strengths).shift(Site(site), (9, 8, 30), noise, {})


def test_input_noise_is_normal_with_its_deviation():
    for m, strength in enumerate((0.3, 0.02)):
        values = noise_at()[m].flatten().tolist()
        mean = sum(values) / len(values)
        variance = sum(v * v for v in values) / len(values)
        inside = sum(abs(v) < strength for v in values) / len(values)
        assert mean == pytest.approx(0, abs=5 * strength / math.sqrt(len(values)))
        assert variance == pytest.approx(strength**2, rel=5 * math.sqrt(2 / len(values)))
        assert inside == pytest.approx(math.erf(0.5**0.5), abs=2.5 / math.sqrt(len(values)))


def test_which_inputs_share_a_draw_of_noise():
    now = noise_at(strengths=(1, 1))
    assert torch.equal(now[0], now[1]), "members of one seed"
    assert len(now[0].unique()) > 2150, "each step, sequence and unit its own, but for ties"
    assert not torch.isclose(now, noise_at(step=1, strengths=(1, 1))).all(), "each training step"
    assert not torch.isclose(now, noise_at(seeds=(2, 2), strengths=(1, 1))).all(), "each seed"
    assert noise_at("between") == noise_at("output") == 0.0


@pytest.mark.parametrize("kind", ["labels", "series"])
def test_the_first_layer_reads_inputs_with_noise(kind):
    population = Population(setting(kind, "gru", "input_noise"), [0.5], [1])
    batch, none = population.batches.train(0), regularizer("none", 0.0)
    noise, params = population.noise, population.params
    found = population.forward(population.reg, batch, None, params, noise)
    shape = tuple(found.inputs.shape[1:])
    moved = population.reg.shift(Site("input"), shape, noise, params)
    wanted = population.forward(none, batch, None, params, noise, moved)
    plain = population.forward(none, batch, None, params, noise)
    torch.testing.assert_close(found.output, wanted.output)
    assert not torch.allclose(found.output, plain.output)


# Symbols


def symbols(members: int) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(UNKNOWN, (1, STEPS, SEQUENCES), generator=generator)
    return Batch(x.expand(members, -1, -1), x.expand(members, -1, -1) + 0)


VOCABULARY = Data(UNKNOWN + 1, torch.tensor(COUNTS))
ONES = {"word_dropout": UNKNOWN, "unigram_noising": None}


@pytest.mark.parametrize("name", ONES)
def test_a_share_of_the_symbols_is_replaced(name):
    rates, before = (0.1, 0.6), symbols(2)
    after = batch_of(name, rates, [1, 1], before, VOCABULARY)
    assert torch.equal(after.y, before.y), "targets stay"
    total = sum(COUNTS)
    for m, rate in enumerate(rates):
        pairs = zip(before.x[m].flatten().tolist(), after.x[m].flatten().tolist(), strict=True)
        changed = Counter((old, new) for old, new in pairs if old != new)
        size = STEPS * SEQUENCES
        for new in range(UNKNOWN + 1):
            found = sum(n for (_, after), n in changed.items() if after == new) / size
            same = float((before.x[m] == new).double().mean())
            drawn = COUNTS[new] / total if name == "unigram_noising" else float(new == UNKNOWN)
            wanted = rate * drawn * (1 - same)
            assert found == pytest.approx(wanted, abs=5 * math.sqrt(wanted / size) + 1e-12), new


@pytest.mark.parametrize("name", ONES)
def test_which_symbols_share_a_draw(name):
    def replaced(strengths=(0.4, 0.4), seeds=(1, 1), step=0):
        x = torch.full((2, STEPS, SEQUENCES), 4)  # a symbol that is never drawn
        found = batch_of(name, strengths, seeds, Batch(x, x), VOCABULARY, step)
        return found.x != 4

    now = replaced()
    assert torch.equal(now[0], now[1]), "members of one seed"
    assert now[0].any(), "some are replaced"
    assert not now[0].all(), "but not the type: others of the same symbol stay"
    assert len(now[0].unique(dim=0)) == STEPS, "each step its own"
    assert now[0].unique(dim=1).shape[1] == SEQUENCES, "each sequence its own"
    assert not torch.equal(now, replaced(step=1)), "each training step its own"
    assert not torch.equal(now, replaced(seeds=(2, 2))), "each seed its own"
    assert (replaced((0.7, 0.7)) >= now).all(), "one draw for all strengths"


def test_a_drawn_symbol_is_that_of_a_place_among_all():
    """The symbols of the training split in a row, and one of them drawn."""
    row = [symbol for symbol, count in enumerate(COUNTS) for _ in range(count)]
    x, noise = symbols(1), Noise(torch.tensor([1]), 0)
    found = batch_of("unigram_noising", (1.0,), [1], x, VOCABULARY).x[0].flatten().tolist()
    shares = noise.at("unigrams").uniform((STEPS * SEQUENCES,))[0].tolist()
    assert found == [row[math.floor(share * len(row))] for share in shares]


@pytest.mark.parametrize("kind", ["language", "labels"])
def test_counts_are_those_of_the_training_split(kind):
    population = Population(setting(kind, "gru", "unigram_noising"), [0.2], [1])
    train = population.setting.splits["train"]
    wanted = Counter((train["tokens"] if kind == "language" else train["x"]).tolist())
    assert dict(enumerate(population.data.counts.tolist())) == {s: wanted[s] for s in range(7)}
    assert population.data.symbols == 7


# Series


def series(members: int) -> Batch:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(1, STEPS, SEQUENCES, 3, generator=generator)
    y = torch.randn(1, SEQUENCES, 4, 2, generator=generator)
    return Batch(x.expand(members, -1, -1, -1), y.expand(members, -1, -1, -1))


def test_scaling_is_a_factor_a_column_of_a_sequence():
    strengths, before, columns = (0.3, 0.02), series(2), (2, 0)
    data = Data(0, None, columns)
    after = batch_of("scaling", strengths, [1, 1], before, data)
    factors = after.x / before.x
    for m, strength in enumerate(strengths):
        found = []
        for b in range(SEQUENCES):
            first = factors[m, 0, b].tolist()
            found += [(factor - 1) / strength for factor in first]
            for d in range(3):
                assert np.allclose(factors[m, :, b, d], first[d], rtol=1e-5), "all steps share it"
            for place, d in enumerate(columns):
                own = after.y[m, b, :, place] / before.y[m, b, :, place]
                assert np.allclose(own, first[d], rtol=1e-5), "targets too"
        assert len({round(f, 3) for f in found}) > 140, "each sequence and column its own"
        assert sum(found) / 150 == pytest.approx(0, abs=5 / math.sqrt(150))
        assert sum(f * f for f in found) / 150 == pytest.approx(1, abs=5 * math.sqrt(2 / 150))
    spread = (factors - 1) / torch.tensor(strengths).view(-1, 1, 1, 1)
    torch.testing.assert_close(spread[0], spread[1], rtol=1e-3, atol=1e-3)  # one draw a seed
    for seeds, step in [([2, 2], 0), ([1, 1], 1)]:
        assert not torch.equal(after.x, batch_of("scaling", strengths, seeds, before, data, step).x)


def test_labels_are_not_scaled():
    x = series(1)
    batch = Batch(x.x, torch.zeros(1, SEQUENCES, dtype=torch.int64))
    assert batch_of("scaling", (0.3,), [1], batch).y is batch.y


def test_the_columns_that_are_targets(monkeypatch):
    assert Population(setting("series", "gru", "scaling"), [0.2], [1]).data.columns == (0, 1)
    assert Population(setting("vectors", "gru", "scaling"), [0.2], [1]).data.columns == ()
    task = replace(KINDS["series"].task, targets=(1,))
    monkeypatch.setattr(KINDS["series"], "task", task)
    assert Population(setting("series", "gru", "scaling"), [0.2], [1]).data.columns == (1,)


def test_a_slice_is_read_between_the_rows_of_its_sequence():
    """numpy.interp, one sequence and column at a time; padding stays."""
    strengths, before = (0.5, 0.1), series(2)
    lengths = torch.tensor([STEPS - 3 * (b % 13) for b in range(SEQUENCES)])
    lengths[7] = 1
    before = replace(before, length=lengths.expand(2, -1), y=torch.zeros(2, SEQUENCES))
    for step in (0, 1):
        after = batch_of("window_slicing", strengths, [1, 1], before, step=step)
        shares = Noise(torch.tensor([1]), step).at("slice").uniform((SEQUENCES,))[0].tolist()
        for m, strength in enumerate(strengths):
            for b, length in enumerate(lengths.tolist()):
                rows = np.arange(length)
                first = shares[b] * strength * (length - 1)
                last = first + (1 - strength) * (length - 1)
                assert 0 <= first <= last <= length - 1
                for d in range(3):
                    column = before.x[m, :, b, d].numpy()
                    wanted = np.interp(np.linspace(first, last, length), rows, column[:length])
                    found = after.x[m, :, b, d].tolist()
                    assert found[:length] == pytest.approx(wanted.tolist(), abs=1e-4)
                    assert found[length:] == column[length:].tolist()
    assert len({round(s, 6) for s in shares}) > 45, "each sequence its own"


def test_sequences_of_one_length_are_sliced_alike():
    before = replace(series(1), y=torch.zeros(1, SEQUENCES))
    padded = replace(before, length=torch.full((1, SEQUENCES), STEPS))
    found = [batch_of("window_slicing", (0.3,), [1], b).x for b in (before, padded)]
    assert torch.equal(*found)


REASONS = {
    ("word_dropout", "series"): "it needs inputs that are symbols",
    ("unigram_noising", "music"): "it needs inputs that are symbols",
    ("scaling", "labels"): "it needs inputs that are numbers",
    ("scaling", "music"): "its inputs sound or do not",
    ("window_slicing", "language"): "it needs inputs that are numbers",
    ("window_slicing", "series"): "a target follows its row; a slice has other rows",
    ("window_slicing", "music"): "a target follows its row; a slice has other rows",
    ("window_slicing", "vectors"): "",
    ("scaling", "series"): "",
    ("word_dropout", "labels"): "",
    ("unigram_noising", "language"): "",
}


@pytest.mark.parametrize(("name", "kind"), REASONS)
def test_what_inputs_suit(name, kind):
    reason = registry.load("regularizer", name).suits(setting(kind).network, KINDS[kind].task)
    assert reason == REASONS[name, kind]
