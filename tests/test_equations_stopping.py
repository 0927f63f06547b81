"""When a member stops, check by check."""

import pytest
import torch

from rnnreg.study import registry

NAN = float("nan")
CURVES = {
    "falls and rises": [5.0, 3.0, 1.0, 2.0, 1.5, 1.2, 2.0, 3.0],
    "rises at once": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
    "a second best": [5.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    "equal to the best": [2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],  # no improvement
    "not finite": [3.0, NAN, 2.0, NAN, NAN, NAN, 1.0, NAN],
}


def stops(curve: list[float], patience: int) -> int | None:
    """The check at which so many have passed without a new lowest loss, the first being 0."""
    lowest, since = float("inf"), 0
    for check, loss in enumerate(curve):
        lowest, since = (loss, 0) if loss < lowest else (lowest, since + 1)
        if since == patience:
            return check
    return None


@pytest.mark.parametrize("name", CURVES)
def test_a_member_stops_once_its_patience_is_over(name):
    patiences = (1, 2, 4, 20)
    reg = registry.load("regularizer", "early_stopping")(
        torch.tensor([float(p) for p in patiences])
    )
    losses = torch.tensor(CURVES[name])[:, None].expand(-1, len(patiences))
    for m, patience in enumerate(patiences):
        goes_on = [bool(reg.keep_training(losses[: i + 1])[m]) for i in range(len(losses))]
        found = goes_on.index(False) if False in goes_on else None
        assert found == stops(CURVES[name], patience), patience
