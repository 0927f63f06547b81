"""The parts of a trial: simple models, the plan and the rounds of the search, gains, the answer."""

import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from toys import CLASSES, SYMBOLS, arrays

from rnnreg.data import naive
from rnnreg.data.benchmark import Splits
from rnnreg.errors import UserError
from rnnreg.study import stop
from rnnreg.study.record import Record
from rnnreg.study.study import Row
from rnnreg.tasks import Classification, Forecast, LanguageModel
from rnnreg.trying import measure, pictures, rounds, simple, sizing
from rnnreg.trying.answer import answer
from rnnreg.trying.place import Place
from rnnreg.trying.rounds import NONE, Rounds
from rnnreg.trying.trial import Asked, Trial


class TestSimple:
    def series(self, anchored=False, **arrays):
        values = np.sin(np.arange(400) * 0.5)[:, None].astype(np.float32)
        parts = [values[:280], values[268:320], values[308:]]
        splits = Splits(*({"series": p, **arrays} for p in parts))
        return Forecast(12, 4, 1, anchored=anchored), splits

    @pytest.mark.parametrize("anchored", [False, True])
    @pytest.mark.parametrize("model", ["ridge regression", "DLinear"])
    def test_a_wave_is_linear_in_its_past(self, model, anchored):
        task, splits = self.series(anchored)
        found = simple.scores(task, splits)[model]["test"]["loss"]
        assert found < 0.001 < naive.scores(task, splits)["last value"]["test"]["loss"]

    def test_ridge_is_that_of_the_normal_equations(self):
        task, splits = self.series()
        windows = naive.windows(splits.train["series"], task)[..., 0]
        x, y = windows[:, :12], windows[:, 12:]
        test = naive.windows(splits.test["series"], task)[..., 0]
        losses = []
        for alpha in simple.ALPHAS:
            mean, target = x.mean(0), y.mean(0)
            weights = np.linalg.solve(
                (x - mean).T @ (x - mean) + alpha * np.eye(12), (x - mean).T @ (y - target)
            )
            losses.append((((test[:, :12] - mean) @ weights + target - test[:, 12:]) ** 2).mean())
        found = simple.scores(task, splits)["ridge regression"]["test"]["loss"]
        assert found == pytest.approx(min(losses, key=lambda v: abs(v - found)), rel=1e-3)

    def test_a_target_that_was_filled_in_does_not_count(self):
        task, splits = self.series()
        broken = {k: dict(v) for k, v in splits.items()}
        for part in broken.values():
            part["series"] = part["series"].copy()
            part["observed"] = np.ones_like(part["series"])
            part["series"][20], part["observed"][20] = 50.0, 0.0
        found = simple.scores(task, Splits(**broken))["ridge regression"]["test"]["loss"]
        whole = {k: {**v, "observed": np.ones_like(v["series"])} for k, v in broken.items()}
        counted = simple.scores(task, Splits(**whole))["ridge regression"]["test"]["loss"]
        assert found < counted / 2

    def test_bigrams_are_those_of_the_naive_score(self, monkeypatch):
        task = LanguageModel("character", 8)
        splits = Splits(*(arrays("language", 40, i) for i in range(3)), symbols=SYMBOLS)
        monkeypatch.setattr(simple, "ORDERS", {"character": 2})
        found = simple.ngrams(task, splits)
        expected = naive.scores(task, splits)
        best = min(expected.values(), key=lambda s: s["validation"]["loss"])
        assert found["test"]["loss"] == pytest.approx(best["test"]["loss"], rel=1e-9)

    def test_longer_histories_are_counted(self):
        """A text in which two symbols say the next one, and one does not."""
        text = np.array([0, 0, 1, 1] * 200, np.int32)
        splits = Splits({"tokens": text}, {"tokens": text[:80]}, {"tokens": text[:80]}, symbols=3)
        found = simple.ngrams(LanguageModel("character", 8), splits)["test"]["loss"]
        assert (
            found
            < 0.1
            < naive.scores(LanguageModel("character", 8), splits)["bigram"]["test"]["loss"]
        )

    def test_n_grams_are_a_distribution(self):
        """Summed over all symbols that may come next, probabilities are one."""
        train = np.array([0, 1, 2, 0, 1, 0, 2, 1, 0, 1, 2, 0], np.int32)
        total, task = 0.0, LanguageModel("character", 8)
        begun = np.array([0, 1, 2, 0, 1], np.int32)
        for last in range(3):
            held = {"tokens": np.append(begun, np.int32(last))}
            splits = Splits({"tokens": train}, {"tokens": begun}, held, symbols=3)
            known = Splits({"tokens": train}, {"tokens": begun}, {"tokens": begun}, symbols=3)
            with_last, without = (simple.ngrams(task, s)["test"]["loss"] for s in (splits, known))
            total += math.exp(4 * without - 5 * with_last)
        assert total == pytest.approx(1)

    def test_texts_are_told_by_their_words(self):
        splits = Splits(*(arrays("labels", 200, i) for i in range(3)), SYMBOLS, CLASSES)
        found = simple.scores(Classification(), splits)["TF-IDF and logistic regression"]
        chance = naive.scores(Classification(), splits)["majority class"]
        assert found["test"]["accuracy"] > chance["test"]["accuracy"]
        assert set(found["test"]) == {"loss", "accuracy", "error", "macro_f1"}


class TestPlan:
    NAMES = [f"r{i}" for i in range(40)]

    def test_it_fits_into_the_models_there_are(self):
        for models in (200, 500, 2000):
            plan = rounds.plan(self.NAMES, models)
            assert plan.members <= models
            assert not set(plan.names) & set(plan.dropped)
            assert sorted(plan.names + plan.dropped) == sorted(self.NAMES)

    def test_more_models_are_more_trials_of_all(self):
        few, many = rounds.plan(self.NAMES, 500), rounds.plan(self.NAMES, 2000)
        assert len(many.names) == 40
        assert many.trials[0] > few.trials[0]
        assert many.trials == sorted(many.trials)

    def test_few_models_leave_what_people_try_first(self):
        plan = rounds.plan([*self.NAMES, "dropout", "l2"], 60)
        assert {"dropout", "l2"} <= set(plan.names)
        assert plan.dropped

    def test_there_is_always_one(self):
        assert len(rounds.plan(self.NAMES, 0).names) == 1
        assert rounds.plan([], 100).names == []


class Made:
    """Workers that give each trial a loss by its regularizer, and count what they are asked for."""

    def __init__(self, losses):
        self.losses, self.asked, self.rates = losses, Counter(), {}

    def map(self, tasks):
        for row, members in tasks:
            name = row.regularizer
            self.asked[name] += len(members)
            self.rates.setdefault(name, []).extend(m[1] for m in members if m[3] == 0)
            yield row, ([self.record(row, *m) for m in members], [])

    def record(self, row, phase, rate, strength, seed):
        loss = self.losses.get(row.regularizer, 1.0) + abs(math.log(rate / 0.005)) / 100
        scores = {"validation": {"loss": loss}}
        return Record(
            "b", "lstm", row.regularizer, phase, strength, seed, 10, [10], [loss], [loss], [1.0],
            0.0, 10, {"best": scores, "final": scores}, False, {"learning_rate": rate}, 1, 1.0, 0.0,
            0.1, "", "", {}, "cpu", "plain", rate,
        )  # fmt: skip


@pytest.fixture
def search(monkeypatch):
    """A search of eight whose losses are known, not yet run."""
    names = ["clip_norm", "clip_value", "dropout", "l1", "l2", "recurrent_dropout",
             "weight_decay", "zoneout"]  # fmt: skip
    losses = {name: 1 + i / 10 for i, name in enumerate(names)} | {NONE: 1.05}
    made = Made(losses)
    row = Row("b", "lstm", NONE, (0.0,), (0,), ())
    plan = rounds.Plan(names, [2, 4, 8], [8, 4, 3])
    found = Rounds(row, plan, made, math.inf)
    monkeypatch.setattr(Rounds, "_wider", lambda self: None)
    return found, made


class TestRounds:
    def test_the_best_is_found_and_none_is_second(self, search):
        found, _ = search
        found.run()
        assert found.ranking()[:2] == ["clip_norm", NONE]

    def test_in_a_round_all_have_the_same_trials(self, search):
        found, made = search
        found.run()
        race = rounds.RACE**2
        assert made.asked == Counter(
            {NONE: 8 + race, "clip_norm": 8 + race, "clip_value": 8 + race, "dropout": 8 + race,
             "l1": 4, "l2": 2, "recurrent_dropout": 2, "weight_decay": 2, "zoneout": 2}
        )  # fmt: skip
        for own in made.rates.values():  # at the same learning rates
            assert own == made.rates[NONE][: len(own)]
        assert sum(made.asked.values()) == found.plan.members

    def test_a_round_that_does_not_fit_is_left_out(self, search):
        found, made = search
        found.until = -1.0
        found.run()
        assert found.skipped == 2
        assert made.asked["zoneout"] == 2
        assert found.raced

    @pytest.mark.parametrize(("planned", "names"), [(3, 8), (8, 8)])
    def test_more_are_tried_where_time_is_left(self, search, monkeypatch, planned, names):
        found, made = search
        monkeypatch.undo()
        every, told = found.plan.names, []
        plan = rounds.Plan(every[:planned], [2, 4, 8], [planned, 3, 3], every[planned:])
        found = Rounds(found.row, plan, made, math.inf, widened=told.append)
        found.run()
        assert told == [found.plan]
        assert found.plan.names == every[:names]
        assert found.plan.trials[0] == 16
        assert {made.asked[name] >= 16 for name in every} == {True}
        for own in made.rates.values():  # each trial once, at the same learning rates
            assert own == made.rates[NONE][: len(own)]
        assert sum(made.asked.values()) == found.plan.members

    def test_nothing_more_is_tried_without_time(self, search, monkeypatch):
        found, made = search
        monkeypatch.undo()
        planned = found.plan
        found = Rounds(found.row, planned, made, -1.0)
        found.run()
        assert found.plan == planned

    def test_a_round_that_was_stopped_counts_for_nothing(self, search):
        found, made = search
        whole = made.map

        def stopped(tasks):
            for number, done in enumerate(whole(tasks)):
                if found.finished == 1 and number == 2:
                    raise KeyboardInterrupt
                yield done

        made.map = stopped
        with pytest.raises(KeyboardInterrupt):
            found.run()
        assert {len(own) for own in found.found.values()} == {2}
        assert found.ranking()[0] == "clip_norm"

    def test_of_a_first_round_those_count_that_had_all_their_trials(self, search):
        found, made = search
        whole = made.map

        def stopped(tasks):
            for number, done in enumerate(whole(tasks)):
                if number == 3:
                    raise KeyboardInterrupt
                yield done

        made.map = stopped
        with pytest.raises(KeyboardInterrupt):
            found.run()
        assert found.found == {}
        found.stopped()
        assert found.ranking() == ["clip_norm", NONE, "clip_value"]
        assert {len(own) for own in found.found.values()} == {2}

    def test_the_race_decides_on_fresh_seeds(self, search):
        found, made = search
        first = made.record

        def lucky(row, phase, rate, strength, seed):
            record = first(row, phase, rate, strength, seed)
            if row.regularizer == "clip_norm" and seed:
                worse = {"validation": {"loss": 3.0}}
                return replace(record, scores={"best": worse, "final": worse})
            return record

        made.record = lucky
        found.run()
        assert found.ranking()[0] == NONE


class TestTrial:
    @pytest.fixture
    def trial(self, search, tmp_path, monkeypatch):
        """One whose search is over, and what it tells."""
        said = []
        found = Trial(Place(tmp_path, "b"), None, Asked(), said.append)
        found.rounds, found.naive, found.simple = search[0], {"mean": 9.0}, {"ridge": 6.0}
        found.measure = measure.Measure("RMSE", lambda m: m["loss"], True, "squared error")
        found.rounds.run()
        monkeypatch.setattr(Trial, "_seeds", lambda self: 2)
        return found, said

    def test_scores_on_test_are_told_after_the_choice(self, trial, search, monkeypatch):
        found, said = trial
        monkeypatch.setattr(Trial, "_keep", lambda self: None)
        found._test(search[1])
        assert said == [
            "test: none and clip_norm, 2 seeds each",
            "without a network, test RMSE: mean 9, ridge 6",
        ]

    def test_a_signal_while_models_are_written_keeps_the_answer(self, trial, search, monkeypatch):
        found, said = trial

        def stopped(self):
            (self.place.folder / "model.json").write_text("{")
            raise stop.Interrupted(2)

        monkeypatch.setattr(Trial, "_keep", stopped)
        found._test(search[1])
        assert {name: len(own) for name, own in found.records.items()} == {
            NONE: 2,
            "clip_norm": 2,
        }
        assert found.models == {}
        assert not (found.place.folder / "model.json").exists()
        assert "no model is kept" in said[-1]

    def test_the_models_of_an_earlier_trial_alone_are_removed(self, tmp_path):
        own = ["model.json", "model.safetensors", "model_none.json", "model_l2.safetensors"]
        others = ["model.py", "model_of_mine.json", "models.csv"]
        for name in own + others:
            (tmp_path / name).touch()
        Place(tmp_path, "b").clear()
        assert sorted(file.name for file in tmp_path.iterdir()) == others

    def test_a_file_of_the_same_name_does_not_take_the_folder(self, tmp_path):
        place = Place(tmp_path, "b")
        place.check_free(tmp_path / "a/heat.csv")  # nothing there
        told = {"source": str((tmp_path / "a/heat.csv").resolve())}
        (tmp_path / "tried.json").write_text(json.dumps(told))
        place.check_free(tmp_path / "a/heat.csv")
        with pytest.raises(UserError, match=r"another file, .*heat.csv\. Remedy: --out FOLDER"):
            place.check_free(tmp_path / "b/heat.csv")
        (tmp_path / "tried.json").write_text("{")
        with pytest.raises(UserError, match=r"tried.json: no trial: .* Remedy: remove or rename"):
            place.check_free(tmp_path / "a/heat.csv")


@pytest.mark.parametrize("name", ["US$_to_AU$", "a $ b_{ $", "heat"])
def test_the_name_of_a_column_is_no_formula(name):
    made = {NONE: [3.0], "l2": [3.1]}
    found = {
        "example": {"column": name, "values": [1.0, 2.0, 3.0], "horizon": 1, "forecasts": made},
        "none": {"name": NONE, "title": "none", "group": ""},
        "best": {"name": "l2", "title": "L2", "group": "penalties"},
    }
    assert pictures.example(found).startswith("<svg")


class TestSizing:
    def sized(self, hidden, loss, over_fits):
        return sizing.Sized(hidden, 100, loss, 0.2, 0.0, 1.0, over_fits)

    def test_the_best_that_over_fits_is_taken(self):
        tried = [self.sized(16, 0.9, False), self.sized(32, 1.0, True), self.sized(64, 0.95, True)]
        assert sizing.chosen(tried).hidden == 64

    def test_of_like_ones_the_smallest(self):
        tried = [self.sized(16, 1.0, True), self.sized(32, 0.995, True)]
        assert sizing.chosen(tried).hidden == 16

    def test_where_none_does_the_best_of_all(self):
        tried = [self.sized(16, 1.0, False), self.sized(32, 0.9, False)]
        assert sizing.chosen(tried).hidden == 32


class TestGain:
    FACTS = {"task": "Forecast", "scale": [10.0], "compared": "loss"}

    def records(self, mses):
        made, row = Made({}), Row("b", "lstm", NONE, (0.0,), (0,), ())
        for seed, mse in enumerate(mses):
            record = made.record(row, "evaluate", 0.005, 0.0, 1000 + seed)
            test = {"test": {"loss": mse, "mse": mse, "mae": 0.1}, "validation": {"loss": 1.0}}
            yield replace(record, scores={"best": test, "final": test})

    def test_in_the_unit_of_the_data(self):
        shown = measure.measure(self.FACTS, ["degrees"])
        assert shown.name == "RMSE (unit of degrees)"
        assert shown.of({"mse": 0.25}) == 5.0

    def test_a_gain_has_its_interval_and_verdict(self):
        shown = measure.measure(self.FACTS, ["degrees"])
        none = list(self.records([1.0, 1.1, 1.05, 0.95, 1.02, 0.98]))
        own = list(self.records([0.79, 0.9, 0.83, 0.77, 0.81, 0.78]))
        found = measure.gain(self.FACTS, shown, none, own)
        ratio = np.mean(np.log([0.79, 0.9, 0.83, 0.77, 0.81, 0.78])) - np.mean(
            np.log([1.0, 1.1, 1.05, 0.95, 1.02, 0.98])
        )
        assert found["effect"] == pytest.approx(100 * (1 - np.exp(ratio)))
        assert found["verdict"] == "better"
        assert found["low"] < found["effect"] < found["high"]
        assert found["difference_low"] < found["difference"] < found["difference_high"] < 0
        same = measure.gain(self.FACTS, shown, none, none)
        assert (same["verdict"], same["difference"]) == ("nil", 0.0)
        few = measure.gain(self.FACTS, shown, none[:2], own[:2])
        assert few["verdict"] == "untested"


class TestAnswer:
    LINE = {"name": "l2", "title": "L2", "strength": 0.01, "rate": 0.003, "searched": True,
            "loss": 1.0, "test": 4.5}  # fmt: skip
    GAIN = {"effect": 10.0, "low": 5.0, "high": 15.0, "verdict": "better", "difference": -0.5,
            "difference_low": -0.7, "difference_high": -0.3, "seeds": 8}  # fmt: skip

    def found(self, **changes):
        none = {**self.LINE, "name": "none", "title": "none", "test": 5.0, "loss": 1.1}
        sizing = [{"hidden": 32, "over_fits": True, "told": ""}]
        return {
            "best": self.LINE, "none": none, "gain": self.GAIN, "chosen": "l2", "metric": "RMSE",
            "scale": "squared error", "lower": True, "naive": {"mean": 9.0}, "part": "",
            "take": "l2", "beside": "ridge",
            "simple": {"ridge": 6.0}, "sizing": sizing, "sizes": {"hidden": 32}, "models": 100,
            "minutes": 9.5, "plan": {"names": ["l2"], "dropped": []}, "minutes_for_all": 10,
            **changes,
        }  # fmt: skip

    def test_one_that_helps_is_named_with_strength_gain_and_interval(self):
        first, beside, *_ = answer(self.found())
        assert first == (
            "Take L2 at 0.01, learning rate 0.003. Its test RMSE is 4.500, and 5.000 without a "
            "regularizer: −0.50 (95% interval −0.70 to −0.30), 10% less squared error (95% "
            "interval of the gain +5.0% to +15%)."
        )
        assert beside == (
            "Without a network, ridge, best on validation, has 6.000: the network, with 4.500, is "
            "better."
        )

    def test_none_is_needed_where_nothing_is_shown(self):
        nil = {**self.GAIN, "verdict": "cannot tell"}
        first = answer(self.found(gain=nil))[0]
        assert first.startswith("None is needed, as far as this can tell. L2 at 0.01")
        assert first.endswith(": too near to none to tell them apart.")

    def test_none_was_best_on_validation(self):
        first = answer(self.found(chosen="none", gain={**self.GAIN, "verdict": "worse"}))[0]
        assert first.startswith("None: no regularizer has a lower validation loss. The nearest, L2")

    def test_a_simple_model_that_is_better_is_said_to_be(self):
        beside = answer(self.found(simple={"ridge": 3.0}))[1]
        assert beside.startswith(
            "Without a network, ridge, best on validation, has 3.000: better than the network, "
            "which"
        )

    def test_the_model_that_is_kept_is_compared(self):
        """The best on validation is worse than a simple model on test, and is not taken."""
        worse = {"gain": {**self.GAIN, "verdict": "worse"}, "best": {**self.LINE, "test": 7.0}}
        beside = answer(self.found(**worse, take="none"))[1]
        assert beside.endswith("has 6.000: the network, with 5.000, is better.")

    def test_a_simple_model_is_chosen_on_validation(self):
        beside = answer(self.found(simple={"ridge": 6.0, "DLinear": 3.0}))[1]
        assert "ridge, best on validation, has 6.000: the network, with 4.500" in beside

    def test_too_few_seeds_to_test_are_said_to_be(self):
        first = answer(self.found(gain={**self.GAIN, "verdict": "untested", "seeds": 2}))[0]
        assert first.startswith(
            "L2 at 0.01, learning rate 0.003, is best on validation: too few seeds to test it. "
            "Its test RMSE is 4.500, and 5.000 without"
        )

    def test_a_network_that_does_not_over_fit_is_said_not_to(self):
        sizing = [
            {"hidden": 32, "over_fits": False, "loss": 0.5, "told": "on training data 3% less"}
        ]
        said = answer(self.found(sizing=sizing))[2]
        assert said.startswith("No network that was tried over-fits this data in the time given ")
        assert "(32 units: validation loss 0.5, on training data 3% less): there is little" in said

    def test_stopped_before_the_test(self):
        first = answer(self.found(gain=None))[0]
        assert first.startswith("Stopped before the test part was opened. The best so far")
