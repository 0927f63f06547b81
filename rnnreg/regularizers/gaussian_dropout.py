"""Dropout by normal numbers instead of zeros."""

from rnnreg.regularizers import Regularizer


class GaussianDropout(Regularizer):
    """Multiplies inputs of each layer and of the output matrix by N(1, p / (1 - p)), p = strength.

    That is the variance which dropout of probability p gives its masks. Every time step, sequence
    and unit draws anew; in evaluation nothing happens.

    Suits what `dropout` suits: its masks have the same mean and variance.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = GaussianDropout(torch.tensor([0.2])), Noise(torch.tensor([1]), step=0)
    >>> mask = dropout.mask(Site("input"), (50, 20, 50), noise)
    >>> round(mask.mean().item(), 1), round(mask.std().item(), 1)  # sqrt(0.2 / 0.8) = 0.5
    (1.0, 0.5)
    """

    title = "Gaussian dropout"
    group = "masks"
    source = (
        "Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014, Dropout: A Simple Way "
        "to Prevent Neural Networks from Overfitting, JMLR 15, section 10"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """mask = 1 + sqrt(p / (1 - p)) x a standard normal number, p = strength.

        For every time step, sequence and unit.
        """
        if site in ("input", "between", "output"):
            deviation = (self.strength / (1 - self.strength)).sqrt()
            return noise.at(site).normal(shape, deviation, mean=1.0)
        return 1.0
