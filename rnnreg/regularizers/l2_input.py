"""A penalty on the square of the input matrices alone."""

from rnnreg.regularizers import Regularizer


class L2Input(Regularizer):
    """Adds strength x sum w^2 over the input matrices of all layers to the mean loss.

    Suits what `l2` suits, where input matrices alone are to be held small.

    >>> import torch
    >>> weights = {"0.input": torch.tensor([[[1.0, -2.0]]]), "0.recurrent": torch.tensor([[[9.0]]])}
    >>> L2Input(torch.tensor([0.5])).penalty(weights, None)
    tensor([2.5000])
    """

    title = "L2, inputs"
    group = "penalties"
    source = (
        "Krogh and Hertz 1991, A Simple Weight Decay Can Improve Generalization, NIPS 4 (there "
        "with a factor one half, of all weights); kernel_regularizer of Keras's recurrent layers"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    searched = (1e-7, 1e-2)

    def penalty(self, weights, trace):
        """penalty = strength x sum w^2."""
        own = [w for name, w in weights.items() if name.endswith(".input")]
        return self.strength * sum(w.square().flatten(1).sum(1) for w in own)
