"""L2 whose strength is adapted in training."""

from dataclasses import replace
from math import inf

from rnnreg.regularizers import Regularizer, is_matrix, matrices

NAME = "log_factor"


class L2Adapted(Regularizer):
    """L2 whose strength follows the loss of training sequences that are held out.

    Adds strength x f x sum w^2 over the input, recurrent and output matrices to the mean loss. The
    factor f, one a member, starts from 1; log f is a parameter, whose gradient is the slope of the
    held-out sequences' loss along a step down the gradient of f x sum w^2. With Adam log f moves by
    about a learning rate a step. A tenth of the training split is held out, the same one
    throughout. At strength 0 it still is, so no strength is none.

    Suits a strength that is not to be searched: on three data sets of images the paper's ends where
    a search finds the best ones, for 30% more time.

    >>> import torch
    >>> params = {"output": torch.tensor([[[1.0, -2.0]]]), "log_factor": torch.tensor([[0.0]])}
    >>> held = {"output": torch.tensor([[[3.0, 1.0]]]), "log_factor": torch.tensor([[0.0]])}
    >>> L2Adapted(torch.tensor([0.5])).adapt(held, held, params)["log_factor"]  # -2 (3 - 2)
    tensor([[-2.]])
    """

    title = "L2, strength adapted (T1-T2)"
    group = "second pass"
    # Unlike the paper, one strength for all layers is adapted, by its logarithm, in units of where
    # it starts, and by the benchmark's optimizer; at every step, unlike their code's every tenth.
    # What is held out is a part of the training split, not a validation set, and its gradient is
    # taken in the same pass, at the weights before the step, not at those after it.
    source = (
        "Luketina, Berglund, Greff and Raiko 2016, Scalable Gradient-Based Tuning of Continuous "
        "Regularization Hyperparameters, ICML (arXiv:1511.06727), with the gradient of the "
        "authors' code: github.com/jelennal/t1t2, training/hypergrad.py"
    )
    strengths = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
    range = (1e-9, inf)
    searched = (1e-7, 1e-2)
    second = "held"

    @classmethod
    def network(cls, network):
        return replace(network, own={**network.own, NAME: ((1,), 0.0)})

    def penalty(self, weights, trace):
        """penalty = strength x f x sum w^2."""
        squares = sum(w.square().flatten(1).sum(1) for w in matrices(weights))
        return self.strength * weights[NAME][:, 0].exp() * squares

    def adapt(self, grads, held, params):
        """Gradient of log f = -2 f x sum (gradient of the held-out loss x w)."""
        along = sum((held[n] * w).flatten(1).sum(1) for n, w in params.items() if is_matrix(n))
        found = -2 * params[NAME][:, 0].exp() * along
        return {**grads, NAME: found[:, None]}
