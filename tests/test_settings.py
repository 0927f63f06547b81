"""What a paper's training says beside sizes: schedule, initial weights, sum over time, one pass."""

from dataclasses import replace

import pytest
import torch
from toys import TASKS, setting

from rnnreg.data.benchmark import Budget, Model
from rnnreg.errors import UserError
from rnnreg.study import registry, schema, sizes, variants
from rnnreg.study.variants import Variant, applied
from rnnreg.tasks import Forecast
from rnnreg.training import schedules
from rnnreg.training.batches import batches
from rnnreg.training.build import _first_bias
from rnnreg.training.model import initial
from rnnreg.training.population import Population
from rnnreg.training.setting import _check_budget


def test_the_rate_is_held_and_then_divided_from_epoch_to_epoch():
    """Zaremba et al.: rate 1 for four epochs, then halved in each; here of seven steps."""
    budget = Budget(steps=60, batch=1, schedule="exponential", hold=4, factor=2.0)
    shares = [schedules.SCHEDULES["exponential"](budget, step, 7) for step in range(60)]
    expected = [0.5 ** max(epoch - 4, 0) for epoch in range(1, 10) for _ in range(7)]
    assert shares == expected[:60]


@pytest.mark.parametrize("kind", TASKS)
def test_an_epoch_of_a_schedule_is_one_of_the_batches(kind):
    job = setting(kind, schedule="exponential", hold=1, factor=10.0, steps=40)
    population = Population(job, [0.0], [1])
    epoch = population.batches.epoch_steps
    shares = [share for share, *_ in population.numbers]
    assert shares[:epoch] == [1.0] * epoch
    assert 0 < shares[epoch] == pytest.approx(0.1)
    population.batches.train(epoch - 1)
    assert population.batches.epoch == 0
    population.batches.train(epoch)
    assert population.batches.epoch == 1


@pytest.mark.parametrize("patience", [0, 1, 3])
def test_plateaus_are_those_of_torch(patience):
    losses = torch.rand(40, 2, generator=torch.Generator().manual_seed(patience)).double()
    losses[7, 0] = torch.nan
    for member in range(2):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=patience, threshold=0, eps=0
        )
        for check in range(40):
            theirs.step(losses[check, member])
            ours = schedules.drops(losses[: check + 1], patience)[member]
            assert 0.5 ** ours.item() == optimizer.param_groups[0]["lr"]


def test_a_plateau_lowers_the_rate_of_the_member_that_met_it_and_survives_a_snapshot():
    job = setting("series", schedule="plateau", factor=4.0, steps=6, checks=3)
    population = Population(job, [0.0, 0.0], [1, 2], [0.1, 0.2])
    population.curves.loss[0] = torch.tensor([1.0, 1.0])
    population.curves.loss[1] = torch.tensor([0.5, 2.0])
    population.anneal(population.curves.loss[:2])
    assert population.rate.tolist() == pytest.approx([0.1, 0.05])
    population.curves.metrics = [{"loss": row} for row in population.curves.loss[:2]]
    again = Population(job, [0.0, 0.0], [1, 2], [0.1, 0.2])
    again.restore(population.snapshot())
    assert torch.equal(again.rate, population.rate)


def test_a_loss_summed_over_time_is_the_mean_at_as_many_times_the_rate():
    steps = TASKS["language"].task.window
    summed = setting("language", optimizer="sgd", summed=True, learning_rate=0.01)
    mean = setting("language", optimizer="sgd", learning_rate=0.01 * steps)
    ours, theirs = (Population(job, [0.0], [1]) for job in (summed, mean))
    for population in (ours, theirs):
        population.step()
    torch.testing.assert_close(ours.params, theirs.params)
    assert torch.equal(ours.since.loss, theirs.since.loss), "recorded a target, in either case"


def test_padding_is_not_summed():
    job = setting("music", "gru", optimizer="sgd", summed=True, batch=3)
    mean = replace(job, budget=replace(job.budget, summed=False))
    ours, theirs = (Population(j, [0.0], [1]) for j in (job, mean))
    before = {n: p.clone() for n, p in ours.params.items()}
    frames = ours.batches.train(0).weight.sum() / 3
    ours.step()
    theirs.step()
    for name, start in before.items():
        step, expected = ours.params[name] - start, (theirs.params[name] - start) * frames
        torch.testing.assert_close(step, expected, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("regularizer", ["adversarial", "r_drop", "sam"])
def test_a_second_pass_is_summed_too(regularizer):
    """Nothing of the gradient but the penalty of R-Drop, 0 here, keeps the scale of the mean."""
    steps = TASKS["language"].task.window
    given = "language", "gru", regularizer
    summed = setting(*given, optimizer="sgd", summed=True, learning_rate=0.01)
    mean = setting(*given, optimizer="sgd", learning_rate=0.01 * steps)
    ours, theirs = (Population(job, [0.0], [1]) for job in (summed, mean))
    for population in (ours, theirs):
        population.step()
    torch.testing.assert_close(ours.params, theirs.params)


def test_one_pass_scores_a_text_from_its_first_symbol_to_its_last():
    job = setting("language", columns=1)
    population = Population(job, [0.0], [1])
    tokens = population.batches.splits["test"]
    whole = batches(population.task, {"train": job.splits["train"], "validation":
                    job.splits["validation"], "test": job.splits["test"]},
                    torch.tensor([1]), 4, 0, 1)  # fmt: skip
    parts = list(whole.evaluate("test"))
    assert torch.cat([p.y[p.weight > 0] for p in parts]).tolist() == tokens[1:].tolist()
    assert [p.fresh for p in parts] == [True] + [False] * (len(parts) - 1)
    assert population.batches.columns == 1


def test_initial_weights_take_the_range_and_the_bias_that_a_model_states():
    job = setting("language", "lstm")
    network = replace(job.network, initial=0.05, first_bias=(0.0, 3.0, 0.0, 0.0))
    params = initial(network, torch.tensor([1]))
    for name in ("embedding", "0.recurrent", "output", "output_bias"):
        assert 0.04 < params[name].abs().max() <= 0.05
    forget = params["0.bias"].view(4, -1)[1]
    assert (forget >= 2.95).all()
    assert (forget <= 3.05).all()


def test_of_a_model_with_no_range_of_its_own_nothing_moves():
    job = setting("language", "lstm")
    params = initial(job.network, torch.tensor([1]))
    assert params["output_bias"].eq(0).all()
    assert params["0.bias"].view(4, -1)[1].eq(1).all()


def test_a_gap_lies_between_what_is_known_and_what_is_asked():
    task = Forecast(context=4, horizon=1, season=2, gap=2)
    series = torch.arange(20.0)[:, None].numpy()
    splits = {name: {"series": series} for name in ("train", "validation", "test")}
    source = batches(task, splits, torch.tensor([1]), 3)
    batch = next(iter(source.evaluate("test")))
    assert batch.x[0, :, 0, 0].tolist() == [0, 1, 2, 3]
    assert batch.y[0, 0].flatten().tolist() == [6]
    assert source.count("test") == 14


WHERE = "here"


@pytest.mark.parametrize(
    ("budget", "task", "told"),
    [
        ({"hold": 3}, "language", "here: budget: hold: given 3, but the schedule 'constant' does "
         "not go by it. Remedy: leave it out, or take exponential."),
        ({"schedule": "plateau"}, "language", "here: budget: factor: given 1.0, allowed are "
         "numbers above 1: what the schedule 'plateau' divides the rate by."),
        ({"schedule": "plateau", "factor": 2.0, "hold": 1}, "language", "here: budget: hold: given "
         "1, but the schedule 'plateau' does not go by it. Remedy: leave it out, or take "
         "exponential."),
        ({"summed": True}, "labels", "here: budget: summed: given true, but the task has one "
         "target a sequence, and nothing to sum over time. Remedy: leave it out."),
        ({"optimizer": "rms"}, "labels", "here: budget: optimizer: given 'rms', allowed are adam, "
         "sgd, momentum, rmsprop, adagrad."),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told(budget, task, told):
    with pytest.raises(UserError) as error:
        _check_budget(WHERE, replace(TASKS[task].budget, **budget), TASKS[task].task)
    assert str(error.value) == told


def test_a_cell_without_a_forget_gate_has_no_bias_for_it():
    with pytest.raises(UserError, match=r"forget_bias: given 0\.0, but the cell gru has no forget"):
        _first_bias(WHERE, registry.load("cell", "gru"), Model(8, forget_bias=0.0))
    assert _first_bias(WHERE, registry.load("cell", "lstm"), Model(8, forget_bias=0.0)) == (0,) * 4


@pytest.mark.parametrize("bias", [float("nan"), float("inf"), True])
def test_a_forget_bias_is_a_finite_number(bias):
    told = f"forget_bias: given {bias!r}"
    with pytest.raises(UserError, match=f"v: paper: model: {told}"):
        variants.read("v", {"paper": {"model": {"forget_bias": bias}}})
    assert not list(sizes.faults(vars(Model(8, forget_bias=-1.5))))


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"hold": -1}, "s: hold: given -1, allowed are 0 and above."),
        ({"validated": -1}, "s: validated: given -1, allowed are 0, for all, and above."),
        ({"columns": 0}, "s: columns: given 0, allowed are numbers above 0."),
        ({"summed": 1}, "s: summed: given 1 (int), expected true or false."),
    ],
)
def test_a_study_is_told_what_a_budget_may_say(budget, told):
    with pytest.raises(UserError) as error:
        schema.check_budget("s", budget)
    assert str(error.value) == told


def test_a_variant_changes_task_model_and_clip_and_nothing_of_the_benchmark():
    given = {"paper": {"task": {"window": 20}, "model": {"initial": 0.1}, "base_clip": 5}}
    made = applied(TASKS["language"], variants.read("v", given)["paper"])
    assert (made.task.window, made.model.initial, made.base_clip) == (20, 0.1, 5)
    assert (made.name, made.model.hidden) == (TASKS["language"].name, 10)
    assert TASKS["language"].task.window == 12
    assert applied(TASKS["language"], Variant("1/4")) is TASKS["language"]


def test_a_variant_of_a_task_that_lacks_the_field_is_told():
    with pytest.raises(UserError, match=r"variants: toys: task: key: unknown 'window'"):
        applied(TASKS["series"], Variant(task={"window": 20}))
    with pytest.raises(UserError, match="v: paper: task: horizon: given 0, allowed are whole"):
        variants.read("v", {"paper": {"task": {"horizon": 0}}})
    with pytest.raises(UserError, match="v: paper: base_clip: given 0, allowed are numbers above"):
        variants.read("v", {"paper": {"base_clip": 0}})


def test_draws_of_initial_biases_are_their_own():
    network = replace(setting("language", "lstm").network, initial=0.1)
    a, b = (initial(network, torch.tensor([1]))[f"{layer}.bias"] for layer in range(2))
    assert not torch.equal(a, b)
