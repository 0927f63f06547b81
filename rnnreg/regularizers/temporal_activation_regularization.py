"""A penalty on activations that change from step to step."""

from rnnreg.kernels.native.squares import changes
from rnnreg.regularizers import Regularizer


class TemporalActivationRegularization(Regularizer):
    """Adds strength x the mean square of h(t) - h(t - 1) of the last layer to the mean loss.

    h is that before any mask; the first step of a window has no difference.

    Suits recurrent language models: the paper finds it as good as more complicated regularizers or
    better, and it leaves fast loops as they are.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> h = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1)                # two steps of one unit
    >>> trace = Trace(h, [], [h], h, Batch(h, torch.tensor([[[0], [0]]])), h)
    >>> TemporalActivationRegularization(torch.tensor([0.5])).penalty({}, trace)  # 0.5 x 2^2
    tensor([2.])
    """

    title = "temporal activation regularization (TAR)"
    group = "activations"
    source = (
        "Merity, McCann and Socher 2017, Revisiting Activation Regularization for Language RNNs "
        "(arXiv:1708.01009), beta L2(h(t) - h(t + 1)), and Merity, Keskar and Socher 2018 "
        "(arXiv:1708.02182), section 4.6; a mean of squares as in github.com/salesforce/"
        "awd-lstm-lm, main.py, whose beta is 1"
    )
    strengths = (0.01, 0.1, 0.3, 1.0, 5.0)

    def penalty(self, weights, trace):
        """penalty = strength x mean (h(t) - h(t - 1))^2."""
        h = trace.hidden[-1]
        return self.strength * trace.mean(changes(h)) / h.shape[-1]
