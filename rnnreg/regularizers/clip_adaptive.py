"""Clipping of gradients relative to the weights that they move."""

from math import inf

from rnnreg.regularizers import Regularizer, spread

FLOOR = 1e-3  # of a norm of weights, so that those at zero can move


class ClipAdaptive(Regularizer):
    """Scales a unit's gradient down to norm strength x max(|w|, 0.001) where it is longer.

    A unit is a row of a matrix, which holds what comes into one gate of a unit; a symbol's row of
    the embedding; and a bias vector as a whole.

    Suits high learning rates without normalisation: the paper's image classifiers are unstable
    there without it.

    >>> import torch
    >>> grads = {"0.input": torch.tensor([[[3.0, 4.0]]])}
    >>> params = {"0.input": torch.tensor([[[0.0, 2.0]]])}
    >>> ClipAdaptive(torch.tensor([0.5])).gradients(grads, params, None)  # 5 becomes 0.5 x 2
    {'0.input': tensor([[[0.6000, 0.8000]]])}
    """

    title = "adaptive clipping (AGC)"
    group = "gradients"
    source = (
        "Brock, De, Smith and Simonyan 2021, High-Performance Large-Scale Image Recognition "
        "Without Normalization, ICML (arXiv:2102.06171), section 4; the output layer is left alone "
        "as in section 4.1; a bias has one norm, as in public implementations"
    )
    strengths = (0.3, 0.1, 0.03, 0.01, 0.003)
    off = inf
    searched = (0.001, 0.3)
    clips = True

    def gradients(self, grads, params, noise):
        """g <- g x min(1, strength x max(|w|, 0.001) / |g|), a unit at a time."""
        return {n: g if _output(n) else self._clipped(g, params[n]) for n, g in grads.items()}

    def _clipped(self, grad, param):
        limit = param.norm(dim=-1, keepdim=True).clamp(min=FLOOR)
        limit = spread(self.strength, grad.ndim) * limit
        return grad * (limit / grad.norm(dim=-1, keepdim=True)).clamp(max=1)


def _output(name: str) -> bool:
    return name in ("output", "output_bias")
