"""Statistics across data sets: against scipy and scikit-posthocs, by hand, and in simulation."""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats

from rnnreg.analysis.statistics import aggregate

RNG = np.random.default_rng(0)
FAMILIES = list("aabccdefghijk")
GROUPS = ["x"] * 7 + ["y"] * 6


def test_interquartile_mean_is_scipys():
    x = RNG.normal(size=(3, 13))
    assert aggregate.interquartile_mean(x) == pytest.approx(stats.trim_mean(x, 0.25, axis=1))
    assert aggregate.interquartile_mean(np.array([1.0, 5.0])) == 3.0


@pytest.mark.parametrize("seeds", [2, 5, 8])
def test_coverage_of_the_interval_over_seeds(seeds):
    low, high = aggregate.seed_interval(np.random.default_rng(2).normal(size=(400, 4, 4, seeds)))
    covered = ((low < 0) & (high > 0)).mean()
    assert 0.92 < covered < 0.99


@pytest.mark.parametrize("seeds", [3, 6])
def test_one_data_set_and_cell_has_the_interval_of_its_mean(seeds):
    x = np.random.default_rng(2).normal(size=(2000, 1, 1, seeds))
    low, high = aggregate.seed_interval(x)
    expected = stats.ttest_1samp(x[:, 0, 0], 0, axis=1).confidence_interval(0.95)
    assert low == pytest.approx(expected.low)
    assert high == pytest.approx(expected.high)
    assert 0.935 < ((low < 0) & (high > 0)).mean() < 0.965  # a bootstrap of six covers less


def test_coverage_of_the_interval_over_families():
    value = np.random.default_rng(2).normal(size=(800, 13))
    low, high = aggregate.family_interval(value, FAMILIES, GROUPS, resamples=600)
    covered = ((low < 0) & (high > 0)).mean()
    assert 0.90 < covered < 0.97  # 0.93 with eleven families


def test_a_family_is_drawn_together():
    value = RNG.normal(size=(400, 12))
    twins = np.repeat(value[:, :6], 2, axis=1)  # six families of two equal data sets
    kinds = np.repeat(list("abcdef"), 2).tolist()
    apart = aggregate.family_interval(twins, list("abcdefghijkl"), ["x"] * 12, resamples=400)
    together = aggregate.family_interval(twins, kinds, ["x"] * 12, resamples=400)
    width = [np.mean(high - low) for low, high in (apart, together)]
    assert width[1] > 1.25 * width[0]  # ignoring kinship would claim twice the data sets


def test_too_few_families_have_no_interval():
    low, high = aggregate.family_interval(np.ones((2, 5)), list("abcde"), ["x"] * 5)
    assert np.isnan([*low, *high]).all()


def test_one_seed_has_no_interval():
    low, high = aggregate.seed_interval(np.ones((2, 3, 1, 1)))
    assert np.isnan([*low, *high]).all()


def test_same_seed_same_interval_other_seed_other_interval():
    x = RNG.normal(size=(2, 7, 1, 5))
    assert np.array_equal(aggregate.seed_interval(x, 1), aggregate.seed_interval(x, 1))
    assert not np.array_equal(aggregate.seed_interval(x, 1), aggregate.seed_interval(x, 2))
    value, kinds = x.mean((2, 3)), list("abcdefg")
    again = [aggregate.family_interval(value, kinds, ["x"] * 7, s, 100) for s in (1, 1, 2)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])


def test_all_equal_has_an_interval_of_no_width():
    low, high = aggregate.seed_interval(np.full((1, 2, 2, 4), 0.3))
    assert (low[0], high[0]) == pytest.approx((0.3, 0.3))


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
