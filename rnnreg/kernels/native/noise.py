"""Keys, masks and normal numbers by compiled code: those of `rnnreg.kernels.noise`, faster."""

from ctypes import c_bool, c_float, c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.kernels.native.build import library


def draws(keys: Tensor) -> bool:
    """Whether there is compiled code for keys, or seeds, that lie here."""
    return keys.device.type == "cpu" and library() is not None


def keys(seeds: Tensor, step: int, site: int) -> Tensor:
    """The keys of seeds (S,) at a step and the hash of a site."""
    seeds = seeds.contiguous()
    out = torch.empty_like(seeds)
    numbers = (c_int64(len(seeds)), c_void_p(seeds.data_ptr()), c_int64(step), c_int64(site))
    library().rnnreg_keys(*numbers, c_void_p(out.data_ptr()))
    return out


def mask(keys: Tensor, member: Tensor, p: Tensor, count: int, dropout: bool) -> Tensor:
    """`Draw.dropout`, or `Draw.bernoulli`, as (M, count); keys (S,), member and p (M,)."""
    given = [keys.contiguous(), member.contiguous(), p.double().expand(len(member)).contiguous()]
    out = torch.empty(len(member), count)
    keys, member, p, to = (c_void_p(t.data_ptr()) for t in (*given, out))
    sizes = c_int64(len(out)), c_int64(count)
    library().rnnreg_mask(*sizes, keys, member, p, c_bool(dropout), to)
    return out


def normal(keys: Tensor, count: int, deviation: Tensor, mean: float) -> Tensor:
    """Mean + deviation x standard normal numbers: (M, count); keys (M,).

    `deviation` is (M, 1), or (M, units) for numbers whose last axis are units.
    """
    given, out = [keys.contiguous(), deviation.float().contiguous()], torch.empty(len(keys), count)
    keys, deviation, to = (c_void_p(t.data_ptr()) for t in (*given, out))
    sizes = c_int64(len(out)), c_int64(count), c_int64(given[1].shape[1])
    library().rnnreg_normal(*sizes, keys, c_float(mean), deviation, to)
    return out


class Learned(torch.autograd.Function):
    """Normal numbers of standard deviation exp(log_deviation), (M, units); one gets a gradient."""

    @staticmethod
    def forward(ctx, keys, count, log_deviation):
        out = normal(keys, count, log_deviation.exp(), 0.0)
        ctx.save_for_backward(out)
        ctx.units = log_deviation.shape[1]
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d):  # that of exp(log_deviation) x a number is the product itself
        (out,), d, slope = ctx.saved_tensors, d.contiguous(), torch.empty(len(d), ctx.units)
        sizes = c_int64(len(d)), c_int64(d.shape[1]), c_int64(ctx.units)
        library().rnnreg_unit_sums(*sizes, *(c_void_p(t.data_ptr()) for t in (d, out, slope)))
        return None, None, slope
