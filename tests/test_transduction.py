"""An encoder and a decoder with attention: against torch.nn, in training and writing by itself."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_networks import RNNS, module_weights
from torch.func import functional_call
from toys import one_of_each_kind

from rnnreg.data import checks, naive, transduction
from rnnreg.data.benchmark import Benchmark, Budget, Model
from rnnreg.errors import UserError
from rnnreg.kernels.noise import Site
from rnnreg.study import registry
from rnnreg.tasks import Transduction
from rnnreg.trace import Batch
from rnnreg.training.build import build
from rnnreg.training.decoder import greedy
from rnnreg.training.model import forward, initial
from rnnreg.training.population import Population
from rnnreg.training.setting import Setting

SIZES = {"additive": Model((5, 4), embedding=3, head="additive", head_units=6)}
SIZES |= {"dot": Model(4, embedding=3, head="dot"), "linear": Model(4, 2, embedding=3)}
SYMBOLS = 6


class Reverse(Benchmark):
    """Write a word backward."""

    task = Transduction()
    model = Model(hidden=8, embedding=5, head="dot")
    budget = Budget(steps=4, batch=4, learning_rate=1e-2, checks=2)

    def prepare(self, raw):
        raise NotImplementedError("there is nothing to prepare: the arrays are made here")


def pairs(count, seed):
    rng = np.random.default_rng(seed)
    words = ("".join(rng.choice(list("abcd"), rng.integers(1, 6))) for _ in range(count))
    return [(word, word[::-1]) for word in words]


def splits():
    return transduction(*(pairs(60, seed) for seed in range(3)))


def setting(cell="gru", regularizer="none", model=None, **budget) -> Setting:
    made = splits()
    scores = naive.scores(Reverse.task, made)
    facts = {
        "inputs": made.symbols, "outputs": made.symbols, "symbols": made.symbols,
        "naive": scores, "naive_best": next(iter(scores)), "data_hash": "toy",
    }  # fmt: skip
    kind, of_cell = registry.load("regularizer", regularizer), registry.load("cell", cell)
    network = kind.network(build("here", model or Reverse.model, of_cell, facts, Reverse.task))
    own = Budget(**{**vars(Reverse.budget), **budget})
    arrays = dict(made.items())
    return Setting(Reverse, of_cell, kind, own, network, arrays, facts, torch.device("cpu"))


def network(name, cell):
    facts = {"inputs": SYMBOLS, "outputs": SYMBOLS, "symbols": SYMBOLS}
    return build("here", SIZES[name], registry.load("cell", cell), facts, Transduction())


def layers(net, cell, w, x, part, states):
    """torch.nn's h of the last layer and last states, of one sequence x (T, D)."""
    ends = []
    for layer in range(net.layers):
        run = f"{layer}_decoder" if part else f"{layer}"
        own = module_weights(net, w, run, layer)
        module = RNNS[cell](x.shape[1], net.width(layer))
        given = (x[:, None],) if states is None else (x[:, None], states[layer])
        x, end = functional_call(module, own, given)
        x = x[:, 0]
        ends.append(end)
    return x, ends


def output(net, w, h, query):
    """The output at each step of the decoder, from h (T, H) and the decoder's own (S, H)."""
    if net.head == "additive":
        asked, key = F.linear(query, w["query.input"]), F.linear(h, w["key.input"])
        score = F.linear((asked[:, None] + key).tanh(), w["score.input"])[..., 0]
        context = score.softmax(-1) @ h
    elif net.head == "dot":
        context = F.scaled_dot_product_attention(query[None], h[None], h[None])[0]
    if net.head != "linear":
        query = F.linear(torch.cat([context, query], 1), w["combine.input"]).tanh()
    return F.linear(query, w["output"], w["output_bias"])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("name", SIZES)
def test_equals_torch(name, cell):
    """A sequence at a time, without padding: outputs, gradients, and what is written."""
    torch.manual_seed(0)
    net, lengths, steps = network(name, cell), [7, 1, 4], 5
    params = initial(net, torch.tensor([1, 2]))
    params = {
        n: (p.double() + torch.randn(p.shape, dtype=torch.float64)).requires_grad_()
        for n, p in params.items()
    }
    x = torch.randint(1, SYMBOLS, (1, 9, 3))
    y = torch.randint(0, SYMBOLS, (1, steps, 3))
    goal = torch.randn(2, steps, 3, SYMBOLS, dtype=torch.float64)
    batch = Batch(x, y, torch.ones(1, steps, 3), torch.tensor([lengths]))
    trace = forward(net, params, batch, lambda *_: 1.0)
    (trace.output * goal).sum().backward()
    states = trace.state[: net.layers]
    found = greedy(net, params, batch, trace.hidden[-1], states, lambda *_: 1.0)
    for m in range(2):
        w = {n: p[m].detach().requires_grad_() for n, p in params.items()}
        for b, n in enumerate(lengths):
            h, states = layers(net, cell, w, w["embedding"][x[0, :n, b]], "", None)
            before = torch.cat([torch.zeros(1, dtype=torch.int64), y[0, :-1, b]])
            own, _ = layers(net, cell, w, w["embedding"][before], "decoder", states)
            wanted = output(net, w, h, own)
            (wanted * goal[m, :, b]).sum().backward()
            torch.testing.assert_close(trace.output[m, :, b], wanted, rtol=0, atol=1e-9)
            written = torch.zeros(1, dtype=torch.int64)
            with torch.no_grad():  # the whole decoder again for every symbol
                for _ in range(steps):
                    own, _ = layers(net, cell, w, w["embedding"][written], "decoder", states)
                    symbol = output(net, w, h, own)[-1:].argmax(-1)
                    written = torch.cat([written, symbol])
            assert found[m, :, b].tolist() == written[1:].tolist()
        for n, p in params.items():
            torch.testing.assert_close(p.grad[m], w[n].grad, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("regularizer", ["recurrent_dropout", "zoneout", "layer_norm", "l2"])
def test_a_population_is_each_member_alone(regularizer):
    given = setting("lstm", regularizer)
    strength = registry.load("regularizer", regularizer).strengths[-1]
    together = Population(given, [strength] * 2, [1, 2])
    together.run()
    for m, seed in enumerate([1, 2]):
        alone = Population(given, [strength], [seed])
        alone.run()
        for n, p in alone.final.items():
            # The vendor rounds a product by where its rows lie in memory.
            torch.testing.assert_close(together.final[n][m], p[0], rtol=1e-5, atol=1e-5)
        for key, value in alone.curves.metrics[-1].items():
            torch.testing.assert_close(together.curves.metrics[-1][key][m], value[0])


@pytest.mark.parametrize("regularizer", one_of_each_kind())
def test_regularizers_act_or_say_why_not(regularizer):
    cls, plain = registry.load("regularizer", regularizer), setting()
    if cls.suits(plain.network, Reverse.task) or cls.network(plain.network).statistics():
        return
    population = Population(setting("gru", regularizer), [cls.strengths[-1]], [1])
    population.run()
    assert all(p.isfinite().all() for p in population.final.values())
    none = Population(plain, [0.0], [1])
    none.run()
    moved = [n for n, p in none.final.items() if not torch.equal(p, population.final[n])]
    assert moved or regularizer in ("early_stopping", "none", "nt_asgd")


def test_masks_of_encoder_and_decoder_differ():
    drawn = {}

    def mask(site: Site, shape):
        drawn.setdefault(str(site), []).append((site.layer, shape[0]))
        return 1.0

    net = network("additive", "lstm")
    batch = Batch(torch.ones(1, 4, 2).long(), torch.ones(1, 3, 2).long(), torch.ones(1, 3, 2))
    forward(net, initial(net, torch.tensor([1])), batch, mask)
    assert drawn["recurrent"] == drawn["cell"] == [(0, 4), (1, 4), (2, 3), (3, 3)]
    assert drawn["input"] == [(0, 4), (2, 3)]
    assert drawn["between"] == [(1, 4), (3, 3)]


def test_it_learns_to_write_what_it_read():
    """Better than the symbols of each place, by what it writes itself."""
    population = Population(setting(steps=200, batch=20), [0.0], [1])
    population.run()
    loss, last = population.curves.loss[:, 0], population.curves.metrics[-1]
    base = population.setting.naive["validation"]
    assert loss[-1] < 0.7 * base["loss"]
    assert last["token_accuracy"][0] > base["token_accuracy"]
    assert last["exact_match"][0] > base["exact_match"]


def test_naive_scores_are_those_of_frequencies_at_each_place():
    made = transduction([("a", "b"), ("a", "b"), ("a", "ab")], [("a", "b")], [("a", "a")])
    (found,) = naive.scores(Transduction(), made).values()
    first, second = (2 + 1) / (3 + 4), (2 + 1) / (3 + 4)  # of "b", of the end; 4 symbols
    assert found["validation"]["loss"] == pytest.approx(-np.log([first, second]).mean())
    assert found["validation"]["exact_match"] == 1.0
    assert found["test"] == {
        "loss": pytest.approx(-np.log([2 / 7, second]).mean()),
        "exact_match": 0.0,
        "token_accuracy": 0.5,
    }


class Toy(Reverse):
    title, group = "toy", "NLP"


def test_data_that_cannot_be_is_told():
    checks.check(Toy, splits())
    with pytest.raises(UserError, match=r"train: pair 1 has an empty source\. Remedy: leave it"):
        transduction([("a", "b"), ("", "b")], [("a", "b")], [("a", "b")])
    broken = splits()
    broken.train["y_length"][0] += 1
    with pytest.raises(UserError, match=r"train: y_length: sums to .* steps in all and 1 at least"):
        checks.check(Toy, broken)


FAULTS = [
    (Model(4, embedding=2, head="self"), "head: given 'self', but a decoder attends .* Allowed"),
    (Model(4, embedding=2, bidirectional=True), "bidirectional: given true, but the decoder"),
    (Model(4, embedding=4, shared=True), "shared: given true, but the decoder's layers start"),
]


@pytest.mark.parametrize(("model", "told"), FAULTS)
def test_what_a_decoder_cannot_be_given_is_told(model, told):
    with pytest.raises(UserError, match=f"here: model: {told}"):
        setting(model=model)
