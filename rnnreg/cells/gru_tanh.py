"""A gated recurrent unit whose gates are tanh in place of the sigmoid."""

import torch

from rnnreg.cells import Cell


class GRUTanh(Cell):
    """h = (1 - z) n + z h with z and reset from tanh, between -1 and 1, and n as in the GRU.

    No paper proposes it: it is a slip in code of tutorials, whose effect a study can measure. A
    gate below zero takes more than all of the candidate, and the old h with the sign turned.
    """

    title = "GRU (tanh gates)"
    source = (
        "a slip in code of tutorials; else as Cho et al. 2014, Learning Phrase Representations "
        "using RNN Encoder-Decoder, EMNLP, equations 5 to 8; reset after the product as in "
        "torch.nn.GRU"
    )
    gates = 3
    recurrent_biases = 1
    together = (2, 1)

    @staticmethod
    def step(x, r, state, update):
        (h,) = state
        hidden = h.shape[-1]
        reset, z = (x + r)[..., : 2 * hidden].tanh().chunk(2, dim=-1)
        n = (x[..., 2 * hidden :] + reset * r[..., 2 * hidden :]).tanh()
        return (torch.lerp(update * n, h, z),)
