"""What a population's checks have seen of its members, and the sums between two checks."""

import math

import torch
from torch import Tensor


class Tally:
    """Sums over the steps since the last check, a member each; stays on the device."""

    def __init__(self, index: Tensor):
        self.steps = 0
        zeros = torch.zeros(3, len(index), dtype=torch.float64, device=index.device)
        self.loss, self.norm, self.clipped = zeros

    @property
    def sums(self) -> dict[str, Tensor]:
        """Them by name, (M,) each."""
        return {"loss": self.loss, "norm": self.norm, "clipped": self.clipped}

    def clear(self) -> None:
        """Start again from zero."""
        self.steps = 0
        for total in self.sums.values():
            total.zero_()

    def add(self, loss: Tensor, norm: Tensor, used: Tensor | None = None) -> None:
        """One step: the loss, the gradient's norm, and its norm after the `gradients` hook."""
        self.loss += loss.detach()
        self.norm += norm
        if used is not None:
            self.clipped += used != norm


class Curves:
    """What the checks saw of all members of a population, those that stopped included."""

    def __init__(self, members: int, steps: list[int], device: torch.device):
        def empty(dtype=torch.float64):
            return torch.full((len(steps), members), math.nan, dtype=dtype, device=device)

        self.loss, self.train_loss, self.norm = empty(), empty(), empty()
        self.metrics: list[dict[str, Tensor]] = []
        self.at = steps
        self.checks = torch.zeros(members, dtype=torch.int64, device=device)
        self.clipped = torch.zeros(members, dtype=torch.float64, device=device)
        self.best_loss = torch.full((members,), math.inf, dtype=torch.float64, device=device)
        self.best_check = torch.zeros(members, dtype=torch.int64, device=device)
        self.diverged = torch.zeros(members, dtype=torch.bool, device=device)

    def tensors(self) -> dict[str, Tensor]:
        """All of them by name; the members stand in the last axis."""
        own = {name: t for name, t in vars(self).items() if isinstance(t, Tensor)}
        each = enumerate(self.metrics)
        return own | {f"{check}/{n}": v for check, found in each for n, v in found.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Put these in the place of `tensors`."""
        self.metrics = []
        for name, t in tensors.items():
            check, _, metric = name.partition("/")
            if not metric:
                setattr(self, name, t)
                continue
            self.metrics += [{} for _ in range(int(check) + 1 - len(self.metrics))]
            self.metrics[int(check)][metric] = t

    def put(self, number, index, alive, metrics, since: Tally, done: int) -> None:
        """The check of that number, for the members at `index` that are alive."""
        members = index[alive]
        self.loss[number, members] = metrics["loss"][alive]
        self.train_loss[number, members] = (since.loss / since.steps)[alive]
        self.norm[number, members] = (since.norm / since.steps)[alive]
        self.clipped[members] += since.clipped[alive]
        self.checks[members] = number + 1
        self.metrics.append({n: self._whole(v, members, alive) for n, v in metrics.items()})
        better = self.loss[number, members] < self.best_loss[members]  # never for NaN
        self.best_check[members[better]] = number
        self.best_loss[members] = torch.fmin(self.loss[number, members], self.best_loss[members])

    def judge(self, number: int, index: Tensor, limit: float) -> None:
        """Mark those as diverged whose numbers are not finite, or whose loss is above the limit."""
        seen = torch.stack([self.loss[number], self.train_loss[number], self.norm[number]])[
            :, index
        ]
        had = self.checks[index] == number + 1
        bad = ~seen.isfinite().all(0) | (self.loss[number, index] > limit)
        self.diverged[index] |= bad & had

    def _whole(self, values: Tensor, members: Tensor, alive: Tensor) -> Tensor:
        whole = torch.full_like(self.best_loss, math.nan)
        whole[members] = values[alive].double()
        return whole
