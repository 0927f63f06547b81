"""The choice of a strength, against cases worked by hand."""

from types import SimpleNamespace

import pytest

from rnnreg.study.selection import choose


def record(strength, loss, phase="tune", final=None):
    scores = {"best": {"validation": {"loss": loss}}, "final": {"validation": {"loss": final}}}
    return SimpleNamespace(phase=phase, strength=strength, scores=scores)


def test_lowest_mean_over_seeds_not_lowest_member():
    lucky = [record(1.0, 0.1), record(1.0, 1.0)]  # mean 0.55
    steady = [record(2.0, 0.5), record(2.0, 0.4)]  # mean 0.45
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
    assert choose([record(1.0, bad), record(2.0, 3.0), record(2.0, 9.0)], "best") == 2.0


def test_evaluation_members_have_no_say():
    assert choose([record(1.0, 0.5), record(2.0, 0.1, phase="evaluate")], "best") == 1.0


def test_nothing_tuned_is_an_error():
    with pytest.raises(ValueError, match="empty"):
        choose([record(1.0, 0.5, phase="evaluate")], "best")
