"""A bound on the norm of the weights that come into a unit."""

from math import inf

import torch

from rnnreg.regularizers import Regularizer, is_matrix


class MaxNorm(Regularizer):
    """Scales the incoming weights of a unit down to norm `strength` after a step that exceeds it.

    Each gate of a unit has its own incoming weights: a row of its layer's input matrix and the same
    row of the recurrent matrix together. A row of the output matrix is that of an output.

    Suits high learning rates, at which weights cannot grow without bound, and dropout, beside which
    the papers use it.

    >>> import torch
    >>> params = {"0.input": torch.tensor([[[3.0]]]), "0.recurrent": torch.tensor([[[4.0]]])}
    >>> MaxNorm(torch.tensor([1.0])).project(params, None)
    {'0.input': tensor([[[0.6000]]]), '0.recurrent': tensor([[[0.8000]]])}
    """

    title = "max-norm"
    group = "penalties"
    source = (
        "Hinton, Srivastava, Krizhevsky, Sutskever and Salakhutdinov 2012, Improving neural "
        "networks by preventing co-adaptation of feature detectors (arXiv:1207.0580); Srivastava "
        "et al. 2014, Dropout, JMLR 15, section 5.1; before them Srebro and Shraibman 2005, Rank, "
        "Trace-Norm and Max-Norm, COLT, for collaborative filtering"
    )
    strengths = (4.0, 3.0, 2.0, 1.0, 0.5)
    off = inf
    searched = (0.3, 4.0)

    def project(self, params, rate):
        """w <- w x min(1, strength / |w|), w all that comes into a gate of a unit."""
        squares = {}  # of the rows of each layer, (M, rows, 1)
        for name in filter(is_matrix, params):
            layer = name.rpartition(".")[0]
            own = params[name].square().sum(-1, keepdim=True)
            squares[layer] = squares.get(layer, 0) + own
        bound = self.strength.view(-1, 1, 1)
        shrink = {n: torch.clamp(bound / s.sqrt(), max=1) for n, s in squares.items()}
        return {
            n: p * shrink[n.rpartition(".")[0]] if is_matrix(n) else p for n, p in params.items()
        }
