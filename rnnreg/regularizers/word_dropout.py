"""Input symbols replaced by the unknown one."""

from dataclasses import replace

import torch

from rnnreg.regularizers import Regularizer


class WordDropout(Regularizer):
    """Replaces each input symbol by <unk> with probability `strength`; targets are left alone.

    Every symbol of every sequence draws anew at each training step. A dropped symbol is dropped as
    an input, not as a type: the same symbol elsewhere may stay.

    Suits language models with many rare words: Xie et al. 2017 (arXiv:1703.02573), who call it
    blank noising, show it to smooth as n-gram models are smoothed.

    >>> from rnnreg.kernels.noise import Noise
    >>> from rnnreg.trace import Batch, Data
    >>> x = torch.tensor([[[0, 1], [2, 0]]])
    >>> noise = Noise(torch.tensor([1]), step=0)
    >>> WordDropout(torch.tensor([1.0])).batch(Batch(x, x), noise, Data(4, None)).x.tolist()
    [[[3, 3], [3, 3]]]
    """

    title = "word dropout"
    group = "inputs"
    # Unlike the paper, whose model also reads a code of the whole sentence.
    source = (
        "Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio 2016, Generating Sentences from a "
        "Continuous Space, CoNLL (arXiv:1511.06349), the paragraph on word dropout and historyless "
        "decoding"
    )
    strengths = (0.02, 0.05, 0.1, 0.2, 0.4)
    range = (0.0, 1.0)
    searched = (0.0, 0.5)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        return "" if network.symbols else "it needs inputs that are symbols"

    def batch(self, batch, noise, data):
        """x <- <unk>, the last symbol, with probability strength, else x.

        For every step and sequence.
        """
        dropped = noise.at("word dropout").bernoulli(self.strength, batch.x.shape[1:]) > 0
        return replace(batch, x=torch.where(dropped, data.symbols - 1, batch.x))
