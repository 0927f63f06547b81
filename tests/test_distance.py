"""The gradient by distance, against autograd through a time loop written by hand."""

import pytest
import torch
from toys import TASKS, setting

from rnnreg.training.distance import SEQUENCES, STEPS, distances, gradient_by_distance
from rnnreg.training.population import Population


def trained(kind, cell="gru", regularizer="none", strengths=(0.0, 0.0)):
    population = Population(setting(kind, cell, regularizer), list(strengths), [1, 2])
    population.run()
    return population, population.setting.regularizers(torch.tensor(strengths))


def by_hand(population, member, sequence):
    """Norms of dL/dh of one sequence at each of its steps, from the last one back."""
    network, task = population.setting.network, population.task
    key, index = population.batches.portions("sample")[0]
    batch = population.batches.batch("sample", key, index)
    w = {n: p[member].double() for n, p in population.final.items()}
    steps = batch.x.shape[1]
    if batch.length is not None:
        steps = int(batch.length[0, sequence])
    elif task.every_step and batch.weight is not None:
        steps = int(batch.weight[0, :, sequence].sum())
    steps = min(steps, STEPS) if task.every_step else steps
    state = [torch.zeros(network.hidden).double() for _ in range(network.layers)]
    seen = []
    for t in range(steps):
        x = batch.x[0, t, sequence]
        x = w["embedding"][x] if network.symbols else x.double()
        for layer in range(network.layers):
            own = {n.partition(".")[2]: p for n, p in w.items() if n.startswith(f"{layer}.")}
            inner = torch.cat([torch.zeros(2 * network.hidden), own["recurrent_bias"]])
            given = own["input"], own["recurrent"], own["bias"], inner.double()
            h = torch.gru_cell(x[None], state[layer][None], *given)[0]
            state[layer] = x = h.clone().requires_grad_() if not h.requires_grad else h
        seen.append(list(state))
    output = (w["output"] @ state[-1] + w["output_bias"])[None, None]
    y = batch.y[:, steps - 1, sequence] if task.every_step else batch.y[:, sequence]
    loss = task.loss(output, y[:, None])
    flat = [h for of_step in seen for h in of_step]
    grads = torch.autograd.grad(loss.sum(), flat)
    each = zip(*[iter(grads)] * network.layers, strict=True)
    return [torch.cat(g).norm().item() for g in each][::-1]


@pytest.mark.parametrize("kind", TASKS)
def test_it_is_what_autograd_finds_by_hand(kind):
    population, reg = trained(kind)
    found = gradient_by_distance(population, reg)
    key, index = population.batches.portions("sample")[0]
    size = population.batches.batch("sample", key, index).x.shape[2]
    every = max(size // SEQUENCES, 1)
    for member in range(2):
        norms = [by_hand(population, member, s) for s in range(size)[: SEQUENCES * every : every]]
        for i, k in enumerate(distances(max(map(len, norms)))):
            far = [n[k] for n in norms if k < len(n)]
            assert found[member, i].item() == pytest.approx(sum(far) / len(far), rel=1e-3)


def test_a_member_is_alone():
    together, reg = trained("labels", "lstm", "recurrent_dropout", (0.1, 0.5))
    found = gradient_by_distance(together, reg)
    for m, (strength, seed) in enumerate([(0.1, 1), (0.5, 2)]):
        alone = Population(together.setting, [strength], [seed])
        alone.run()
        own = gradient_by_distance(alone, together.setting.regularizers(torch.tensor([strength])))
        torch.testing.assert_close(found[m : m + 1], own)


def test_h_that_nothing_is_carried_by_has_no_gradient_before_the_end():
    population, reg = trained("series", "elman_tanh")
    for name, p in population.final.items():
        if name.endswith("recurrent"):
            p.zero_()
    found = gradient_by_distance(population, reg)
    assert (found[:, 0] > 0).all()
    assert (found[:, 1:] == 0).all()
