"""Masks drawn by compiled code: the same bits as `rnnreg.noise`, several times faster."""

from ctypes import c_int64, c_void_p

import torch
from torch import Tensor

from rnnreg.native.build import library


def draws(keys: Tensor) -> bool:
    """Whether there is compiled code for keys that lie here."""
    return keys.device.type == "cpu" and library() is not None


def choose(keys: Tensor, cut: Tensor, below: Tensor, above: Tensor, count: int) -> Tensor:
    """`below` where a draw is under `cut`, else `above`: (M, count); all given are (M,)."""
    given = [keys.contiguous(), cut.contiguous(), below.contiguous(), above.contiguous()]
    out = torch.empty(len(keys), count)
    pointers = [c_void_p(t.data_ptr()) for t in (*given, out)]
    library().rnnreg_choose(c_int64(len(keys)), c_int64(count), *pointers)
    return out
