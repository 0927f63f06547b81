"""Training beside each sequence on the one next to it that is worst for the model."""

from rnnreg.regularizers import Regularizer, spread

TINY = 1e-30  # below what a gradient is taken for zero


class Adversarial(Regularizer):
    """Trains on each sequence, and on it moved by `strength` along the gradient of its loss.

    What is moved are the embeddings, or the real vectors, of all steps of a sequence together; the
    loss is the mean of that before and that after the move.

    Suits classification of texts: the paper's networks over-fit less, and their word embeddings are
    better.

    >>> import torch
    >>> grads = {"inputs": torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)}  # two steps of one sequence
    >>> Adversarial(torch.tensor([0.5])).ascend(grads, None)["inputs"].flatten()
    tensor([0.3000, 0.4000])
    """

    title = "adversarial training"
    group = "second pass"
    # Unlike the paper, the two losses are averaged, not added, and embeddings are not normalised
    # (its equation 1), so that strength 0 leaves the model as it is.
    source = (
        "Miyato, Dai and Goodfellow 2017, Adversarial Training Methods for Semi-Supervised Text "
        "Classification, ICLR (arXiv:1605.07725), equations 5 and 6"
    )
    strengths = (0.1, 0.3, 1.0, 3.0, 5.0)
    second = "inputs"

    def ascend(self, grads, noise):
        """move = strength x g / |g|, |g| that of a sequence; g (M, T, B, D)."""
        g = grads["inputs"]
        g = g / g.abs().amax((1, 3), keepdim=True).clamp(min=TINY)  # squares of small g vanish
        norm = g.square().sum((1, 3), keepdim=True).sqrt().clamp(min=TINY)
        return {"inputs": spread(self.strength, 4) * g / norm}
