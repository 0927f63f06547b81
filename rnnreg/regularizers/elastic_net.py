"""A penalty on the absolute value and on the square of the weights."""

from rnnreg.regularizers import Regularizer, matrices

SQUARES = 0.5  # the share of the squares: 1 is L2, 0 is L1


class ElasticNet(Regularizer):
    """Adds strength x sum (|w| + w^2) / 2 over all matrices to the mean loss.

    The matrices are the input, recurrent and output matrices. The naive elastic net: the paper's
    rescaling of the estimate is one of linear regression.

    Suits many correlated inputs, more of them than there are cases: there the paper's linear models
    do better than under L1 alone, and keep or drop inputs that go together.

    >>> import torch
    >>> weights = {"output": torch.tensor([[[1.0, -2.0]]]), "output_bias": torch.tensor([[9.0]])}
    >>> ElasticNet(torch.tensor([0.5])).penalty(weights, None)  # 0.5 x (3 + 5) / 2
    tensor([2.])
    """

    title = "elastic net"
    group = "penalties"
    source = (
        "Zou and Hastie 2005, Regularization and Variable Selection via the Elastic Net, "
        "J. R. Statist. Soc. B 67(2), section 2.1, penalty (1 - alpha) |w| + alpha w^2 with "
        "alpha = 1/2"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    searched = (1e-7, 1e-3)

    def penalty(self, weights, trace):
        """penalty = strength x sum ((1 - alpha) |w| + alpha w^2), alpha = 1/2."""
        return self.strength * sum(
            ((1 - SQUARES) * w.abs() + SQUARES * w.square()).flatten(1).sum(1)
            for w in matrices(weights)
        )
