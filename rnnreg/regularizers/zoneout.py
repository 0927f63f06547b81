"""Units that keep their last value at some time steps."""

from rnnreg.regularizers import Regularizer


class Zoneout(Regularizer):
    """Leaves units of h, and of c where there is one, as they are, with probability `strength`.

    Every time step, sequence and unit draws anew; h and c draw apart. New h is computed from the
    new c, whether that is taken or not. In evaluation a state is strength x old + (1 - strength) x
    new.

    Suits recurrent networks that are to remember: the paper's gain in language modelling of
    characters and of words, and on permuted images of digits.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> zoneout, noise = Zoneout(torch.tensor([0.25])), Noise(torch.tensor([1]), step=0)
    >>> sorted(set(zoneout.mask(Site("carry/h"), (8, 4, 16), noise).flatten().tolist()))
    [0.0, 1.0]
    >>> zoneout.mask(Site("carry/h"), (8, 4, 16), noise.expected()).item()
    0.75
    """

    title = "zoneout"
    group = "masks"
    source = (
        "Krueger, Maharaj and others 2017, Zoneout: Regularizing RNNs by Randomly Preserving "
        "Hidden Activations, ICLR (arXiv:1606.01305), section 3.2; one probability for h and c as "
        "in section 4.3"
    )
    strengths = (0.025, 0.05, 0.1, 0.15, 0.25)
    range = (0.0, 0.99)
    searched = (0.0, 0.5)
    scale = "linear"

    def mask(self, site, shape, noise):
        """state = (1 - mask) x old + mask x new; mask = 0 with probability strength, else 1."""
        if site in ("carry/h", "carry/c"):
            return noise.at(site).bernoulli(1 - self.strength, shape)
        return 1.0
