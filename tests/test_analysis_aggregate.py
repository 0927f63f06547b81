"""Statistics across data sets: against scipy and scikit-posthocs, by hand, and in simulation."""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats

from rnnreg.analysis.statistics import aggregate

RNG = np.random.default_rng(0)
FAMILIES = list("aabccdefghijk")


def test_interquartile_mean_is_scipys():
    x = RNG.normal(size=(3, 13))
    assert aggregate.interquartile_mean(x) == pytest.approx(stats.trim_mean(x, 0.25, axis=1))
    assert aggregate.interquartile_mean(np.array([1.0, 5.0])) == 3.0


def test_families_of_one_have_students_interval():
    value = RNG.normal(size=(3, 8))
    low, high = aggregate.family_interval(value, list("abcdefgh"))
    expected = stats.ttest_1samp(value, 0, axis=1).confidence_interval(0.95)
    assert low == pytest.approx(expected.low)
    assert high == pytest.approx(expected.high)


def test_coverage_of_the_interval_over_families():
    rng = np.random.default_rng(2)
    kinds = [sorted(set(FAMILIES)).index(f) for f in FAMILIES]
    shared = rng.normal(size=(4000, 11))[:, kinds]  # what the data sets of a family share
    value = shared + 0.5 * rng.normal(size=(4000, 13))
    low, high = aggregate.family_interval(value, FAMILIES)
    covered = ((low < 0) & (high > 0)).mean()
    assert 0.93 < covered < 0.97


def test_data_sets_of_a_family_are_no_new_evidence():
    value = RNG.normal(size=(5, 6))
    twins = np.repeat(value, 2, axis=1)  # six families of two equal data sets
    kinds = np.repeat(list("abcdef"), 2).tolist()
    for ends in zip(
        aggregate.family_interval(twins, kinds),
        aggregate.family_interval(value, list("abcdef")),
        strict=True,
    ):
        assert ends[0] == pytest.approx(ends[1])


def test_too_few_families_have_no_interval():
    low, high = aggregate.family_interval(np.ones((2, 5)), list("abcde"))
    assert np.isnan([*low, *high]).all()


def test_the_profile_is_that_of_a_bootstrap_with_many_resamples():
    effect, cuts = RNG.normal(size=(2, 3, 5)), np.array([-1.0, 0.0, 0.8])
    share, low, high = aggregate.profile(effect, cuts)
    assert share == pytest.approx((effect[..., None] >= cuts).mean((1, 2)))
    draws = RNG.integers(5, size=(40_000, 3, 4))  # four of five seeds, in each stratum
    for r in range(2):
        drawn = effect[r][np.arange(3)[:, None], draws]  # (resamples, 3, 4)
        shares = (drawn[..., None] >= cuts).mean((1, 2))
        ends = np.percentile(shares, [2.5, 97.5], axis=0, method="inverted_cdf")
        assert np.abs(ends - [low[r], high[r]]).max() < 1e-9


def test_a_profile_of_one_seed_has_no_band():
    share, low, high = aggregate.profile(np.ones((1, 2, 1)), np.array([0.0, 2.0]))
    assert share.tolist() == [[1.0, 0.0]]
    assert np.isnan([*low, *high]).all()


def test_ranking_against_scipy_and_scikit_posthocs():
    value = RNG.normal(size=(4, 12)) + np.array([[0.0], [1.5], [0.2], [3.0]])
    found = aggregate.ranking(value)
    assert found.mean_rank == pytest.approx(stats.rankdata(value, axis=0).mean(1))
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*value).pvalue)
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(pd.DataFrame(value.T)).to_numpy()
    assert found.nemenyi_p == pytest.approx(nemenyi, abs=1e-6)
    melted = pd.DataFrame(value.T).melt()
    pairs = scikit_posthocs.posthoc_wilcoxon(
        melted, val_col="value", group_col="variable", p_adjust="holm"
    )
    off = ~np.eye(4, dtype=bool)
    assert found.wilcoxon_p[off] == pytest.approx(pairs.to_numpy()[off])


def test_critical_difference_of_demsars_example():
    # Demsar 2006, worked example: four classifiers on fourteen data sets, q = 2.569, CD = 1.25
    found = aggregate.ranking(RNG.normal(size=(4, 14)))
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)


def test_two_that_lie_a_critical_difference_apart_have_p_of_one_in_twenty():
    found = aggregate.ranking(RNG.normal(size=(5, 9)))
    difference = np.abs(found.mean_rank[:, None] - found.mean_rank)
    assert ((difference > found.critical_difference) == (found.nemenyi_p < 0.05)).all()


def test_ties_share_their_rank_and_all_equal_is_no_difference():
    found = aggregate.ranking(np.zeros((3, 8)))
    assert found.mean_rank.tolist() == [2.0, 2.0, 2.0]
    assert found.friedman_p == 1.0
    assert (found.wilcoxon_p == 1.0).all()


def test_no_test_of_ranks_below_six_families():
    found = aggregate.ranking(RNG.normal(size=(3, 5)))
    assert found.mean_rank.sum() == pytest.approx(6.0)
    assert np.isnan([found.friedman_p, found.critical_difference, *found.control_p]).all()


def test_control_is_corrected_over_the_others_only():
    value = RNG.normal(size=(3, 10)) + np.array([[0.0], [-2.0], [0.1]])
    raw = [stats.wilcoxon(value[0] - value[j]).pvalue for j in (1, 2)]
    expected = [min(1, 2 * raw[0]), max(2 * raw[0], raw[1])] if raw[0] < raw[1] else None
    assert aggregate.ranking(value).control_p[1:] == pytest.approx(expected)
