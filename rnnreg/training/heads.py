"""What stands before and after the layers: a convolution of the inputs, and heads.

Of a head the output matrix reads, at the one place of a sequence that it reads:

    linear     h of the last step
    mlp        f(W h + b) of the last step's h, or of each step's where every step has a target
    additive   sum a(t) h(t), a = softmax over t of v' tanh(W_q q + W_k h(t)), q the last step's h:
               Bahdanau, Cho and Bengio 2015, Neural Machine Translation by Jointly Learning to
               Align and Translate, ICLR (arXiv:1409.0473), its alignment model without biases
    dot        sum a(t) h(t), a = softmax over t of q'h(t) / sqrt(H), q the last step's h: the
               scaled dot product of Vaswani et al. 2017, Attention Is All You Need (arXiv:
               1706.03762), of states as they are
    self       the mean over s of sum a(s, t) W_v h(t), a = softmax over t of the scaled dot product
               of W_q h(s) and W_k h(t): one head of Vaswani et al.
    external   the mean over t of M_v a(t), where a is M_k h(t) through a softmax over t and then
               divided by its sum over the entries of the memory: Guo, Liu, Mu and Hu 2021, Beyond
               Self-attention: External Attention using Two Linear Layers for Visual Tasks (arXiv:
               2105.02358)

Padding has no weight, and no part in a mean.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnreg.kernels.plain import VECTOR
from rnnreg.network import Network
from rnnreg.trace import Params

ACTIVATIONS = {
    "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda x: x
}  # fmt: skip
HEADS = ("linear", "mlp", "additive", "dot", "self", "external")
ATTENTION = HEADS[2:]
WITH_UNITS = ("mlp", "additive", "external")  # heads that have a width of their own


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (M, ..., inputs) times each member's weight (M, units, inputs): (M, ..., units)."""
    flat = x.flatten(1, -2)
    if bias is None:
        found = torch.bmm(flat, weight.mT)
    else:
        found = torch.baddbmm(bias[:, None], flat, weight.mT)
    return found.view(*x.shape[:-1], -1)


def activated(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A function of single entries, in whole vectors, so that a member does not notice the others:
    a CPU rounds the last few entries of a tensor differently."""
    units = x.shape[-1]
    return function(F.pad(x, (0, -units % VECTOR)))[..., :units]


def convolve(network: Network, weights: Params, x: Tensor) -> Tensor:
    """Channels at step t from x at the steps t - convolution + 1 to t, (M, T, B, D)."""
    steps, span = x.shape[1], network.convolution
    before = F.pad(x, (0, 0, 0, 0, span - 1, 0))
    window = torch.cat([before[:, s : s + steps] for s in range(span)], dim=-1)
    found = linear(window, weights["convolution.input"], weights["convolution.bias"])
    return activated(ACTIVATIONS[network.activation], found)


def read(
    network: Network, weights: Params, h: Tensor, query: Tensor, counts: Tensor | None
) -> Tensor:
    """What the output matrix reads, (M, S, B, H), before its mask.

    h        of the last layer at every step, (M, T, B, H)
    query    h at the steps that are read, (M, S, B, H)
    counts   (M or 1, T, B): which steps are no padding; None: all
    """
    if network.head == "linear":
        return query
    if network.head == "mlp":
        found = linear(query, weights["mlp.input"], weights["mlp.bias"])
        return activated(ACTIVATIONS[network.activation], found)
    if network.head == "external":
        return _external(weights, h, counts)
    if network.head == "self":
        key, query, value = (linear(h, weights[f"{n}.input"]) for n in ("key", "query", "value"))
        context = attend(_dot(query, key), value, counts)
        return _mean(context, counts)
    return attend(scores(network, weights, query, h), h, counts)


def scores(network: Network, weights: Params, query: Tensor, h: Tensor) -> Tensor:
    """How well h (M, T, B, H) at each step suits each query (M, S, B, H): (M, B, S, T)."""
    if network.head == "dot":
        return _dot(query, h)
    asked = linear(query, weights["query.input"])[:, :, None]  # (M, S, 1, B, units)
    both = activated(torch.tanh, asked + linear(h, weights["key.input"])[:, None])
    return linear(both, weights["score.input"])[..., 0].permute(0, 3, 1, 2)


def attend(score: Tensor, value: Tensor, counts: Tensor | None) -> Tensor:
    """Sum over t of softmax(score)(t) value(t): (M, S, B, H), of score (M, B, S, T)."""
    share = _masked(score, counts).softmax(-1)
    return torch.matmul(share, value.transpose(1, 2)).transpose(1, 2)


def _dot(query: Tensor, key: Tensor) -> Tensor:
    product = torch.matmul(query.transpose(1, 2), key.permute(0, 2, 3, 1))
    return product / key.shape[-1] ** 0.5


def _external(weights: Params, h: Tensor, counts: Tensor | None) -> Tensor:
    score = linear(h, weights["key.input"]).permute(0, 2, 3, 1)  # (M, B, units, T)
    share = _masked(score, counts).softmax(-1)
    share = share / share.sum(2, keepdim=True).clamp(min=1e-30)  # padding has no share at all
    return _mean(linear(share.permute(0, 3, 1, 2), weights["value.input"]), counts)


def _masked(score: Tensor, counts: Tensor | None) -> Tensor:
    """Scores (M, B, S, T) with padding at minus infinity."""
    if counts is None:
        return score
    return score.masked_fill(counts.transpose(1, 2)[:, :, None] == 0, -torch.inf)


def _mean(x: Tensor, counts: Tensor | None) -> Tensor:
    """Mean of x (M, T, B, H) over the steps that count: (M, 1, B, H)."""
    members, steps, batch, _ = x.shape
    if counts is None:
        share = x.new_full((members, batch, 1, steps), 1 / steps)
    else:
        share = counts.to(x.dtype) / counts.sum(1, keepdim=True)
        share = share.transpose(1, 2)[:, :, None].expand(members, -1, -1, -1)
    return torch.matmul(share, x.transpose(1, 2)).transpose(1, 2)
