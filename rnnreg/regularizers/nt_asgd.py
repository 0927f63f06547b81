"""The mean of the weights from where the validation loss no longer falls."""

from math import inf

import torch

from rnnreg.regularizers import Regularizer, spread


class NTASGD(Regularizer):
    """Scores the mean of the weights since a check that was no better than one long before.

    Averaging starts, once and for all, with the weights of the first check whose validation loss is
    above the lowest of the first t - strength checks, where t checks came before it.

    Suits averaging whose start is not to be tuned: a part of the paper's AWD-LSTM, the best
    language model of its time on the Penn Treebank.

    >>> import torch
    >>> kept, losses = {"averaged": torch.tensor([0.0])}, torch.tensor([[2.0], [1.0], [3.0]])
    >>> NTASGD(torch.tensor([1.0])).told(kept, losses, None)         # 3 is above 2
    {'averaged': tensor([1.])}
    >>> NTASGD(torch.tensor([2.0])).told(kept, losses, None)         # nothing so long ago
    {'averaged': tensor([0.])}
    """

    title = "triggered averaging (NT-ASGD)"
    group = "averages"
    # Unlike the paper, whose steps are those of SGD, the optimizer is the benchmark's. And unlike
    # the text on arXiv, whose algorithm 1 compares with the last n checks: a typing error, say the
    # authors (issue 13 of their code), which the text at ICLR and the code do not have.
    source = (
        "Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, ICLR, "
        "section 3, algorithm 1; as in github.com/salesforce/awd-lstm-lm, main.py, where n is 5"
    )
    strengths = (10.0, 5.0, 3.0, 2.0, 1.0)
    off = inf
    range = (1.0, inf)
    scale = "linear"

    def start(self, params):
        own = {n: p.clone() for n, p in params.items()}
        return {**own, "averaged": torch.zeros_like(self.strength)}

    def keep(self, kept, params, noise):
        """mean <- mean + (w - mean) / n, w the n-th since averaging started; before, mean <- w."""
        count = kept["averaged"] + (kept["averaged"] > 0)
        older = 1 - 1 / count.clamp(min=1)
        means = {n: p.lerp(kept[n], spread(older, p.ndim)) for n, p in params.items()}
        return {**means, "averaged": count}

    def told(self, kept, losses, noise):
        """Averaging starts where loss(t) > min(loss(0), ..., loss(t - strength - 1)), t from 0."""
        before = losses[:-1]
        old = torch.arange(len(before), device=losses.device)[:, None] < len(before) - self.strength
        lowest = torch.cat([before.where(old, inf), torch.full_like(losses[:1], inf)]).amin(0)
        starts = (losses[-1] > lowest) & (kept["averaged"] == 0)
        return {**kept, "averaged": torch.where(starts, 1.0, kept["averaged"])}

    def average(self, params, kept):
        return {n: kept[n] for n in params}
