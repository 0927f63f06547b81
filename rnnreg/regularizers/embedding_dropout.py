"""Dropout of whole symbols at the embedding."""

from rnnreg.regularizers import Regularizer


class EmbeddingDropout(Regularizer):
    """Drops rows of the embedding: the same symbols wherever they stand in a batch.

    Rows that are kept are scaled by 1 / (1 - strength); in evaluation nothing happens. Where the
    output matrix is the embedding (tied weights), it keeps all rows.

    Suits language models of words: a part of the paper's AWD-LSTM, the best language model of its
    time on the Penn Treebank.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise, Site
    >>> dropout, noise = EmbeddingDropout(torch.tensor([0.5])), Noise(torch.tensor([1]), step=0)
    >>> mask = dropout.mask(Site("embedding"), (8, 4, 100), noise)  # 100 symbols
    >>> mask.shape, sorted(set(mask.flatten().tolist()))
    (torch.Size([1, 1, 1, 100]), [0.0, 2.0])
    """

    title = "embedding dropout"
    group = "masks"
    source = (
        "Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, ICLR "
        "(arXiv:1708.02182), section 4.3, as in the authors' code: "
        "github.com/salesforce/awd-lstm-lm, embed_regularize.py"
    )
    strengths = (0.05, 0.1, 0.2, 0.35, 0.5)
    range = (0.0, 0.99)
    searched = (0.0, 0.6)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.symbols else "it drops symbols, and the inputs are real vectors"

    def mask(self, site, shape, noise):
        """mask = 1 / (1 - strength) with probability 1 - strength, else 0, for every symbol."""
        if site == "embedding":
            return noise.at(site).dropout(self.strength, (1, 1, shape[2]))
        return 1.0
