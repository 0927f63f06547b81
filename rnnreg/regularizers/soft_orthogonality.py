"""A penalty on recurrent matrices that are far from orthogonal."""

import torch

from rnnreg.regularizers import Regularizer


class SoftOrthogonality(Regularizer):
    """Adds strength x sum |W'W - I|^2 over the recurrent matrices of all gates to the mean loss.

    The norm is Frobenius'. Each gate of each layer has a matrix W, (H, H), of its own.

    Suits long-term dependencies: orthogonal matrices keep the norm of gradients. To enforce them
    slows learning down, the paper finds; this only draws towards them.

    >>> import torch
    >>> weights = {"0.recurrent": torch.tensor([[[2.0]]]), "0.input": torch.tensor([[[9.0]]])}
    >>> SoftOrthogonality(torch.tensor([0.5])).penalty(weights, None)  # 0.5 x (4 - 1)^2
    tensor([4.5000])
    """

    title = "soft orthogonality"
    group = "penalties"
    # Unlike the paper, whose networks have one gate, each gate is held to be orthogonal.
    source = (
        "Vorontsov, Trabelsi, Kadoury and Pal 2017, On orthogonality and learning recurrent "
        "networks with long term dependencies, ICML (arXiv:1702.00071), the soft constraint"
    )
    strengths = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)

    def penalty(self, weights, trace):
        """penalty = strength x sum |W'W - I|^2."""
        return self.strength * sum(_defect(w) for n, w in weights.items() if _recurrent(n))


def _recurrent(name: str) -> bool:
    return name.endswith(".recurrent")


def _defect(w: torch.Tensor) -> torch.Tensor:
    """Sum over the gates in w, (M, G x H, H), of |W'W - I|^2: (M,)."""
    gates = w.unflatten(1, (-1, w.shape[2]))  # (M, G, H, H)
    product = gates.mT @ gates - torch.eye(w.shape[2], dtype=w.dtype, device=w.device)
    return product.square().flatten(1).sum(1)
