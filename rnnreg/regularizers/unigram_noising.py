"""Input symbols replaced by others, as often as those stand in the training split."""

from dataclasses import replace

import torch

from rnnreg.regularizers import Regularizer


class UnigramNoising(Regularizer):
    """Replaces each input symbol, with probability `strength`, by one drawn from the unigrams.

    A symbol is drawn with the share that it has of the training split. Every symbol of every
    sequence draws anew at each training step; targets are left alone.

    Suits language models with many rare words: the paper shows it to smooth as n-gram models are
    smoothed, and gains in language modelling and translation.

    >>> from rnnreg.kernels.noise import Noise
    >>> from rnnreg.trace import Batch, Data
    >>> x, noise = torch.zeros(1, 100, 100, dtype=torch.int64), Noise(torch.tensor([1]), step=0)
    >>> data = Data(4, torch.tensor([0, 9, 0, 1]))
    >>> drawn = UnigramNoising(torch.tensor([1.0])).batch(Batch(x, x), noise, data).x
    >>> [round((drawn == symbol).double().mean().item(), 1) for symbol in range(4)]
    [0.0, 0.9, 0.0, 0.1]
    """

    title = "unigram noising"
    group = "inputs"
    source = (
        "Xie et al. 2017, Data Noising as Smoothing in Neural Network Language Models, ICLR "
        "(arXiv:1703.02573), table 1, where strength is gamma; github.com/stanfordmlgroup/"
        "nlm-noising"
    )
    strengths = (0.02, 0.05, 0.1, 0.2, 0.4)
    range = (0.0, 1.0)
    searched = (0.0, 0.5)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.symbols else "it needs inputs that are symbols"

    def batch(self, batch, noise, data):
        """x <- a symbol with probability strength x its share of train, else x.

        For every step and sequence.
        """
        shape, upto = batch.x.shape[1:], data.counts.cumsum(0)
        chosen = noise.at("noised").bernoulli(self.strength, shape) > 0
        place = (noise.at("unigrams").uniform(shape).double() * upto[-1]).long()
        drawn = torch.searchsorted(upto, place, right=True)
        return replace(batch, x=torch.where(chosen, drawn, batch.x))
