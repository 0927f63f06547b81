"""Dropout of the cell state, with one mask for a whole sequence (rnnDrop)."""

from rnnreg.regularizers import Regularizer


class CellDropout(Regularizer):
    """Sets the same units of c to zero at all time steps of a sequence.

    In truncated back-propagation the mask is drawn anew for each window. Nothing is scaled in
    training; in evaluation c is multiplied by 1 - strength at every step.

    Suits an LSTM in speech recognition: the paper's deep bidirectional ones do better with it than
    with weight noise.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = CellDropout(torch.tensor([0.25])), Noise(torch.tensor([1]), step=0)
    >>> sorted(set(dropout.mask(Site("cell"), (8, 4, 16), noise).flatten().tolist()))
    [0.0, 1.0]
    >>> dropout.mask(Site("cell"), (8, 4, 16), noise.expected()).item()
    0.75
    """

    title = "cell dropout (rnnDrop)"
    group = "masks"
    # Unlike `dropout`, kept units are not scaled by 1 / (1 - strength): at every step anew, c would
    # grow without bound.
    source = (
        "Moon, Choi, Lee and Song 2015, RnnDrop: A Novel Dropout for RNNs in ASR, ASRU; as in "
        "Krueger et al. 2017 (arXiv:1606.01305), sections 2.2 and 3.2"
    )
    strengths = (0.05, 0.1, 0.2, 0.35, 0.5)
    range = (0.0, 0.99)
    searched = (0.0, 0.6)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.cell.cell_state else "its cell has no cell state c"

    def mask(self, site, shape, noise):
        """c = mask x (f c + i g); mask = 0 with probability strength, else 1."""
        if site == "cell":
            return noise.at(site).bernoulli(1 - self.strength, (1, *shape[1:]))
        return 1.0
