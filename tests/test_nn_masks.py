"""What each option of rnnreg.nn does, against its formula."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import rnnreg.nn
from rnnreg.errors import UserError
from rnnreg.nn.draws import Draws

T, B, D, H = 6, 3, 4, 5


def module(kind="LSTM", *sizes, **given):
    torch.manual_seed(0)
    return getattr(rnnreg.nn, kind)(*(sizes or (D, H)), **given)


def seeded(own, x, seed=7):
    """A call, and the masks that it draws: those of all layers and directions."""
    torch.manual_seed(seed)
    found = own(x)
    torch.manual_seed(seed)
    draws = Draws(own, x, None)
    count = own.num_layers * (1 + own.bidirectional)
    return found, draws, [draws.masks(i) for i in range(count)]


def by_hand(own, x, recurrent=1.0, update=1.0, carry=None, w=None):
    """The LSTM's equations, step by step; masks (T or 1, B, H) or a number."""
    w = own.weight_hh_l0 if w is None else w
    h = c = torch.zeros(B, H)
    outputs = []
    at = lambda mask, t: mask if isinstance(mask, float) else mask[t % len(mask)]  # noqa: E731
    for t, now in enumerate(x):
        z = F.linear(now, own.weight_ih_l0, own.bias_ih_l0)
        z = z + F.linear(h * at(recurrent, t), w, own.bias_hh_l0)
        i, f, g, o = z.chunk(4, -1)
        new_c = f.sigmoid() * c + at(update, t) * i.sigmoid() * g.tanh()
        new_h = o.sigmoid() * new_c.tanh()
        keep_h, keep_c = carry or (1.0, 1.0)
        h = h + at(keep_h, t) * (new_h - h)
        c = c + at(keep_c, t) * (new_c - c)
        outputs.append(h)
    return torch.stack(outputs), (h[None], c[None])


def same(found, wanted):
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_recurrent_dropout_drops_the_same_units_at_all_steps():
    own, x = module(recurrent_dropout=0.4), torch.randn(T, B, D)
    found, _, (masks,) = seeded(own, x)
    mask = masks.recurrent[0]
    assert mask.shape == (1, B, H)
    kept = 65536 / (65536 - round(0.4 * 65536))
    assert {round(v, 4) for v in mask.unique().tolist()} == {0.0, round(kept, 4)}
    same(found, by_hand(own, x, recurrent=mask))


@pytest.mark.parametrize("variational", [False, True])
def test_update_dropout_drops_the_candidate(variational):
    own, x = module(update_dropout=0.4, variational=variational), torch.randn(T, B, D)
    found, _, (masks,) = seeded(own, x)
    assert masks.update[0].shape == (1 if variational else T, B, H)
    same(found, by_hand(own, x, update=masks.update[0]))


def test_zoneout_keeps_entries_exactly():
    own, x = module(zoneout=(0.3, 0.6)), torch.randn(T, B, D)
    (output, state), _, (masks,) = seeded(own, x)
    kept = masks.carry[0][0][1:] == 0
    assert kept.any()
    assert torch.equal(output[1:][kept], output[:-1][kept])
    same((output, state), by_hand(own, x, carry=tuple(m[0] for m in masks.carry)))
    before = torch.get_rng_state()
    same(own.eval()(x), by_hand(own, x, carry=(0.7, 0.4)))  # evaluation takes the mean
    assert torch.equal(torch.get_rng_state(), before)


def test_zoneout_of_a_gru():
    own, x = module("GRU", zoneout=0.5), torch.randn(T, B, D)
    (output, _), _, (masks,) = seeded(own, x)
    kept = masks.carry[0][0][1:] == 0
    assert torch.equal(output[1:][kept], output[:-1][kept])


def test_weight_drop_drops_entries_of_the_recurrent_matrix():
    own, x = module(weight_drop=0.5), torch.randn(T, B, D)
    before = own.weight_hh_l0.detach().clone()
    (output, state), *_ = seeded(own, x)
    torch.manual_seed(7)
    used = Draws(own, x, None).weights(own.weight_hh_l0[None], 0)[0]
    same((output, state), by_hand(own, x, w=used))
    output.square().sum().backward()
    dropped = used == 0
    assert 0.3 < dropped.float().mean() < 0.7
    assert (own.weight_hh_l0.grad[dropped] == 0).all()
    assert (own.weight_hh_l0.grad[~dropped] != 0).all()
    assert torch.equal(own.weight_hh_l0, before)  # what is dropped in one call is back in the next
    assert not torch.equal(own(x)[0], output)


def test_variational_dropout_between_layers_drops_the_same_units_at_all_steps():
    """The first layer's h is 1 after a step, and the second hands on what it reads."""
    own = module("RNN", 1, 8, num_layers=2, dropout=0.5, variational=True, nonlinearity="relu")
    for p in own.parameters():
        nn.init.zeros_(p)
    nn.init.ones_(own.bias_ih_l0)
    own.weight_ih_l1.data = torch.eye(8)
    read = own(torch.zeros(T, B, 1))[0]
    assert torch.equal(read, read[:1].expand_as(read))
    assert set(read.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(read[0, 0], read[0, 1])  # a sequence has its own
    own.variational = False
    read = own(torch.zeros(T, B, 1))[0]
    assert not torch.equal(read, read[:1].expand_as(read))


def test_layers_and_directions_draw_apart():
    own = module(num_layers=2, bidirectional=True, recurrent_dropout=0.5)
    _, _, masks = seeded(own, torch.randn(T, B, D))
    drawn = {tuple(m.recurrent.flatten().tolist()) for m in masks}
    assert len(drawn) == 4


def test_both_directions_read_their_masks_in_their_own_time():
    """A sequence that is its own mirror image gives mirrored outputs, where masks are the same."""
    own = module(bidirectional=True, zoneout=0.5)
    state = {n: p for n, p in own.state_dict().items() if "reverse" not in n}
    own.load_state_dict(state | {f"{n}_reverse": p for n, p in state.items()})
    x = torch.randn(T, B, D)
    x = torch.cat([x, x.flip(0)])
    output, _ = own.eval()(x)
    same(output[..., :H], output[..., H:].flip(0))


def test_layer_norm_is_that_of_ba_kiros_and_hinton():
    own, x = module(layer_norm=True), torch.randn(T, B, D)
    for name, p in own.named_parameters():
        if name.startswith(("gain", "shift")):
            nn.init.normal_(p)
    h = c = torch.zeros(B, H)
    normed = lambda z, gain: F.layer_norm(z, z.shape[-1:]) * gain  # noqa: E731
    for now in x:
        z = normed(F.linear(now, own.weight_ih_l0), own.gain_ih_l0) + own.bias_ih_l0
        z = z + normed(F.linear(h, own.weight_hh_l0), own.gain_hh_l0) + own.bias_hh_l0
        i, f, g, o = z.chunk(4, -1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * (normed(c, own.gain_c_l0) + own.shift_c_l0).tanh()
    found = own(x)
    same(found[1], (h[None], c[None]))
    found[0].square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in own.parameters())


def test_layer_norm_starts_from_gain_one():
    own = module("GRU", layer_norm=True, num_layers=2, bidirectional=True)
    own.reset_parameters()
    gains = {n: p for n, p in own.named_parameters() if n.startswith("gain")}
    assert len(gains) == 8
    assert all((p == 1).all() for p in gains.values())
    with pytest.raises(RuntimeError, match="gain_ih_l0"):
        own.load_state_dict(nn.GRU(D, H, 2, bidirectional=True).state_dict())


@pytest.mark.parametrize(
    "given",
    [
        {"recurrent_dropout": 0.5},
        {"update_dropout": 0.5},
        {"weight_drop": 0.5},
        {"variational": True, "dropout": 0.5, "num_layers": 2},
    ],
    ids=lambda given: next(iter(given)),
)
def test_evaluation_masks_nothing_and_draws_nothing(given):
    own, x = module(**given), torch.randn(T, B, D)
    plain = nn.LSTM(D, H, num_layers=given.get("num_layers", 1))
    plain.load_state_dict(own.state_dict())
    before = torch.get_rng_state()
    same(own.eval()(x), plain.eval()(x))
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(own.train()(x)[0], own(x)[0])


def test_manual_seed_fixes_the_masks():
    own, x = module(recurrent_dropout=0.5, zoneout=0.1, weight_drop=0.3), torch.randn(T, B, D)
    first, again, other = seeded(own, x)[0][0], seeded(own, x)[0][0], seeded(own, x, 8)[0][0]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_packed_sequences_are_masked_as_padded_ones():
    own = module(recurrent_dropout=0.4, zoneout=0.3, update_dropout=0.2)
    x, lengths = torch.randn(T, B, D), torch.tensor([T, 4, 2])
    torch.manual_seed(5)
    whole, _ = own(x)
    torch.manual_seed(5)
    packed, (h, _) = own(pack_padded_sequence(x, lengths))
    padded, _ = nn.utils.rnn.pad_packed_sequence(packed)
    for b, length in enumerate(lengths):
        same(padded[:length, b], whole[:length, b])
        same(h[0, b], whole[length - 1, b])


def test_checkpointing_draws_the_same_masks_again():
    own, found = module(recurrent_dropout=0.5), []
    for run in (own, lambda x: torch.utils.checkpoint.checkpoint(own, x, use_reentrant=False)):
        x = torch.ones(T, B, D, requires_grad=True)
        torch.manual_seed(2)
        found += torch.autograd.grad(run(x)[0].square().sum(), x)
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("LSTM", {"proj_size": 2}, "LSTM: proj_size: given 2, allowed is only 0: torch.nn.LSTM"),
        ("GRU", {"recurrent_dropout": 1.0}, "GRU: recurrent_dropout: given 1.0, allowed is a prob"),
        ("RNN", {"update_dropout": -0.1}, "RNN: update_dropout: given -0.1, allowed is a probabil"),
        ("RNN", {"weight_drop": True}, "RNN: weight_drop: given True, allowed is a probability, "),
        ("LSTM", {"zoneout": (0.1, 1.5)}, "LSTM: zoneout: given 1.5, allowed is a probability, at"),
        (
            "GRU",
            {"zoneout": (0.1, 0.1)},
            r"GRU: zoneout: given \(0.1, 0.1\), allowed is a number, ",
        ),
        ("GRU", {"variational": 1}, "GRU: variational: given 1, allowed is True or False."),
        ("GRU", {"layer_norm": "yes"}, "GRU: layer_norm: given 'yes', allowed is True or False."),
        ("GRU", {"variational": True}, "GRU: variational: given True, allowed is only with dropou"),
    ],
)
def test_what_is_not_allowed_is_refused_in_words(kind, given, told):
    with pytest.raises(UserError, match=told):
        module(kind, **given)


@pytest.mark.parametrize(
    ("kind", "given", "nearest"),
    [("LSTM", "recurent_dropout", "recurrent_dropout"), ("GRU", "batchfirst", "batch_first"),
     ("RNN", "non_linearity", "nonlinearity")],
)  # fmt: skip
def test_an_argument_that_there_is_not_has_its_nearest(kind, given, nearest):
    with pytest.raises(TypeError, match=f"nn.{kind}: unknown '{given}'; did you mean '{nearest}'"):
        module(kind, **{given: 0.5})


def test_masks_within_torch_func_are_refused_in_words():
    own, x = module(recurrent_dropout=0.5), torch.randn(T, B, D)
    params = dict(own.named_parameters())

    def loss(params):
        return torch.func.functional_call(own, params, (x,))[0].sum()

    with pytest.raises(UserError, match=r"rnnreg\.nn\.LSTM: within torch\.func, "):
        torch.func.grad(loss)(params)
    own.eval()
    assert set(torch.func.grad(loss)(params)) == set(params)
