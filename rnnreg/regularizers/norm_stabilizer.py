"""A penalty on hidden states whose norm changes from step to step."""

from rnnreg.kernels.native.squares import norm_changes
from rnnreg.regularizers import Regularizer


class NormStabilizer(Regularizer):
    """Adds strength x the mean of (|h(t)| - |h(t - 1)|)^2, summed over layers, to the mean loss.

    |h| is the L2 norm over the units of a layer.

    Suits recurrent networks without gates, and sequences longer than in training: the paper's
    rectified ones come near an LSTM in language modelling. Phoneme recognition gains, too.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> h = torch.tensor([[3.0, 4.0], [0.0, 2.0]]).view(1, 2, 1, 2)  # norms 5 and 2
    >>> trace = Trace(h, [], [h], h, Batch(h, torch.tensor([[[0], [0]]])), h)
    >>> NormStabilizer(torch.tensor([0.5])).penalty({}, trace)  # 0.5 x (2 - 5)^2
    tensor([4.5000])
    """

    title = "norm stabilizer"
    group = "activations"
    # Unlike the paper, whose sum starts at t = 1, the first step of a window has no difference: the
    # state before it is zero, or another window's.
    source = (
        "Krueger and Memisevic 2016, Regularizing RNNs by Stabilizing Activations, ICLR "
        "(arXiv:1511.08400), the cost term of section 1; its language models have beta = 50"
    )
    strengths = (0.1, 1.0, 10.0, 50.0, 500.0)

    def penalty(self, weights, trace):
        """penalty = strength x mean (|h(t)| - |h(t - 1)|)^2."""
        return self.strength * sum(trace.mean(norm_changes(h)) for h in trace.hidden)
