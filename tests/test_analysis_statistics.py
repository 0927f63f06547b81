"""Intervals, tests and estimators: against scipy, by hand, and in simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rnnreg.analysis.statistics import inference as st

X = np.array([0.3, -1.2, 0.8, 2.0, 0.1, -0.4, 1.1, 0.6])


@pytest.mark.parametrize("x", [X, np.random.default_rng(0).exponential(size=25)])
def test_interval_is_students(x):
    mean, low, high = st.mean_interval(x)
    expected = stats.ttest_1samp(x, 0).confidence_interval(0.95)
    assert mean == pytest.approx(x.mean())
    assert (low, high) == pytest.approx(tuple(expected))


def test_two_strata_are_welchs_two_samples():
    """The mean of x and -y is half their difference: Welch's test, p, freedom and interval."""
    x, y = np.random.default_rng(1).normal(size=(2, 7)) * np.array([[1.0], [3.0]])
    found, welch = st.estimate(np.stack([x, -y])), stats.ttest_ind(x, y, equal_var=False)
    assert float(found.p) == pytest.approx(welch.pvalue)
    assert float(found.freedom) == pytest.approx(welch.df)
    low, high = welch.confidence_interval(0.9)
    assert float(found.mean - found.half(0.9)) == pytest.approx(low / 2)
    assert float(found.mean + found.half(0.9)) == pytest.approx(high / 2)


def test_strata_weigh_alike_and_their_errors_add():
    found = st.estimate(np.array([[0.0, 2.0, 4.0], [1.0, 1.0, 1.0]]))
    assert float(found.mean) == 1.5
    assert float(found.error) == pytest.approx(np.sqrt(4 / 3) / 2)  # the second varies not at all
    assert float(found.freedom) == pytest.approx(2)
    assert np.isnan(st.estimate(np.ones((2, 1))).error)


def test_one_value_has_no_interval_and_equal_values_one_of_no_width():
    mean, low, high = st.mean_interval(np.array([2.0]))
    assert mean == 2.0
    assert np.isnan([low, high]).all()
    for n in (5, 25):
        assert [float(v) for v in st.mean_interval(np.full(n, 2.0))] == [2.0, 2.0, 2.0]


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


def test_choice_stability_by_hand():
    even = np.array([[1.0, 3.0], [2.0, 1.9]])  # draws 00, 01, 10, 11 -> means choose a, b, b, b
    assert st.choice_stability(even) == 0.75
    assert st.choice_stability(even, resamples=3) in (0, 1 / 3, 2 / 3, 1), "drawn, where too many"


def test_choice_stability_is_undefined_where_nothing_can_vary():
    assert np.isnan(st.choice_stability(np.array([[1.0], [2.0]])))
    assert np.isnan(st.choice_stability(np.array([[1.0, 2.0]])))
    assert st.choice_stability(np.array([[np.nan, np.nan], [2.0, 2.0]])) == 1.0


def test_choice_is_that_of_training():
    from types import SimpleNamespace

    from rnnreg.study.selection import choose

    losses = np.array([[0.5, 0.7], [0.4, 0.8], [0.9, 0.2]])
    records = [
        SimpleNamespace(
            phase="tune", tuned=(None, s), seed=seed, scores={"best": {"validation": {"loss": v}}}
        )
        for s, row in zip((1.0, 2.0, 3.0), losses, strict=True)
        for seed, v in enumerate(row)
    ]
    assert choose(records, "best")[1] == (1.0, 2.0, 3.0)[losses.mean(1).argmin()]


@given(arrays(float, (3, 9), elements=some.floats(-1e3, 1e3, allow_subnormal=False)))
def test_intervals_hold_their_mean_and_move_with_their_unit(x):
    mean, low, high = st.mean_interval(x)
    assert (low <= mean + 1e-9).all()
    assert (mean <= high + 1e-9).all()
    for one, two in zip(st.mean_interval(2 * x), (mean, low, high), strict=True):
        assert np.allclose(one, 2 * two)
