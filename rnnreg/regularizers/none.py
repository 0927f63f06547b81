"""Nothing: what every regularizer is compared with."""

from rnnreg.regularizers import Regularizer


class NoRegularizer(Regularizer):
    """No regularization.

    >>> import torch
    >>> NoRegularizer(torch.zeros(1)).penalty({"output": torch.ones(1, 2, 3)}, None)
    0.0
    """

    title = "none"
    group = "none"
    source = "the reference of this study"
    strengths = (0.0,)
    range = (0.0, 0.0)
