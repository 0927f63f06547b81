"""The gated recurrent unit."""

import torch

from rnnreg.cells import Cell


class GRU(Cell):
    """h = (1 - z) n + z h with n = tanh(x_n + reset (R_n h + b_Rn))."""

    title = "GRU"
    source = (
        "Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder, EMNLP, "
        "equations 5 to 8; reset after the product as in torch.nn.GRU"
    )
    gates = 3
    recurrent_biases = 1
    together = (2, 1)

    @staticmethod
    def step(x, r, state, update):
        (h,) = state
        hidden = h.shape[-1]
        reset, z = (x + r)[..., : 2 * hidden].sigmoid().chunk(2, dim=-1)
        n = (x[..., 2 * hidden :] + reset * r[..., 2 * hidden :]).tanh()
        return (torch.lerp(update * n, h, z),)
