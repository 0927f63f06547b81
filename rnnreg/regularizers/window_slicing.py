"""Slices of sequences, stretched to the length of the whole."""

from dataclasses import replace

import torch

from rnnreg.regularizers import Regularizer
from rnnreg.tasks import Classification


class WindowSlicing(Regularizer):
    """Trains on a slice of each sequence, less a share `strength`, stretched to the whole length.

    Row t of what is trained on is row (1 - strength) t + u strength (length - 1) of the sequence,
    between two rows in a straight line; u is uniform on (0, 1), one number a sequence.

    Suits classification of series with few cases, for which the paper proposes it.

    >>> from rnnreg.kernels.noise import Noise
    >>> from rnnreg.trace import Batch, Data
    >>> x = torch.tensor([0.0, 1, 2, 3, 4]).view(1, 5, 1, 1)
    >>> noise, data = Noise(torch.tensor([1]), step=0), Data(0, None)
    >>> y = torch.tensor([[0]])
    >>> sliced = WindowSlicing(torch.tensor([0.5])).batch(Batch(x, y), noise, data).x.flatten()
    >>> sliced[1:] - sliced[:-1]
    tensor([0.5000, 0.5000, 0.5000, 0.5000])
    """

    title = "window slicing"
    group = "inputs"
    # Unlike their code, a slice may begin and end between two rows.
    source = (
        "Le Guennec, Malinowski and Tavenard 2016, Data Augmentation for Time Series "
        "Classification using Convolutional Neural Networks (halshs-01357973); stretched as in "
        "github.com/uchidalab/time_series_augmentation, whose slices leave out a tenth"
    )
    strengths = (0.05, 0.1, 0.2, 0.35, 0.5)
    range = (0.0, 1.0)
    searched = (0.0, 0.5)
    scale = "linear"

    @classmethod
    def suits(cls, network, task):
        if network.symbols:
            return "it needs inputs that are numbers"
        if not isinstance(task, Classification):
            return "a target follows its row; a slice has other rows"
        return ""

    def batch(self, batch, noise, data):
        """x(t) <- x((1 - strength) t + u strength (length - 1)), u uniform on (0, 1).

        Between rows in a straight line; padding stays what it is.
        """
        steps, sequences = batch.x.shape[1:3]
        time = torch.arange(steps, device=batch.x.device)[:, None]  # (T, 1)
        last = steps - 1 if batch.length is None else batch.length[:, None] - 1  # (M, 1, B)
        left_out = self.strength.view(-1, 1, 1)
        first = noise.at("slice").uniform((1, sequences)) * left_out * last
        row = (first + (1 - left_out) * time).clamp(max=last)  # (M, T, B)
        below = row.floor()
        share = (row - below)[..., None]
        lower, upper = (_rows(batch.x, i.long()) for i in (below, row.ceil()))
        x = torch.where((time <= last)[..., None], lower.lerp(upper, share), batch.x)
        return replace(batch, x=x)


def _rows(x: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """x (M, T, B, D) at the steps `index` (M, T, B)."""
    return x.gather(1, index[..., None].expand_as(x))
