"""Networks beyond stacked layers, against torch.nn, a sequence at a time: values and gradients."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call
from toys import one_of_each_kind, setting

from rnnreg.errors import UserError
from rnnreg.regularizers.base import is_matrix
from rnnreg.study import registry
from rnnreg.study.sizes import Model
from rnnreg.tasks import Classification, LanguageModel, Polyphony
from rnnreg.trace import Batch
from rnnreg.training.build import build
from rnnreg.training.model import forward, initial
from rnnreg.training.population import Population

MODELS = {
    "widths": Model((6, 4)),
    "bidirectional": Model(5, 2, bidirectional=True),
    "shared": Model(3, 3, shared=True),
    "convolution": Model(4, convolution=3, channels=5),
    "convolution of tanh": Model((4, 3), convolution=2, activation="tanh"),
    "mlp": Model(5, head="mlp", head_units=7),
    "additive": Model(5, head="additive", head_units=4),
    "dot": Model(5, head="dot"),
    "self": Model(4, 2, head="self"),
    "external": Model(5, head="external", head_units=6),
    "all": Model((6, 4), bidirectional=True, convolution=3, channels=5, head="additive"),
}
RNNS = {
    "lstm": nn.LSTM, "gru": nn.GRU, "elman_tanh": nn.RNN,
    "elman_relu": partial(nn.RNN, nonlinearity="relu"),
}  # fmt: skip
LENGTHS = [9, 1, 4, 7]
D, CLASSES = 3, 2


def job(model, cell="lstm", task=None):
    facts = {"inputs": D, "outputs": CLASSES, "symbols": 0}
    return build("here", model, registry.load("cell", cell), facts, task or Classification())


def module_weights(network, w, run, layer):
    """A layer's weights by the names of torch.nn."""
    first = run.replace(str(layer), "0", 1) if network.shared else run
    back = "_reverse" if run.endswith("_reverse") else ""
    gates = w[f"{first}.bias"].shape[0]
    inner = w.get(f"{first}.recurrent_bias", w[f"{first}.bias"].new_zeros(0))
    return {
        f"weight_ih_l0{back}": w[f"{first}.input"],
        f"weight_hh_l0{back}": w[f"{first}.recurrent"],
        f"bias_ih_l0{back}": w[f"{first}.bias"],
        f"bias_hh_l0{back}": torch.cat([inner.new_zeros(gates - len(inner)), inner]),
    }


def peer(network, cell, w, x):
    """torch.nn's output for one sequence x (T, D), with the weights of one member."""
    if network.convolution:
        span, channels = network.convolution, network.channels
        kernel = w["convolution.input"].view(channels, span, -1).transpose(1, 2)
        module = nn.Conv1d(x.shape[1], channels, span)
        given = {"weight": kernel, "bias": w["convolution.bias"]}
        h = functional_call(module, given, (F.pad(x.T, (span - 1, 0))[None],))[0].T
        x = getattr(torch, network.activation)(h)
    for layer in range(network.layers):
        names = [f"{layer}"] + [f"{layer}_reverse"] * network.bidirectional
        own = {}
        for run in names:
            own |= module_weights(network, w, run, layer)
        module = RNNS[cell](x.shape[1], network.width(layer), bidirectional=network.bidirectional)
        x, end = functional_call(module, own, (x[:, None],))
        x, end = x[:, 0], end[0] if isinstance(end, tuple) else end
    h, last = x, end[:, 0].flatten()
    return w["output"] @ head(network, w, h, last) + w["output_bias"]


def head(network, w, h, last):
    """What the output matrix reads of h (T, H)."""
    if network.head == "mlp":
        return F.linear(last, w["mlp.input"], w["mlp.bias"]).relu()
    if network.head == "additive":
        both = F.linear(last, w["query.input"]) + F.linear(h, w["key.input"])
        return F.linear(both.tanh(), w["score.input"])[:, 0].softmax(0) @ h
    if network.head == "dot":
        return F.scaled_dot_product_attention(last[None, None], h[None], h[None])[0, 0]
    if network.head == "self":
        module = nn.MultiheadAttention(h.shape[1], 1, bias=False)
        parts = torch.cat([w[f"{n}.input"] for n in ("query", "key", "value")])
        given = {"in_proj_weight": parts, "out_proj.weight": torch.eye(h.shape[1]).double()}
        return functional_call(module, given, (h, h, h))[0].mean(0)
    if network.head == "external":
        share = F.linear(h, w["key.input"]).softmax(0)
        return F.linear(share / share.sum(1, keepdim=True), w["value.input"]).mean(0)
    return last


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("cell", RNNS)
@pytest.mark.parametrize("name", MODELS)
def test_equals_torch(name, cell, padded):
    """Sequences of their own lengths, there without padding; what pads them here is never read."""
    torch.manual_seed(0)
    network = job(MODELS[name], cell)
    params = initial(network, torch.tensor([1, 2]))
    params = {
        n: (p.double() + 0.3 * torch.randn(p.shape, dtype=torch.float64)).requires_grad_()
        for n, p in params.items()
    }
    lengths = LENGTHS if padded else [9] * 4
    x = (1e3 * torch.randn(2, 12 if padded else 9, 4, D, dtype=torch.float64)).requires_grad_()
    with torch.no_grad():
        for b, n in enumerate(lengths):
            x[:, :n, b] /= 1e3
    goal = torch.randn(2, 4, CLASSES, dtype=torch.float64)
    length = torch.tensor([lengths]) if padded else None
    trace = forward(network, params, Batch(x, goal, length=length), lambda *_: 1.0)
    (trace.output * goal).sum().backward()
    for m in range(2):
        w = {n: p[m].detach().requires_grad_() for n, p in params.items()}
        for b, n in enumerate(lengths):
            own = x[m, :n, b].detach().requires_grad_()
            output = peer(network, cell, w, own)
            (output * goal[m, b]).sum().backward()
            torch.testing.assert_close(trace.output[m, b], output, rtol=0, atol=1e-10)
            torch.testing.assert_close(x.grad[m, :n, b], own.grad, rtol=0, atol=1e-9)
            assert (x.grad[m, n:, b] == 0).all()
        for n, p in params.items():
            torch.testing.assert_close(p.grad[m], w[n].grad, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", ["labels", "series"])
def test_a_population_is_each_member_alone(name, kind):
    sizes = MODELS[name]
    if kind == "labels":
        sizes = replace(sizes, embedding=sizes.hidden if sizes.shared else 5)
    if name == "shared" and kind == "series":
        sizes = replace(sizes, convolution=1)
    given = setting(kind, "gru", "recurrent_dropout", sizes, steps=4, checks=2)
    members = [(0.1, 1), (0.5, 1), (0.5, 2)]
    together = Population(given, *map(list, zip(*members, strict=True)))
    together.run()
    for m, (strength, seed) in enumerate(members):
        alone = Population(given, [strength], [seed])
        alone.run()
        for n, p in alone.final.items():
            # The vendor rounds a product by where its rows lie in memory.
            torch.testing.assert_close(together.final[n][m], p[0], rtol=1e-5, atol=1e-5)
    assert (together.curves.loss[-1] < 10).all()


LARGE = replace(MODELS["all"], embedding=6, convolution=2)


def suiting():
    given = setting("labels", "lstm", "none", LARGE)
    names = registry.names("regularizer")
    suits = (registry.load("regularizer", n).suits for n in names)
    return [n for n, s in zip(names, suits, strict=True) if not s(given.network, Classification())]


@pytest.mark.parametrize("regularizer", [r for r in one_of_each_kind() if r in suiting()])
def test_regularizers_act_on_them(regularizer):
    """One of each kind changes what is learned, and leaves nothing that is not finite."""
    cls = registry.load("regularizer", regularizer)
    found = []
    for name in ("none", regularizer):
        given = setting("labels", "lstm", name, LARGE, steps=3, checks=1)
        strength = cls.strengths[-1] if name != "none" else 0.0
        population = Population(given, [strength], [1])
        population.run()
        found.append(population.final)
    assert all(p.isfinite().all() for p in found[1].values())
    moved = [n for n, p in found[0].items() if not torch.equal(p, found[1].get(n))]
    assert moved or regularizer in ("early_stopping", "none", "nt_asgd")  # that act later, or never


def test_masks_of_two_directions_differ():
    drawn = {}

    def mask(site, shape):
        drawn.setdefault(str(site), []).append(site.layer)
        return 1.0

    network = job(replace(MODELS["all"], head="mlp"), "lstm")
    params = initial(network, torch.tensor([1]))
    forward(network, params, Batch(torch.randn(1, 5, 2, D), None), mask)
    assert drawn["recurrent"] == drawn["cell"] == [0, 2, 1, 3]
    assert drawn["input"] == [0]
    assert drawn["between"] == [0, 1, 2]
    assert drawn["output"] == [0]


def test_matrices_are_those_of_layers_convolution_and_head():
    names = [n for n in job(MODELS["all"]).shapes() if is_matrix(n)]
    ways = [f"{i}{way}" for i in (0, 1) for way in ("", "_reverse")]
    layers = [f"{run}.{part}" for run in ways for part in ("input", "recurrent")]
    head = ["key.input", "query.input", "score.input", "output"]
    assert names == ["convolution.input", *layers, *head]


FAULTS = [
    (Model(4, head="dot"), Polyphony(), "head: given 'dot', but every step of this task has a tar"),
    (Model(4, bidirectional=True), Polyphony(), "bidirectional: given true, but every step"),
    (Model(4, convolution=2), LanguageModel("word", 5), "convolution: given 2, but of the window"),
    (Model(4, channels=2), None, "channels: given 2, but there is no convolution. Remedy"),
    (Model(4, head_units=2), None, "head_units: given 2, but the head 'linear' has none. Remedy"),
    (Model((4, 3), shared=True), None, r"shared: given true, but layers have widths \[4, 3\]"),
    (Model(4, 2, shared=True), None, "the first layer reads 3 units and those above read 4. Rem"),
    (Model((4, 3), 3), None, r"layers: given 3, but hidden has 2 widths, \[4, 3\]. Remedy: leave"),
]


@pytest.mark.parametrize(("model", "task", "told"), FAULTS)
def test_what_does_not_go_together_is_told(model, task, told):
    with pytest.raises(UserError, match=f"here: model: .*{told}"):
        job(model, "lstm", task)
