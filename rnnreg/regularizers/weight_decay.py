"""Weight decay that the optimizer does not see."""

from rnnreg.regularizers import Regularizer, is_matrix, spread


class WeightDecay(Regularizer):
    """Multiplies the matrices by 1 - rate x strength after each step of the optimizer.

    The matrices are the input, recurrent and output matrices. The gradient, and so Adam's scaling
    of it, knows nothing of the decay.

    Suits Adam, which scales a penalty's gradient away: the paper's image classifiers generalise
    better, and strength and learning rate can be chosen apart.

    >>> import torch
    >>> params = {"output": torch.tensor([[[1.0, -2.0]]]), "output_bias": torch.tensor([[9.0]])}
    >>> WeightDecay(torch.tensor([0.5])).project(params, torch.tensor([0.5]))["output"]
    tensor([[[ 0.7500, -1.5000]]])
    """

    title = "decoupled weight decay"
    group = "penalties"
    # Unlike the paper, which decays the weights before the step, this decays those after it: what
    # differs is rate x strength x step. Biases and embeddings are not decayed.
    source = (
        "Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization, ICLR "
        "(arXiv:1711.05101), algorithm 2, line 12, there relative to a schedule's multiplier, here "
        "to the rate as in torch.optim.AdamW"
    )
    strengths = (1e-3, 1e-2, 1e-1, 1.0)
    searched = (1e-4, 3.0)

    def project(self, params, rate):
        """w <- w x (1 - rate x strength)."""
        keep = 1 - rate * self.strength  # (M,)
        return {n: p * spread(keep, p.ndim) if is_matrix(n) else p for n, p in params.items()}
