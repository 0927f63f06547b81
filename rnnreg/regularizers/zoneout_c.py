"""Zoneout of the cell state alone."""

from rnnreg.regularizers import Regularizer


class ZoneoutC(Regularizer):
    """Leaves units of c as they are with probability `strength`; h is always taken.

    Every time step, sequence and unit draws anew. h is computed from the new c, whether that is
    taken or not. In evaluation c is strength x old + (1 - strength) x new.

    Suits what `zoneout` suits, where h is to stay exact.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> zoneout, noise = ZoneoutC(torch.tensor([0.25])), Noise(torch.tensor([1]), step=0)
    >>> zoneout.mask(Site("carry/c"), (8, 4, 16), noise.expected()).item()
    0.75
    >>> zoneout.mask(Site("carry/h"), (8, 4, 16), noise)
    1.0
    """

    title = "zoneout of c"
    group = "masks"
    source = "Krueger, Maharaj and others 2017, ICLR (arXiv:1606.01305), sections 3.2 and 4.1.1"
    strengths = (0.05, 0.1, 0.25, 0.5, 0.7)
    range = (0.0, 0.99)
    searched = (0.0, 0.8)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.cell.cell_state else "its cell has no cell state c"

    def mask(self, site, shape, noise):
        """c <- (1 - mask) x c + mask x (f c + i g); mask = 0 with probability strength, else 1."""
        if site == "carry/c":
            return noise.at(site).bernoulli(1 - self.strength, shape)
        return 1.0
