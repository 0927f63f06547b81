"""A penalty on what the network predicts, not on its weights."""

from rnnreg.regularizers import Regularizer


class PredictionPenalty(Regularizer):
    """Adds strength x the mean over targets of mean(o^2), o the output matrix's products.

    That is what some tutorials' code does where their text speaks of penalties on weights. Of a
    classification o are the logits, of a forecast the standardised values: it pulls predictions to
    no preference, or to the mean.

    Suits classifiers that are to be hard to fool: with noise on their inputs the paper's resist
    adversarial examples.

    >>> import torch
    >>> from rnnreg.trace import Batch, Trace
    >>> o = torch.tensor([[[1.0, 3.0], [0.0, 2.0]]])             # two sequences of one member
    >>> trace = Trace(o, [], [], o, Batch(o, torch.tensor([[0, 1]])), o)
    >>> PredictionPenalty(torch.tensor([0.5])).penalty({}, trace)
    tensor([1.7500])
    """

    title = "penalty on predictions"
    group = "outputs"
    source = (
        "Shafahi et al. 2019, Label Smoothing and Logit Squeezing: A Replacement for Adversarial "
        "Training? (arXiv:1910.11585), where the outputs are logits"
    )
    strengths = (1e-4, 1e-3, 1e-2, 1e-1)

    def penalty(self, weights, trace):
        """penalty = strength x mean(o^2)."""
        return self.strength * trace.target_mean(trace.output.square().mean(-1))
