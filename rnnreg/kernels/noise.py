"""A random number is a function of (seed, step, site, index) and of nothing else.

The bits are SplitMix64 (Steele, Lea and Flood 2014, Fast Splittable Pseudorandom Number
Generators, with mix64variant13 of figure 16): output i of a key is mix(key + (i + 1) x gamma),
64-bit arithmetic that wraps around. A key is the hash of (seed, step, site). Integer arithmetic
is the same on every device, so Bernoulli masks are bit-identical everywhere; there is no generator
state to save.
"""

import hashlib
from copy import copy
from functools import cache

import torch
from torch import Tensor

from rnnreg.kernels.native import noise as native

GAMMA = 0x9E3779B97F4A7C15
PIECE = 1 << 16  # 64-bit words mixed at a time on a CPU: half a megabyte stays in cache
INITIAL = -1  # the step of initial weights


class Site(str):
    """A place where noise enters: compares as its name, draws by its name and layer."""

    def __new__(cls, name: str, layer: int = 0):
        site = super().__new__(cls, name)
        site.layer = layer
        return site


class Noise:
    """The draws of M members at one training step, or, in evaluation, the expected values.

    seeds   (M,) int64; members of one seed share their draws
    step    a number, or a tensor of one element on the device (inside a captured graph a number
            would be frozen, and the masks would repeat)
    steps   of the whole training, for `progress`
    """

    def __init__(self, seeds: Tensor, step: int | Tensor, training: bool = True, steps: int = 1):
        self.seeds, self.step, self.training, self.steps = seeds, step, training, steps
        self.within = ""  # goes in front of a site's name
        self.distinct, self.member = seeds.unique(return_inverse=True)

    def then(self, step: int | Tensor) -> "Noise":
        """The same members at another step."""
        other = copy(self)
        other.step = step
        return other

    def at(self, site: str) -> "Draw":
        """The draws of one site. Two sites, or two layers of one site, never share a draw."""
        if not self.training:
            return Draw(None, None)
        if self.within:
            site = Site(f"{self.within}{site}", getattr(site, "layer", 0))
        return Draw(keys(self.distinct, self.step, site), self.member)

    def apart(self, name: str) -> "Noise":
        """The same members and step, with draws of their own: no site shares one with this."""
        other = copy(self)
        other.within = f"{self.within}{name}/"
        return other

    @property
    def progress(self) -> float | Tensor:
        """The share of training that is done before this step, from 0 on; 1 in evaluation."""
        if not self.training:
            return 1.0
        step = self.step.double() if isinstance(self.step, Tensor) else self.step
        return step / self.steps

    def expected(self) -> "Noise":
        """The same members in evaluation."""
        other = copy(self)
        other.training = False
        return other


class Draw:
    """Random numbers of one (step, site). Shapes given leave out M; results have it in front."""

    def __init__(self, keys: Tensor | None, member: Tensor | None):
        self.keys, self.member = keys, member

    def dropout(self, p: Tensor, shape: tuple[int, ...]) -> Tensor | float:
        """1 / (1 - p) with probability 1 - p, else 0; (M, *shape). 1 in evaluation.

        p (M,) is rounded to 1/65536, and the scale goes by the rounded value; p = 1 leaves nothing.
        """
        if self.keys is None:
            return 1.0
        if native.draws(self.keys):
            return native.mask(self.keys, self.member, p, _count(shape), True).view(-1, *shape)
        cut = _cut(p)
        scale = torch.where(cut < 65536, 65536 / (65536 - cut), 0).float()
        return _choose(self, cut, torch.zeros_like(scale), scale, shape)

    def bernoulli(self, p: Tensor, shape: tuple[int, ...]) -> Tensor:
        """1 with probability p, else 0; (M, *shape). p, to be broadcast, in evaluation.

        p (M,) is rounded to 1/65536; p = 1 is always, and p = 0 never.
        """
        if self.keys is None:
            return _spread(p, shape)
        if native.draws(self.keys):
            return native.mask(self.keys, self.member, p, _count(shape), False).view(-1, *shape)
        cut = _cut(p)
        return _choose(self, cut, torch.ones_like(cut).float(), (cut > 65535).float(), shape)

    def uniform(self, shape: tuple[int, ...]) -> Tensor | float:
        """Uniform on (0, 1) in steps of 2^-24; (M, *shape). 0.5 in evaluation."""
        if self.keys is None:
            return 0.5
        # Rounded to single precision, the uppermost would be 1.
        return self._uniform(shape).clamp(max=1 - 2**-24).float()[self.member]

    def normal(
        self, shape: tuple[int, ...], deviation: Tensor | None = None, mean: float = 0.0
    ) -> Tensor | float:
        """Normal numbers of standard deviation 1, or (M,): (M, *shape). The mean in evaluation.

        They come by the inverse distribution function.
        """
        if self.keys is None:
            return mean
        if deviation is None:
            deviation = torch.ones(len(self.member), device=self.member.device)
        if native.draws(self.keys):
            keys, each = self.keys[self.member], deviation[:, None]
            return native.normal(keys, _count(shape), each, mean).view(-1, *shape)
        return mean + _spread(deviation, shape) * self._standard(shape)

    def learned(self, shape: tuple[int, ...], log_deviation: Tensor) -> Tensor | float:
        """Normal numbers with a gradient at the logarithm of their standard deviation.

        That is (M, units), one a place of the last axis of `shape`: (M, *shape). 0 in evaluation.
        """
        if self.keys is None:
            return 0.0
        if native.draws(self.keys):
            keys = self.keys[self.member]
            return native.Learned.apply(keys, _count(shape), log_deviation).view(-1, *shape)
        each = log_deviation.exp().view(-1, *(1 for _ in shape[1:]), shape[-1])
        return each * self._standard(shape)

    def _standard(self, shape: tuple[int, ...]) -> Tensor:
        return torch.special.ndtri(self._uniform(shape)).float()[self.member]

    def _uniform(self, shape: tuple[int, ...]) -> Tensor:
        """Those of `uniform` for each key, in double precision, before members share them."""
        top = (bits(self.keys, _count(shape)) >> 40) & 0xFFFFFF
        return ((top.double() + 0.5) / (1 << 24)).view(-1, *shape)

    def order(self, count: int) -> Tensor:
        """A random order of `count` things, (M, count)."""
        return bits(self.keys, count).argsort(dim=1, stable=True)[self.member]


def keys(seeds: Tensor, step: int | Tensor, site: str) -> Tensor:
    """One 64-bit key for each seed: a hash of (seed, step, site), the shape of `seeds`."""
    site_hash = _site_hash(str(site), getattr(site, "layer", 0))
    if isinstance(step, int) and native.draws(seeds):
        return native.keys(seeds, step, site_hash)
    seed_key = mix((seeds + 1) * _signed(GAMMA))
    step_key = mix(seed_key + (torch.as_tensor(step, device=seeds.device) + 2) * _signed(GAMMA))
    return mix(step_key ^ site_hash)


def bits(keys: Tensor, count: int) -> Tensor:
    """The first `count` 64-bit outputs of each key: (len(keys), count) int64.

    >>> bits(torch.tensor([1234567]), 2).tolist()
    [[6457827717110365317, 3203168211198807973]]
    """
    index = torch.arange(1, count + 1, device=keys.device)
    out = torch.empty(len(keys), count, dtype=torch.int64, device=keys.device)
    piece = PIECE if keys.device.type == "cpu" else count
    for k, row in (
        zip(keys, out, strict=True) if keys.device.type == "cpu" else [(keys[:, None], out)]
    ):
        for start in range(0, count, piece):
            part = slice(start, start + piece)
            row[..., part] = mix(index[part] * _signed(GAMMA) + k)
    return out


def mix(z: Tensor) -> Tensor:
    """The finalizer of SplitMix64 on int64, with logical shifts."""
    z = (z ^ ((z >> 30) & 0x3FFFFFFFF)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ ((z >> 27) & 0x1FFFFFFFFF)) * _signed(0x94D049BB133111EB)
    return z ^ ((z >> 31) & 0x1FFFFFFFF)


def _cut(p: Tensor) -> Tensor:
    """How many of 65536 equal draws are under p: (M,)."""
    return (p.double() * 65536).round().clamp(0, 65536)


def _choose(
    draw: Draw, cut: Tensor, below: Tensor, above: Tensor, shape: tuple[int, ...]
) -> Tensor:
    """`below` where sixteen random bits are under `cut`, else `above`: (M, *shape).

    Four draws come from one 64-bit output. Sixteen bits hold no cut of 65536: there `above` is what
    `below` is.
    """
    limit, count = (cut.clamp(max=65535) - 32768).to(torch.int16), _count(shape)
    words = bits(draw.keys, -(-count // 4)).view(torch.int16)
    under = words[:, :count].view(-1, *shape)[draw.member] < _spread(limit, shape)
    return torch.where(under, _spread(below, shape), _spread(above, shape))


def _spread(values: Tensor, shape: tuple[int, ...]) -> Tensor:
    return values.view(-1, *(1 for _ in shape))


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


@cache
def _site_hash(name: str, layer: int) -> int:
    digest = hashlib.sha256(f"{name}/{layer}".encode()).digest()
    return int.from_bytes(digest[:8], "little", signed=True)
