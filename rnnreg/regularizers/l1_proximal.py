"""L1 by proximal steps, which make weights zero."""

from rnnreg.regularizers import Regularizer, is_matrix, spread


class L1Proximal(Regularizer):
    """Shrinks the matrices by rate x strength after each step; what would change sign is 0.

    The matrices are the input, recurrent and output matrices. The penalty is that of `l1`, strength
    x sum |w|; a gradient of it moves weights past zero and back, this sets them to zero.

    Suits models that are to be sparse: weights become 0, as in the lasso (Tibshirani 1996).

    >>> import torch
    >>> params = {"output": torch.tensor([[[1.0, -2.0, 0.25]]])}
    >>> L1Proximal(torch.tensor([1.0])).project(params, torch.tensor([0.5]))["output"]
    tensor([[[ 0.5000, -1.5000,  0.0000]]])
    """

    title = "L1, proximal"
    group = "penalties"
    # Unlike the proximal gradient method, the step before it may be Adam's, whose own scaling of
    # each weight the threshold does not share.
    source = (
        "Parikh and Boyd 2014, Proximal Algorithms, Foundations and Trends in Optimization 1(3): "
        "soft thresholding, section 6.5.2, the proximal operator of strength x sum |w|"
    )
    strengths = (1e-4, 1e-3, 1e-2, 1e-1)
    searched = (1e-5, 1e-1)

    def project(self, params, rate):
        """w <- sign(w) x max(|w| - rate x strength, 0)."""
        threshold = rate * self.strength  # (M,)
        return {
            n: (p.abs() - spread(threshold, p.ndim)).clamp(min=0).copysign(p) if is_matrix(n) else p
            for n, p in params.items()
        }
