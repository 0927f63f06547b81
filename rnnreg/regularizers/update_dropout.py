"""Recurrent dropout that loses no memory: on what is added to it."""

from rnnreg.regularizers import Regularizer


class UpdateDropout(Regularizer):
    """Drops the candidate of a gated cell, anew at every time step.

    It is g of an LSTM, and n of a GRU: h = z h + (1 - z) (mask x n). A unit that is dropped keeps
    what its forget gate, or z, leaves of it. What is not dropped is scaled by 1 / (1 - strength);
    in evaluation nothing happens.

    Suits gated cells with a long memory: the paper's LSTMs gain on three tasks of NLP, beside
    dropout of inputs, too.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = UpdateDropout(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> mask = dropout.mask(Site("update"), (8, 4, 16), noise)
    >>> mask.shape, sorted(set(mask.flatten().tolist()))
    (torch.Size([1, 8, 4, 16]), [0.0, 2.0])
    """

    title = "recurrent dropout without memory loss"
    group = "masks"
    source = (
        "Semeniuta, Severyn and Barth 2016, Recurrent Dropout without Memory Loss, COLING "
        "(arXiv:1603.05118), its mask a step; as in Krueger et al. 2017 (arXiv:1606.01305), "
        "section 3.2"
    )
    strengths = (0.05, 0.2, 0.35, 0.5, 0.7)
    range = (0.0, 0.99)
    searched = (0.0, 0.8)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.cell.gates > 1 else "its cell has no gate that keeps a memory"

    def mask(self, site, shape, noise):
        """c = f c + i (mask x g); mask = 0 with probability strength, else 1 / (1 - strength)."""
        if site == "update":
            return noise.at(site).dropout(self.strength, shape)
        return 1.0
