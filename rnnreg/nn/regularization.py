"""A regularizer at work on a model that is trained by a loop of one's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, isnan

import torch
from torch import Tensor

from rnnreg.errors import UserError
from rnnreg.nn import masks, names
from rnnreg.nn.clock import Clock
from rnnreg.nn.seen import Seen
from rnnreg.nn.swapped import Swapped
from rnnreg.regularizers.base import Regularizer


class Regularization:
    """A regularizer at work on a model: `regularize` makes it.

    A regularizer that compares two passes is given both outputs:

        output, twin = model(x), model(x)
        loss = (cost(output, y) + cost(twin, y)) / 2 + reg.penalty(output, y, twin)

    One that takes its gradient elsewhere moves the model there:

        cost(model(x), y).backward()
        with reg.moved():
            cost(model(x), y).backward()
        optimizer.step()
    """

    def __init__(self, model, reg: Regularizer, optimizer, steps: int | None):
        self.model, self.reg, self.optimizer = model, reg, optimizer
        self.parameters = names.parameters(model)
        seed = torch.randint(1 << 62, (1,)).to(reg.strength.device)
        self.noise = Clock(seed, 0, steps=steps or 0)
        self.noise.regularizer = reg.name
        self.losses: list[float] = []
        self.best: dict[str, Tensor] = {}
        self.kept = reg.start(self._members(detached=True))
        self.seen = Seen(model, reg.name) if reg.uses("penalty") else None
        self.hooks = [*self.seen.hooks] if self.seen else []
        self.arrived = not reg.uses("penalty")  # whether the penalty has reached the gradient
        self.has_moved = False
        self.swapped = Swapped(model, reg) if reg.uses("weights") else None
        if self.swapped:
            self.hooks += self.swapped.hooks
        if reg.uses("mask") or reg.uses("shift"):
            self.hooks += masks.put(model, reg, self.noise)
        if optimizer:
            self.hooks.append(optimizer.register_step_pre_hook(self._before))
            self.hooks.append(optimizer.register_step_post_hook(self._after))

    def penalty(
        self,
        output: Tensor | None = None,
        target: Tensor | None = None,
        twin: Tensor | None = None,
    ) -> Tensor:
        """What is added to the mean loss; zero for a regularizer that acts elsewhere.

        output   (..., V) of the model, where the penalty is one of outputs
        target   (...) classes or symbols; negative ones do not count; None: all count
        twin     the output of a second pass under other masks, where two are compared
        """
        if self.seen is None:
            return self.reg.strength.new_zeros(())
        weights = (self.swapped and self.swapped.last) or self._members()
        found = self.reg.penalty(weights, self.seen.trace(output, target, twin))
        if torch.is_grad_enabled():
            if not isinstance(found, Tensor) or not found.requires_grad:
                raise UserError(
                    f"regularize: {self.reg.name}: this model has nothing that its penalty reads."
                )
            found.register_hook(self._arrive)
        return found.sum()

    def remove(self) -> None:
        """Take the regularizer off the model and the optimizer."""
        for hook in self.hooks:
            hook.remove()

    def check(self, loss: float) -> bool:
        """Tell a validation loss; whether training is to go on."""
        loss = inf if isnan(loss) else float(loss)
        best = loss < min(self.losses, default=inf)
        self.losses.append(loss)
        losses = torch.tensor(self.losses, device=self.reg.strength.device)[:, None]
        if best and self.reg.scored_at == "best":
            self.best = {n: p.detach().clone() for n, p in self.parameters.items()}
        self.kept = self.reg.told(self.kept, losses, self.noise)
        return bool(self.reg.keep_training(losses))

    @contextmanager
    def evaluated(self) -> Iterator[None]:
        """Within it the model has the weights to evaluate: an average, or those of the best check.

        Training goes on from its own afterwards.
        """
        if not self.losses and (self.reg.uses("told") or self.reg.uses("keep_training")):
            raise UserError(
                f"regularize: {self.reg.name}: it was told no validation loss: reg.check(loss)."
            )
        own = {n: p.detach().clone() for n, p in self.parameters.items()}
        weights = self.reg.average(self._members(detached=True), self.kept)
        self._write({n: w[0] for n, w in weights.items()} | self.best)
        try:
            yield
        finally:
            self._write(own)

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Within it the model is where the gradient is to be taken; gradients start from none."""
        grads = self._members(of="grad", detached=True)
        if self.reg.second != "weights" or not grads:
            why = "there is no gradient yet" if grads == {} else "it takes no gradient elsewhere"
            raise UserError(f"regularize: {self.reg.name}: reg.moved(): {why}.")
        own = {n: self.parameters[n].detach().clone() for n in grads}
        found = self.reg.ascend(grads, self.noise)
        self._write({n: own[n] + found[n][0] for n in grads})
        for name in grads:
            self.parameters[name].grad = None
        try:
            yield
        finally:
            self._write(own)
        self.has_moved = True

    def _members(self, detached: bool = False, of: str = "") -> dict[str, Tensor]:
        """Parameters (or `of` them, "grad") with a member axis of one."""
        found = {n: getattr(p, of) if of else p for n, p in self.parameters.items()}
        found = {n: t for n, t in found.items() if t is not None}
        return {n: (t.detach() if detached else t)[None] for n, t in found.items()}

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self.parameters[name].copy_(value)

    def _arrive(self, gradient: Tensor) -> None:
        self.arrived = True

    @torch.no_grad()
    def _before(self, optimizer, args, kwargs) -> None:
        """Ahead of the optimizer's step: gradients."""
        if any(callable(a) for a in (*args, *kwargs.values())):
            raise UserError(
                f"regularize: {self.reg.name}: optimizer.step(closure) takes gradients inside, "
                "where it cannot act. Remedy: optimizer.step()."
            )
        if not self.arrived:
            raise UserError(
                f"regularize: {self.reg.name}: optimizer.step(), and no gradient of its penalty. "
                "Remedy: loss = loss + reg.penalty() before loss.backward()."
            )
        if self.reg.second == "weights" and not self.has_moved:
            raise UserError(
                f"regularize: {self.reg.name}: optimizer.step(), and no gradient from where it "
                "moves the model. Remedy: with reg.moved(): loss.backward() of a second pass."
            )
        if self.swapped and not self.swapped.last:
            raise UserError(
                f"regularize: {self.reg.name}: optimizer.step(), and the model was not called: its "
                "weights change while model(...) runs, not while one of its parts does."
            )
        if self.reg.uses("gradients"):
            stepped = {id(p) for group in optimizer.param_groups for p in group["params"]}
            grads = self._members(of="grad", detached=True)
            grads = {n: g for n, g in grads.items() if id(self.parameters[n]) in stepped}
            params = {n: p for n, p in self._members(detached=True).items() if n in grads}
            for name, g in self.reg.gradients(grads, params, self.noise).items():
                self.parameters[name].grad.copy_(g[0])

    @torch.no_grad()
    def _after(self, optimizer, args, kwargs) -> None:
        """After the optimizer's step: projection, averages, and the clock."""
        if self.reg.uses("project"):
            for group in optimizer.param_groups:
                own = {id(p) for p in group["params"]}
                rate = torch.full_like(self.reg.strength, float(group["lr"]))
                found = self.reg.project(self._members(detached=True), rate)
                self._write({n: w[0] for n, w in found.items() if id(self.parameters[n]) in own})
        if self.reg.uses("keep"):
            self.kept = self.reg.keep(self.kept, self._members(detached=True), self.noise)
        self.noise.step += 1
        self.arrived, self.has_moved = not self.reg.uses("penalty"), False
        if self.seen:
            self.seen.clear()
        if self.swapped:
            self.swapped.last = {}
