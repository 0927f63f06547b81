"""Our model against torch.nn with the same weights: values and gradients, in double precision."""

from functools import partial

import pytest
import torch

from rnnreg.network import Network
from rnnreg.study import registry
from rnnreg.trace import Batch
from rnnreg.training.model import forward, initial

PEERS = {
    "elman_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
    "elman_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "gru": (torch.nn.GRU, {}),
    "lstm": (torch.nn.LSTM, {}),
}


def peer(name, network, params, m):
    """torch.nn's module with the weights of member m."""
    kind, options = PEERS[name]
    module = kind(network.inputs, network.hidden, network.layers, **options).double()
    gates = network.hidden * network.cell.gates
    state = {}
    for layer in range(network.layers):
        own = {n: params[f"{layer}.{n}"][m] for n in ("input", "recurrent", "bias")}
        inner = torch.zeros(gates, dtype=torch.float64)
        if network.cell.recurrent_biases:
            second = params[f"{layer}.recurrent_bias"][m]
            inner[gates - len(second) :] = second
        state |= {
            f"weight_ih_l{layer}": own["input"],
            f"weight_hh_l{layer}": own["recurrent"],
            f"bias_ih_l{layer}": own["bias"],
            f"bias_hh_l{layer}": inner,
        }
    module.load_state_dict(state)
    return module


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("steps", "batch", "inputs", "hidden"), [(1, 1, 1, 1), (7, 3, 5, 4), (20, 2, 3, 17)]
)
def test_equals_torch(name, layers, steps, batch, inputs, hidden):
    torch.manual_seed(0)
    network = Network(registry.load("cell", name), inputs, 3, hidden, layers)
    params = initial(network, torch.tensor([1, 2]))
    params = {
        n: (p.double() + 0.1 * torch.randn(p.shape, dtype=torch.float64)).requires_grad_()
        for n, p in params.items()
    }
    x = torch.randn(2, steps, batch, inputs, dtype=torch.float64, requires_grad=True)
    goal = torch.randn(2, steps, batch, 3, dtype=torch.float64)
    trace = forward(network, params, Batch(x, goal), lambda *_: 1.0)
    (trace.output * goal).sum().backward()
    for m in range(2):
        module = peer(name, network, params, m)
        own = x[m].detach().requires_grad_()
        hidden_states, last = module(own)
        weight, bias = (params[n][m].detach().requires_grad_() for n in ("output", "output_bias"))
        output = hidden_states @ weight.T + bias
        (output * goal[m]).sum().backward()
        torch.testing.assert_close(trace.output[m], output, rtol=0, atol=1e-10)
        last = last if isinstance(last, tuple) else (last,)
        for layer in range(layers):
            for ours, theirs in zip(trace.state[layer], last, strict=True):
                torch.testing.assert_close(ours[m], theirs[layer], rtol=0, atol=1e-10)
        torch.testing.assert_close(x.grad[m], own.grad, rtol=0, atol=1e-10)
        torch.testing.assert_close(params["output"].grad[m], weight.grad, rtol=0, atol=1e-10)
        torch.testing.assert_close(params["output_bias"].grad[m], bias.grad, rtol=0, atol=1e-10)
        theirs = dict(module.named_parameters())
        for layer in range(layers):
            for ours, name_there in (
                ("input", "weight_ih"),
                ("recurrent", "weight_hh"),
                ("bias", "bias_ih"),
            ):
                found = params[f"{layer}.{ours}"].grad[m]
                torch.testing.assert_close(
                    found, theirs[f"{name_there}_l{layer}"].grad, rtol=0, atol=1e-10
                )
            if network.cell.recurrent_biases:
                found = params[f"{layer}.recurrent_bias"].grad[m]
                inner = theirs[f"bias_hh_l{layer}"].grad
                torch.testing.assert_close(
                    found, inner[len(inner) - len(found) :], rtol=0, atol=1e-10
                )


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("adam", torch.optim.Adam),
        ("sgd", torch.optim.SGD),
        ("momentum", partial(torch.optim.SGD, momentum=0.9)),
        ("rmsprop", partial(torch.optim.RMSprop, alpha=0.9)),
        ("adagrad", torch.optim.Adagrad),
    ],
)
def test_optimizers_equal_torch_at_a_rate_of_each_member(name, theirs):
    from rnnreg.training.optimizers import OPTIMIZERS

    torch.manual_seed(1)
    rates = torch.tensor([1e-3, 0.1], dtype=torch.float64)
    ours = {"a": torch.randn(2, 3, 4, dtype=torch.float64)}
    alone = [p.clone().requires_grad_() for p in ours["a"]]
    optimizer = OPTIMIZERS[name](ours)
    peers = [theirs([p], lr=float(rate)) for p, rate in zip(alone, rates, strict=True)]
    for step in range(1, 6):
        gradient = torch.randn(2, 3, 4, dtype=torch.float64)
        optimizer(ours, {"a": gradient}, rates, *optimizer.numbers(step))
        for member, peer in enumerate(peers):
            alone[member].grad = gradient[member].clone()
            peer.step()
    torch.testing.assert_close(ours["a"], torch.stack(alone).detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("clip", [0.5, 100.0])
def test_clip_norm_equals_torch_member_by_member(clip):
    torch.manual_seed(2)
    grads = {"a": torch.randn(3, 4, 5), "b": 10 * torch.randn(3, 2)}
    reg = registry.load("regularizer", "clip_norm")(torch.full((3,), clip))
    ours = reg.gradients(grads, {}, None)
    for m in range(3):
        own = [torch.zeros(4, 5, requires_grad=True), torch.zeros(2, requires_grad=True)]
        for p, g in zip(own, grads.values(), strict=True):
            p.grad = g[m].clone()
        torch.nn.utils.clip_grad_norm_(own, clip)
        for p, g in zip(own, ours.values(), strict=True):
            torch.testing.assert_close(g[m], p.grad, rtol=1e-5, atol=1e-7)
