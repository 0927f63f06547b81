"""A penalty on outputs of low entropy."""

from rnnreg.regularizers import Regularizer
from rnnreg.tasks import Classification, LanguageModel


class ConfidencePenalty(Regularizer):
    """Adds -strength x H(p), the entropy of the predicted distribution in nats, to the mean loss.

    Suits classification and language models: the paper's improve on six benchmarks, the Penn
    Treebank and two of speech among them, with all other settings left as they were.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> output, y = torch.tensor([[[1.0, 1.0]]]), torch.tensor([[0]])  # p = (1/2, 1/2): log 2
    >>> trace = Trace(output, [], [], output, Batch(output, y), output)
    >>> ConfidencePenalty(torch.tensor([0.5])).penalty({}, trace)
    tensor([-0.3466])
    """

    title = "confidence penalty"
    group = "outputs"
    source = (
        "Pereyra, Tucker, Chorowski, Kaiser and Hinton 2017, Regularizing Neural Networks by "
        "Penalizing Confident Output Distributions, ICLR workshop (arXiv:1701.06548), section 3"
    )
    strengths = (0.1, 0.3, 0.5, 1.0, 2.0)  # of those searched in section 4

    @classmethod
    def suits(cls, network, task):
        if isinstance(task, Classification | LanguageModel):
            return ""
        return "it needs one distribution over symbols or classes a target"

    def penalty(self, weights, trace):
        """penalty = strength x mean of sum p log p over outputs, of the targets that count."""
        log_p = trace.output.log_softmax(-1)
        return self.strength * trace.target_mean((log_p.exp() * log_p).sum(-1))
