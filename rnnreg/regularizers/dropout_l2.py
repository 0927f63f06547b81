"""Dropout and an L2 penalty together."""

from rnnreg.regularizers import Combination


class DropoutL2(Combination):
    """Dropout of 0.1 and L2 of 0.001 at strength 1, both scaled by the strength.

    Suits a first try, before anything is searched: both parts are weak.

    >>> import torch
    >>> [part.strength for part in DropoutL2(torch.tensor([2.0])).parts]
    [tensor([0.2000]), tensor([0.0020])]
    """

    title = "dropout + L2"
    group = "combinations"
    source = (
        "a recipe of tutorials, in no paper: dropout of Zaremba et al. 2014 and the penalty of "
        "Krogh and Hertz 1991"
    )
    ratios = {"dropout": 0.1, "l2": 1e-3}
    strengths = (0.1, 0.3, 1.0, 3.0)
    range = (0.0, 9.9)
