"""From raw files to arrays and facts: on data made here, and on what needs no download."""

import hashlib
import io
import json
import re
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from own import CSV, GAPS, MAIL, TEXT, add, make
from scipy.io import savemat

from rnnreg.cli import main
from rnnreg.data import checks, prepared, sequences, series, text
from rnnreg.data.benchmark import Model, Splits, expect
from rnnreg.data.sources import MIRROR, Download, sha256
from rnnreg.errors import UserError
from rnnreg.study import facts as study_facts
from rnnreg.study import registry
from rnnreg.tasks import Classification, Forecast, LanguageModel, Polyphony
from rnnreg.training.batches import batches

HUB = '''"""Reviews of the hub."""
from rnnreg.data.benchmark import Benchmark, Budget, Model
from rnnreg.data.sources import Hub
from rnnreg.tasks import Classification
from rnnreg.data.text import read_labelled, texts

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HASHES = {hashes}

class Reviews(Benchmark):
    """Is a review kind?"""
    title = "Reviews"
    group = "NLP"
    licence = "mine"
    citation = "me"
    sources = tuple(
        Hub(f"{{part}}.parquet", "owner/reviews", COMMIT, f"data/{{part}}.parquet", h)
        for part, h in HASHES.items()
    )
    task = Classification()
    model = Model(hidden=8, embedding=8)
    budget = Budget(steps=10, batch=2)
    def prepare(self, raw):
        return texts(*(read_labelled(raw[f"{{p}}.parquet"], "sentence", "label") for p in HASHES))
'''


# Why a pinned hash of data may fail: its benchmark was changed, or what reads it.
RAISE = "rnnreg.data makes other arrays than before: raise PREPARED_VERSION in study/facts.py"


def interrupted(*_):
    raise KeyboardInterrupt


def npy(array):
    """The bytes of an array's file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def zipped(name, data):
    """The bytes of an archive with one member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, data)
    return stream.getvalue()


class TestYourOwn:
    """A new file in benchmarks/ is all that one's own data needs."""

    def test_they_are_short(self):
        assert len(CSV.splitlines()) < 25
        assert len(TEXT.splitlines()) < 20
        assert len(MAIL.splitlines()) < 25

    def test_a_table(self, project):
        add(project, "house", CSV)
        facts, splits = make(project, "house")
        assert facts["sizes"] == {"train": 385, "validation": 49, "test": 109}
        assert (facts["inputs"], facts["outputs"]) == (2, 24)  # the column of text is left out
        assert set(facts["naive"]) == {"last value", "seasonal", "mean"}
        assert facts["sources"][0]["path"] == "house.csv"
        assert splits["train"]["series"].shape == (420, 2)

    def test_a_text(self, project):
        add(project, "diary", TEXT)
        facts, splits = make(project, "diary")
        assert facts["sizes"] == {"train": 1247, "validation": 155, "test": 155}
        assert facts["headline"] == "bits_per_character"
        assert facts["data_hash"] == "1574edefdb84c320", RAISE
        assert splits["test"]["tokens"].max() < facts["symbols"]

    def test_labelled_lines(self, project):
        add(project, "mail", MAIL)
        facts, splits = make(project, "mail")
        assert facts["sizes"] == {"train": 87, "validation": 9, "test": 24}
        counts = {"train": (58, 29), "validation": (6, 3), "test": (16, 8)}
        found = {s: tuple(np.bincount(a["y"]).tolist()) for s, a in splits.items()}
        assert found == counts

    def test_parquet_files_of_the_hub(self, project, monkeypatch):
        commit = "0123456789abcdef0123456789abcdef01234567"
        folder = project / f"mirror/datasets/owner/reviews/resolve/{commit}/data"
        folder.mkdir(parents=True)
        hashes = {}
        for part, sentences in {"train": ["so good", "so NA", "good"], "dev": ["good", "bad"],
                                "test": ["so so", "bad"]}.items():  # fmt: skip
            table = pd.DataFrame({"label": np.arange(len(sentences)) % 2, "sentence": sentences})
            table.to_parquet(folder / f"{part}.parquet")
            hashes[part] = sha256(folder / f"{part}.parquet")
        monkeypatch.setenv(MIRROR, str(project / "mirror"))
        add(project, "reviews", HUB.format(hashes=hashes))
        facts, splits = make(project, "reviews")
        assert facts["sizes"] == {"train": 3, "validation": 2, "test": 2}
        assert facts["sources"][0]["url"].endswith(f"/{commit}/data/train.parquet")
        assert splits["train"]["x"].tolist() == [2, 1, 2, 0, 1]  # NA, good, so, <unk>
        assert splits["test"]["x"].tolist() == [2, 2, 3]
        assert splits["train"]["y"].tolist() == [0, 1, 0]

    @pytest.mark.parametrize(("name", "code"), [("house", CSV), ("diary", TEXT), ("mail", MAIL)])
    def test_they_train(self, project, capsys, name, code):
        """As CONTRIBUTING says it, for a short while; every one is soon better than naive."""
        add(project, name, code)
        once = ("--steps=120", "--seeds=1", "--tuning-seeds=1")
        for command in (
            ("download", name),
            ("prepare", name),
            ("train", name, "lstm", "none", *once),
        ):
            assert main([*command]) == 0
        told = capsys.readouterr().out.splitlines()[-1]
        assert re.fullmatch(r"  naive \([a-z ]+\) [\d.]+, this row [\d.]+, none [\d.]+", told)


class TestFiles:
    """What prepare writes and what read finds."""

    def test_all_facts_are_there(self, project):
        add(project, "house", CSV)
        facts, _ = make(project, "house")
        assert set(facts) == {*study_facts.KEYS, "columns", "made_from", "scale"}
        assert facts["naive_best"] in facts["naive"]
        assert set(facts["metrics"]) == {"mse", "mae"}

    def test_the_licence_is_recorded_beside_the_raw_files(self, project):
        add(project, "diary", TEXT)
        make(project, "diary")
        found = json.loads((project / "data/raw/diary/sources.json").read_text())
        digest = hashlib.sha256((project / "diary.txt").read_bytes()).hexdigest()
        assert found == {
            "benchmark": "diary", "licence": "mine", "citation": "me",
            "files": [{"name": "diary.txt", "path": "diary.txt", "sha256": digest}],
        }  # fmt: skip

    def test_twice_is_the_same_to_the_byte(self, project):
        add(project, "diary", TEXT)
        files = [project / f"data/prepared/diary.{kind}" for kind in ("npz", "json")]
        make(project, "diary")
        first = [f.read_bytes() for f in files]
        make(project, "diary")
        assert [f.read_bytes() for f in files] == first
        assert sorted(f.name for f in files[0].parent.iterdir()) == [
            "diary.decoding.json",
            "diary.json",
            "diary.npz",
        ]

    def test_other_data_has_another_hash(self, project):
        add(project, "diary", TEXT)
        first, _ = make(project, "diary")
        (project / "diary.txt").write_text((project / "diary.txt").read_text()[:-1] + "!")
        second, _ = make(project, "diary")
        assert first["data_hash"] != second["data_hash"]

    def test_not_prepared_yet(self, tmp_path):
        with pytest.raises(UserError) as error:
            prepared.read("elnino", tmp_path)
        assert str(error.value) == (
            f"{tmp_path}/elnino.npz: the data of elnino is not prepared. Remedy: "
            "python -m rnnreg download elnino && python -m rnnreg prepare elnino"
        )

    def told(self, project, name):
        """What `read` says of a benchmark's data, which `prepare` then mends."""
        raw, folder = project / "data/raw", project / "data/prepared"
        with pytest.raises(UserError) as error:
            prepared.read(name, folder)
        prepared.prepare(name, raw, folder)
        prepared.read(name, folder)
        text = str(error.value)
        assert text.endswith(f" Remedy: python -m rnnreg prepare {name}")
        return text.removesuffix(f" Remedy: python -m rnnreg prepare {name}").replace(
            f"{project}/", ""
        )

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("context=24", "context=36"),
            ("horizon=12", "horizon=6"),
            ("season=24", "season=12"),
            ('raw["house.csv"])', 'raw["house.csv"])[100:]'),
        ],
    )
    def test_data_older_than_the_file_is_refused(self, project, old, new):
        add(project, "house", CSV)
        make(project, "house")
        add(project, "house", CSV.replace(old, new))
        assert self.told(project, "house") == (
            "data/prepared/house.npz: prepared by another state of benchmarks/house.py, or of "
            "rnnreg, than the present one."
        )

    def test_what_decides_no_data_makes_none_old(self, project):
        add(project, "house", CSV)
        make(project, "house")
        other = CSV.replace("hidden=32", "hidden=64").replace("steps=500", "steps=50")
        add(project, "house", other.replace('"mine"', '"yours"').replace("half a day", "12 hours"))
        assert other != CSV
        prepared.read("house", project / "data/prepared")

    def test_a_later_version_of_the_readers_refuses_it(self, project, monkeypatch):
        add(project, "house", CSV)
        make(project, "house")
        monkeypatch.setattr(study_facts, "PREPARED_VERSION", study_facts.PREPARED_VERSION + 1)
        assert "prepared by another state" in self.told(project, "house")

    def test_a_raw_file_that_changed_since_is_seen(self, project):
        add(project, "diary", TEXT)
        make(project, "diary")
        with (project / "diary.txt").open("a") as diary:
            diary.write("One more day. ")
        assert self.told(project, "diary") == (
            "diary.txt: another file than the one that the data of diary was prepared from."
        )
        (project / "diary.txt").unlink()  # not needed any more
        prepared.read("diary", project / "data/prepared")

    def test_a_prepare_that_failed_leaves_nothing_to_train_on(self, project):
        add(project, "diary", TEXT)
        make(project, "diary")
        (project / "diary.txt").write_text("short")
        with pytest.raises(UserError, match="the validation split is empty"):
            make(project, "diary")
        with pytest.raises(UserError, match=r"diary\.txt: another file than the one that the data"):
            prepared.read("diary", project / "data/prepared")

    def test_other_arrays_in_their_place(self, project):
        add(project, "diary", TEXT)
        facts, splits = make(project, "diary")
        splits["train"]["tokens"][5] = 0
        changed = {f"{s}/tokens": splits[s]["tokens"] for s in splits}
        np.savez(project / "data/prepared/diary.npz", **changed)
        assert self.told(project, "diary") == (
            f"data/prepared/diary.npz: holds other arrays than diary.json beside it says (hash "
            f"{prepared.data_hash(splits)}, expected {facts['data_hash']}): replaced, or not "
            "written to the end."
        )

    def test_a_kill_between_the_two_writes(self, project, monkeypatch):
        add(project, "diary", TEXT)
        make(project, "diary")
        text = (project / "diary.txt").read_text()
        (project / "diary.txt").write_text(text[:-1] + "!")
        with monkeypatch.context() as killed:
            killed.setattr(study_facts, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                prepared.prepare("diary", project / "data/raw", project / "data/prepared")
        (project / "diary.txt").write_text(text)
        assert "holds other arrays than diary.json" in self.told(project, "diary")

    @pytest.mark.parametrize(
        "damage",
        {
            "empty": lambda data: b"",
            "truncated": lambda data: data[: len(data) // 2],
            "text": lambda data: b"abc" * 100,
            "one byte": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
            "another archive": lambda data: zipped("train/tokens", b"no array"),
            "another split": lambda data: zipped("more/tokens.npy", npy(np.arange(3))),
            "pickled": lambda data: zipped("train/x.npy", npy(np.array([{}], object))),
        }.items(),
        ids=lambda case: case[0],
    )
    def test_damaged_arrays(self, project, damage):
        add(project, "diary", TEXT)
        make(project, "diary")
        file = project / "data/prepared/diary.npz"
        file.write_bytes(damage[1](file.read_bytes()))
        assert self.told(project, "diary").startswith(
            "data/prepared/diary.npz: cannot be read as arrays ("
        )

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "cannot be read (Expecting value"),
            (b'{"name": "dia', "cannot be read (Unterminated string"),
            (b'{"name": "\xe9"}', "cannot be read ('utf-8' codec can't decode"),
            (b"[" * 100_000, "cannot be read ("),
            (b"{}", "lacks name, title, group: damaged, or of another version of rnnreg."),
            (b"3", "lacks name, title, group: damaged, or of another version of rnnreg."),
        ],
    )
    def test_damaged_facts(self, project, content, told):
        add(project, "diary", TEXT)
        make(project, "diary")
        (project / "data/prepared/diary.json").write_bytes(content)
        assert self.told(project, "diary").startswith(f"data/prepared/diary.json: {told}")

    def test_edited_facts(self, project):
        add(project, "diary", TEXT)
        facts, _ = make(project, "diary")
        file, score = project / "data/prepared/diary.json", facts["naive"]["bigram"]["test"]["loss"]
        file.write_text(file.read_text().replace(str(score), "1e-09"))
        assert self.told(project, "diary") == (
            "data/prepared/diary.json: edited or damaged since it was written."
        )

    def test_no_place_to_write(self, project):
        add(project, "diary", TEXT)
        (project / "data").mkdir()
        (project / "data/prepared").write_text("in the way")
        with pytest.raises(UserError, match=r"diary.npz: cannot write \("):
            make(project, "diary")

    def test_a_wrong_byte_in_a_raw_file(self, project):
        digest = hashlib.sha256((project / "diary.txt").read_bytes()).hexdigest()
        pinned = TEXT.replace('"diary.txt"),)', f'"diary.txt", "{digest}"),)')
        add(project, "diary", pinned)
        make(project, "diary")
        (project / "diary.txt").write_text("Deer diary")
        with pytest.raises(UserError, match=f"expected {digest}: it is damaged"):
            make(project, "diary")


def complaint(project, name, code):
    add(project, name, code)
    with pytest.raises(UserError) as error:
        make(project, name)
    return str(error.value)


class TestChecks:
    """Splits that cannot be right are errors, whatever the benchmark."""

    def test_an_empty_split(self, project):
        short = CSV.replace("self.task)\n", "self.task, rows=(400, 0, 200))\n")
        assert complaint(project, "house", short) == (
            "benchmarks/house.py: the validation split is empty: it has nothing to predict. "
            "Remedy: give it more of the data, or ask for a shorter context and horizon."
        )

    def test_an_empty_text(self, project):
        (project / "diary.txt").write_text("short")
        told = complaint(project, "diary", TEXT)
        assert told.startswith("benchmarks/diary.py: the validation split is empty")

    def test_targets_that_overlap(self, project):
        overlapping = CSV.replace(
            '        return forecast(read_csv(raw["house.csv"]), self.task)\n',
            "        splits = forecast(read_csv(raw['house.csv']), self.task)\n"
            "        splits.targets['test'] = range(470, 600)\n"
            "        return splits\n",
        )
        assert complaint(project, "house", overlapping) == (
            "benchmarks/house.py: validation and test overlap: 10 targets are in both, the first "
            "at position 470. Remedy: let each row be predicted in one split only."
        )

    def test_gaps(self, project):
        rows = (project / "house.csv").read_text().splitlines()
        rows[5] = ",1,day 0"
        (project / "house.csv").write_text("\n".join(rows))
        assert complaint(project, "house", CSV) == (
            "benchmarks/house.py: prepare: forecast: values: gaps in rows 4 (of 0 to 599), "
            "columns 0. Remedy: fill them, and mark them in `observed`; CONTRIBUTING.md has a line "
            "that does it."
        )
        add(project, "house", GAPS)
        _, splits = make(project, "house")
        observed = splits["train"]["observed"]
        assert (observed == 0).nonzero() == (4, 0)
        assert splits["train"]["series"][4, 0] == splits["train"]["series"][3, 0]

    def test_symbols_without_an_embedding(self, project):
        told = complaint(project, "diary", TEXT.replace(", embedding=8", ""))
        assert told == (
            "benchmarks/diary.py: model: embedding: given 0, allowed are whole numbers from 1 "
            "where inputs are symbols."
        )

    @pytest.mark.parametrize(
        ("key", "values", "told"),
        [
            ("y", [0, 3], "y: found 3, expected 0 to 2"),
            ("length", [2, 1], "length: sums to 3, the shortest is 1; expected 4 steps in all"),
            ("length", [4, 0], "length: sums to 4, the shortest is 0; expected 4 steps in all"),
        ],
    )
    def test_impossible_values(self, key, values, told):
        part = {
            "x": np.zeros((4, 1), np.float32),
            "length": np.array([2, 2], np.int32),
            "y": np.array([0, 2], np.int32),
        }
        wrong = {**part, key: np.array(values, np.int32)}
        benchmark = type("Made", (), {"name": "made", "task": Classification()})
        checks.check(benchmark, Splits(part, part, part, classes=3))
        with pytest.raises(UserError, match=f"made.py: test: {told}"):
            checks.check(benchmark, Splits(part, part, wrong, classes=3))

    def test_a_count_that_is_not_the_promised_one(self):
        expect("etth1", "rows", 17_420, 17_420)
        with pytest.raises(
            UserError, match=r"benchmarks/etth1.py: rows: found 3, expected 17420\."
        ):
            expect("etth1", "rows", 3, 17_420)

    @pytest.mark.parametrize(
        ("task", "arrays", "told"),
        [
            (LanguageModel("word", 5), {"x": np.zeros(9)}, "tokens: missing. Its arrays: x."),
            (
                LanguageModel("word", 5),
                {"tokens": np.zeros(9)},
                "tokens: given float64 of shape (9,)",
            ),
            (
                Forecast(2, 1, 1),
                {"series": np.zeros(9)},
                "series: given float64 of shape (9,), exp",
            ),
            (
                Polyphony(),
                {"x": np.zeros(9), "length": np.ones(9, int)},
                "x: given float64 of shape",
            ),
            (Polyphony(), {"x": np.zeros((9, 3))}, "length: missing. Its arrays: x."),
            (
                Classification(),
                {"x": np.zeros(9), "length": np.ones(9, int), "y": np.zeros(8, int)},
                "y: given 8, expected 9, as many as length has.",
            ),
        ],
    )
    def test_arrays_that_are_not_laid_out_for_the_task(self, task, arrays, told):
        benchmark = type("Made", (), {"name": "made", "task": task})
        with pytest.raises(UserError, match=f"^benchmarks/made.py: train: {re.escape(told)}"):
            checks.check(benchmark, Splits(arrays, arrays, arrays, classes=2, symbols=2))

    @pytest.mark.parametrize(
        ("x", "symbols", "told"),
        [
            (
                np.zeros(9),
                0,
                "x: given the shape (9,) and 0 symbols. Remedy: symbols are (steps,), ",
            ),
            (np.zeros((9, 1)), 3, "x: given the shape (9, 1) and 3 symbols. Remedy: "),
            (np.arange(9), 9, None),
            (np.arange(9), 8, "x: found 8, expected 0 to 7."),
        ],
    )
    def test_symbols_and_numbers(self, x, symbols, told):
        length, y = np.array([4, 5]), np.array([0, 1])
        part = {"x": x, "length": length, "y": y}
        splits = Splits(part, part, part, symbols=symbols, classes=2)
        facts = {"name": "made", "task": Classification(), "model": Model(hidden=3, embedding=2)}
        benchmark = type("Made", (), facts)
        if told is None:
            checks.check(benchmark, splits)
            return
        with pytest.raises(UserError, match=f"^benchmarks/made.py: train: {re.escape(told)}"):
            checks.check(benchmark, splits)

    def test_a_file_sorted_by_label(self, project):
        start = MAIL.index("        rest, test =")
        cut = MAIL[:start] + "        return texts(*zip(*map(contiguous, cases), strict=True))\n"
        cut = cut.replace("import Benchmark,", "import Benchmark, contiguous,")
        assert complaint(project, "mail", cut) == (
            "benchmarks/mail.py: validation: y: all 12 sequences are of one class, expected two "
            "classes or more. Remedy: hold_out takes a part of each class, in whatever order the "
            "file is."
        )

    @pytest.mark.parametrize("shape", [(600,), (600, 3), (599, 2)])
    def test_marks_that_do_not_fit(self, shape):
        values, task = np.zeros((600, 2)), Forecast(24, 12, 24)
        with pytest.raises(
            UserError, match=r"expected \(600, 2\), .* or \(600, 1\), for all"
        ) as told:
            series.forecast(values, task, observed=np.ones(shape))
        assert f"observed: given the shape {shape}" in str(told.value)

    def test_marks_of_the_columns_that_are_predicted(self):
        values, observed = np.random.default_rng(0).normal(size=(600, 3)), np.ones((600, 3))
        observed[7, 2] = observed[9, 1] = 0
        task = Forecast(24, 12, 24, targets=(2,))
        found = series.forecast(values, task, observed=observed).train["observed"]
        assert found.shape == (420, 1)
        assert found[:, 0].nonzero()[0].tolist() == [r for r in range(420) if r != 7]
        found = series.forecast(values, task, observed=observed[:, :1]).train["observed"]
        assert found.shape == (420, 1)

    @pytest.mark.filterwarnings("ignore:.*columns left out")
    def test_a_split_without_a_measurement(self, project):
        gone = CSV.replace("self.task)", "self.task, observed=(np.arange(600) < 480)[:, None])")
        told = complaint(
            project, "house", gone.replace("class House", "import numpy as np\nclass House")
        )
        assert told == (
            "benchmarks/house.py: test: observed: no target was observed. Remedy: another cut by "
            "time."
        )

    def test_a_season_longer_than_the_context(self, project):
        add(project, "house", CSV.replace("season=24", "season=168"))
        with pytest.warns(
            UserWarning, match="house.py: task: season: 168 rows are more than the co"
        ):
            facts, _ = make(project, "house")
        assert set(facts["naive"]) == {"last value", "mean"}


class TestDuplicates:
    """What validation and test share with train is counted."""

    def test_pieces_of_a_text_as_by_brute_force(self):
        rng = np.random.default_rng(0)
        train = rng.integers(0, 50_000, 3000).astype(np.int32)
        test = rng.integers(0, 50_000, 1000).astype(np.int32)
        test[200:300], test[525:575] = train[1234:1334], train[100:150]
        pieces = [tuple(test[i : i + 25]) for i in range(0, 976, 25)]
        there = {tuple(train[i : i + 25]) for i in range(2976)}
        splits = Splits({"tokens": train}, {"tokens": train}, {"tokens": test}, symbols=50_000)
        found = checks.duplicates(LanguageModel("word", window=5), splits)
        assert sum(p in there for p in pieces) == 6
        assert found == {"pieces of 25 words that are in train too": {"validation": 120, "test": 6}}

    def test_a_text_shorter_than_a_piece(self):
        part = {"tokens": np.arange(24, dtype=np.int32)}
        splits = Splits(part, part, part, symbols=24)
        found = checks.duplicates(LanguageModel("word", window=5), splits)
        assert found == {"pieces of 25 words that are in train too": {"validation": 0, "test": 0}}
        found = checks.duplicates(LanguageModel("character", window=5), splits)
        assert set(found) == {"pieces of 100 characters that are in train too"}

    def test_sequences(self):
        def part(*rows):
            return sequences.end_to_end([np.array(r, np.int32) for r in rows])

        splits = Splits(part([1, 2], [3]), part([2, 1], [3]), part([1], [2, 3]), symbols=4)
        assert checks.duplicates(Classification(), splits) == {
            "sequences that are in train too": {"validation": 1, "test": 0}
        }

    def test_texts_are_told_apart_by_words_that_the_vocabulary_lacks(self):
        train = [["who", "was", "x"], ["who", "was", "y"]], [0, 1]
        test = [["who", "was", "z"], ["who", "was", "y"]], [0, 1]
        splits = text.texts(train, train, test, least=2)
        assert splits.counts["texts that are in train too"] == {"validation": 2, "test": 1}
        assert checks.duplicates(Classification(), splits) == {}


class TestSeries:
    task = Forecast(context=10, horizon=5, season=5)

    def test_statistics_are_those_of_train_alone(self):
        values = np.random.default_rng(0).normal(3, 2, (100, 2))
        rows = (60, 20, 20)
        train = series.forecast(values, self.task, rows).train["series"]
        assert train.mean(0) == pytest.approx([0, 0], abs=1e-6)
        assert train.std(0) == pytest.approx([1, 1], abs=1e-6)
        values[60:] *= 100
        assert np.array_equal(series.forecast(values, self.task, rows).train["series"], train)

    def test_each_row_is_predicted_in_its_split(self):
        values = np.arange(100.0)[:, None]
        splits = series.forecast(values, self.task, (60, 20, 20))
        assert {s: (t[0], t[-1]) for s, t in splits.targets.items()} == {
            "train": (10, 59), "validation": (60, 79), "test": (80, 99),
        }  # fmt: skip
        back = {
            s: a["series"][:, 0] * values[:60].std() + values[:60].mean() for s, a in splits.items()
        }
        assert back["validation"] == pytest.approx(np.arange(50, 80), abs=1e-3)
        assert back["test"] == pytest.approx(np.arange(70, 100), abs=1e-3)
        assert checks.size(self.task, splits.validation) == 20 - 5 + 1

    def test_the_scale_leads_back_to_the_unit_of_the_data(self):
        values = np.random.default_rng(0).normal(3, [2, 5], (100, 2))
        for targets, scale in ((None, values[:60].std(0)), ((1,), values[:60, 1:].std(0))):
            task = Forecast(context=10, horizon=5, season=5, targets=targets)
            found = series.forecast(values, task, (60, 20, 20))
            assert found.scale == pytest.approx(scale)

    def test_naive_scores_in_the_unit_of_the_data(self, project):
        add(project, "house", CSV.replace('.csv"]), self', '.csv"], ["heat"]) * 100, self'))
        facts, _ = make(project, "house")
        told = study_facts.in_unit(facts, facts["naive"]["last value"]["test"])
        heat = pd.read_csv(project / "house.csv")["heat"].to_numpy() * 100.0
        test = np.lib.stride_tricks.sliding_window_view(heat[480 - 24 :], 36)
        error = test[:, 24:] - test[:, 23:24]
        assert told["mse"] == pytest.approx((error**2).mean(), rel=1e-5)
        assert told["rmse"] == pytest.approx((error**2).mean() ** 0.5, rel=1e-5)
        assert told["mae"] == pytest.approx(abs(error).mean(), rel=1e-5)

    def test_columns_of_two_scales_have_no_unit_in_common(self):
        assert study_facts.in_unit({"scale": [1.0, 2.0]}, {"mse": 1.0, "mae": 1.0}) == {}
        assert study_facts.in_unit({}, {"mse": 1.0, "mae": 1.0}) == {}

    def test_constant_and_kept_columns(self):
        values = np.stack([np.ones(100), np.arange(100) % 2], 1)
        found = series.forecast(values, self.task, (60, 20, 20), keep=(1,)).train["series"]
        assert (found[:, 0] == 0).all()
        assert set(found[:, 1]) == {0, 1}

    def test_anchored_windows(self):
        """Inputs and targets are those of a plain window, less the last known row."""
        rng = np.random.default_rng(0)
        values = np.cumsum(rng.normal(size=(100, 3)), 0)
        splits = dict(series.forecast(values, self.task, (60, 20, 20)).items())
        first = {}
        for anchored in (False, True):
            task = Forecast(10, 5, 5, targets=(2, 0), anchored=anchored)
            first[anchored] = batches(task, splits, torch.tensor([1]), 4).train(0)
        last = first[False].x[:, -1]
        assert torch.equal(first[True].x, first[False].x - last[:, None])
        assert torch.equal(first[True].y, first[False].y - last[:, :, None, [2, 0]])


class TestText:
    def test_the_vocabulary_is_that_of_train(self):
        splits = text.language("abca", "abd", "dde")
        assert splits.symbols == 4
        assert splits.validation["tokens"].tolist() == [0, 1, 3]
        assert splits.counts["symbols not in train"] == {"validation": 1, "test": 3}

    def test_unk_of_the_text_is_the_unknown_symbol(self):
        splits = text.language(["a", "<unk>", "b"], ["<unk>"], ["c"])
        assert splits.symbols == 3
        assert splits.validation["tokens"].tolist() == splits.test["tokens"].tolist() == [2]

    def test_lines_end_and_nothing_else_ends_a_line(self, tmp_path):
        (tmp_path / "a").write_text(" a b \n\n c\x85d \n", encoding="utf-8", newline="")
        assert text.words(tmp_path / "a") == ["a", "b", "<eos>", "<eos>", "c", "d", "<eos>"]

    def test_quotes_and_na_are_words(self, tmp_path):
        (tmp_path / "a.tsv").write_text('a " quote\t1\nNA\t0\nnull "\t1\n')
        words, labels = text.read_labelled(tmp_path / "a.tsv", text=0, label=1)
        assert words == [["a", '"', "quote"], ["NA"], ["null", '"']]
        assert labels == [1, 0, 1]

    def test_long_texts_are_cut_and_counted(self):
        part = [["a"] * 5, ["a", "b"]], ["x", "y"]
        splits = text.texts(part, part, part, longest=3)
        assert splits.train["length"].tolist() == [3, 2]
        cut = {"train": 1, "validation": 1, "test": 1}
        assert splits.counts["texts cut at 3 words"] == cut
        assert (splits.symbols, splits.classes) == (3, 2)


class TestSequences:
    @pytest.mark.parametrize(
        ("test", "told"),
        [
            (
                ([[1]], ["c"]),
                "test: sequence 0 has the label 'c', which train lacks; it has 'a', 'b'.",
            ),
            (([[1], []], ["a", "b"]), "test: sequence 1 is empty. Remedy: leave it out."),
            (
                ([], []),
                "test: given 0 sequences and 0 labels, expected as many of both, and one at",
            ),
            (
                ([[1]], []),
                "test: given 1 sequences and 0 labels, expected as many of both, and one",
            ),
            (([[1]], [["a"]]), "test: sequence 0 has the label ['a'], expected text or a number."),
        ],
    )
    def test_labels_that_cannot_be(self, test, told):
        part = [[1], [2]], ["a", "b"]
        with pytest.raises(UserError, match=f"^{re.escape(told)}"):
            sequences.labelled(part, part, test)

    def test_a_split_without_the_last_class(self):
        part, fewer = ([[1], [2], [3]], ["a", "b", "c"]), ([[1], [2]], ["a", "b"])
        counts = sequences.labelled(part, fewer, part).counts["sequences a class"]
        assert counts["validation"] == {"a": 1, "b": 1, "c": 0}

    def test_labels_of_two_kinds(self):
        part = [[1], [2]], ["a", 1]
        with pytest.raises(UserError, match=r"train: some labels are text and some are numbers\."):
            sequences.labelled(part, part, part)

    def test_held_out_is_stratified_and_fixed(self):
        labels = ["a"] * 100 + ["b"] * 20 + ["c"] * 3
        kept, held = sequences.hold_out(labels, 0.1)
        assert sorted(kept + held) == list(range(123))
        assert [labels[i] for i in held] == ["a"] * 10 + ["b"] * 2 + ["c"]
        assert sequences.hold_out(labels, 0.1) == (kept, held)

    def test_standardised_by_train(self):
        rng = np.random.default_rng(0)
        part = [rng.normal(5, 3, (length, 2)) for length in (4, 9)], ["a", "b"]
        other = [10 * x for x in part[0]], part[1]
        splits = sequences.standardised(sequences.labelled(part, other, other))
        assert splits.train["x"].mean(0) == pytest.approx([0, 0], abs=1e-6)
        assert splits.train["x"].std(0) == pytest.approx([1, 1], abs=1e-6)
        assert (splits.test["x"].mean(0) > 5).all()

    def test_piano_rolls_that_are_none(self, tmp_path):
        (tmp_path / "a.mat").write_bytes(b"no")
        with pytest.raises(
            UserError, match=r"a\.mat: cannot be read as MATLAB's cells traindata, "
        ):
            sequences.piano_rolls(tmp_path / "a.mat")
        savemat(tmp_path / "a.mat", {"traindata": np.zeros(3)})
        with pytest.raises(
            UserError, match=r"a\.mat: cannot be read as MATLAB's cells traindata, "
        ):
            sequences.piano_rolls(tmp_path / "a.mat")

    def test_long_piano_rolls_are_cut_with_a_frame_in_common(self, tmp_path):
        def cells(*lengths):
            found = np.empty((1, len(lengths)), object)
            for i, length in enumerate(lengths):
                found[0, i] = np.eye(length, 88, dtype=np.uint8)
            return found

        parts = {"traindata": cells(10, 4), "validdata": cells(10), "testdata": cells(5, 6)}
        savemat(tmp_path / "a.mat", parts)
        splits = sequences.piano_rolls(tmp_path / "a.mat", longest=4)
        assert splits.train["length"].tolist() == [4, 4, 4, 4]
        frames = [*range(4), *range(3, 7), *range(6, 10), *range(4)]
        assert splits.train["x"].argmax(1).tolist() == frames
        assert splits.validation["length"].tolist() == [10]
        whole = sequences.piano_rolls(tmp_path / "a.mat")
        assert checks.size(Polyphony(), whole.train) == checks.size(Polyphony(), splits.train)


def module(name):
    registry.load("benchmark", name)
    return sys.modules[f"benchmarks.{name}"]


class TestTraps:
    """What the readers of single data sets have to get right."""

    def test_trec_is_latin_1(self, tmp_path):
        (tmp_path / "a").write_bytes(
            "0 What is Pel\xe9 's name ?\n5 How many ?\n".encode("latin-1")
        )
        found = module("trec").questions(tmp_path / "a")
        assert found == (
            [["What", "is", "Pelé", "'s", "name", "?"], ["How", "many", "?"]],
            ["DESC", "NUM"],
        )

    def test_pen_strokes(self, tmp_path):
        (tmp_path / "a").write_text(
            '.LEXICON "0"\n.HIERARCHY DIGIT\n.SEGMENT DIGIT 0-1 ? "4"\n'
            ".COMMENT 4 27  224\n.PEN_DOWN\n"
            " 1  2\n 3  4\n.PEN_UP\n.DT 100\n.PEN_DOWN\n 5 6\n.PEN_UP\n.DT 100\n"
        )
        (x,), y, writers = module("pendigits").read(tmp_path / "a")
        assert x.tolist() == [[0, 0, 1], [0.5, 0.5, 0], [1, 1, 1]]
        assert (y, writers) == (["4"], [27])

    def test_ts_files(self, tmp_path):
        (tmp_path / "a").write_text("#x\n@data\n1,2,3:4,5,6:9\n7:8:1\n")
        x, y = module("japanese_vowels").utterances(tmp_path / "a")
        assert [a.tolist() for a in x] == [[[1, 4], [2, 5], [3, 6]], [[7, 8]]]
        assert y == ["9", "1"]

    def test_gaps_in_beijing(self, tmp_path):
        rng = np.random.default_rng(0)
        dust = rng.integers(1, 500, 43_824).astype(object)
        missing = np.concatenate([np.arange(24), 24 + rng.permutation(43_800)[:2043]])
        dust[missing] = "NA"
        winds = np.array(["NW", "cv", "NE", "SE"])[rng.integers(0, 4, 43_824)]
        rows = [f"{dust[i]},1,{i % 30},3,{winds[i]},{i % 9},0,{i % 5}\n" for i in range(len(dust))]
        (tmp_path / "a.csv").write_text("pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir\n" + "".join(rows))
        benchmark = registry.load("benchmark", "beijing_pm25")
        splits = benchmark().prepare({"pollution.csv": tmp_path / "a.csv"})
        train, observed = splits.train["series"], splits.train["observed"][:, 0]
        missing = missing[missing < len(train)]
        assert (observed == 0).nonzero()[0].tolist() == sorted(missing)
        assert (train[:, -1] == observed).all()
        assert abs(train[:24, 0]).max() < 0.05  # before any measurement: the mean of train
        later = missing[missing >= 25]
        assert (train[later, 0] == train[later - 1, 0]).all()  # never a later measurement
        assert set(np.unique(train[:, 7:])) == {0, 1}
        assert (train[:, 7:11].sum(1) == 1).all()


NAMES = registry.names("benchmark")


@pytest.mark.parametrize("name", NAMES)
def test_every_file_states_its_facts(name):
    benchmark = registry.load("benchmark", name)
    facts = registry.facts("benchmark", name)
    for key in ("title", "licence", "citation", "doc"):
        assert facts[key], key
    assert benchmark.group in ("NLP", "time series")
    assert len(registry.path("benchmark", name).read_text().splitlines()) <= 80
    for source in benchmark.sources:
        if isinstance(source, Download):
            assert re.search(r"/[0-9a-f]{40}/", source.url), (
                "an address that may change its content"
            )
            assert re.fullmatch("[0-9a-f]{64}", source.sha256)
    for result in benchmark.published:
        assert set(result) == {"model", "metric", "value", "reference"}
        assert result["metric"] in benchmark.task.labels


@pytest.mark.parametrize("name", ["python_docs", "elnino", "temporal_order", "adding"])
def test_benchmarks_without_download(name, tmp_path):
    raw, folder = tmp_path / "raw", tmp_path / "prepared"
    prepared.download(name, raw)
    first = prepared.prepare(name, raw, folder).read_bytes()
    assert prepared.prepare(name, raw, folder).read_bytes() == first
    facts, splits = prepared.read(name, folder)
    repeated = [n for key, n in facts["counts"].items() if "in train too" in key]
    assert all(n == {"validation": 0, "test": 0} for n in repeated)
    if name == "python_docs":
        assert facts["sources"][0]["sha256"]
        assert min(facts["sizes"].values()) > 4_000
    if name == "temporal_order":
        assert facts["data_hash"] == "e373fab8d1f47045", RAISE
        x, length, y = (splits["test"][key] for key in ("x", "length", "y"))
        pairs = [s[s >= 6] - 6 for s in np.split(x, np.cumsum(length)[:-1])]
        assert (np.array(pairs) @ [2, 1] == y).all()
        assert (length.min(), length.max()) == (33, 37)
    if name == "adding":
        assert facts["sizes"] == {"train": 10_000, "validation": 500, "test": 2560}
        cases = splits["test"]["series"].reshape(2560, 111, 2)
        pairs, target = cases[:, :110], cases[:, 110, 0]
        marked = pairs[..., 1] == 1
        assert (marked.sum(1) == 2).all()
        assert np.allclose((pairs[..., 0] * marked).sum(1) / 4, target, atol=1e-6)
        first = (pairs != 0).any(2).argmax(1)
        assert (first.min(), first.max()) == (0, 10), "100 to 110 pairs"
        assert (marked.argmax(1) - first).max() == 9
        assert (109 - marked[:, ::-1].argmax(1) - first).max() == 49
