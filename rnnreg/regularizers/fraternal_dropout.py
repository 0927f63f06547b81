"""Two passes under different dropout masks whose outputs must be close."""

from rnnreg.kernels.native.squares import distances
from rnnreg.regularizers import Regularizer

RATE = 0.3  # of dropout


class FraternalDropout(Regularizer):
    """Adds strength x the mean squared difference of two passes' outputs to their mean loss.

    Outputs are those before the softmax. Each pass drops inputs of each layer and of the output
    matrix with probability 0.3, anew at every time step, as `dropout` does.

    Suits recurrent language models with dropout: the paper's improve on the Penn Treebank and on
    WikiText-2, and so do captions of images.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> one, two = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[3.0, 0.0]]])
    >>> twin = Trace(two, [], [], two, Batch(two, torch.tensor([[0]])), two)
    >>> trace = Trace(one, [], [], one, twin.batch, one, twin=twin)
    >>> FraternalDropout(torch.tensor([0.1])).penalty({}, trace)  # 0.1 x (4 + 0) / 2
    tensor([0.2000])
    """

    title = "fraternal dropout"
    group = "second pass"
    # Unlike the paper, whose masks are those of AWD-LSTM, the masks are those of `dropout`.
    source = (
        "Zolna, Arpit, Suhubdy and Bengio 2018, Fraternal Dropout, ICLR (arXiv:1711.00066), "
        "with the means of the authors' code: github.com/kondiz/fraternal-dropout, main.py"
    )
    strengths = (0.01, 0.03, 0.1, 0.3, 1.0)
    second = "draws"

    def mask(self, site, shape, noise):
        """mask = 1 / 0.7 with probability 0.7, else 0; at strength 0, mask = 1."""
        if site in ("input", "between", "output"):
            return noise.at(site).dropout(RATE * (self.strength > 0), shape)
        return 1.0

    def penalty(self, weights, trace):
        """penalty = strength x mean (output - twin's output)^2 of the targets that count."""
        apart = distances(trace.output, trace.twin.output) / trace.output.shape[-1]
        return self.strength * trace.target_mean(apart)
