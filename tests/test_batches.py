"""Batches: every target once in evaluation, each seed's own order in training."""

import numpy as np
import pytest
import torch
from toys import arrays, setting

from rnnreg.tasks import Forecast
from rnnreg.training.batches import PAD, batches

SEEDS = torch.tensor([1, 2, 1])


def source(kind: str, size: int = 4, validated: int = 0):
    job = setting(kind)
    return batches(job.benchmark.task, job.splits, SEEDS, size, validated), job


def test_a_text_is_read_on_window_after_window():
    ours, job = source("language")
    text = torch.as_tensor(job.splits["train"]["tokens"]).long()
    windows = (len(text) - 1) // 4 // 12
    first, second = ours.train(0), ours.train(1)
    assert first.fresh
    assert not second.fresh
    assert ours.train(windows).fresh, "a new epoch starts from a zero state"
    assert torch.equal(first.x[:, 1:], first.y[:, :-1])
    ours.train(0)
    # the last target of a window is the first input of the next one
    assert torch.equal(source("language")[0].train(0).y[:, -1], second.x[:, 0])
    assert not torch.equal(first.x[0], first.x[1]), "a seed reads from an offset of its own"
    assert torch.equal(first.x[0], first.x[2])


def test_one_mark_for_all_columns_is_one_for_each():
    task = Forecast(context=3, horizon=2, season=2)
    output, y = torch.randn(2, 4, 2 * 3), torch.randn(2, 4, 2, 3)
    weight = torch.tensor([1.0, 0.0]).expand(2, 4, 2)[..., None]
    alone = task.loss(output.view(y.shape)[:, :, :1], y[:, :, :1])
    torch.testing.assert_close(task.loss(output, y, weight), alone)


def test_evaluation_of_a_text_counts_every_target_once():
    ours, job = source("language")
    text = job.splits["test"]["tokens"]
    found = []
    for batch in ours.evaluate("test"):
        rows = torch.stack([batch.x[0], batch.y[0]], -1)[batch.weight[0] > 0]
        found += [tuple(r) for r in rows.tolist()]
    expected = list(zip(text[:-1].tolist(), text[1:].tolist(), strict=True))
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("kind", ["labels", "music"])
def test_sequences_are_whole_and_padded(kind):
    ours, job = source(kind)
    data = job.splits["train"]
    pieces = np.split(data["x"], data["length"].cumsum()[:-1])
    known = {tuple(piece.flatten().tolist()) for piece in pieces}
    for step in range(20):
        batch = ours.train(step)
        assert batch.x.shape[1] % PAD == 0
        for m in range(3):
            for b in range(batch.x.shape[2]):
                if kind == "labels":
                    n = int(batch.length[m, b])
                    assert tuple(batch.x[m, :n, b].tolist()) in known
                    assert (batch.x[m, n:, b] == 0).all()
                else:
                    n = int(batch.weight[m, :, b].sum())
                    frames = torch.cat([batch.x[m, :n, b], batch.y[m, n - 1 : n, b]])
                    assert tuple(frames.flatten().long().tolist()) in known


@pytest.mark.parametrize("kind", ["labels", "music", "series"])
def test_an_epoch_shows_a_sequence_at_most_once_and_each_in_time(kind):
    ours, _ = source(kind)
    seen, repeated = set(), False
    batch_keys = []
    for step in range(60):
        batch = ours.train(step)
        x = batch.x[0]
        batch_keys.append([tuple(x[:, b].flatten().tolist()) for b in range(x.shape[1])])
        assert len(set(batch_keys[-1])) == x.shape[1]
        repeated |= any(k in seen for k in batch_keys[-1])
        seen.update(batch_keys[-1])
    total = ours.count("train") if kind == "series" else 40
    assert repeated, "sixty steps are more than an epoch"
    assert len(seen) == total


@pytest.mark.parametrize("kind", ["labels", "music"])
def test_evaluation_of_sequences_counts_each_once(kind):
    ours, job = source(kind)
    length = job.splits["test"]["length"]
    if kind == "labels":
        found = sum(batch.x.shape[2] for batch in ours.evaluate("test"))
        assert found == len(length)
    else:
        found = sum(float(batch.weight.sum()) for batch in ours.evaluate("test"))
        assert found == (length - 1).sum(), "a tune of L frames has L - 1 that are predicted"


def test_windows_hold_the_rows_they_should():
    ours, job = source("series")
    series = torch.as_tensor(job.splits["validation"]["series"])
    found = [(b.x[0], b.y[0]) for b in ours.evaluate("validation")]
    x, y = torch.cat([f[0] for f in found], 1), torch.cat([f[1] for f in found], 0)
    assert x.shape[1] == len(series) - 12 - 3 + 1
    for start in (0, 5, x.shape[1] - 1):
        assert torch.equal(x[:, start], series[start : start + 12])
        assert torch.equal(y[start], series[start + 12 : start + 15])


@pytest.mark.parametrize(
    ("kind", "validated", "targets"),
    [("language", 64, 64), ("language", 65, 96), ("labels", 13, 13), ("series", 13, 13 * 3 * 2)],
)
def test_validation_may_take_a_part(kind, validated, targets):
    """Of 399 symbols in 32 columns, 40 sequences or 106 windows of 3 x 2 targets."""
    part, whole = source(kind, validated=validated)[0], source(kind)[0]
    for split in ("sample", "test"):
        for ours, theirs in zip(part.evaluate(split), whole.evaluate(split), strict=True):
            assert torch.equal(ours.x, theirs.x), "of the others all is read"
    found = sum(b.y.numel() for b in part.evaluate("validation"))
    assert found == targets
    assert found < sum(b.y.numel() for b in whole.evaluate("validation"))


def test_a_part_is_evenly_spread():
    ours, job = source("series", validated=10)
    series = torch.as_tensor(job.splits["validation"]["series"])
    first = torch.cat([b.x[0, 0] for b in ours.evaluate("validation")])
    starts = [106 * i // 10 for i in range(10)]
    assert torch.equal(first, series[starts])
    ours, job = source("language", validated=64)
    tokens = torch.as_tensor(job.splits["validation"]["tokens"]).long()
    (batch,) = ours.evaluate("validation")
    columns = tokens[: 30 * 13].view(30, 13)  # 13 = 399 / 32, rounded up
    assert torch.equal(batch.x[0, :, :30], columns[:, :2].T)


def test_more_than_there_is_to_validate_is_all():
    for kind in ("language", "labels", "series", "music"):
        many = [b.x for b in source(kind, validated=10**6)[0].evaluate("validation")]
        whole = [b.x for b in source(kind)[0].evaluate("validation")]
        assert all(torch.equal(a, b) for a, b in zip(many, whole, strict=True))


def test_a_long_sequence_is_evaluated_alone(monkeypatch):
    ours, job = source("labels")
    monkeypatch.setattr(type(ours), "LARGEST", {"cpu": 40})
    sizes = [b.x.shape[1:] for b in ours.evaluate("test")]
    assert all(steps <= 40 or count == 1 for steps, count in sizes)
    assert sum(count for _, count in sizes) == len(job.splits["test"]["length"])


@pytest.mark.parametrize("kind", ["language", "labels", "series", "music"])
def test_a_member_sees_the_same_batches_alone_and_at_any_step(kind):
    job = setting(kind)
    together, _ = source(kind)
    for step in (0, 1, 30, 31):
        alone = batches(job.benchmark.task, job.splits, torch.tensor([2]), 4)
        assert torch.equal(together.train(step).x[1], alone.train(step).x[0])


def test_less_data_than_a_batch_is_one_batch():
    job = setting("labels")
    few = {n: arrays("labels", 3, i) for i, n in enumerate(("train", "validation", "test"))}
    ours = batches(job.benchmark.task, few, SEEDS, 8)
    assert ours.train(0).x.shape[2] == 3
    assert ours.train(9).x.shape[2] == 3


@pytest.mark.parametrize(("kind", "share"), [("labels", 0.1), ("series", 0.1), ("music", 0.1)])
def test_what_is_held_out_is_the_same_in_every_epoch(kind, share):
    job = setting(kind)
    given = job.benchmark.task, job.splits, SEEDS, 8
    source, plain = batches(*given, holding=True), batches(*given)
    seen = {True: set(), False: set()}
    for step in range(3 * source.epoch_steps):
        batch = source.train(step)
        assert batch.held.shape == (len(SEEDS), batch.x.shape[2])
        for m, b in np.ndindex(*batch.held.shape):
            seen[bool(batch.held[m, b])].add(batch.x[m, :, b].numpy().tobytes().rstrip(b"\0"))
        assert torch.equal(batch.x, plain.train(step).x)
        assert plain.train(step).held is None
    assert not seen[True] & seen[False]
    assert len(seen[True]) == pytest.approx(share * (len(seen[True]) + len(seen[False])), abs=1.1)
    assert all(batch.held is None for batch in source.evaluate("validation"))


def test_the_last_tenth_of_a_text_is_held_out():
    job = setting("language")
    text = torch.as_tensor(job.splits["train"]["tokens"])
    job.splits["train"] = {"tokens": np.arange(len(text))}  # each symbol says where it stands
    source = batches(job.benchmark.task, job.splits, SEEDS, 8, holding=True)
    for step in range(2 * source.epoch_steps):
        batch = source.train(step)
        assert torch.equal(batch.held, batch.x[:, 0] >= 0.9 * len(text))
