"""Dropout on the hidden state with a mask of its own at each time step."""

from rnnreg.regularizers import Regularizer


class RecurrentDropoutPerStep(Regularizer):
    """Drops units of h before the recurrent product, anew at every time step.

    The form that papers warn of, for comparison with `recurrent_dropout`. What is kept is scaled by
    1 / (1 - strength); in evaluation nothing happens.

    Suits a comparison alone: the papers find that it makes results worse.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = RecurrentDropoutPerStep(torch.tensor([0.5])), Noise(torch.tensor([1]), 0)
    >>> mask = dropout.mask(Site("recurrent"), (8, 4, 16), noise)
    >>> mask.shape, sorted(set(mask.flatten().tolist()))
    (torch.Size([1, 8, 4, 16]), [0.0, 2.0])
    """

    title = "recurrent dropout, per step"
    group = "masks"
    source = (
        "Gal and Ghahramani 2016, NIPS 29 (arXiv:1512.05287), section 1: masks that differ from "
        "step to step at recurrent connections make results worse"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def mask(self, site, shape, noise):
        """R (mask x h); mask = 1 / (1 - strength) with probability 1 - strength, else 0.

        For every time step, sequence and unit.
        """
        if site == "recurrent":
            return noise.at(site).dropout(self.strength, shape)
        return 1.0
