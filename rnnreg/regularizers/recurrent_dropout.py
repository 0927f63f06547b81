"""Dropout on the hidden state, with one mask for a whole sequence."""

from rnnreg.regularizers import Regularizer


class RecurrentDropout(Regularizer):
    """Drops the same units of h before the recurrent product at all time steps of a sequence.

    In truncated back-propagation the mask is drawn anew for each window. What is kept is scaled
    by 1 / (1 - strength); in evaluation nothing happens.

    Suits an LSTM or a GRU that over-fits: with inputs and outputs dropped as well the paper's gain
    in language modelling and sentiment analysis.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = RecurrentDropout(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> dropout.mask(Site("recurrent"), (8, 4, 16), noise).shape
    torch.Size([1, 1, 4, 16])
    """

    title = "recurrent dropout"
    group = "masks"
    # Unlike the paper, inputs and outputs are left alone: `dropout` is where those are studied. Its
    # weight decay is left out.
    source = (
        "Gal and Ghahramani 2016, A Theoretically Grounded Application of Dropout in Recurrent "
        "Neural Networks, NIPS 29 (arXiv:1512.05287), section 4.1"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """R (mask x h); mask = 1 / (1 - strength) with probability 1 - strength, else 0.

        For every sequence and unit.
        """
        if site == "recurrent":
            return noise.at(site).dropout(self.strength, (1, *shape[1:]))
        return 1.0
