"""A penalty on the square of how far the weights have moved."""

from rnnreg.regularizers import Regularizer, is_matrix


class L2Start(Regularizer):
    """Adds strength x sum (w - s)^2 over the input, recurrent and output matrices to the loss.

    s is what a matrix started from where it came from another row (`start` in a study's variants),
    and 0 for all others: a head's, say. A row that starts anew has L2.

    Suits fine-tuning: the paper finds it better for networks that start from others' weights than
    L2, and recommends it as the baseline of transfer.

    >>> import torch
    >>> from types import SimpleNamespace
    >>> weights = {"0.input": torch.tensor([[[1.0, -2.0]]]), "output": torch.tensor([[[3.0]]])}
    >>> trace = SimpleNamespace(start={"0.input": torch.tensor([[[1.0, 0.0]]])})
    >>> L2Start(torch.tensor([0.5])).penalty(weights, trace)
    tensor([6.5000])
    """

    title = "L2 to the start (L2-SP)"
    group = "penalties"
    source = (
        "Li, Grandvalet and Davoine 2018, Explicit Inductive Bias for Transfer Learning with "
        "Convolutional Networks, ICML (arXiv:1802.01483)"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    searched = (1e-7, 1e-2)

    # Unlike Li et al.: one strength for what was taken and for what was not, no factor one half,
    # and no penalty on biases and embeddings, as for L2 here.
    def penalty(self, weights, trace):
        """penalty = strength x sum (w - s)^2."""
        moved = (w - trace.start.get(n, 0) for n, w in weights.items() if is_matrix(n))
        return self.strength * sum(w.square().flatten(1).sum(1) for w in moved)
