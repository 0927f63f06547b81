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
    """Mean + deviation x standard normal numbers: (M, count); keys and deviation are (M,)."""
    given, out = [keys.contiguous(), deviation.float().contiguous()], torch.empty(len(keys), count)
    keys, deviation, to = (c_void_p(t.data_ptr()) for t in (*given, out))
    sizes = c_int64(len(out)), c_int64(count)
    library().rnnreg_normal(*sizes, keys, c_float(mean), deviation, to)
    return out
