"""Targets that leave some probability to what is not the target."""

from rnnreg.regularizers import Regularizer
from rnnreg.tasks import Classification, LanguageModel


class LabelSmoothing(Regularizer):
    """Trains on the target distribution (1 - strength) x one-hot + strength / V.

    Cross-entropy is linear in its targets, so this adds to the mean loss

        strength x (output of the target - mean of the V outputs)

    Validation and test losses are those of the true targets.

    Suits classification and language models: those of Pereyra et al. 2017 (arXiv:1701.06548)
    improve on six benchmarks, the Penn Treebank and two of speech among them.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> output, y = torch.tensor([[[3.0, 1.0, 2.0]]]), torch.tensor([[0]])
    >>> trace = Trace(output, [], [], output, Batch(output, y), output)
    >>> LabelSmoothing(torch.tensor([0.1])).penalty({}, trace)
    tensor([0.1000])
    """

    title = "label smoothing"
    group = "outputs"
    source = (
        "Szegedy, Vanhoucke, Ioffe, Shlens and Wojna 2016, Rethinking the Inception Architecture "
        "for Computer Vision, CVPR (arXiv:1512.00567), section 7, with u(k) = 1/K"
    )
    # Of those that Pereyra et al. 2017 (arXiv:1701.06548), section 4, search.
    strengths = (0.05, 0.1, 0.2, 0.3, 0.5)
    range = (0.0, 1.0)
    searched = (0.0, 0.5)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        if isinstance(task, Classification | LanguageModel):
            return ""
        return "it needs one distribution over symbols or classes a target"

    def penalty(self, weights, trace):
        """penalty = strength x (output of the target - mean of the V outputs).

        What the loss of the smoothed targets is above that of the true ones.
        """
        target = trace.output.gather(-1, trace.batch.y[..., None])[..., 0]
        return self.strength * trace.target_mean(target - trace.output.mean(-1))
