"""A penalty on the square of the recurrent matrices alone."""

from rnnreg.regularizers import Regularizer


class L2Recurrent(Regularizer):
    """Adds strength x sum w^2 over the recurrent matrices of all layers to the mean loss.

    Suits what `l2` suits, where recurrent matrices alone are to be held small.

    >>> import torch
    >>> weights = {"0.recurrent": torch.tensor([[[1.0, -2.0]]]), "0.input": torch.tensor([[[9.0]]])}
    >>> L2Recurrent(torch.tensor([0.5])).penalty(weights, None)
    tensor([2.5000])
    """

    title = "L2, recurrent"
    group = "penalties"
    source = (
        "Krogh and Hertz 1991, A Simple Weight Decay Can Improve Generalization, NIPS 4 (there "
        "with a factor one half, of all weights); recurrent_regularizer of Keras's recurrent layers"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    searched = (1e-7, 1e-2)

    def penalty(self, weights, trace):
        """penalty = strength x sum w^2."""
        own = [w for name, w in weights.items() if name.endswith(".recurrent")]
        return self.strength * sum(w.square().flatten(1).sum(1) for w in own)
