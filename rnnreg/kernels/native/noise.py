"""Keys, masks and normal numbers by compiled code: those of `rnnreg.kernels.noise`, faster."""

from ctypes import c_int64, c_void_p

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


def choose(keys: Tensor, cut: Tensor, below: Tensor, above: Tensor, count: int) -> Tensor:
    """`below` where a draw is under `cut`, else `above`: (M, count); all given are (M,)."""
    given = [keys.contiguous(), cut.contiguous(), below.contiguous(), above.contiguous()]
    out = torch.empty(len(keys), count)
    pointers = [c_void_p(t.data_ptr()) for t in (*given, out)]
    library().rnnreg_choose(c_int64(len(keys)), c_int64(count), *pointers)
    return out


def normal(keys: Tensor, count: int) -> Tensor:
    """Standard normal numbers, (M, count); keys are (M,)."""
    keys = keys.contiguous()
    out = torch.empty(len(keys), count)
    pointers = [c_void_p(t.data_ptr()) for t in (keys, out)]
    library().rnnreg_normal(c_int64(len(keys)), c_int64(count), *pointers)
    return out
