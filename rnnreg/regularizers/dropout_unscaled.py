"""Dropout whose scaling is forgotten: what goes wrong then."""

from rnnreg.regularizers import Regularizer


class DropoutUnscaled(Regularizer):
    """Drops what `dropout` drops; nothing is scaled, neither in training nor in evaluation.

    A slip of tutorials, to be compared with `dropout`: in evaluation activations are larger than
    they were in training, by 1 / (1 - strength) on average.

    Suits nothing: it shows what the slip costs.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout = DropoutUnscaled(torch.tensor([0.25]))
    >>> noise = Noise(torch.tensor([1]), step=0)
    >>> sorted(set(dropout.mask(Site("input"), (8, 4, 16), noise).flatten().tolist()))
    [0.0, 1.0]
    >>> dropout.mask(Site("input"), (8, 4, 16), noise.expected()).flatten().tolist()
    [1.0]
    """

    title = "dropout, not scaled"
    group = "masks"
    # Unlike Srivastava et al.: they multiply by 1 - strength at test time, figure 2.
    source = (
        "Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from "
        "Overfitting, JMLR 15, without the scaling of its figure 2"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """mask = 1 with probability 1 - strength, else 0; in evaluation mask = 1.

        For every time step, sequence and unit.
        """
        if site in ("input", "between", "output"):
            return noise.at(site).bernoulli(1 - self.strength, shape).ceil()
        return 1.0
