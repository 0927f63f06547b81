"""Intervals, tests and estimators: against scipy, by hand, and in simulation."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rnnreg.analysis.statistics import inference as st

X = np.array([0.3, -1.2, 0.8, 2.0, 0.1, -0.4, 1.1, 0.6])


def test_interval_is_students_below_twenty():
    mean, low, high = st.mean_interval(X)
    expected = stats.ttest_1samp(X, 0).confidence_interval(0.95)
    assert mean == pytest.approx(X.mean())
    assert (low, high) == pytest.approx(tuple(expected))


def test_interval_is_bca_from_twenty():
    x = np.random.default_rng(0).exponential(size=25)
    _, low, high = st.mean_interval(x, seed=3)
    found = stats.bootstrap((x,), np.mean, n_resamples=st.RESAMPLES, method="BCa", rng=3)
    assert (float(low), float(high)) == tuple(found.confidence_interval)
    assert not np.isclose(high - x.mean(), x.mean() - low)  # it follows the skew


def test_same_seed_same_interval_other_seed_other_interval():
    x = np.random.default_rng(0).normal(size=25)
    assert st.mean_interval(x, seed=1) == st.mean_interval(x, seed=1)
    assert st.mean_interval(x, seed=1)[1] != st.mean_interval(x, seed=2)[1]


def test_one_value_has_no_interval_and_equal_values_one_of_no_width():
    mean, low, high = st.mean_interval(np.array([2.0]))
    assert mean == 2.0
    assert np.isnan([low, high]).all()
    for n in (5, 25):
        assert [float(v) for v in st.mean_interval(np.full(n, 2.0))] == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(("n", "runs", "allowed"), [(5, 20_000, 0.006), (8, 20_000, 0.006)])
def test_coverage_of_students_interval(n, runs, allowed):
    _, low, high = st.mean_interval(np.random.default_rng(7).normal(size=(runs, n)))
    covered = ((low < 0) & (high > 0)).mean()
    assert abs(covered - 0.95) < allowed  # four standard errors


def test_coverage_of_bca_at_twenty():
    _, low, high = st.mean_interval(np.random.default_rng(7).normal(size=(500, 20)))
    covered = ((low < 0) & (high > 0)).mean()
    assert 0.90 < covered < 0.97  # nominal 0.95; a little short at n = 20, as is known


def test_p_is_that_of_scipy_and_none_below_six():
    other = X[::-1] * 0.5
    assert st.paired_p(X - other) == pytest.approx(stats.ttest_rel(X, other).pvalue)
    assert np.isnan(st.paired_p(X[:5]))
    assert not np.isnan(st.paired_p(X[:6]))


def test_p_of_equal_differences_is_defined():
    assert st.paired_p(np.zeros(6)) == 1.0
    assert st.paired_p(np.full(6, 0.1)) == 0.0
    rows = np.stack([X, np.zeros(8), np.ones(8)])
    assert st.paired_p(rows)[1:].tolist() == [1.0, 0.0]


def test_holm_by_hand():
    # sorted 0.01 0.02 0.03 0.5: times 4 3 2 1, then made monotone
    found = st.holm(np.array([0.03, 0.01, 0.5, 0.02]))
    assert found == pytest.approx([0.06, 0.04, 0.5, 0.06])


def test_holm_is_that_of_statsmodels():
    for p in np.random.default_rng(0).uniform(size=(3, 7)) ** 3:
        assert st.holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_leaves_tests_not_made_out_of_the_count():
    assert st.holm(np.array([np.nan, 0.04])).tolist()[1] == pytest.approx(0.04)
    assert np.isnan(st.holm(np.full(3, np.nan))).all()


def test_smallest_detectable_has_the_power_it_says():
    rng = np.random.default_rng(5)
    effect = float(st.smallest_detectable(np.array([-1.0, 1.0] * 4), tests=7))
    scale = np.array([-1.0, 1.0] * 4).std(ddof=1)
    draws = rng.normal(effect / scale, 1.0, size=(20_000, 8))
    power = (st.paired_p(draws) < 0.05 / 7).mean()
    assert abs(power - 0.8) < 0.015


def test_expected_best_is_the_mean_over_all_subsets():
    losses = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    for k, found in enumerate(st.expected_best(losses), 1):
        assert found == pytest.approx(np.mean([min(c) for c in combinations(losses, k)]))


def test_expected_best_is_unbiased_where_drawing_with_replacement_is_not():
    rng = np.random.default_rng(0)
    samples = rng.uniform(size=(20_000, 4))
    truth = 1 / 3  # expected lower of two uniform numbers
    ours = st.expected_best(samples)[:, 1].mean()
    ranks = np.arange(1, 5)
    weight = ((5 - ranks) / 4) ** 2 - ((4 - ranks) / 4) ** 2  # Dodge et al. 2019
    theirs = (np.sort(samples) @ weight).mean()
    assert abs(ours - truth) < 0.005
    assert theirs - truth > 0.02


def test_choice_stability_by_hand():
    even = np.array([[1.0, 3.0], [2.0, 1.9]])  # draws 00, 01, 10, 11 -> means choose a, b, b, b
    assert st.choice_stability(even, resamples=20_000) == pytest.approx(0.75, abs=0.02)


def test_choice_stability_is_undefined_where_nothing_can_vary():
    assert np.isnan(st.choice_stability(np.array([[1.0], [2.0]])))
    assert np.isnan(st.choice_stability(np.array([[1.0, 2.0]])))
    assert st.choice_stability(np.array([[np.nan, np.nan], [2.0, 2.0]])) == 1.0


def test_choice_is_that_of_training():
    from types import SimpleNamespace

    from rnnreg.study.selection import choose

    losses = np.array([[0.5, 0.7], [0.4, 0.8], [0.9, 0.2]])
    records = [
        SimpleNamespace(phase="tune", strength=s, scores={"best": {"validation": {"loss": v}}})
        for s, row in zip((1.0, 2.0, 3.0), losses, strict=True)
        for v in row
    ]
    assert choose(records, "best") == (1.0, 2.0, 3.0)[losses.mean(1).argmin()]


@given(arrays(float, (3, 9), elements=some.floats(-1e3, 1e3, allow_subnormal=False)))
def test_intervals_hold_their_mean_and_move_with_their_unit(x):
    mean, low, high = st.mean_interval(x)
    assert (low <= mean + 1e-9).all()
    assert (mean <= high + 1e-9).all()
    for one, two in zip(st.mean_interval(2 * x), (mean, low, high), strict=True):
        assert np.allclose(one, 2 * two)
