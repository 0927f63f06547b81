"""A penalty on large activations."""

from rnnreg.kernels.native.squares import squares
from rnnreg.regularizers import Regularizer


class ActivationRegularization(Regularizer):
    """Adds strength x the mean square of what the output matrix reads to the mean loss.

    That is h of the last layer after its mask, if there is one, where there is a target.

    Suits recurrent language models: the paper finds it as good as more complicated regularizers or
    better, and it leaves fast loops as they are.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> h = torch.tensor([[[1.0, 3.0]]])
    >>> trace = Trace(h, [], [], h, Batch(h, torch.tensor([[0]])), h)
    >>> ActivationRegularization(torch.tensor([2.0])).penalty({}, trace)  # 2 x (1 + 9) / 2
    tensor([10.])
    """

    title = "activation regularization (AR)"
    group = "activations"
    source = (
        "Merity, McCann and Socher 2017, Revisiting Activation Regularization for Language RNNs "
        "(arXiv:1708.01009), alpha L2(m h), and Merity, Keskar and Socher 2018 (arXiv:1708.02182), "
        "section 4.6; a mean of squares as in github.com/salesforce/awd-lstm-lm, main.py, whose "
        "alpha is 2"
    )
    strengths = (0.01, 0.1, 0.5, 2.0, 8.0)

    def penalty(self, weights, trace):
        """penalty = strength x mean (m h)^2."""
        return self.strength * trace.target_mean(squares(trace.read)) / trace.read.shape[-1]
