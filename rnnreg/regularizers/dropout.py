"""Dropout on the connections that are not recurrent."""

from rnnreg.regularizers import Regularizer


class Dropout(Regularizer):
    """Drops inputs of each layer and of the output matrix, anew at every time step.

    What is kept is scaled by 1 / (1 - strength); in evaluation nothing happens.

    Suits networks that over-fit: the paper's LSTMs gain in language modelling, speech recognition,
    captions of images and translation.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = Dropout(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> sorted(set(dropout.mask(Site("input"), (8, 4, 16), noise).flatten().tolist()))
    [0.0, 2.0]
    >>> dropout.mask(Site("input"), (8, 4, 16), noise.expected())
    1.0
    """

    title = "dropout"
    group = "masks"
    source = "Zaremba, Sutskever and Vinyals 2014, arXiv:1409.2329, section 3.2"
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """mask = 1 / (1 - strength) with probability 1 - strength, else 0.

        For every time step, sequence and unit.
        """
        if site in ("input", "between", "output"):
            return noise.at(site).dropout(self.strength, shape)
        return 1.0
