"""Two passes under different dropout masks that must predict the same distribution."""

from rnnreg.kernels.native.losses import divergence
from rnnreg.regularizers import Regularizer
from rnnreg.tasks import Classification, LanguageModel

RATE = 0.3  # of dropout


class RDrop(Regularizer):
    """Adds strength x (KL(p || q) + KL(q || p)) / 2 of two passes with dropout to their mean loss.

    Each pass drops inputs of each layer and of the output matrix with probability 0.3, anew at
    every time step, as `dropout` does.

    Suits networks with dropout: the paper's Transformers gain in translation, summaries, language
    modelling and classification of images.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> p, q = (torch.tensor([[[0.0, x]]]) for x in (0.0, torch.tensor(3.0).log()))
    >>> twin = Trace(q, [], [], q, Batch(q, torch.tensor([[0]])), q)  # (1/2, 1/2), (1/4, 3/4)
    >>> trace = Trace(p, [], [], p, twin.batch, p, twin=twin)
    >>> RDrop(torch.tensor([1.0])).penalty({}, trace)  # (1/4 log 3) / 2
    tensor([0.1373])
    """

    title = "R-Drop"
    group = "second pass"
    # Unlike the paper, whose loss is -log p - log q + alpha / 2 (KL(p || q) + KL(q || p)), the mean
    # of the two losses is taken, as in the README of the authors' code: strength is alpha / 2, and
    # all gradients are half as long. Dropout has one rate, 0.3, not that of a model of the paper.
    source = (
        "Wu, Liang and others 2021, R-Drop: Regularized Dropout for Neural Networks, NeurIPS 34 "
        "(arXiv:2106.14448), section 2, with the means of the authors' code: "
        "github.com/dropreg/R-Drop, README"
    )
    strengths = (0.1, 0.3, 1.0, 3.0, 5.0)
    second = "draws"

    @classmethod
    def suits(cls, network, task):
        if isinstance(task, Classification | LanguageModel):
            return ""
        return "it needs one distribution over symbols or classes a target"

    def mask(self, site, shape, noise):
        """mask = 1 / 0.7 with probability 0.7, else 0; at strength 0, mask = 1."""
        if site in ("input", "between", "output"):
            return noise.at(site).dropout(RATE * (self.strength > 0), shape)
        return 1.0

    def penalty(self, weights, trace):
        """penalty = strength x (KL(p || q) + KL(q || p)) / 2.

        Both divergences together are sum (p - q)(log p - log q).
        """
        return self.strength / 2 * trace.target_mean(divergence(trace.output, trace.twin.output))
