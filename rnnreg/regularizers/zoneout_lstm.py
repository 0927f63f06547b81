"""Zoneout of both states of an LSTM, each with its probability."""

from rnnreg.regularizers import Combination


class ZoneoutLSTM(Combination):
    """Zoneout of 0.5 for c and 0.05 for h at strength 1, both scaled by the strength.

    Suits an LSTM as a language model: its rates are those of the paper's.

    >>> import torch
    >>> [part.strength for part in ZoneoutLSTM(torch.tensor([0.5])).parts]
    [tensor([0.2500]), tensor([0.0250])]
    """

    title = "zoneout, more of c than of h"
    group = "combinations"
    source = (
        "Krueger, Maharaj and others 2017, ICLR (arXiv:1606.01305): 0.5 and 0.05 in sections 4.1.1 "
        "and 4.2, half of both in section 4.1.2"
    )
    ratios = {"zoneout_c": 0.5, "zoneout_h": 0.05}
    strengths = (0.1, 0.25, 0.5, 1.0, 1.5)
    range = (0.0, 1.9)
    scale = "linear"
