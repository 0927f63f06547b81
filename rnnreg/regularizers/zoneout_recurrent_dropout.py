"""Zoneout and recurrent dropout together."""

from rnnreg.regularizers import Combination


class ZoneoutRecurrentDropout(Combination):
    """Zoneout of 0.15 and recurrent dropout of 0.15 at strength 1, both scaled by the strength.

    Suits what both parts suit; no paper says whether together they do better.

    >>> import torch
    >>> [part.strength for part in ZoneoutRecurrentDropout(torch.tensor([2.0])).parts]
    [tensor([0.3000]), tensor([0.3000])]
    """

    title = "zoneout + recurrent dropout"
    group = "combinations"
    # Unlike the paper, which sets both to 0.15 one at a time, they act together; its recurrent
    # dropout is that of Semeniuta et al., which not every cell has.
    source = (
        "the probabilities of Krueger, Maharaj and others 2017, ICLR (arXiv:1606.01305), section "
        "4.3; together in no paper"
    )
    ratios = {"zoneout": 0.15, "recurrent_dropout": 0.15}
    strengths = (0.25, 0.5, 1.0, 2.0, 3.0)
    range = (0.0, 6.5)
    scale = "linear"
