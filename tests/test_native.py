"""The compiled time loop against the plain one, which is the definition."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnreg.kernels import fused
from rnnreg.kernels.native import build, losses, noise, optimizers, recurrence
from rnnreg.kernels.noise import Noise, Site
from rnnreg.kernels.unroll import Masks, _agrees, path, plain, unroll
from rnnreg.regularizers.base import norms
from rnnreg.study import registry
from rnnreg.training.optimizers import Adam

needed = pytest.mark.skipif(build.library() is None, reason="no C++ compiler on this machine")
CELLS = sorted(recurrence.KERNELS)
SITES = ("none", "input", "recurrent", "update", "carry", "cell", "all", "numbers", "a member each")
SHAPES = (
    (2, 5, 3, 4, 7),
    (1, 1, 1, 1, 1),
    (3, 9, 20, 7, 32),
    (2, 4, 33, 20, 65),
    (2, 3, 5, 16, 48),
)


def case(cell, members, steps, batch, inputs, hidden, sites="none", seed=0):
    """x, weights, state, masks and the gradients that come back; in single precision."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g) / 2

    def kept(steps, p, units=hidden):
        return (torch.rand(members, steps, batch, units, generator=g) > p) / (1 - p)

    def share():
        return torch.rand(members, 1, 1, 1, generator=g)

    gates = cell.gates * hidden
    weights = {
        "input": normal(members, gates, inputs) / inputs**0.5,
        "recurrent": normal(members, gates, hidden) / hidden**0.5,
        "bias": normal(members, gates),
    }
    if cell.recurrent_biases:
        weights["recurrent_bias"] = normal(members, cell.recurrent_biases * hidden)
    states = range(cell.states)
    masks = {
        "none": lambda: Masks(),
        "input": lambda: Masks(input=kept(steps, 0.5, inputs)),
        "recurrent": lambda: Masks(recurrent=kept(1, 0.5)),
        "update": lambda: Masks(update=kept(steps, 0.25)),
        "carry": lambda: Masks(carry=tuple(kept(steps, 0.1) * 0.9 for _ in states)),
        "cell": lambda: Masks(cell=kept(1, 0.5)),
        "all": lambda: Masks(
            kept(steps, 0.5), kept(1, 0.5), tuple(kept(steps, 0) for _ in states), kept(steps, 0.25)
        ),
        "numbers": lambda: Masks(0.9, 0.5, (0.25, 0.75)[: cell.states], 0.7, 0.6),
        "a member each": lambda: Masks(
            share(), share(), tuple(share() for _ in states), share(), share()
        ),
    }[sites]()
    state = tuple(normal(members, batch, hidden) for _ in states)
    back = [
        normal(members, steps, batch, hidden),
        *(normal(members, batch, hidden) for _ in states),
    ]
    return normal(members, steps, batch, inputs), weights, state, masks, back


def each(function, masks):
    """A function of each of the masks."""
    carry = tuple(map(function, masks.carry))
    names = ("recurrent", "update", "cell", "input")
    return Masks(carry=carry, **{n: function(getattr(masks, n)) for n in names})


def native(cell, *given):
    return recurrence.unroll(cell.name, *given)


def by_kernels(cell, *given):
    return fused.unroll(cell, *given, fused.pointwise(cell))


def results(loop, cell, x, weights, state, masks, back):
    """Outputs, last state and the gradients of all that is not a mask."""
    leaves = [t.detach().clone().requires_grad_() for t in (x, *weights.values(), *state)]
    own = dict(zip(weights, leaves[1:], strict=False))
    output, last = loop(cell, leaves[0], own, tuple(leaves[1 + len(weights) :]), masks)
    total = sum((a * b).sum() for a, b in zip((output, *last), back, strict=True))
    return [output.detach(), *(s.detach() for s in last), *torch.autograd.grad(total, leaves)]


def double(given):
    """Everything in double precision, so that the reference has no rounding of its own."""
    x, weights, state, masks, back = given
    to = lambda m: m.double() if isinstance(m, torch.Tensor) else m  # noqa: E731
    masks = each(to, masks)
    weights = {n: w.double() for n, w in weights.items()}
    return x.double(), weights, tuple(map(to, state)), masks, list(map(to, back))


def off(found, wanted):
    """By how much of the largest entry results are off, at most."""
    pairs = zip(found, wanted, strict=True)
    return max(
        ((a.double() - b).abs().max() / max(b.abs().max().item(), 0.1)).item() for a, b in pairs
    )


def assert_near(found, wanted, within=1e-5):
    """Within so much of the largest entry."""
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        torch.testing.assert_close(
            a.double(), b, rtol=0, atol=within * max(b.abs().max().item(), 0.1)
        )


@needed
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sites", SITES)
@pytest.mark.parametrize("name", CELLS)
def test_values_and_gradients_are_those_of_the_plain_loop(name, sites, shape):
    cell = registry.load("cell", name)
    given = case(cell, *shape, sites)
    assert_near(results(native, cell, *given), results(plain, cell, *double(given)))


@needed
@pytest.mark.parametrize("steps", [1, 9])
@pytest.mark.parametrize("name", CELLS)
def test_a_mask_of_inputs_is_a_product_before_the_loop_to_the_last_bit(name, steps):
    cell = registry.load("cell", name)
    x, weights, state, _, back = case(cell, 3, 9, 20, 7, 32)
    g = torch.Generator().manual_seed(1)
    mask = (torch.rand(3, steps, 20, 7, generator=g) > 0.3) / 0.7

    def before(cell, x, *given):
        return native(cell, x * mask, *given)

    found = results(native, cell, x, weights, state, Masks(input=mask), back)
    for a, b in zip(found, results(before, cell, x, weights, state, Masks(), back), strict=True):
        assert torch.equal(a, b)


@needed
@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(CELLS),
    st.sampled_from(SITES),
    st.tuples(*(st.integers(1, n) for n in (3, 12, 40, 40, 80))),
    st.integers(0, 1 << 30),
)
@example("gru_tanh", "all", (1, 9, 3, 1, 8), 1)  # whose masks and gates grow rounding: 1.1e-5
def test_any_size(name, sites, shape, seed):
    """To 1e-5, and where a case itself grows rounding, to six times the plain loop's."""
    cell = registry.load("cell", name)
    given = case(cell, *shape, sites, seed)
    wanted = results(plain, cell, *double(given))
    rounding = off(results(plain, cell, *given), wanted)
    assert_near(results(native, cell, *given), wanted, max(1e-5, 6 * rounding))


@needed
@pytest.mark.parametrize("name", CELLS)
def test_long_sequences_are_summed_in_blocks(name):
    cell = registry.load("cell", name)
    x, weights, *rest = case(cell, 1, 150, 32, 3, 64, "recurrent")
    if name == "gru_tanh":  # whose gradients grow by thousands, and rounding with them
        weights["recurrent"] *= 0.7
    given = x, weights, *rest
    assert_near(results(native, cell, *given), results(plain, cell, *double(given)))


@needed
@pytest.mark.parametrize("sites", SITES)
@pytest.mark.parametrize("name", CELLS)
def test_a_member_is_alone_to_the_last_bit(name, sites):
    cell = registry.load("cell", name)
    x, weights, state, masks, back = case(cell, 3, 6, 5, 4, 18, sites)
    together = results(native, cell, x, weights, state, masks, back)
    one = lambda m: m[1:2] if isinstance(m, torch.Tensor) else m  # noqa: E731
    alone = results(
        native, cell, one(x), {n: one(w) for n, w in weights.items()}, tuple(map(one, state)),
        each(one, masks),
        list(map(one, back)),
    )  # fmt: skip
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a[1:2], b)


@needed
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("name", CELLS)
def test_a_member_that_is_not_finite_leaves_its_neighbours_as_they_are(name, value):
    cell = registry.load("cell", name)
    given = case(cell, 3, 6, 5, 4, 18, "all")
    sound = results(native, cell, *given)
    given[1]["recurrent"][1] = value
    broken = results(native, cell, *given)
    for a, b in zip(sound, broken, strict=True):
        assert torch.equal(a[[0, 2]], b[[0, 2]])
    assert not torch.equal(broken[0][1], sound[0][1])
    assert broken[2][1].isnan().any()


@needed
@pytest.mark.parametrize("sites", ["none", "all"])
@pytest.mark.parametrize("name", CELLS)
def test_evaluation_is_training_without_the_gradients(name, sites):
    cell = registry.load("cell", name)
    given = case(cell, 2, 7, 3, 4, 18, sites)
    trained = results(native, cell, *given)
    with torch.no_grad():
        output, last = native(cell, *given[:-1])
    for a, b in zip((output, *last), trained, strict=False):
        assert torch.equal(a, b)


@pytest.mark.parametrize("loop", ["native", "fused", "plain"])
@pytest.mark.parametrize("name", CELLS)
def test_to_take_all_of_a_new_state_is_to_have_no_mask_and_none_is_to_stay(name, loop):
    """Bit for bit: zoneout that is off, and zoneout of everything."""
    if loop == "native" and build.library() is None:
        pytest.skip("no C++ compiler on this machine")
    cell = registry.load("cell", name)
    run = {"native": native, "plain": plain, "fused": by_kernels}[loop]
    x, weights, state, _, back = case(cell, 3, 6, 5, 4, 18, seed=3)
    state = tuple(100 * s for s in state)  # so that old + 1 x (new - old) is not new
    ones = torch.ones(3, 6, 5, 18)
    bare, whole = (
        results(run, cell, x, weights, state, masks, back)
        for masks in (Masks(), Masks(carry=(ones,) * cell.states))
    )
    for a, b in zip(bare, whole, strict=True):
        assert torch.equal(a, b)
    _, last = run(cell, x, weights, state, Masks(carry=(0 * ones,) * cell.states))
    for a, b in zip(last, state, strict=True):
        assert torch.equal(a, b)


@needed
@pytest.mark.parametrize("name", CELLS)
def test_layouts_do_not_matter(name):
    """Inputs shared by all members, transposed weights, gradients that were never written out."""
    cell = registry.load("cell", name)
    x, weights, state, _, _ = case(cell, 2, 4, 3, 5, 6)
    x = x[:1].expand(2, -1, -1, -1)
    weights = {n: w.mT.contiguous().mT if w.ndim == 3 else w for n, w in weights.items()}
    mask = torch.tensor([0.5, 1.0]).view(1, 1, 1, 2).expand(2, 4, 3, 2).repeat(1, 1, 1, 3)
    masks = Masks(mask.transpose(1, 2).contiguous().transpose(1, 2), mask[:, :, :1], ())
    leaves = list(weights.values())
    for leaf in leaves:
        leaf.requires_grad_()
    found = []
    for loop in (native, plain):
        output, _ = loop(cell, x, weights, state, masks)
        found.append([output, *torch.autograd.grad(output.mean(), leaves)])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@needed
def test_a_second_backward_pass_gives_the_same():
    cell = registry.load("cell", "lstm")
    x, weights, state, masks, _ = case(cell, 2, 4, 3, 5, 6)
    w = weights["recurrent"].requires_grad_()
    total = native(cell, x, weights, state, masks)[0].square().sum()
    first, second = (torch.autograd.grad(total, w, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


@needed
def test_tanh_and_sigmoid_are_accurate_to_a_few_units_in_the_last_place():
    size = torch.logspace(-12, 1.4, 2000)
    points = torch.cat([-size, size, torch.linspace(-20, 20, 4001)]).view(1, 1, -1, 1)
    state = (torch.zeros(1, points.numel(), 1),)
    tanh = registry.load("cell", "elman_tanh")
    weights = {
        "input": torch.ones(1, 1, 1),
        "recurrent": torch.zeros(1, 1, 1),
        "bias": torch.zeros(1, 1),
    }
    found = native(tanh, points, weights, state, Masks())[0].double()
    wanted = points.double().tanh()
    assert ((found - wanted) / wanted).nan_to_num().abs().max() < 3e-7

    gru = registry.load("cell", "gru")  # from h = 1, with a candidate of 0: h is the sigmoid of z
    weights = {
        "input": torch.zeros(1, 3, 1),
        "recurrent": torch.zeros(1, 3, 1),
        "bias": torch.zeros(1, 3),
    }
    weights |= {"recurrent_bias": torch.zeros(1, 1)}
    weights["input"][0, 1] = 1
    found = native(gru, points, weights, (torch.ones_like(state[0]),), Masks())[0].double()
    wanted = points.double().sigmoid()
    assert ((found - wanted) / wanted).abs().max() < 3e-7


@needed
@pytest.mark.parametrize("name", CELLS)
def test_unroll_takes_it_in_single_precision(name, monkeypatch):
    cell = registry.load("cell", name)
    given = case(cell, 2, 3, 2, 4, 5)
    assert path(cell, torch.device("cpu")) == "native"
    assert path(cell, torch.device("meta")) == "plain"
    calls = []
    original = recurrence.unroll
    monkeypatch.setattr(recurrence, "unroll", lambda *a: calls.append(a) or original(*a))
    unroll(cell, *given[:-1])
    assert len(calls) == 1
    unroll(cell, *double(given)[:-1])
    learned = Masks(recurrent=torch.ones(2, 1, 2, 5, requires_grad=True))
    output, _ = unroll(cell, *given[:3], learned)
    assert len(calls) == 1  # double precision, and masks that are learned, take the plain loop
    assert torch.autograd.grad(output.sum(), learned.recurrent)[0].abs().sum() > 0


@needed
def test_a_cell_that_was_changed_takes_the_plain_loop_and_says_so():
    class Changed(registry.load("cell", "elman_tanh")):
        @staticmethod
        def step(x, r, state, update):
            return (update * (x + r).sin(),)

    Changed.name = "elman_tanh"
    with pytest.warns(UserWarning, match=r"cells/elman_tanh.py no longer says what .* plain loop"):
        assert path(Changed, torch.device("cpu")) == "plain"
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # said once
        assert path(Changed, torch.device("cpu")) == "plain"
    given = case(Changed, 2, 3, 2, 4, 5)[:-1]
    assert torch.equal(unroll(Changed, *given)[0], plain(Changed, *given)[0])
    _agrees.cache_clear()


def test_a_cell_of_other_gates_or_an_unknown_one_is_not_known():
    class Wider(registry.load("cell", "gru")):
        gates = 4

    Wider.name = "gru"
    assert not recurrence.knows(Wider)
    Wider.name = "mine"
    assert not recurrence.knows(Wider)


@needed
def test_one_probability_is_that_of_all_members(monkeypatch):
    draw = Noise(torch.tensor([5, 0, 9]), step=3).at(Site("recurrent"))
    found = draw.dropout(torch.tensor([0.3]), (100,))
    monkeypatch.setattr(noise, "draws", lambda keys: False)
    assert torch.equal(found, draw.dropout(torch.tensor([0.3]), (100,)))


@needed
@pytest.mark.parametrize("shape", [(1,), (3,), (7, 5, 3), (20, 16, 33)])
def test_masks_are_those_of_the_definition_to_the_last_bit(shape, monkeypatch):
    draw = Noise(torch.tensor([5, 0, 5, 9, 2, 3]), step=3).at(Site("recurrent", 1))
    p = torch.tensor([0.0, 0.3, 0.99, 1.0, 2.5 / 65536, 65534.5 / 65536])
    compiled = draw.dropout(p, shape), draw.bernoulli(p, shape)
    monkeypatch.setattr(noise, "draws", lambda keys: False)
    for found, wanted in zip(
        compiled, (draw.dropout(p, shape), draw.bernoulli(p, shape)), strict=True
    ):
        assert found.shape == (6, *shape)
        assert torch.equal(found, wanted)


@needed
@pytest.mark.parametrize("shape", [(3,), (2, 5, 16), (2, 3, 4, 103), (1, 1), (2, 40)])
def test_cross_entropy_is_that_of_torch(shape):
    g = torch.Generator().manual_seed(1)
    output = (8 * torch.randn(*shape, generator=g)).requires_grad_()
    y = torch.randint(shape[-1], shape[:-1], generator=g)
    back = torch.randn(shape[:-1], generator=g)
    ours = losses.cross_entropy(output, y)
    (found,) = torch.autograd.grad(ours, output, back)
    exact = output.detach().double().requires_grad_()
    flat = torch.nn.functional.cross_entropy(
        exact.view(-1, shape[-1]), y.view(-1), reduction="none"
    )
    (wanted,) = torch.autograd.grad(flat.view(y.shape), exact, back.double())
    assert ours.shape == y.shape
    torch.testing.assert_close(ours.double(), flat.view(y.shape), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-7)


@needed
def test_cross_entropy_of_extreme_and_broken_logits():
    output = torch.tensor([[1e4, -1e4, 0], [torch.nan, 0, 0], [torch.inf, 0, 0]]).requires_grad_()
    loss = losses.cross_entropy(output, torch.tensor([0, 1, 1]))
    assert loss[0] == 0
    assert not loss[1:].isfinite().any()
    assert losses.cross_entropy(output[:1], torch.tensor([1])).item() == 2e4
    loss[0].backward()
    assert output.grad[0].abs().max() < 1e-37
    with pytest.raises(IndexError, match="targets from 3 to 3 for 3 classes"):
        losses.cross_entropy(output[:1], torch.tensor([3]))


@needed
@pytest.mark.parametrize("shape", [(3, 1), (2, 5, 16), (2, 3, 4, 88), (2, 2500)])
@pytest.mark.parametrize("scale", [0.1, 8, 60])
def test_binary_cross_entropy_is_that_of_torch(shape, scale):
    g = torch.Generator().manual_seed(1)
    output = (scale * torch.randn(*shape, generator=g)).requires_grad_()
    y = (torch.rand(*shape, generator=g) < 0.3).float()
    back = torch.randn(shape[:-1], generator=g)
    ours = losses.binary_cross_entropy(output, y)
    (found,) = torch.autograd.grad(ours, output, back)
    exact = output.detach().double().requires_grad_()
    each = torch.nn.functional.binary_cross_entropy_with_logits(exact, y.double(), reduction="none")
    (wanted,) = torch.autograd.grad(each.sum(-1), exact, back.double())
    torch.testing.assert_close(ours.double(), each.sum(-1), rtol=5e-6, atol=1e-6)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=5e-7)


@needed
def test_binary_cross_entropy_of_sure_and_broken_logits():
    y = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    sure = torch.tensor([[12.0, -12.0, -14.0], [torch.nan, 0.0, 0.0]])
    loss = losses.binary_cross_entropy(sure, y)
    wanted = torch.nn.functional.softplus(torch.tensor([-12.0, -12.0, -14.0]).double()).sum()
    assert abs(loss[0].item() / wanted.item() - 1) < 1e-2  # 1e-5 nats, of factors next to one
    assert loss[1].isnan()


@needed
def test_adam_is_that_of_the_definition(monkeypatch):
    g = torch.Generator().manual_seed(2)
    shapes = {"a": (3, 5, 7), "b": (3, 4), "more than a block": (3, 11, 101)}
    start = {n: torch.randn(*s, generator=g) for n, s in shapes.items()}
    steps = [{n: torch.randn(*s, generator=g) for n, s in shapes.items()} for _ in range(4)]
    found, rate = [], torch.tensor([0.1, 0.3, 0.001])
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr(optimizers, "takes", lambda tensors: False)
        params, adam = {n: p.clone() for n, p in start.items()}, Adam(start)
        for step, gradient in enumerate(steps):
            norm = adam(params, gradient, rate, *adam.numbers(step + 1))
            assert torch.equal(norm, norms(gradient)), "to the last bit: what is clipped is counted"
        found.append([*params.values(), *adam.moments])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@needed
def test_a_sum_of_squares_does_not_know_how_many_members_there_are():
    g = torch.Generator().manual_seed(3)
    several = [torch.randn(5, 7, 11, generator=g), torch.randn(5, 3, generator=g)]
    sums = optimizers.sum_of_squares(several)
    wanted = sum(values.double().square().flatten(1).sum(1) for values in several)
    torch.testing.assert_close(sums, wanted, rtol=1e-14, atol=0)
    for chosen in (slice(2, 3), slice(0, 0)):
        assert torch.equal(sums[chosen], optimizers.sum_of_squares([v[chosen] for v in several]))


PROGRAM = """
from rnnreg.kernels.native import build
build.SOURCES = [file for file in build.SOURCES if file.stem == "noise"]  # the quickest
print(build.library() is not None)
"""


def start(cache, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **environment},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=registry.ROOT,
    )  # fmt: skip


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """A compiler that is quick, with a cache and temporary files of its own; what it was asked."""
    asked = []

    def run(command):
        asked.append(command)
        if "-o" in command:
            Path(command[-1]).write_bytes(b"a library")
        return ""

    monkeypatch.setattr(build, "_run", run)
    monkeypatch.setattr(build.shutil, "which", lambda name: name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(build.tempfile, "tempdir", str(tmp_path / "temporary"))
    return asked


def times_compiled(asked):
    return sum("-o" in command for command in asked)


def test_a_change_of_any_file_compiles_anew(tmp_path, monkeypatch, compiler):
    first = build._compiled()
    for files in ("HEADERS", "SOURCES"):
        copy = tmp_path / f"{files}.h"
        copy.write_text(getattr(build, files)[0].read_text() + "// more\n")
        with monkeypatch.context() as changed:
            changed.setattr(build, files, [copy, *getattr(build, files)[1:]])
            assert build._compiled() != first
    assert build._compiled() == first
    assert times_compiled(compiler) == 3


@pytest.mark.parametrize("damaged", [b"", b"a libra", b"b library"])
def test_a_damaged_library_is_compiled_anew(compiler, damaged):
    made = build._compiled()
    made.write_bytes(damaged)
    assert build._compiled() == made
    assert made.read_bytes() == b"a library"
    assert times_compiled(compiler) == 2
    other = made.with_name(made.name.replace(made.stem[-16:], "0" * 16))
    made.rename(other)  # whole, but of another name
    assert build._compiled() == made
    assert list(made.parent.iterdir()) == [made], "what is damaged is removed"


def test_what_a_killed_compiler_left_is_removed(compiler, tmp_path):
    old, young = (tmp_path / "rnnreg" / f"part-{name}" for name in ("old", "young"))
    old.parent.mkdir()
    old.touch()
    young.touch()
    os.utime(old, (0, 0))
    made = build._compiled()
    assert sorted(made.parent.iterdir()) == sorted([made, young])


def test_where_the_cache_cannot_be_written_processes_share_one_among_temporary_files(
    compiler, tmp_path
):
    (tmp_path / "rnnreg").write_text("a file where the folder should be")
    made = build._compiled()
    assert build._compiled() == made
    assert times_compiled(compiler) == 1
    (folder,) = (tmp_path / "temporary").iterdir()
    assert list(folder.iterdir()) == [made]
    assert folder.stat().st_mode & 0o077 == 0


def test_code_is_not_run_from_a_folder_that_others_can_write(compiler, tmp_path):
    (tmp_path / "rnnreg").write_text("a file where the folder should be")
    build._compiled().parent.chmod(0o777)
    with pytest.raises(PermissionError, match="XDG_CACHE_HOME or TMPDIR may name one"):
        build._compiled()


def test_an_empty_cxx_is_none(compiler, monkeypatch):
    monkeypatch.setenv("CXX", " ")
    build._compiled()
    assert compiler[0] == ["c++", "--version"]


@needed
def test_processes_that_start_together_compile_once_and_leave_one_file(tmp_path):
    together = [start(tmp_path) for _ in range(3)]
    for process in together:
        output, errors = process.communicate(timeout=120)
        assert output == "True\n", errors
    (made,) = (tmp_path / "rnnreg").iterdir()
    before = made.stat().st_mtime_ns
    assert start(tmp_path).communicate(timeout=60)[0] == "True\n"
    assert made.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"RNNREG_NATIVE": "0"}, ""),
        ({"CXX": "no-such-compiler"}, "no C++ compiler 'no-such-compiler' on the PATH"),
        ({"CXX": "false"}, "no compiled time loop"),
    ],
)
def test_without_a_compiler_there_is_none_and_one_warning(tmp_path, environment, said):
    output, errors = start(tmp_path, **environment).communicate(timeout=60)
    assert output == "False\n"
    assert said in errors
    assert bool(errors) == bool(said)
    assert "Traceback" not in errors
