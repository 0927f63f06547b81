"""Clipping of the gradient's norm."""

from math import inf

from rnnreg.regularizers import Regularizer, norms, spread


class ClipNorm(Regularizer):
    """Scales a member's whole gradient down to norm `strength` where it is longer.

    Suits recurrent networks whose gradients explode, for which the paper proposes it.

    >>> import torch
    >>> ClipNorm(torch.tensor([1.0])).gradients({"output": torch.tensor([[3.0, 4.0]])}, {}, None)
    {'output': tensor([[0.6000, 0.8000]])}
    """

    title = "clipped norm"
    group = "gradients"
    source = (
        "Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural "
        "networks, ICML (arXiv:1211.5063), algorithm 1"
    )
    strengths = (5.0, 1.0, 0.5, 0.25, 0.1)
    off = inf
    searched = (0.03, 3.0)
    clips = True

    def gradients(self, grads, params, noise):
        """g <- g x min(1, strength / |g|), g of all parameters together."""
        shrink = (self.strength / norms(grads)).clamp(max=1)  # (M,)
        return {name: g * spread(shrink, g.ndim) for name, g in grads.items()}
