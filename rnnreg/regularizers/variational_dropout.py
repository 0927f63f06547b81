"""Dropout with one mask for a whole sequence at inputs, outputs, recurrence and embedding."""

from rnnreg.regularizers import Regularizer

SITES = ("embedding", "input", "between", "output", "recurrent")


class VariationalDropout(Regularizer):
    """Drops the same units, and the same symbols, at all time steps of a sequence.

    Units are those of the inputs of each layer, of h before the recurrent product (alike for all
    gates: tied masks) and of what the output matrix reads; symbols are rows of the embedding. In
    truncated back-propagation masks are drawn anew for each window. What is kept is scaled by
    1 / (1 - strength); in evaluation nothing happens.

    Suits an LSTM or a GRU that over-fits: the paper's gain in language modelling, where one is the
    best single model of its time on the Penn Treebank, and sentiment analysis.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = VariationalDropout(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> dropout.mask(Site("output"), (8, 4, 16), noise).shape
    torch.Size([1, 1, 4, 16])
    """

    title = "variational dropout"
    group = "masks"
    # Unlike the authors' code (github.com/yaringal/BayesianRNN), which has rates of 0.3 for symbols
    # and recurrence, 0.5 for inputs and outputs and a mask a gate, there is one rate, and all gates
    # share a mask. The paper's weight decay is left out.
    source = (
        "Gal and Ghahramani 2016, A Theoretically Grounded Application of Dropout in Recurrent "
        "Neural Networks, NIPS 29 (arXiv:1512.05287), section 4.1"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """mask = 1 / (1 - strength) with probability 1 - strength, else 0.

        For every sequence and unit or symbol.
        """
        if site in SITES:
            return noise.at(site).dropout(self.strength, (1, *shape[1:]))
        return 1.0
