"""What is compared: one training step (forward, backward to all weights) of M small models.

Each contender is a function of a `Case` that returns a function without arguments: the step. The
loss is the sum of h after the last step. Masks are on h before the recurrent product, one for a
whole sequence, as recurrent dropout draws them; they are drawn beforehand, for everyone. On a GPU
rnnreg's steps are replayed CUDA graphs, as they are in training.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from rnnreg.kernels.unroll import Masks, plain, unroll
from rnnreg.study import registry
from rnnreg.training.capture import cuda_graphs

MODULES = {
    "elman_relu": (nn.RNN, nn.RNNCell, {"nonlinearity": "relu"}),
    "elman_tanh": (nn.RNN, nn.RNNCell, {"nonlinearity": "tanh"}),
    "gru": (nn.GRU, nn.GRUCell, {}),
    "lstm": (nn.LSTM, nn.LSTMCell, {}),
}
Step = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """Sizes of a step: M members, B sequences of T steps, D inputs, H units."""

    cell: str
    batch: int
    steps: int
    inputs: int
    hidden: int
    members: int = 8

    device: str = "cpu"

    def x(self) -> Tensor:
        x = torch.randn(self.members, self.steps, self.batch, self.inputs)
        return x.to(self.device)

    def mask(self) -> Tensor:
        kept = torch.rand(self.members, 1, self.batch, self.hidden) < 0.5
        return 2.0 * kept.to(self.device)

    def weights(self) -> dict[str, Tensor]:
        cell, gates = registry.load("cell", self.cell), self.hidden
        gates = cell.gates * self.hidden
        shapes = {
            "input": (gates, self.inputs),
            "recurrent": (gates, self.hidden),
            "bias": (gates,),
        }
        if cell.recurrent_biases:
            shapes["recurrent_bias"] = (cell.recurrent_biases * self.hidden,)
        limit = self.hidden**-0.5
        return {
            n: torch.empty(self.members, *s, device=self.device)
            .uniform_(-limit, limit)
            .requires_grad_()
            for n, s in shapes.items()
        }


def rnnreg(case: Case, masked: bool, loop=unroll) -> Step:
    """Ours: a population in one call."""
    cell, x, weights = registry.load("cell", case.cell), case.x(), case.weights()
    masks = Masks(recurrent=case.mask()) if masked else Masks()
    zero = torch.zeros(case.members, case.batch, case.hidden, device=case.device)

    def step():
        _, last = loop(cell, x, weights, (zero,) * cell.states, masks)
        return torch.autograd.grad(last[0].sum(), list(weights.values()))

    return replayed(case, step)


def replayed(case: Case, step: Step) -> Step:
    """On a GPU the step as a CUDA graph."""
    if case.device == "cpu":
        return step
    step()  # whatever compiles, does so now
    replay = cuda_graphs()(lambda: list(step()), [])
    return lambda held=step: replay()  # what a graph reads, it does not hold


def torch_module(case: Case) -> Step:
    """nn.LSTM and its like, member after member: the vendor's kernel, no mask inside."""
    kind, _, options = MODULES[case.cell]
    options = {**options, "device": case.device}
    modules = [kind(case.inputs, case.hidden, **options) for _ in range(case.members)]
    x = case.x()

    def step():
        found = []
        for module, own in zip(modules, x, strict=True):
            output, _ = module(own)
            found += torch.autograd.grad(output[-1].sum(), list(module.parameters()))
        return found

    return step


def torch_cell(case: Case) -> Step:
    """nn.LSTMCell and its like in a time loop, member after member, with the mask on h."""
    _, kind, options = MODULES[case.cell]
    options = {**options, "device": case.device}
    modules = [kind(case.inputs, case.hidden, **options) for _ in range(case.members)]
    x, masks = case.x(), case.mask()[:, 0]
    zero = torch.zeros(case.batch, case.hidden, device=case.device)

    def step():
        found = []
        for module, own, mask in zip(modules, x, masks, strict=True):
            h = c = zero
            for now in own:
                if case.cell == "lstm":
                    h, c = module(now, (h * mask, c))
                else:
                    h = module(now, h * mask)
            found += torch.autograd.grad(h.sum(), list(module.parameters()))
        return found

    return step


def torch_vmap(case: Case) -> Step:
    """torch.func.vmap over the gradient of our plain loop, masked."""
    cell, x, weights, masks = (
        registry.load("cell", case.cell),
        case.x(),
        case.weights(),
        case.mask(),
    )
    weights = {n: w.detach() for n, w in weights.items()}
    zero = torch.zeros(1, case.batch, case.hidden, device=case.device)

    def loss(weights, x, mask):
        own = {n: w[None] for n, w in weights.items()}
        state = (zero,) * cell.states
        return plain(cell, x[None], own, state, Masks(recurrent=mask[None]))[1][0].sum()

    gradients = torch.func.vmap(torch.func.grad(loss))
    return lambda: gradients(weights, x, masks)


def jax_scan(case: Case) -> Step:
    """JAX: jit(vmap(grad(scan))), masked; the input product once for all time steps."""
    import jax
    import jax.numpy as jnp

    if case.device != "cpu":
        jax.config.update("jax_default_matmul_precision", "highest")  # single; lower by default

    def pointwise(x, r, h, c):
        if case.cell == "lstm":
            i, f, g, o = jnp.split(x + r, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c
        if case.cell == "gru":
            (x_r, x_z, x_n), (r_r, r_z, r_n) = jnp.split(x, 3, -1), jnp.split(r, 3, -1)
            z = jax.nn.sigmoid(x_z + r_z)
            n = jnp.tanh(x_n + jax.nn.sigmoid(x_r + r_r) * r_n)
            return n + z * (h - n), c
        return (jax.nn.relu if case.cell == "elman_relu" else jnp.tanh)(x + r), c

    def loss(weights, x, mask):
        inputs = x @ weights["input"].T + weights["bias"]
        inner = weights.get("recurrent_bias")
        if inner is not None:
            inner = jnp.pad(inner, (weights["bias"].shape[0] - inner.shape[0], 0))

        def step(state, now):
            r = (state[0] * mask) @ weights["recurrent"].T
            return pointwise(now, r if inner is None else r + inner, *state), None

        zero = jnp.zeros((case.batch, case.hidden))
        return jax.lax.scan(step, (zero, zero), inputs)[0][0].sum()

    gradients = jax.jit(jax.vmap(jax.grad(loss)))
    weights = {n: jnp.asarray(w.detach().cpu().numpy()) for n, w in case.weights().items()}
    x, mask = (jnp.asarray(t.cpu().numpy()) for t in (case.x(), case.mask()[:, 0]))
    return lambda: jax.block_until_ready(gradients(weights, x, mask))


def all_of(case: Case) -> dict[str, tuple[int, Callable[[], Step]]]:
    """Every contender at a case: name -> (members in one call, what makes the step)."""
    found = {
        "rnnreg": partial(rnnreg, case, masked=False),
        "rnnreg, masked": partial(rnnreg, case, masked=True),
        "torch.nn module": partial(torch_module, case),
        "torch.nn cell in a loop, masked": partial(torch_cell, case),
        "rnnreg, plain loop, masked": partial(rnnreg, case, masked=True, loop=plain),
        "torch.func.vmap, masked": partial(torch_vmap, case),
    }
    if case.device != "cpu":
        found["torch.nn module, CUDA graph"] = lambda: replayed(case, torch_module(case))
    found = {name: (case.members, make) for name, make in found.items()}
    if not jax_runs(case.device):
        return found
    if case.device != "cpu":
        return {**found, "JAX vmap(scan), masked": (case.members, partial(jax_scan, case))}
    for members in (1, 24):
        several = replace(case, members=members)
        found[f"JAX vmap(scan), {members} members, masked"] = members, partial(jax_scan, several)
    return found


def jax_runs(device: str) -> bool:
    """Whether JAX is installed, and, for a GPU, with what it needs there."""
    if importlib.util.find_spec("jax") is None:
        return False
    import jax

    return device == "cpu" or jax.default_backend() == "gpu"
