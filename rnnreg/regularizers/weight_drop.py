"""DropConnect on the recurrent matrices."""

from rnnreg.kernels.noise import Site
from rnnreg.regularizers import Regularizer


class WeightDrop(Regularizer):
    """Drops entries of the recurrent matrices, the same ones at all time steps of a training step.

    All sequences of a batch share the dropped entries. What is kept is scaled by
    1 / (1 - strength); in evaluation nothing happens.

    Suits recurrent language models: a part of the paper's AWD-LSTM, the best language model of its
    time on the Penn Treebank. It leaves fast loops as they are.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise
    >>> drop, noise = WeightDrop(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> dropped = drop.weights({"0.recurrent": torch.full((1, 8, 8), 3.0)}, noise)
    >>> sorted(set(dropped["0.recurrent"].flatten().tolist()))
    [0.0, 6.0]
    """

    title = "weight drop"
    group = "weights"
    # Unlike Wan et al., whose examples have a mask each.
    source = (
        "Wan et al. 2013, Regularization of Neural Networks using DropConnect, ICML: "
        "r = a((M * W) v); on recurrent matrices Merity, Keskar and Socher 2018, ICLR "
        "(arXiv:1708.02182), section 2; its rate is 0.5 in github.com/salesforce/awd-lstm-lm, "
        "main.py"
    )
    strengths = (0.1, 0.2, 0.35, 0.5, 0.65)
    range = (0.0, 0.99)
    searched = (0.0, 0.7)
    scale = "linear"

    def weights(self, params, noise):
        """W <- mask x W; mask = 1 / (1 - strength) with probability 1 - strength, else 0.

        Entry by entry of the recurrent matrices.
        """
        return {
            n: w * noise.at(Site(f"weights/{n}")).dropout(self.strength, w.shape[1:])
            if n.endswith(".recurrent")
            else w
            for n, w in params.items()
        }
