"""A variational information bottleneck on what the output matrix reads."""

from dataclasses import replace
from math import inf

from rnnreg.kernels.native.squares import squares
from rnnreg.regularizers import Regularizer

NAME = "log_deviation"


class InformationBottleneck(Regularizer):
    """Reads z ~ N(h, sigma^2), and adds strength x KL(N(h, sigma^2) || N(0, 1)) to the mean loss.

    The divergence is in nats, summed over the units of h; sigma is learned, one a unit, starting
    from 0.05. Evaluation reads h. At strength 0 sigma is still a part of the network, so no
    strength is none.

    Suits classification: the paper's networks generalise better than under other regularizers, and
    resist adversarial examples.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> z = torch.tensor([[[1.0, 2.0]]])
    >>> trace = Trace(z, [], [], z, Batch(z, z), z)
    >>> weights = {"log_deviation": torch.tensor([[0.0, -1.0]])}
    >>> InformationBottleneck(torch.tensor([0.1])).penalty(weights, trace)  # 0.1 (0 + 2.5)
    tensor([0.2500])
    """

    title = "information bottleneck"
    group = "outputs"
    # Unlike the paper, sigma is a parameter, not a function of the input, the encoder's mean is h
    # itself, and the divergence is not taken in closed form, (h^2 + sigma^2 - 1) / 2 - log sigma,
    # but at the one z that is drawn: the same on average, with a noisier gradient.
    source = (
        "Alemi, Fischer, Dillon and Murphy 2017, Deep Variational Information Bottleneck, ICLR "
        "(arXiv:1612.00410), section 3, the objective J_IB, with r(z) = N(0, 1)"
    )
    strengths = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    range = (1e-9, inf)

    @classmethod
    def network(cls, network):
        return replace(network, own={**network.own, NAME: ((network.hidden,), -3.0)})

    def shift(self, site, shape, noise, weights):
        """z = h + sigma x a standard normal number, for every step, sequence and unit."""
        if site == "output":
            return noise.at(site).learned(shape, weights[NAME])
        return 0.0

    def penalty(self, weights, trace):
        """penalty = strength x sum ((z^2 - 1) / 2 - log sigma), over the units of h.

        Over draws the mean of z^2 is h^2 + sigma^2.
        """
        each = (squares(trace.read) - trace.read.shape[-1]) / 2
        return self.strength * (trace.target_mean(each) - weights[NAME].sum(1))
