"""The mean of the weights of the last part of training."""

from rnnreg.regularizers import Regularizer, spread


class SWA(Regularizer):
    """Scores the mean of the weights after each step of the last `strength` of training.

    Strength is a share of the steps, from 0, the weights of the last step, to 1, the mean of all.
    Before that part begins, the weights are scored as they are.

    Suits the end of training at a constant or cyclical rate: the paper's image classifiers find
    flatter minima, and generalise better.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise
    >>> kept, params = {"output": torch.tensor([[1.0]])}, {"output": torch.tensor([[2.0]])}
    >>> noise = Noise(torch.tensor([1]), step=6, steps=8)     # the mean is that of steps 4, 5 and 6
    >>> SWA(torch.tensor([0.5])).keep(kept, params, noise)
    {'output': tensor([[1.3333]])}
    """

    title = "stochastic weight averaging (SWA)"
    group = "averages"
    # Unlike the paper, the learning rate is the benchmark's, neither cyclical nor constant, and
    # weights enter after every step.
    source = (
        "Izmailov, Podoprikhin, Garipov, Vetrov and Wilson 2018, Averaging Weights Leads to Wider "
        "Optima and Better Generalization, UAI (arXiv:1803.05407), algorithm 1, with the mean of "
        "torch.optim.swa_utils"
    )
    strengths = (0.05, 0.1, 0.25, 0.5, 0.75)
    range = (0.0, 1.0)
    searched = (0.02, 0.9)
    scale = "linear"

    def start(self, params):
        return {n: p.clone() for n, p in params.items()}

    def keep(self, kept, params, noise):
        """mean <- mean + (w - mean) / n, at the n-th step of that part; before it, mean <- w."""
        first = ((1 - self.strength.double()) * noise.steps).round()  # (M,)
        count = (noise.step - first + 1).clamp(min=1)
        older = (1 - 1 / count).to(self.strength)  # the share of the mean so far
        return {n: p.lerp(kept[n], spread(older, p.ndim)) for n, p in params.items()}

    def average(self, params, kept):
        return kept
