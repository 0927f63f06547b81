"""The choice of a strength, against cases worked by hand."""

from types import SimpleNamespace

import pytest

from rnnreg.study import selection
from rnnreg.study.selection import survivors, worse


def record(strength, loss, phase="tune", final=None, seed=0, rate=None):
    scores = {"best": {"validation": {"loss": loss}}, "final": {"validation": {"loss": final}}}
    return SimpleNamespace(phase=phase, tuned=(rate, strength), seed=seed, scores=scores)


def choose(records, criterion):
    """The strength alone."""
    return selection.choose(records, criterion)[1]


def test_lowest_mean_over_seeds_not_lowest_member():
    lucky = [record(1.0, 0.1), record(1.0, 1.0, seed=1)]  # mean 0.55
    steady = [record(2.0, 0.5), record(2.0, 0.4, seed=1)]  # mean 0.45
    assert choose(lucky + steady, "best") == 2.0


def test_each_criterion_has_its_own_choice():
    rows = [record(1.0, 0.1, final=0.9), record(2.0, 0.2, final=0.3)]
    assert choose(rows, "best") == 1.0
    assert choose(rows, "final") == 2.0


def test_a_tie_goes_to_the_first_of_the_grid_even_where_off_is_infinite():
    assert choose([record(float("inf"), 0.5), record(1.0, 0.5)], "best") == float("inf")
    assert choose([record(0.0, 0.5), record(1.0, 0.5)], "best") == 0.0


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_a_loss_that_is_no_number_never_wins(bad):
    assert choose([record(1.0, bad), record(2.0, 3.0), record(3.0, 9.0)], "best") == 2.0


def test_evaluation_members_have_no_say():
    assert choose([record(1.0, 0.5), record(2.0, 0.1, phase="evaluate")], "best") == 1.0


def test_where_nothing_was_tuned_there_is_one_setting_or_an_error():
    evaluated = [record(s, 0.5, phase="evaluate") for s in (1.0, 2.0)]
    assert choose(evaluated[:1], "best") == 1.0
    with pytest.raises(ValueError, match="empty"):
        choose(evaluated, "best")


def test_two_searches_of_one_row_leave_no_choice():
    """One setting has the seeds of both, so that no seed is left that the others lack."""
    both = [record(1.0, 0.5, seed=0), record(1.0, 0.5, seed=1)]
    with pytest.raises(ValueError, match="one set of seeds"):
        choose([*both, record(2.0, 0.1, seed=0), record(3.0, 0.1, seed=1)], "best")


def test_a_setting_is_a_rate_and_a_strength():
    rows = [record(1.0, 0.5, rate=1e-3), record(1.0, 0.4, rate=1e-2)]
    assert selection.choose(rows, "best") == (1e-2, 1.0)


def test_of_a_race_the_survivors_fresh_seeds_decide():
    first = [record(1.0, 0.1), record(2.0, 0.2), record(3.0, 0.3)]
    again = [record(1.0, 0.9, seed=1), record(2.0, 0.5, seed=1)]
    assert choose(first + again, "best") == 2.0, "1.0 was lucky on the seed that it survived by"
    assert choose(first, "best") == 1.0
    lost = [record(1.0, None, seed=1), record(2.0, 5.0, seed=1)]
    assert choose(first + lost, "best") == 2.0


def test_criteria_share_the_survivors_by_turns():
    rows = [
        record(s, best, final=final)
        for s, best, final in ((1.0, 0.1, 0.9), (2.0, 0.2, 0.8), (3.0, 0.3, 0.1), (4.0, 0.4, 0.2))
    ]
    found = [strength for _, strength in survivors(rows, 3)]
    assert found == [1.0, 3.0, 2.0], "the best of one, the best of the other, the second of one"
    assert [s for _, s in survivors(rows, 1)] == [1.0]
    assert len(survivors(rows, 9)) == 4


def test_a_leader_of_both_criteria_survives_once():
    rows = [record(s, loss, final=loss) for s, loss in ((1.0, 0.3), (2.0, None), (3.0, 0.1))]
    assert [s for _, s in survivors(rows, 3)] == [3.0, 1.0, 2.0]


def test_worse_is_worse_by_the_means_of_both_criteria():
    one = [record(1.0, 0.4, final=0.4)]
    assert worse([record(2.0, 0.5, final=0.6)], one)
    assert not worse([record(2.0, 0.5, final=0.4)], one), "the same by one of them"
    assert not worse([record(2.0, 0.3, final=0.6)], one)
    assert not worse(one, one)
    two = [record(1.0, 0.4, final=0.4, seed=seed) for seed in (0, 1)]
    assert worse([record(2.0, 0.5, final=0.5)], two), "means, not sums"
