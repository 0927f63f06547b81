"""A penalty on the absolute value of the weights."""

from rnnreg.regularizers import Regularizer, matrices


class L1(Regularizer):
    """Adds strength x sum |w| over the input, recurrent and output matrices to the mean loss.

    Suits models that are to be sparse: some coefficients of the paper's linear models are 0.
    Gradient steps leave weights near 0; `l1_proximal` sets them to it.

    >>> import torch
    >>> weights = {"output": torch.tensor([[[1.0, -2.0]]]), "output_bias": torch.tensor([[9.0]])}
    >>> L1(torch.tensor([0.5])).penalty(weights, None)
    tensor([1.5000])
    """

    title = "L1"
    group = "penalties"
    source = (
        "Tibshirani 1996, Regression Shrinkage and Selection via the Lasso, J. R. Statist. Soc. B "
        "58(1), there as a constraint on sum |w|; for networks Goodfellow, Bengio and Courville "
        "2016, Deep Learning, section 7.1.2"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    searched = (1e-7, 1e-3)

    def penalty(self, weights, trace):
        """penalty = strength x sum |w|."""
        return self.strength * sum(w.abs().flatten(1).sum(1) for w in matrices(weights))
