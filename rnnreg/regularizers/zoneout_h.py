"""Zoneout of the hidden state alone."""

from rnnreg.regularizers import Regularizer


class ZoneoutH(Regularizer):
    """Leaves units of h as they are with probability `strength`; c is always taken.

    Every time step, sequence and unit draws anew. In evaluation h is strength x old + (1 -
    strength) x new.

    Suits what `zoneout` suits, where c is to stay exact.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> zoneout, noise = ZoneoutH(torch.tensor([0.25])), Noise(torch.tensor([1]), step=0)
    >>> zoneout.mask(Site("carry/h"), (8, 4, 16), noise.expected()).item()
    0.75
    >>> zoneout.mask(Site("carry/c"), (8, 4, 16), noise)
    1.0
    """

    title = "zoneout of h"
    group = "masks"
    source = "Krueger, Maharaj and others 2017, ICLR (arXiv:1606.01305), sections 3.2 and 4.1.1"
    strengths = (0.025, 0.05, 0.1, 0.15, 0.25)
    range = (0.0, 0.99)
    searched = (0.0, 0.5)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.cell.cell_state else "without a cell state c it is zoneout itself"

    def mask(self, site, shape, noise):
        """h <- (1 - mask) x h + mask x o tanh(c); mask = 0 with probability strength, else 1."""
        if site == "carry/h":
            return noise.at(site).bernoulli(1 - self.strength, shape)
        return 1.0
