"""A penalty on the square of the weights."""

from rnnreg.regularizers import Regularizer, matrices


class L2(Regularizer):
    """Adds strength x sum w^2 over the input, recurrent and output matrices to the mean loss.

    A penalty in the loss, seen by the optimizer's scaling; not decoupled weight decay.

    Suits noisy targets, and more weights than are needed: the paper proves it for linear networks,
    and simulates it for others.

    >>> import torch
    >>> weights = {"output": torch.tensor([[[1.0, -2.0]]]), "output_bias": torch.tensor([[9.0]])}
    >>> L2(torch.tensor([0.5])).penalty(weights, None)
    tensor([2.5000])
    """

    title = "L2"
    group = "penalties"
    source = (
        "Krogh and Hertz 1991, A Simple Weight Decay Can Improve Generalization, NIPS 4 "
        "(there with a factor one half)"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    searched = (1e-7, 1e-2)

    def penalty(self, weights, trace):
        """penalty = strength x sum w^2."""
        return self.strength * sum(w.square().flatten(1).sum(1) for w in matrices(weights))
