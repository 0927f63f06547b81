"""Clipping of each entry of the gradient."""

from math import inf

from rnnreg.regularizers import Regularizer, spread


class ClipValue(Regularizer):
    """Moves each entry of the gradient into the interval from -strength to strength.

    Suits gradients that explode, as `clip_norm` does, which keeps the direction of a step; this
    does not.

    >>> import torch
    >>> ClipValue(torch.tensor([1.0])).gradients({"output": torch.tensor([[0.5, -4.0]])}, {}, None)
    {'output': tensor([[ 0.5000, -1.0000]])}
    """

    title = "clipped values"
    group = "gradients"
    source = (
        "Mikolov 2012, Statistical Language Models Based on Neural Networks, PhD thesis, Brno "
        "University of Technology (there the errors that reach the hidden units), as described by "
        "Pascanu, Mikolov and Bengio 2013, arXiv:1211.5063, section 3.1"
    )
    strengths = (1.0, 0.1, 0.03, 0.01, 0.003)
    off = inf
    searched = (1e-3, 1.0)
    clips = True

    def gradients(self, grads, params, noise):
        """g <- min(max(g, -strength), strength), entry by entry."""
        return {
            name: g.clamp(-spread(self.strength, g.ndim), spread(self.strength, g.ndim))
            for name, g in grads.items()
        }
