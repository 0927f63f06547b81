"""Dropout with one mask for a whole sequence on the connections that are not recurrent."""

from rnnreg.regularizers import Regularizer


class LockedDropout(Regularizer):
    """Drops the same inputs of each layer and of the output matrix at all steps of a sequence.

    In truncated back-propagation masks are drawn anew for each window. What is kept is scaled by
    1 / (1 - strength); in evaluation nothing happens.

    Suits recurrent language models: a part of the paper's AWD-LSTM, the best language model of its
    time on the Penn Treebank.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = LockedDropout(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> dropout.mask(Site("input"), (8, 4, 16), noise).shape
    torch.Size([1, 1, 4, 16])
    """

    title = "locked dropout"
    group = "masks"
    source = (
        "Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, ICLR "
        "(arXiv:1708.02182), section 4.2, where it is called variational dropout; named as in the "
        "authors' code: github.com/salesforce/awd-lstm-lm, locked_dropout.py"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """mask = 1 / (1 - strength) with probability 1 - strength, else 0.

        For every sequence and unit.
        """
        if site in ("input", "between", "output"):
            return noise.at(site).dropout(self.strength, (1, *shape[1:]))
        return 1.0
