"""The stream of random numbers: known answers, statistics, independence of neighbours."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnreg.kernels.native import noise as native
from rnnreg.kernels.noise import Draw, Noise, Site, bits, keys

SEEDS = torch.tensor([0, 1, 2, 3, 1000, 1001])


def test_known_answers():
    """SplitMix64 from state 1234567: the outputs that other implementations are checked with."""
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    found = [v % 2**64 for v in bits(torch.tensor([1234567]), 5)[0].tolist()]
    assert found == expected


def test_pieces_do_not_change_the_stream(monkeypatch):
    whole = bits(torch.tensor([5, 6]), 1000)
    monkeypatch.setattr("rnnreg.kernels.noise.PIECE", 64)
    assert torch.equal(bits(torch.tensor([5, 6]), 1000), whole)


def test_uniform_passes_a_battery():
    u = Noise(torch.tensor([7]), 3).at("site").uniform((200_000,))[0].double().numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    pairs = np.histogram2d(u[::2], u[1::2], bins=32, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(pairs.flatten()).pvalue > 1e-3
    for lag in (1, 2, 3, 4, 16, 64):
        assert abs(np.corrcoef(u[:-lag], u[lag:])[0, 1]) < 4 / np.sqrt(len(u))
    assert 0 < u.min() < u.max() < 1


def test_every_bit_is_fair():
    words = bits(keys(torch.tensor([11]), 0, "site"), 40_000)[0]
    ones = torch.stack([(words >> b) & 1 for b in range(64)]).double().mean(1)
    assert ((ones - 0.5).abs() < 5 * 0.5 / 40_000**0.5).all()


@pytest.mark.parametrize("compiled", [True, False])
def test_normal_is_normal(compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(native, "draws", lambda keys: False)
    z = Noise(torch.tensor([7]), 3).at("site").normal((100_000,))[0].double().numpy()
    assert stats.kstest(z, "norm").pvalue > 1e-3


@pytest.mark.parametrize("compiled", [True, False])
def test_normals_are_the_quantiles_of_their_bits(compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(native, "draws", lambda keys: False)
    draw, deviation = Noise(SEEDS, 0).at("site"), torch.linspace(0.5, 3, len(SEEDS))
    u = ((bits(keys(SEEDS, 0, "site"), 100_001) >> 40) & 0xFFFFFF).numpy()
    standard = torch.from_numpy(stats.norm.ppf((u + 0.5) / 2**24))
    assert (draw.normal((100_001,)) / standard - 1).abs().max() < 1e-6
    other = draw.normal((100_001,), deviation, mean=-2.0)
    torch.testing.assert_close(
        other.double(), deviation[:, None].double() * standard - 2, rtol=1e-6, atol=2e-6
    )


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("units", [1, 3, 300])  # 256 are drawn together
def test_a_learned_deviation_has_its_numbers_and_gradient(units, compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(native, "draws", lambda keys: False)
    draw, shape = Noise(SEEDS, 0).at("site"), (7, 53, units)
    log_deviation = torch.linspace(-2, 1, len(SEEDS) * units).view(-1, units).requires_grad_()
    each, deviation = draw.normal(shape), log_deviation.detach().exp()[:, None, None]
    found, back = draw.learned(shape, log_deviation), torch.linspace(-1, 3, each.numel())
    torch.testing.assert_close(found, deviation * each)
    found.backward(back.view_as(each).transpose(1, 2).contiguous().transpose(1, 2))
    slope = (back.view_as(each).double() * deviation * each).sum((1, 2))
    torch.testing.assert_close(log_deviation.grad.double(), slope, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("top", [0, 1, 2**23 - 1, 2**23, 2**24 - 2, 2**24 - 1])
def test_the_outermost_and_innermost_draws(top, compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(native, "draws", lambda keys: False)
    key = (unmix(top << 40) - 0x9E3779B97F4A7C15) % 2**64  # of which `top` is the first draw
    draw = Draw(torch.tensor([key - 2**64 if key >= 2**63 else key]), torch.tensor([0]))
    assert 0 < draw.uniform((1,)).item() < 1
    wanted = stats.norm.ppf((top + 0.5) / 2**24)
    assert draw.normal((1,)).item() == pytest.approx(wanted, rel=1e-6)


def unmix(z):
    """What `mix` makes z of."""
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        back = z
        for _ in range(64 // shift):
            back = z ^ back >> shift
        z = back * pow(factor, -1, 2**64) % 2**64
    return z


@pytest.mark.parametrize("what", ["seed", "step", "site", "layer"])
def test_neighbours_are_uncorrelated(what):
    draws = []
    for i in range(12):
        seed = torch.tensor([i if what == "seed" else 1])
        step = i if what == "step" else 1
        site = Site(f"site {i}" if what == "site" else "site", i if what == "layer" else 0)
        draws.append(Noise(seed, step).at(site).uniform((20_000,))[0].double().numpy())
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(20_000)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=6), st.integers(0, 10**6))
def test_a_draw_does_not_depend_on_the_population(seeds, step):
    shape = (3, 2, 5)
    p = torch.linspace(0, 0.9, len(seeds))
    together = Noise(torch.tensor(seeds), step).at("site").dropout(p, shape)
    for m, seed in enumerate(seeds):
        alone = Noise(torch.tensor([seed]), step).at("site").dropout(p[m : m + 1], shape)
        assert torch.equal(together[m], alone[0])


def test_members_of_one_seed_share_their_draws():
    noise = Noise(torch.tensor([4, 4, 5]), 0).at("site").uniform((50,))
    assert torch.equal(noise[0], noise[1])
    assert not torch.equal(noise[0], noise[2])


def test_padding_moves_no_draw():
    p = torch.tensor([0.3])
    short = Noise(torch.tensor([4]), 0).at("site").dropout(p, (5, 3, 7))
    long = Noise(torch.tensor([4]), 0).at("site").dropout(p, (9, 3, 7))
    assert torch.equal(short, long[:, :5])


def test_a_step_on_the_device_is_the_same_step():
    number = Noise(SEEDS, 12).at("site").uniform((9,))
    tensor = Noise(SEEDS, torch.tensor(12)).at("site").uniform((9,))
    assert torch.equal(number, tensor)


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(p):
    mask = Noise(torch.tensor([1]), 0).at("site").dropout(torch.tensor([p]), (40_000,))
    assert float(mask.mean()) == pytest.approx(1, abs=5 * (p / (1 - p) / 40_000) ** 0.5 + 1e-6)
    assert float((mask == 0).double().mean()) == pytest.approx(p, abs=5 * (p / 40_000) ** 0.5)


@pytest.mark.parametrize("compiled", [True, False])
def test_probabilities_zero_and_one_are_exact(compiled, monkeypatch):
    if not compiled:
        monkeypatch.setattr(native, "draws", lambda keys: False)
    draw = Noise(torch.tensor([1, 2, 3]), 0).at("site")
    p = torch.tensor([0.0, 1.0, 1 - 2**-18])  # the last is one, rounded to 1/65536
    drawn = draw.bernoulli(p, (300_000,))
    assert drawn.mean(1).tolist() == [0, 1, 1]
    assert draw.dropout(p, (300_000,)).double().mean(1).tolist() == [1, 0, 0]


def test_in_evaluation_draws_are_their_means():
    draw, p = Noise(torch.tensor([1, 2]), 0).expected().at("site"), torch.tensor([0.1, 0.4])
    assert draw.dropout(p, (3,)) == 1.0
    assert draw.bernoulli(p, (3,)).flatten().tolist() == pytest.approx([0.1, 0.4])
    assert (draw.uniform((3,)), draw.normal((3,)), draw.normal((3,), p, mean=1.0)) == (0.5, 0, 1)
    assert draw.learned((3,), torch.zeros(2, 3)) == 0


def test_orders_are_permutations():
    order = Noise(SEEDS, 0).at("order").order(97)
    assert (order.sort(dim=1).values == torch.arange(97)).all()
    assert len({tuple(o) for o in order.tolist()}) == len(SEEDS)
