"""Sharpness-aware minimisation: the gradient of where the loss nearby is highest."""

from rnnreg.regularizers import Regularizer, norms, spread


class SAM(Regularizer):
    """Takes the gradient at w + strength x g / |g|, where g is the gradient at w.

    The norm is that of a member's whole gradient.

    Suits networks with more weights than cases, and wrong labels: the paper's image classifiers
    generalise better, and learn from noisy labels as well as under methods made for them.

    >>> import torch
    >>> SAM(torch.tensor([0.05])).ascend({"output": torch.tensor([[3.0, 4.0]])}, None)
    {'output': tensor([[0.0300, 0.0400]])}
    """

    title = "sharpness-aware minimisation"
    group = "second pass"
    source = (
        "Foret, Kleiner, Mobahi and Neyshabur 2021, Sharpness-Aware Minimization for Efficiently "
        "Improving Generalization, ICLR (arXiv:2010.01412), equation 2 with p = 2, algorithm 1"
    )
    strengths = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)  # section 3.1
    second = "weights"

    def ascend(self, grads, noise):
        """move = strength x g / |g|, |g| that of all parameters together."""
        scale = self.strength / norms(grads).clamp(min=1e-30)  # (M,)
        return {name: g * spread(scale, g.ndim) for name, g in grads.items()}
