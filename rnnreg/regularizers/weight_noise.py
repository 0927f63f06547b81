"""Noise on the weights."""

from rnnreg.kernels.noise import Site
from rnnreg.regularizers import Regularizer, is_matrix


class WeightNoise(Regularizer):
    """Runs each training step with weights + N(0, strength^2).

    Each entry of the input, recurrent and output matrices draws once a training step, for all its
    time steps. The gradient is taken at the noisy weights, and moves the weights without noise;
    evaluation has no noise.

    Suits slow starts: the networks of Jim, Giles and Horne, which learn grammars, converge sooner
    and generalise better.

    >>> import torch
    >>> from rnnreg.kernels.noise import Noise
    >>> noise, params = Noise(torch.tensor([1]), step=0), {"output": torch.ones(1, 100, 100)}
    >>> noisy = WeightNoise(torch.tensor([0.25])).weights(params, noise)["output"]
    >>> round(noisy.mean().item(), 1), round(noisy.std().item(), 2)
    (1.0, 0.25)
    """

    title = "weight noise"
    group = "weights"
    # Unlike the papers, the sequences of a batch share a draw, and biases and embeddings have none.
    source = (
        "Jim, Giles and Horne 1996, An Analysis of Noise in Recurrent Neural Networks, IEEE Trans. "
        "Neural Networks 7(6), 1424-1438: additive, not cumulative; Graves 2011, Practical "
        "Variational Inference for Neural Networks, NIPS 24"
    )
    strengths = (0.01, 0.025, 0.05, 0.075, 0.15)
    searched = (0.005, 0.3)

    def weights(self, params, noise):
        """W <- W + strength x a standard normal number, entry by entry."""
        return {n: self._noisy(n, w, noise) if is_matrix(n) else w for n, w in params.items()}

    def _noisy(self, name, w, noise):
        return w + noise.at(Site(f"weights/{name}")).normal(w.shape[1:], self.strength)
