"""Gaussian noise on the inputs."""

from rnnreg.regularizers import Regularizer


class InputNoise(Regularizer):
    """Adds N(0, strength^2) to the inputs of the first layer, at every step, anew for each number.

    Inputs are real vectors, or the embeddings of symbols. Of standardised series this is jittering;
    targets have no noise. In evaluation nothing happens.

    Suits outputs that should change little where inputs do: Bishop shows it to be a penalty on the
    slopes of what the network computes.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> noise, shape = Noise(torch.tensor([1]), step=0), (20, 50, 10)
    >>> added = InputNoise(torch.tensor([0.1])).shift(Site("input"), shape, noise, {})
    >>> added.shape, round(added.std().item(), 2)
    (torch.Size([1, 20, 50, 10]), 0.1)
    """

    title = "input noise"
    group = "inputs"
    source = (
        "Bishop 1995, Training with Noise is Equivalent to Tikhonov Regularization, Neural "
        "Computation 7(1), 108-116; jittering of Um et al. 2017, Data Augmentation of Wearable "
        "Sensor Data for Parkinson's Disease Monitoring using Convolutional Neural Networks "
        "(arXiv:1706.00527), whose standard deviation is 0.05 in their published code"
    )
    strengths = (0.01, 0.05, 0.1, 0.3, 1.0)

    def shift(self, site, shape, noise, weights):
        """x <- x + strength x a standard normal number, for every step, sequence and unit."""
        if site == "input":
            return noise.at(site).normal(shape, self.strength)
        return 0.0
