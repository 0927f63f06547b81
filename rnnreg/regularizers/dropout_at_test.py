"""Dropout as it was first published: nothing is scaled in training, everything in evaluation."""

from rnnreg.regularizers import Regularizer


class DropoutAtTest(Regularizer):
    """Drops what `dropout` drops, without scaling; in evaluation all is kept times 1 - strength.

    The other of the two formulas that texts give for dropout: the expected activations of training
    and evaluation agree in both, and the network differs by a factor in its weights.

    Suits networks that over-fit: the paper's gain in vision, speech recognition, classification of
    documents and computational biology.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout = DropoutAtTest(torch.tensor([0.25]))
    >>> noise = Noise(torch.tensor([1]), step=0)
    >>> sorted(set(dropout.mask(Site("input"), (8, 4, 16), noise).flatten().tolist()))
    [0.0, 1.0]
    >>> dropout.mask(Site("input"), (8, 4, 16), noise.expected()).flatten().tolist()
    [0.75]
    """

    title = "dropout, scaled at test"
    group = "masks"
    source = (
        "Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from "
        "Overfitting, JMLR 15, figure 2"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """mask = 1 with probability 1 - strength, else 0; in evaluation mask = 1 - strength.

        For every time step, sequence and unit.
        """
        if site in ("input", "between", "output"):
            return noise.at(site).bernoulli(1 - self.strength, shape)
        return 1.0
