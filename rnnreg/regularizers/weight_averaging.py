"""A moving average of the weights."""

import torch

from rnnreg.regularizers import Regularizer, spread


class WeightAveraging(Regularizer):
    """Scores an exponential moving average of the weights after each step, of decay `strength`.

    average = d x average + (1 - d) x weights, where d is the lesser of strength and t / (t + 1) at
    step t, counted from 0. So an average that is shorter than 1 / (1 - strength) steps is the mean
    of all weights so far, and does not hold the initial ones.

    Suits training whose last steps are noisy: the paper proves that averages converge at the
    highest possible rate.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise
    >>> kept, params = {"output": torch.tensor([[1.0]])}, {"output": torch.tensor([[2.0]])}
    >>> noise = Noise(torch.tensor([1]), step=9)
    >>> WeightAveraging(torch.tensor([0.75])).keep(kept, params, noise)  # 0.75 x 1 + 0.25 x 2
    {'output': tensor([[1.2500]])}
    """

    title = "moving average of weights (EMA)"
    group = "averages"
    # Unlike the paper, whose average is the mean of all steps: that is strength 1.
    source = (
        "Polyak and Juditsky 1992, Acceleration of Stochastic Approximation by Averaging, SIAM J. "
        "Control and Optimization 30(4), equation 7; exponential as in torch.optim.swa_utils"
    )
    strengths = (0.5, 0.9, 0.97, 0.99, 0.999)
    range = (0.0, 1.0)
    searched = (0.9, 0.999)
    scale = "linear"

    def start(self, params):
        return {n: p.clone() for n, p in params.items()}

    def keep(self, kept, params, noise):
        """average <- d x average + (1 - d) x w, d = min(strength, t / (t + 1)).

        t is the step from 0.
        """
        done = torch.zeros_like(self.strength, dtype=torch.float64) + noise.step  # (M,)
        decay = self.strength.minimum((done / (done + 1)).to(self.strength))
        return {n: p.lerp(kept[n], spread(decay, p.ndim)) for n, p in params.items()}

    def average(self, params, kept):
        return kept
