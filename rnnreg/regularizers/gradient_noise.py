"""Noise on the gradient that fades in training."""

import torch

from rnnreg.kernels.noise import Site
from rnnreg.regularizers import Regularizer

DECAY = 0.55  # gamma of the paper


class GradientNoise(Regularizer):
    """Adds normal noise of variance strength / (1 + t)^0.55 to the gradient; t is the step from 0.

    Each entry of each parameter draws anew at every step.

    Suits networks that are hard to train, for they are very deep or complex: the paper's over-fit
    less, and their training losses are lower, too.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise
    >>> noise, grads = Noise(torch.tensor([1]), step=0), {"output": torch.zeros(1, 100, 100)}
    >>> noisy = GradientNoise(torch.tensor([0.25])).gradients(grads, grads, noise)["output"]
    >>> round(noisy.std().item(), 1)
    0.5
    """

    title = "gradient noise"
    group = "gradients"
    source = (
        "Neelakantan et al. 2015, Adding Gradient Noise Improves Learning for Very Deep Networks "
        "(arXiv:1511.06807), section 3, equation 1: variance eta / (1 + t)^gamma, gamma = 0.55, "
        "eta of 0.01, 0.3 and 1"
    )
    # Weaker ones too: the gradients of this project are those of a mean over steps.
    strengths = (1e-6, 1e-4, 0.01, 0.3, 1.0)

    def gradients(self, grads, params, noise):
        """g <- g + N(0, strength / (1 + t)^0.55), t the step from 0."""
        steps = torch.ones_like(self.strength, dtype=torch.float64) + noise.step  # (M,)
        deviation = (self.strength * steps**-DECAY).sqrt().float()
        return {
            n: g + noise.at(Site(f"gradient/{n}")).normal(g.shape[1:], deviation)
            for n, g in grads.items()
        }
