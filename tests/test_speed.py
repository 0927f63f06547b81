"""The timing benchmarks run, and what they time is one and the same step."""

import gc
import importlib.util
import sys
import weakref
from dataclasses import replace

import numpy
import pandas as pd
import pytest
import torch
import toys

from rnnreg.kernels.native import build
from rnnreg.study import registry

sys.path.insert(0, str(registry.ROOT / "benchmarks" / "speed"))
import contenders
import cost
import layers
import measured
import run as speed
import scaling
import shares
import summary
import timing

ORIGINAL = dict(contenders.MODULES)


@pytest.mark.parametrize("cell", sorted(contenders.MODULES))
def test_contenders_compute_the_same_gradients(cell, monkeypatch):
    """All weights one fifth, so that drawing them in another order changes nothing."""
    case = contenders.Case(cell, batch=3, steps=4, inputs=2, hidden=5, members=2)
    monkeypatch.setattr(
        torch, "randn", lambda *shape: torch.linspace(-1, 1, shape[-1]).expand(shape)
    )
    monkeypatch.setattr(torch, "rand", lambda *shape: torch.zeros(shape))  # masks keep everything

    def alike(weights):
        return {n: torch.full_like(w, 0.2).requires_grad_() for n, w in weights.items()}

    original = contenders.Case.weights
    monkeypatch.setattr(contenders.Case, "weights", lambda self: alike(original(self)))
    masked = contenders.rnnreg(case, masked=True)()
    plain = contenders.rnnreg(case, masked=True, loop=contenders.plain)()
    mapped = contenders.torch_vmap(case)()
    for ours, definition, same in zip(masked, plain, mapped.values(), strict=True):
        torch.testing.assert_close(ours, definition, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(same, definition, rtol=1e-4, atol=1e-6)
    if importlib.util.find_spec("jax"):
        scanned = contenders.jax_scan(case)()
        for name, definition in zip(mapped, plain, strict=True):
            found = torch.from_numpy(numpy.array(scanned[name]))
            torch.testing.assert_close(found, definition, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cell", sorted(contenders.MODULES))
def test_torch_modules_compute_the_same_gradients(cell, monkeypatch):
    """With a mask that keeps all: nn.GRUCell cannot help masking what it carries over, too."""
    case = contenders.Case(cell, batch=3, steps=4, inputs=2, hidden=5, members=2)
    x, one = case.x(), torch.ones_like(case.mask())
    monkeypatch.setattr(contenders.Case, "x", lambda self: x)
    monkeypatch.setattr(contenders.Case, "mask", lambda self: one)
    weights = case.weights()
    monkeypatch.setattr(contenders.Case, "weights", lambda self: weights)
    ours = contenders.rnnreg(case, masked=True)()
    for contender in (contenders.torch_module, contenders.torch_cell):
        with_weights(monkeypatch, case, weights)
        theirs = contender(case)()
        for m in range(case.members):  # of torch.nn's two biases the second is ours for GRU alone
            for found, wanted in zip(theirs[4 * m : 4 * m + 3], ours, strict=False):
                torch.testing.assert_close(found, wanted[m], rtol=1e-4, atol=1e-6)


def with_weights(monkeypatch, case, weights):
    """torch.nn's modules are made with the weights of the members, one after another."""
    member = iter(range(case.members))
    inner = weights.get("recurrent_bias")

    def alike(kind):
        def make(*sizes, **given):
            made, m = kind(*sizes, **given), next(member)
            own = [weights[n][m].detach() for n in ("input", "recurrent", "bias")]
            second = torch.zeros_like(own[2])
            if inner is not None:
                second[-inner.shape[1] :] = inner[m].detach()
            for p, value in zip(made.parameters(), (*own, second), strict=True):
                p.data.copy_(value)
            return made

        return make

    kind, one, options = ORIGINAL[case.cell]
    monkeypatch.setitem(contenders.MODULES, case.cell, (alike(kind), alike(one), options))


def test_a_replayed_step_holds_what_it_reads(monkeypatch):
    read = torch.ones(3)
    there = weakref.ref(read)
    monkeypatch.setattr(contenders, "cuda_graphs", lambda: lambda function, given: lambda: None)
    case = contenders.Case("gru", 2, 3, 2, 4, device="cuda")
    replay = contenders.replayed(case, lambda read=read: [read])
    del read
    gc.collect()
    assert there() is not None
    del replay
    assert there() is None


def test_every_contender_runs():
    case = contenders.Case("gru", batch=2, steps=3, inputs=2, hidden=4, members=2)
    for _, make in contenders.all_of(case).values():
        make()()


def test_a_contender_that_fails_is_named_and_left_out(capsys):
    def broken():
        raise RuntimeError("no such kernel\nlong story")

    found = speed.working({"good": (1, lambda: lambda: 1), "bad": (1, lambda: broken)})
    assert list(found) == ["good"]
    assert capsys.readouterr().out == "bad is not measured: no such kernel\n"


def test_times_become_a_page_and_a_figure(tmp_path):
    case = vars(contenders.Case("lstm", 2, 3, 2, 4, 2))
    names = list(contenders.all_of(contenders.Case("lstm", 2, 3, 2, 4, 2)))
    steps = [{**case, "contender": n, "median": 2.0 + i, "least": 1.0} for i, n in enumerate(names)]
    pd.DataFrame(steps).to_csv(tmp_path / "steps.csv", index=False)
    scales = [
        {"varied": what, "value": v, "contender": n, "median": 1.0 + v}
        for what in scaling.LABELS
        for v in (1, 2)
        for n in ("rnnreg", "bound: memory")
    ]
    pd.DataFrame(scales).to_csv(tmp_path / "scaling.csv", index=False)
    (tmp_path / "machine.txt").write_text("A processor, one core\n")
    page = summary.write(tmp_path)
    assert "| lstm | 2 | 3 | 2 | 4 | 0.5 | 0.75 |" in page  # 2 / 4 and 3 / 4
    assert (tmp_path / "speed.svg").stat().st_size > 1000


def test_speed_is_told_from_what_was_measured(tmp_path):
    times = {"rnnreg, masked": 2.0, "torch.nn module": 4.0, "torch.nn cell in a loop, masked": 9.0}
    times["torch.nn module, CUDA graph"] = 2.5
    times |= {"JAX, 1 members, masked": 7.0, "JAX, 24 members, masked": 5.0}
    case = {"cell": "lstm", "batch": 2, "steps": 3, "inputs": 4, "members": 8}
    lines = [
        {**case, "hidden": hidden, "contender": contender, "median": time * factor}
        for hidden, factor in ((8, 1.0), (16, 2.0))
        for contender, time in times.items()
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "steps.csv", index=False)
    (tmp_path / "machine.txt").write_text("ABACUS of 1999, one core\n")
    found = measured.read(tmp_path, ["lstm"])
    assert found.machine == "ABACUS of 1999, one core"
    assert found.steps["JAX vmap(scan), masked"].tolist() == [5.0, 10.0], "its best"
    text = measured.sentences(found)
    assert "cannot have such a mask: lstm 0.50." in text
    assert "CUDA graph: lstm 0.80." in text
    assert "as rnnreg: lstm 4.5." in text
    assert text in summary.write(tmp_path)


def test_a_machine_is_named_by_its_processor():
    import socket

    assert measured.machine()
    assert socket.gethostname() not in measured.machine()


def test_a_part_within_a_part_is_not_counted_twice(monkeypatch):
    clock = iter([0.0, 1.0, 4.0, 6.0])  # outer from 0 to 6, inner from 1 to 4
    monkeypatch.setattr(shares.time, "process_time", lambda: next(clock))
    watch = shares.Stopwatch()
    watch("outer", watch("inner", lambda: None))()
    assert watch.seconds == {"inner": 3.0, "outer": 3.0}


@pytest.mark.parametrize("kind", ["language", "labels", "series", "music"])
def test_every_part_of_a_row_takes_its_time(kind, monkeypatch):
    monkeypatch.setattr(shares, "ROUNDS", 1)
    job = toys.setting(kind, "gru", "recurrent_dropout", steps=40, checks=4)
    parts = shares.shares(job, 0.25)
    assert list(parts) == shares.PARTS
    assert all(seconds > 0 for seconds in parts.values())


def test_shares_are_of_the_whole(tmp_path):
    row = {"benchmark": "etth1", "cell": "lstm", "regularizer": "none"}
    parts = {"batching": 0.1, "masks": 0.0, "network": 1.5, "optimizer": 0.2, "evaluation": 0.2}
    other = dict.fromkeys(parts, 0.15) | {"network": 2.55, "masks": 0.0}
    both = [{**row, **parts}, {**row, "cell": "gru", **other}]
    pd.DataFrame(both).to_csv(tmp_path / "shares.csv", index=False)
    (tmp_path / "machine.txt").write_text("A processor, one core\n")
    page = summary.write(tmp_path)
    assert "| etth1 | lstm | none | 2 | 5 | 0 | 75 | 10 | 10 | 25 |" in page
    assert "are not the network's: all 19.0, gru 15.0, lstm 25.0." in page  # (0.5 + 0.45) / 5


def test_interleaved_times_what_it_is_given():
    times = timing.interleaved({"none": lambda: None, "some": lambda: sum(range(200_000))}, 5)
    assert times["some"]["median"] > times["none"]["median"]
    assert times["some"]["least"] <= times["some"]["median"]


@pytest.mark.parametrize("kind", sorted(layers.CELLS))
def test_layers_of_ones_own_compute_the_same(kind, monkeypatch):
    """With a mask that drops nothing they have the gradients of torch.nn's module."""
    monkeypatch.setattr(layers, "RATE", 0.0)
    layer = layers.Layer(kind, batch=3, steps=4, inputs=2, hidden=5)
    found = {}

    def noted(make):
        def noting(module, x):
            run = make(module, x)

            def step():
                run()
                found[len(found)] = [p.grad for p in module.parameters()]

            return step

        return noting

    for name in ("training", "in_a_loop"):
        monkeypatch.setattr(layers, name, noted(getattr(layers, name)))
    for run in layers.contenders(layer).values():
        run()
    for grads in found.values():
        for ours, theirs in zip(grads, found[2], strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_layers_of_ones_own_are_held_against_torchs_round_by_round(monkeypatch):
    small = layers.Layer("LSTM", batch=3, steps=4, inputs=2, hidden=5)
    some = [small, replace(small, what="inference"), replace(small, batch=64, steps=8)]
    monkeypatch.setattr(layers, "layers", lambda: some)
    rounds = {
        layers.OURS: [3.0, 2.0, 4.0],
        layers.TORCH: [2.0, 2.0, 2.0],
        layers.MASKED: [8.0, 6.0],
    }
    given = lambda steps, *_: {n: t for n, t in rounds.items() if n in steps}  # noqa: E731
    monkeypatch.setattr(timing, "rounds", given)
    found = speed.own_models(3)
    page = summary.own_models(found)
    assert page.count(" 1.50 [1.00, 2.00] |") == 3
    assert page.count(" 3.50 [2.75, 4.25] |") == 2  # of inference there is none
    assert page.count("| ours |") == (build.library() is not None)
    assert "older version" in summary.own_models(found.drop(columns="ratio"))


def test_contenders_that_are_all_slow_sit_out_together(monkeypatch):
    monkeypatch.setattr(timing, "SLOW", 0.0)
    calls = []
    timing.interleaved({"one": lambda: calls.append(1)}, timing.FEW + 3)
    assert len(calls) == 1 + 2 * timing.FEW


@pytest.mark.parametrize("sizes", [(32, 3, 2, 4), (20, 3, 4, 4)])
def test_a_regularizer_costs_what_its_step_takes_beside_that_of_none(sizes, monkeypatch):
    def beside(steps, repeats, slow):
        for step in steps.values():
            step()
        return {n: [2.0, 4.0, 8.0] if n == "none" else [3.0, 5.0, 80.0] for n in steps}

    monkeypatch.setattr(cost, "CASES", [contenders.Case("", *sizes, members=2)])
    monkeypatch.setattr(cost, "CELLS", ["gru"])
    monkeypatch.setattr(cost, "TOGETHER", 2)
    monkeypatch.setattr(timing, "rounds", beside)
    names = ["l2", "none", "label_smoothing", "window_slicing", "dropout", "weight_tying", "sam"]
    lines = list(cost.measure(3, names))
    found = {line["regularizer"]: line for line in lines}
    assert len(found) == len(lines)
    if sizes[0] == 32:  # a forecast; after it what suits labels alone
        assert list(found) == ["none", "l2", "dropout", "sam", "label_smoothing", "window_slicing"]
    else:
        assert list(found) == ["none", "l2", "label_smoothing", "dropout", "weight_tying", "sam"]
    assert {n: line["ratio"] for n, line in found.items() if n != "none"} == {
        n: 1.5
        for n in found
        if n != "none"  # the median of 3 / 2, 5 / 4 and 80 / 8
    }
    assert found["l2"]["median"] == 2.5
    assert found["none"]["ratio"] == 1.0


def test_costs_become_a_table_with_nothing_where_a_regularizer_makes_no_sense(tmp_path):
    line = {"cell": "gru", "batch": 32, "steps": 96, "inputs": 7, "hidden": 64, "members": 8}
    lines = [
        {**line, "regularizer": "none", "group": "none", "median": 2.0, "ratio": 1.0},
        {**line, "regularizer": "l2", "group": "penalties", "median": 2.1, "ratio": 1.05},
        {**line, "cell": "lstm", "regularizer": "l2", "group": "penalties", "ratio": 1.25},
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "cost.csv", index=False)
    (tmp_path / "machine.txt").write_text("A processor, one core\n")
    page = summary.write(tmp_path)
    assert "| group | regularizer | gru 32x96x7x64 | lstm 32x96x7x64 |" in page
    assert "| penalties | l2 | 1.05 | 1.25 |" in page
    assert "| none | none | 1 |  |" in page
