"""L2 with the mean of the squares in place of their sum."""

from rnnreg.regularizers import Regularizer, matrices


class L2Mean(Regularizer):
    """Adds strength x the mean of w^2 over the input, recurrent and output matrices to the loss.

    L2 at strength / n, for n weights: the same penalties, each at another strength. Texts differ in
    this factor (a sum, half of it, over 2m for m cases, a mean), and so do the strengths they name.

    Suits what `l2` suits, at strengths that do not go by how many weights there are.

    >>> import torch
    >>> weights = {"output": torch.tensor([[[1.0, -2.0]]]), "output_bias": torch.tensor([[9.0]])}
    >>> L2Mean(torch.tensor([0.5])).penalty(weights, None)
    tensor([1.2500])
    """

    title = "L2, mean"
    group = "penalties"
    source = (
        "Krogh and Hertz 1991, A Simple Weight Decay Can Improve Generalization, NIPS 4 "
        "(there a sum, with a factor one half)"
    )
    strengths = (1e-2, 1e-1, 1.0, 10.0, 100.0)

    def penalty(self, weights, trace):
        """penalty = strength x mean w^2."""
        own = matrices(weights)
        total = sum(w.square().flatten(1).sum(1) for w in own)
        return self.strength * total / sum(w[0].numel() for w in own)
