"""rnnreg.regularize in a training loop of one's own, against the formulas of the regularizers."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import rnnreg.nn
from rnnreg.errors import UserError
from rnnreg.nn.names import parameters
from rnnreg.study import registry

T, B, D, H, V, S = 6, 4, 3, 5, 2, 7


class Model(nn.Module):
    """A classifier, in the words of torch.nn or of rnnreg.nn."""

    def __init__(self, kind=nn.LSTM, **given):
        super().__init__()
        self.rnn = kind(D, H, **given)
        self.head = nn.Linear(H, V)

    def forward(self, x):
        return self.head(self.rnn(x)[0][-1])


class Reader(Model):
    """Of symbols."""

    def __init__(self, kind=nn.LSTM, **given):
        super().__init__(kind, **given)
        self.table = nn.Embedding(S, D)

    def forward(self, x):
        return super().forward(self.table(x))


class Tagger(Model):
    """Reads every step, batch first."""

    def __init__(self, kind=nn.LSTM, **given):
        super().__init__(kind, batch_first=True, **given)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


X, Y = torch.linspace(-1, 1, T * B * D).view(T, B, D).sin(), torch.tensor([0, 1, 1, 0])
WORDS = torch.arange(T * B).view(T, B) % S
LAYER = ("input", "recurrent", "bias", "recurrent_bias")
MATRICES = ("weight_ih_l0", "weight_hh_l0", "head.weight")


def sgd(model, rate=0.1):
    return torch.optim.SGD(model.parameters(), lr=rate)


def step(model, reg, optimizer, *given):
    """One step of a loop of one's own."""
    optimizer.zero_grad()
    output = model(X)
    loss = F.cross_entropy(output, Y) + reg.penalty(*given)
    loss.backward()
    optimizer.step()
    return loss.item()


def matrices(model):
    return [p for n, p in model.named_parameters() if n.endswith(MATRICES)]


@pytest.mark.parametrize("kind", [nn.LSTM, rnnreg.nn.LSTM])
def test_a_penalty_is_added_to_the_loss(kind):
    model = Model(kind)
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "l1", 0.25, optimizer)
    found = reg.penalty()
    torch.testing.assert_close(found, 0.25 * sum(p.abs().sum() for p in matrices(model)))
    assert step(model, reg, optimizer) > 0.25
    plain = F.cross_entropy(model(X), Y)
    ours = torch.autograd.grad(plain + reg.penalty(), model.rnn.weight_hh_l0)[0]
    theirs = torch.autograd.grad(F.cross_entropy(model(X), Y), model.rnn.weight_hh_l0)[0]
    torch.testing.assert_close(ours - theirs, 0.25 * model.rnn.weight_hh_l0.sign())


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("l2_recurrent", ("weight_hh_l0", "weight_hh_l1")),
        ("l2_input", ("weight_ih_l0", "weight_ih_l1")),
    ],
)
def test_parts_of_the_weights_have_their_names(name, read):
    model = nn.GRU(D, H, num_layers=2)
    wanted = sum(getattr(model, n).square().sum() for n in read)
    torch.testing.assert_close(rnnreg.regularize(model, name, 1.0).penalty(), wanted)


def test_parameters_are_named_once_and_frozen_ones_not_at_all():
    model = nn.ModuleDict({"embed": nn.Embedding(V, H), "rnn": nn.GRU(H, H, bidirectional=True)})
    model["inner"], model["head"] = nn.Linear(H, H), nn.Linear(H, V)
    model["head"].weight = model["embed"].weight
    model["inner"].bias.requires_grad_(False)
    found = parameters(model)
    layers = [f"rnn.0{back}.{part}" for back in ("", "_reverse") for part in LAYER]
    assert list(found) == ["embed.embedding", *layers, "inner.output", "output_bias"]
    assert found["rnn.0_reverse.recurrent"] is model["rnn"].weight_hh_l0_reverse


def test_each_gate_is_held_to_be_orthogonal():
    model = nn.GRU(D, H)
    gates = model.weight_hh_l0.view(3, H, H)
    wanted = (gates.mT @ gates - torch.eye(H)).square().sum()
    torch.testing.assert_close(
        rnnreg.regularize(model, "soft_orthogonality", 1.0).penalty(), wanted
    )


def test_the_gradient_is_clipped_before_the_step():
    model, limit = Model(), 0.01
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = sgd(model, rate=1.0)
    step(model, rnnreg.regularize(model, "clip_norm", limit, optimizer), optimizer)
    moved = [b - p for b, p in zip(before, model.parameters(), strict=True)]
    norm = torch.cat([m.flatten() for m in moved]).norm().item()
    assert norm == pytest.approx(limit, rel=1e-4)


def test_an_optimizer_s_gradient_is_that_of_its_own_parameters():
    model = Model()
    optimizer = torch.optim.SGD(model.head.parameters(), lr=1.0)
    rnnreg.regularize(model, "clip_norm", 0.01, optimizer)
    F.cross_entropy(model(X), Y).backward()
    other = model.rnn.weight_hh_l0.grad.clone()
    optimizer.step()
    norm = torch.cat([p.grad.flatten() for p in model.head.parameters()]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-4)
    assert torch.equal(model.rnn.weight_hh_l0.grad, other)


def test_scaled_gradients_are_clipped_in_their_own_unit():
    model = Model()
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "clip_norm", 0.01, optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(F.cross_entropy(model(X), Y) + reg.penalty()).backward()
    scaler.step(optimizer)
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-4)


def test_values_are_clipped_as_torch_clips_them():
    found = []
    for clip in (True, False):
        torch.manual_seed(0)
        model = Model()
        optimizer = sgd(model)
        if clip:
            reg = rnnreg.regularize(model, "clip_value", 0.01, optimizer)
            step(model, reg, optimizer)
        else:
            F.cross_entropy(model(X), Y).backward()
            nn.utils.clip_grad_value_(model.parameters(), 0.01)
            optimizer.step()
        found.append(list(model.parameters()))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_weights_decay_after_the_step_at_each_group_s_rate():
    model = Model()
    groups = [{"params": model.rnn.parameters()}, {"params": model.head.parameters(), "lr": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.5)
    rnnreg.regularize(model, "weight_decay", 0.2, optimizer)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    for name, p in model.named_parameters():
        factor = 0.9 if "rnn.weight" in name else 1.0
        torch.testing.assert_close(p.detach(), factor * before[name])


def test_a_bound_holds_for_a_unit_s_weights_together():
    model = Model(rnnreg.nn.GRU)
    optimizer = sgd(model)
    step(model, rnnreg.regularize(model, "max_norm", 0.1, optimizer), optimizer)
    rows = torch.cat([model.rnn.weight_ih_l0, model.rnn.weight_hh_l0], dim=1).norm(dim=1)
    assert (rows < 0.1001).all()
    assert (model.head.weight.norm(dim=1) < 0.1001).all()


@pytest.mark.parametrize("kind", [Model, Tagger])
def test_activations_are_those_of_the_last_pass(kind):
    model = kind()
    x = X if kind is Model else X.transpose(0, 1)
    reg = rnnreg.regularize(model, "activation_regularization", 2.0)
    model(x)
    h = model.rnn(x)[0]
    wanted = h[-1] if kind is Model else h
    torch.testing.assert_close(reg.penalty(), 2 * wanted.square().mean())
    reg = rnnreg.regularize(model, "temporal_activation_regularization", 2.0)
    model(x)
    h = h if kind is Model else h.transpose(0, 1)
    torch.testing.assert_close(reg.penalty(), 2 * (h[1:] - h[:-1]).square().mean())


def test_activations_of_the_step_before_are_no_longer_there():
    model = Model()
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "temporal_activation_regularization", 1.0, optimizer)
    step(model, reg, optimizer)
    with pytest.raises(UserError, match="none was called in training since the last step"):
        reg.penalty()


def test_padding_of_packed_sequences_does_not_count():
    model = nn.GRU(D, H)
    reg = rnnreg.regularize(model, "norm_stabilizer", 1.0)
    lengths = torch.tensor([6, 5, 3, 2])
    model(nn.utils.rnn.pack_padded_sequence(X, lengths))
    found = reg.penalty()
    h = model(X)[0].norm(dim=-1)
    parts = [(h[1:n, b] - h[: n - 1, b]).square() for b, n in enumerate(lengths)]
    torch.testing.assert_close(found, torch.cat(parts).sum() / (lengths - 1).sum())


def test_label_smoothing_is_that_of_torch():
    model = Model()
    reg = rnnreg.regularize(model, "label_smoothing", 0.3)
    output, y = model(X), torch.tensor([0, -100, 1, 0])
    ours = F.cross_entropy(output, y) + reg.penalty(output, y)
    torch.testing.assert_close(ours, F.cross_entropy(output, y, label_smoothing=0.3))


def test_two_passes_are_compared():
    model = Model(rnnreg.nn.LSTM)
    reg = rnnreg.regularize(model, "r_drop", 2.0)
    one, two = model(X), model(X)
    assert not torch.equal(one, two)
    p, q = one.log_softmax(-1), two.log_softmax(-1)
    divergence = F.kl_div(p, q, log_target=True, reduction="batchmean")
    divergence = divergence + F.kl_div(q, p, log_target=True, reduction="batchmean")
    torch.testing.assert_close(reg.penalty(one, Y, two), divergence)
    reg = rnnreg.regularize(model, "fraternal_dropout", 3.0)
    torch.testing.assert_close(reg.penalty(one, twin=two), 3 * (one - two).square().mean())


def test_the_gradient_is_taken_where_the_loss_is_higher():
    model, rho = Model(), 0.5
    optimizer = sgd(model, rate=1.0)
    reg = rnnreg.regularize(model, "sam", rho, optimizer)
    before = [p.detach().clone() for p in model.parameters()]
    F.cross_entropy(model(X), Y).backward()
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    there = [p + rho * p.grad / norm for p in model.parameters()]
    with reg.moved():
        for p, wanted in zip(model.parameters(), there, strict=True):
            torch.testing.assert_close(p, wanted)
        F.cross_entropy(model(X), Y).backward()
    assert all(map(torch.equal, model.parameters(), before))
    grads = [p.grad.clone() for p in model.parameters()]
    optimizer.step()
    for p, old, g in zip(model.parameters(), before, grads, strict=True):
        torch.testing.assert_close(p.detach(), old - g)
    F.cross_entropy(model(X), Y).backward()
    with pytest.raises(
        UserError, match=r"sam: optimizer.step\(\), and no gradient from where it m"
    ):
        optimizer.step()


def test_a_model_is_moved_by_its_gradient_alone():
    model = Model()
    for name, told in (("sam", "there is no gradient yet"), ("l2", "takes no gradient elsewhere")):
        reg = rnnreg.regularize(model, name, 0.1, sgd(model))
        if name == "l2":
            model(X).sum().backward()
        with pytest.raises(UserError, match=told), reg.moved():
            pass


def test_masks_act_in_layers_of_rnnreg():
    model = Model(rnnreg.nn.LSTM)
    reg = rnnreg.regularize(model, "recurrent_dropout", 0.5)
    assert not torch.equal(model(X), model(X))
    model.eval()
    assert torch.equal(model(X), model(X))
    reg.remove()
    model.train()
    assert torch.equal(model(X), model(X))


def test_dropout_acts_on_inputs_between_layers_and_on_what_the_output_layer_reads():
    model = Model(rnnreg.nn.RNN, num_layers=2)
    read, seen = [], []
    model.rnn.register_forward_hook(lambda m, given, found: seen.append(found[0][-1]))
    rnnreg.regularize(model, "dropout", 0.5)
    model.head.register_forward_pre_hook(lambda m, given: read.append(given[0]))
    model(X)
    dropped = read[0] == 0
    assert 0 < dropped.float().mean() < 1
    torch.testing.assert_close(read[0][~dropped], 2 * seen[0][~dropped])
    model(X)
    assert not torch.equal(seen[0], seen[1])
    model.eval()(X)
    assert torch.equal(read[2], seen[2])


@pytest.mark.parametrize("kind", [nn.LSTM, rnnreg.nn.LSTM])
def test_dropped_weights_are_those_of_one_pass(kind):
    """Of torch.nn's layers too; what is dropped has no gradient, and parameters stay themselves."""
    model = Model(kind)
    optimizer = sgd(model)
    names = [n for n, _ in model.named_parameters()]
    rnnreg.regularize(model, "weight_drop", 0.5, optimizer)
    weight, before = model.rnn.weight_hh_l0, model.rnn.weight_hh_l0.detach().clone()
    outputs = [model(X) for _ in range(2)]
    assert not torch.equal(*outputs)
    assert model.rnn.weight_hh_l0 is weight
    assert torch.equal(weight, before)
    assert [n for n, _ in model.named_parameters()] == names
    F.cross_entropy(outputs[0], Y).backward()
    assert 0.3 < (weight.grad == 0).float().mean() < 0.7
    model.eval()
    plain = nn.LSTM(D, H)
    plain.load_state_dict(model.rnn.state_dict())
    torch.testing.assert_close(model(X), model.head(plain(X)[0][-1]))
    assert torch.equal(copy.deepcopy(model)(X), model(X))


def test_noisy_weights_of_a_tied_matrix_are_the_same_everywhere():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    model[1].weight = model[0].weight
    reg = rnnreg.regularize(model, "weight_noise", 0.5, sgd(model))
    seen = []
    for part in model:
        part.register_forward_hook(lambda m, *_: seen.append(m.weight))
    model(torch.ones(1, 3))
    assert seen[0] is seen[1]
    assert not torch.equal(seen[0], model[0].weight)
    reg.remove()
    model(torch.ones(1, 3))
    assert seen[2] is model[0].weight


def test_weights_of_a_pass_need_a_pass_of_the_model():
    model = Model()
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "weight_noise", 0.1, optimizer)
    step(model, reg, optimizer)
    model.head(model.rnn(X)[0][-1]).sum().backward()
    with pytest.raises(
        UserError, match=r"weight_noise: optimizer.step\(\), and the model was not c"
    ):
        optimizer.step()


def test_noise_is_added_to_inputs_in_training_alone():
    model = Model(rnnreg.nn.GRU, num_layers=2)
    rnnreg.regularize(model, "input_noise", 0.5)
    assert not torch.equal(model(X), model(X))
    model.eval()
    plain = nn.GRU(D, H, num_layers=2)
    plain.load_state_dict(model.rnn.state_dict())
    torch.testing.assert_close(model(X), model.head(plain(X)[0][-1]))


def test_an_average_is_evaluated_and_training_goes_on_from_its_own():
    model = Model()
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "weight_averaging", 1.0, optimizer)
    passed = []
    for _ in range(3):
        step(model, reg, optimizer)
        passed.append(model.head.weight.detach().clone())
    with reg.evaluated():
        torch.testing.assert_close(model.head.weight.detach(), torch.stack(passed).mean(0))
    assert torch.equal(model.head.weight, passed[-1])


def test_stopping_takes_the_weights_of_the_best_check():
    model = Model()
    reg = rnnreg.regularize(model, "early_stopping", 2.0)
    values = []
    for loss in (math.nan, 3.0, 1.0, math.nan, 2.0):
        with torch.no_grad():
            model.head.bias.fill_(loss)
        values.append(reg.check(loss))
    assert values == [True, True, True, True, False]
    with reg.evaluated():
        assert (model.head.bias == 1.0).all()


def test_parts_of_training_need_its_length():
    model = Model()
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "swa", 0.5, optimizer)
    with pytest.raises(UserError, match=r"swa: it depends on how far training is. Remedy: regul"):
        step(model, reg, optimizer)
    model = Model()
    optimizer = sgd(model)
    step(model, rnnreg.regularize(model, "swa", 0.5, optimizer, steps=4), optimizer)


def test_a_combination_acts_as_its_parts():
    model = Model(rnnreg.nn.LSTM)
    reg = rnnreg.regularize(model, "dropout_l2", 1.0)
    wanted = 1e-3 * sum(p.square().sum() for p in matrices(model))
    torch.testing.assert_close(reg.penalty(), wanted)
    assert not torch.equal(model(X), model(X))


def test_a_step_without_its_penalty_is_an_error():
    model = Model()
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, "l2", 0.1, optimizer)
    step(model, reg, optimizer)
    for forgotten in (lambda: None, reg.penalty):  # not asked for, or not added
        optimizer.zero_grad()
        F.cross_entropy(model(X), Y).backward()
        forgotten()
        with pytest.raises(
            UserError, match=r"l2: optimizer.step\(\), and no gradient of its penalty"
        ):
            optimizer.step()


@pytest.mark.parametrize(
    ("make", "name", "told"),
    [
        (Model, "recurrent_dropout", "masks do not reach into 'rnn', a torch.nn.LSTM. Remedy: rnn"),
        (lambda: nn.Linear(2, 3), "dropout", "the model has no layer of rnnreg.nn that takes its"),
        (Model, "clip_norm", "it acts when the optimizer steps, and none was given. Remedy: regu"),
        (Model, "weight_drop", "it changes the weights of each pass; whether a step had any is s"),
        (Model, "input_noise", "masks do not reach into 'rnn', a torch.nn.LSTM."),
        (Model, "max_norm", "it acts when the optimizer steps, and none was given."),
        (Model, "weight_averaging", "it acts when the optimizer steps, and none was given."),
        (Model, "adversarial", "it moves inputs along their gradient, which only a study's train"),
        (Model, "l2_adapted", "it holds out training data, which only a study's training step do"),
        (Model, "sam", "it acts when the optimizer steps, and none was given."),
        (
            Model,
            "word_dropout",
            "it changes inputs and targets, which only a study's training step",
        ),
        (
            Model,
            "layer_norm",
            "it changes the network itself, which is for the model's own code; rnn",
        ),
        (Model, "l1_typo", "unknown 'l1_typo'"),
    ],
)
def test_what_cannot_act_says_so(make, name, told):
    with pytest.raises(UserError) as error:
        rnnreg.regularize(make(), name, 1.0 if name in ("layer_norm", "max_norm") else 0.5)
    assert told in str(error.value)


def test_a_strength_out_of_range_is_refused():
    with pytest.raises(UserError, match="l1: strength"):
        rnnreg.regularize(Model(), "l1", -1.0)


def test_the_optimizer_is_that_of_the_model():
    with pytest.raises(UserError, match="l1: the optimizer has none of the model's parameters"):
        rnnreg.regularize(Model(), "l1", 0.1, sgd(Model()))


@pytest.mark.parametrize(
    ("make", "name", "told"),
    [
        (lambda: nn.Linear(2, 3), "l2_recurrent", "this model has nothing that its penalty reads"),
        (Model, "temporal_activation_regularization", "it needs h of recurrent layers, and none w"),
        (Model, "activation_regularization", "it needs what the last torch.nn.Linear reads, and"),
        (Model, "label_smoothing", "it needs the model's output: reg.penalty(output)"),
        (Model, "confidence_penalty", "it needs the model's output: reg.penalty(output)"),
    ],
)
def test_a_penalty_that_has_nothing_to_read_is_an_error(make, name, told):
    reg = rnnreg.regularize(make(), name, 0.5)
    with pytest.raises(UserError) as error:
        reg.penalty()
    assert told in str(error.value)


def test_h_of_every_layer_is_asked_of_modules_that_show_it():
    model = Model(num_layers=2)
    reg = rnnreg.regularize(model, "norm_stabilizer", 1.0)
    model(X)
    with pytest.raises(UserError, match="it reads h of every layer, and 'rnn' with num_layers abo"):
        reg.penalty()
    reg = rnnreg.regularize(model, "temporal_activation_regularization", 1.0)
    model(X)
    assert reg.penalty() > 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("label_smoothing", "the targets: reg.penalty"),
        ("r_drop", "the output of a second pass: reg"),
    ],
)
def test_what_else_a_penalty_needs_is_told(name, told):
    reg = rnnreg.regularize(Model(rnnreg.nn.LSTM), name, 0.1)
    with pytest.raises(UserError, match=told):
        reg.penalty(torch.zeros(4, 2))


def test_shapes_of_targets_are_held_to_those_of_the_output():
    reg = rnnreg.regularize(Model(), "label_smoothing", 0.1)
    with pytest.raises(UserError, match=r"given output \(4, 2\) and target \(3,\), expected"):
        reg.penalty(torch.zeros(4, 2), torch.zeros(3, dtype=torch.long))
    with pytest.raises(UserError, match=r"given output \(4, 2\) and twin \(4, 3\), expected"):
        reg.penalty(torch.zeros(4, 2), Y, torch.zeros(4, 3))


def test_a_closure_is_refused():
    model = Model()
    optimizer = torch.optim.LBFGS(model.parameters())
    rnnreg.regularize(model, "clip_norm", 1.0, optimizer)
    with pytest.raises(UserError, match=r"clip_norm: optimizer.step\(closure\) takes gradients in"):
        optimizer.step(lambda: 0.0)


@pytest.mark.parametrize("name", ["activation_regularization", "dropout"])
def test_copies_of_a_model_are_models(name, tmp_path):
    """A snapshot in training, and a model saved whole; masks go with it, penalties do not."""
    model = Model(rnnreg.nn.LSTM)
    reg = rnnreg.regularize(model, name, 0.5)
    model(X)
    torch.save(model, tmp_path / "model.pt")
    copies = copy.deepcopy(model), torch.load(tmp_path / "model.pt", weights_only=False)
    before = reg.penalty()
    for other in copies:
        assert torch.equal(other(X), other(X)) == (name != "dropout")
        assert torch.equal(other.eval()(X), model.eval()(X))
        model.train()
    with torch.no_grad():
        copies[0].head.weight.zero_()
        copies[0].train()(2 * X)
    assert torch.equal(reg.penalty(), before)


def test_what_was_not_evaluated_cannot_be_averaged():
    model = Model()
    reg = rnnreg.regularize(model, "nt_asgd", 5.0, sgd(model))
    with pytest.raises(UserError, match="it was told no validation loss"), reg.evaluated():
        pass


def trained(name, strength):
    """Whether training goes on, and the weights to evaluate, after four steps."""
    torch.manual_seed(0)
    model = Reader(rnnreg.nn.LSTM)
    optimizer = sgd(model)
    reg = rnnreg.regularize(model, name, strength, optimizer, steps=4)
    torch.manual_seed(1)
    for loss in (1.0, 2.0, 3.0, 4.0):
        optimizer.zero_grad()
        output, twin = model(WORDS), model(WORDS)
        (10 * F.cross_entropy(output, Y) + reg.penalty(output, Y, twin)).backward()
        if reg.reg.second == "weights":
            with reg.moved():
                F.cross_entropy(model(WORDS), Y).backward()
        optimizer.step()
        going = reg.check(loss)
    with reg.evaluated():
        return going, [p.detach().clone() for p in model.parameters()]


def refused(kind):
    """What a loop of one's own cannot have; all others act."""
    if hasattr(kind, "kinds"):
        return any(map(refused, kind.kinds()))
    hooks = {"network", "batch"} & set(vars(kind))
    return bool(hooks) or kind.second == "inputs"


@pytest.mark.parametrize("name", registry.shipped("regularizer"))
def test_every_regularizer_acts_or_says_why_not(name):
    """At its strongest it changes the weights that are evaluated."""
    kind = registry.load("regularizer", name)
    if refused(kind):
        with pytest.raises(UserError, match=r"regularize: \w+: it (moves|changes|holds) "):
            trained(name, kind.strengths[-1])
        return
    _, weights = trained(name, kind.strengths[-1])
    _, plain = trained("none", 0.0)
    moved = max(float((w - p).abs().max()) for w, p in zip(weights, plain, strict=True))
    assert (moved > 1e-6) == (name != "none"), "more than the rounding of another loop"


@pytest.mark.parametrize("name", ["embedding_dropout", "variational_dropout"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_rows_of_an_embedding_are_dropped(name, batch_first):
    """The same symbols everywhere, or in a sequence: axis 0 of a batch, or 1."""
    model = nn.ModuleDict(
        {"table": nn.Embedding(S, D), "rnn": rnnreg.nn.GRU(D, H, batch_first=batch_first)}
    )
    rnnreg.regularize(model, name, 0.5)
    x = torch.randint(S, (B, 40) if batch_first else (40, B))
    rows, plain = model["table"](x), F.embedding(x, model["table"].weight)
    if batch_first:
        x, rows, plain = x.T, rows.transpose(0, 1), plain.transpose(0, 1)
    dropped = {}
    for t in range(40):
        for b in range(B):
            of = int(x[t, b]), b * (name == "variational_dropout")
            is_zero = bool((rows[t, b] == 0).all())
            assert dropped.setdefault(of, is_zero) == is_zero
            assert is_zero or torch.equal(rows[t, b], 2 * plain[t, b])
    assert len(set(dropped.values())) == 2
    assert torch.equal(model.eval()["table"](x), F.embedding(x, model["table"].weight))
    assert model["table"](x[0]).shape == (B, D), "one sequence without a batch"


def test_masks_know_how_far_training_is():
    model = Model(rnnreg.nn.LSTM)
    optimizer = sgd(model)
    rnnreg.regularize(model, "curriculum_dropout", 0.6, optimizer, steps=100)
    read = []
    model.head.register_forward_pre_hook(lambda _, given: read.append(given[0].detach()))
    for _ in range(40):
        F.cross_entropy(model(X), Y).backward()
        optimizer.step()
    assert (read[0] != 0).all(), "nothing is dropped at the first step"
    share = torch.stack(read[20:]).eq(0).float().mean()
    assert share == pytest.approx(0.6, abs=0.1), "0.6 (1 - exp(-10 x 0.2)) and more"


def test_masks_that_depend_on_progress_ask_for_the_steps():
    model = Model(rnnreg.nn.LSTM)
    rnnreg.regularize(model, "curriculum_dropout", 0.6)
    with pytest.raises(UserError, match=r"curriculum_dropout: it depends on how far training is"):
        model(X)


@pytest.mark.parametrize(("name", "kind"), [("embedding_dropout", "LSTM"), ("cell_dropout", "GRU")])
def test_a_model_without_what_is_masked_is_refused(name, kind):
    told = f"regularize: {name}: the model has nothing that it masks; there are input, output"
    with pytest.raises(UserError, match=told):
        rnnreg.regularize(Model(getattr(rnnreg.nn, kind)), name, 0.5)
