"""`rnnreg try` from a file to its answer, report, model, and benchmark of the full suite."""

import json
import re
import time

import numpy as np
import pytest

import rnnreg
from rnnreg.cli import main
from rnnreg.study import registry, stop, study
from rnnreg.trying import page, rounds
from rnnreg.trying.command import Live

FEW = ["--minutes", "0.005", "--steps", "20", "--seeds", "2", "--jobs", "1"]
FEW += ["--regularizers", "l2,dropout"]


def files(folder):
    """A table of numbers, labelled texts and a text."""
    draws = np.random.default_rng(0)
    days = np.datetime64("2020-01-01") + np.arange(200)
    wave = np.sin(np.arange(200) * 2 * np.pi / 7) * 5 + 20 + 3 * draws.normal(size=200)
    lines = [f"{d},{w:.2f},{w * 2 + 1:.2f}\n" for d, w in zip(days, wave, strict=True)]
    (folder / "heat.csv").write_text("day,inside,outside\n" + "".join(lines))
    words = draws.choice(["good", "bad", "film", "very", "not", "dull", "fine"], (120, 6))
    lines = [f"{' '.join(w)} {i},{'yes' if 'good' in w else 'no'}\n" for i, w in enumerate(words)]
    (folder / "films.csv").write_text("review,liked\n" + "".join(lines))
    text = draws.choice(["It rained.", "The sun shone.", "I slept.", "We ate."], 600)
    (folder / "diary.txt").write_text("\n\n".join(" ".join(t) for t in text.reshape(-1, 12)))


ASKED = {
    "heat": ["heat.csv", "--forecast", "3", "--target", "inside"],
    "films": ["films.csv", "--text", "review", "--label", "liked"],
    "diary": ["diary.txt"],
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """Each file tried, once: its folder, and what was printed."""
    import contextlib
    import io

    folder, said = tmp_path_factory.mktemp("tried"), {}
    files(folder)
    with contextlib.chdir(folder):
        for name, asked in ASKED.items():
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                assert main(["try", *asked, *FEW]) == 0
            said[name] = out.getvalue()
    return folder, said


def found(tried, name):
    return json.loads((tried[0] / f"tried/{name}/tried.json").read_text())


@pytest.mark.parametrize("name", ASKED)
class TestAnswer:
    def test_it_tells_what_it_understood_did_and_found(self, tried, name):
        said = tried[1][name]
        for start in ("file ", "split ", "without a network, test ", "search: ", "report "):
            assert re.search(f"^{start}", said, re.MULTILINE), said
        assert re.search(r"^(16|32|64|128) units: ", said, re.MULTILINE)
        assert re.search(r"^(Take|None)", said, re.MULTILINE)

    def test_numbers_are_those_of_what_was_trained(self, tried, name):
        told = found(tried, name)
        assert {line["name"] for line in told["ranking"]} <= {"none", "l2", "dropout"}
        by_name = {line["name"]: line for line in told["ranking"]}
        trials = {by_name[n]["trials"] for n in by_name if by_name[n]["round"] == 2}
        assert len(trials) == 1  # all that came to the race have had the same number of them
        assert told["gain"]["seeds"] == 2
        for which in ("none", "best"):
            assert told[which]["test"] == pytest.approx(np.mean(told[which]["tests"]))
        difference = told["best"]["test"] - told["none"]["test"]
        assert told["gain"]["difference"] == pytest.approx(difference)

    def test_the_report_is_one_file_of_two_pages(self, tried, name):
        text = (tried[0] / f"tried/{name}/report.html").read_text()
        assert text.count("<section>") == 2
        assert not re.search(r'(src|href)="(?!#)', text)  # nothing from anywhere else
        plain = re.sub(r"<style.*?</style>|<svg.*?</svg>", "", text, flags=re.DOTALL)
        assert "{" not in plain
        assert found(tried, name)["best"]["title"] in text
        own = page.page(found(tried, name))  # from the numbers alone
        assert re.sub(r"<svg.*?</svg>", "", own, flags=re.DOTALL) == re.sub(
            r"<svg.*?</svg>", "", text, flags=re.DOTALL
        )

    def test_the_model_is_there_and_scores_what_is_told(self, tried, name, capsys, monkeypatch):
        monkeypatch.chdir(tried[0])
        told = found(tried, name)
        model = rnnreg.load(tried[0] / f"tried/{name}/model")
        assert model.facts.record["regularizer"] == told["take"]
        which = told["best"] if told["take"] == told["best"]["name"] else told["none"]
        assert model.facts.record["strength"] == which["strength"]
        assert main(["predict", f"tried/{name}/model.safetensors", ASKED[name][0]]) == 0
        said = capsys.readouterr().out
        if name == "heat":
            assert said.splitlines()[0] == "day,inside"
            days = [line.partition(",")[0] for line in said.splitlines()[1:]]
            assert days == [f"2020-07-{day}" for day in (19, 20, 21)]
            assert all(0 < float(line.partition(",")[2]) < 40 for line in said.splitlines()[1:])
        elif name == "films":
            assert len(said.splitlines()) == 121
            assert re.fullmatch(r"(yes|no),0\.\d+|(yes|no),1\.0+", said.splitlines()[1])
        else:
            assert said.startswith("bits per character: ")


def test_scores_are_in_the_unit_of_the_data(tried):
    told = found(tried, "heat")
    assert told["metric"] == "RMSE (unit of inside)"
    values = np.loadtxt(tried[0] / "heat.csv", delimiter=",", skiprows=1, usecols=1)
    ahead = np.stack([values[160 + i : 198 + i] for i in range(3)])  # each day of the test part
    last = values[159:197]
    assert told["naive"]["last value"] == pytest.approx(
        np.sqrt(((ahead - last) ** 2).mean()), rel=1e-4
    )


def test_several_columns_have_a_score_each(tried, monkeypatch):
    monkeypatch.chdir(tried[0])
    asked = ["try", "heat.csv", "--forecast", "3", "--out", "both", *FEW]
    assert main(asked) == 0
    told = json.loads((tried[0] / "both/heat/tried.json").read_text())
    assert told["metric"] == "RMSE (standard deviations, all columns)"
    own = told["columns"]["none"]
    assert own["outside"] == pytest.approx(2 * own["inside"], rel=0.3)  # outside is twice inside
    assert set(told["columns"]) >= {"ridge regression", "DLinear", "none"}


@pytest.mark.slow
def test_two_processes_find_what_one_does(tried, monkeypatch):
    """The same members, wherever they train; rounds may differ, for they go by the time."""
    monkeypatch.chdir(tried[0])
    from rnnreg.study.study import Row
    from rnnreg.trying.place import Place
    from rnnreg.trying.workers import Workers

    place = Place(tried[0] / "tried/heat", "heat")
    with place.registered():
        row = Row("heat", "lstm", "l2", (1e-3,), (0,), (), {"steps": 10, "checks": 2})
        data = place.read()
        task = [(row, [("evaluate", None, 1e-3, 1000)])]
        made = []
        for jobs in (1, 2):
            with Workers(jobs, place, data, "cpu") as workers:
                ((_, (records, _)),) = workers.map(task)
                made.append(records[0].scores)
    assert made[0] == made[1]


class TestSaved:
    @pytest.fixture
    def own(self, tmp_path, monkeypatch):
        """A project of one's own, in which the benchmark and the study were saved."""
        monkeypatch.setitem(registry.FOLDERS, "benchmark", tmp_path / "benchmarks")
        monkeypatch.setattr(study, "STUDIES", tmp_path / "benchmarks/studies")
        monkeypatch.chdir(tmp_path)
        files(tmp_path)
        (tmp_path / "benchmarks").mkdir()
        assert main(["try", *ASKED["films"], *FEW, "--save-benchmark", "my_films"]) == 0
        return tmp_path

    def test_they_run_in_the_suite(self, own, capsys):
        text = (own / "benchmarks/studies/my_films.yaml").read_text()
        few = re.sub(r"search: .*", "search: {trials: 2, survivors: 1, seeds: 1}", text)
        (own / "few.yaml").write_text(few)
        for command in ("download my_films", "prepare my_films", "train --study few.yaml --missing",
                        "collect few.yaml", "compare results/few"):  # fmt: skip
            assert main(command.split()) == 0, command
        chosen = study.read("few.yaml")
        assert {row.regularizer for row in chosen.rows} <= {"none", "l2", "dropout"}
        facts = json.loads((own / "data/prepared/my_films.json").read_text())
        assert facts["sizes"]["train"] == 84
        saved = study.read("my_films")
        assert saved.rows[0].search.trials >= rounds.FEWEST
        found = json.loads((own / "tried/my_films/tried.json").read_text())
        rates = [rate for rate, _ in saved.row("my_films", "lstm", "none").settings]
        assert found["none"]["rate"] in rates  # its trials are those of the study
        assert main(["try", *ASKED["films"], *FEW, "--save-benchmark", "my_films"]) == 2
        assert "my_films.py is there already" in capsys.readouterr().err


def test_a_signal_ends_the_search_and_the_best_so_far_is_tested(tmp_path, monkeypatch, capsys):
    files(tmp_path)
    monkeypatch.chdir(tmp_path)

    def stopped(self, names):
        raise stop.Interrupted(2)

    monkeypatch.setattr(rounds.Rounds, "_race", stopped)
    assert main(["try", *ASKED["heat"], *FEW]) == 0
    said = capsys.readouterr().out
    assert "no further round. The best so far is tested now" in said
    assert re.search(r"^(Take|None)", said, re.MULTILINE)
    told = json.loads((tmp_path / "tried/heat/tried.json").read_text())
    assert not told["rounds"]["raced"]
    assert told["gain"]["seeds"] == 2


def test_a_second_signal_leaves_the_test_out(tmp_path, monkeypatch, capsys):
    from rnnreg.trying import workers

    files(tmp_path)
    monkeypatch.chdir(tmp_path)
    train = workers.train

    def stopped(row, members, *given):
        if members[0][0] == "evaluate":
            raise stop.Interrupted(2)
        return train(row, members, *given)

    monkeypatch.setattr(workers, "train", stopped)
    assert main(["try", *ASKED["heat"], *FEW]) == 0
    assert "Stopped before the test part was opened. The best so far" in capsys.readouterr().out
    assert not (tmp_path / "tried/heat/model.safetensors").exists()
    assert "It was not opened" in (tmp_path / "tried/heat/report.html").read_text()


def test_checks_are_fewer_where_the_naive_forecast_is_good(tmp_path, monkeypatch, capsys):
    """A network that has hardly trained would count as diverged beside it."""
    days = np.arange(240)
    noise = np.random.default_rng(0).normal(size=240)
    wave = np.sin(days * 2 * np.pi / 7) + 0.1 * noise
    (tmp_path / "wave.csv").write_text("x\n" + "".join(f"{w:.4f}\n" for w in wave))
    monkeypatch.chdir(tmp_path)
    assert main(["try", "wave.csv", "--forecast", "3", *FEW, "--steps", "60"]) == 0
    told = json.loads((tmp_path / "tried/wave/tried.json").read_text())
    assert told["sizes"]["checks"] < 20
    flat = np.sin(days * 2 * np.pi / 7)
    (tmp_path / "flat.csv").write_text("x\n" + "".join(f"{w:.9f}\n" for w in flat))
    assert main(["try", "flat.csv", "--forecast", "3", *FEW]) == 2
    assert "no network comes within ten times the validation loss of" in capsys.readouterr().err


def test_only_look_trains_nothing(tmp_path, monkeypatch, capsys):
    files(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["try", *ASKED["heat"], "--only-look", "--explain"]) == 0
    said = capsys.readouterr().out
    assert "period" in said
    assert "column outside" in said
    assert not (tmp_path / "tried").exists()


def test_a_terminal_shows_the_ranking_so_far():
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    live = Live(stream)
    live.width = 100

    class Now:
        finished, going = 1, 5
        current = {}

    live(Now, time.monotonic() + 65)
    assert "round 2: 0 of 5 done; 1:0" in stream.getvalue()
