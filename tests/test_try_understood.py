"""What `rnnreg try` finds a file to be: times, gaps, period, classes; no leak between splits."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from rnnreg.data import timed
from rnnreg.data.given import paragraphs, read_series, read_texts, unrepeated
from rnnreg.errors import UserError
from rnnreg.tasks import Forecast
from rnnreg.trying import delimited, language, series, texts
from rnnreg.trying.understood import Sizes

WAVE = np.sin(np.arange(240) * 2 * np.pi / 12).round(4)


def table(tmp_path, columns, name="a.csv", **options):
    file = tmp_path / name
    pd.DataFrame(columns).to_csv(file, index=False, **options)
    return file


class TestTimes:
    @pytest.mark.parametrize(
        ("every", "rows"),
        [
            ("h", 50),
            ("D", 50),
            ("B", 50),
            ("7D", 50),
            ("15min", 50),
            ("M", 40),
            ("Q", 30),
            ("Y", 30),
        ],
    )
    def test_the_spacing_is_found_with_rows_missing(self, every, rows):
        whole = timed._grid((pd.Timestamp("2020-01-06"), pd.Timestamp("2080-01-06")), every)[:rows]
        index = whole.to_timestamp() if every in timed.PERIODS else whole
        assert timed.spacing(index.delete([7, 8, 20])) == every

    def test_unequal_distances_are_none(self):
        draws = np.random.default_rng(0).exponential(size=60).cumsum()
        assert timed.spacing(pd.Timestamp("2020-01-01") + pd.to_timedelta(draws, "h")) == ""

    @pytest.mark.parametrize(
        ("cells", "first"),
        [
            ([1999, 2000], "1999-01-01"),
            ([1999.0, 2000.0], "1999-01-01"),
            ([20200131, 20200201], "2020-01-31"),
            ([1580428800, 1580515200], "2020-01-31"),
            ([1580428800000, 1580515200000], "2020-01-31"),
            (["2020-01-31", "2020-02-01"], "2020-01-31"),
            (["01/31/2020", "02/01/2020"], "2020-01-31"),
        ],
    )
    def test_written_in_many_ways(self, cells, first):
        assert timed.times("a.csv", pd.Series(cells, name="when"))[0] == pd.Timestamp(first)

    def test_offsets_that_differ_are_read_as_utc(self, tmp_path):
        hours = pd.date_range("2021-03-20", periods=240, freq="h", tz="Europe/Berlin")
        assert len({t.utcoffset() for t in hours}) == 2
        file = table(tmp_path, {"when": [t.isoformat() for t in hours], "wave": WAVE})
        found = series.understand(file, 6)
        assert found.told["time"].startswith("when, every hour, 2021-03-19 23:00:00+00:00 to ")

    def test_bursts_are_at_unequal_distances(self):
        """A grid of their microseconds would not fit into memory."""
        days, burst = np.meshgrid(np.arange(0, 3650, 10), np.arange(5))
        times = pd.to_timedelta(days.ravel(), "D") + pd.to_timedelta(burst.ravel(), "us")
        assert timed.spacing((pd.Timestamp("2015-01-01") + times).sort_values()) == ""

    @pytest.mark.parametrize(
        ("days", "every", "told"),
        [
            ([0, 1, 2.5, 3], "D", "1 of 4"),
            ([0, 7, 15], "7D", "1 of 3"),
            ([0, 1, 31], "M", "1 of 3"),
        ],
    )
    def test_a_row_off_the_grid_is_told(self, days, every, told):
        index = pd.Timestamp("2024-01-01") + pd.to_timedelta(days, "D")
        with pytest.raises(UserError, match=f"new.csv: {told} rows are not '{every}' apart"):
            timed.regular("new.csv", np.zeros((len(days), 1)), index, every)

    def test_days_that_come_first(self, tmp_path):
        days = pd.date_range("2020-01-01", periods=240).strftime("%d/%m/%Y")
        found = series.understand(table(tmp_path, {"day": days, "wave": WAVE}), 6)
        assert found.told["time"].startswith("day, every day, 2020-01-01 to 2020-08-27")


class TestSeries:
    def test_unordered_rows_are_sorted_and_missing_ones_put_in(self, tmp_path):
        hours = pd.date_range("2020-01-01", periods=240, freq="h")
        frame = pd.DataFrame({"when": hours, "wave": WAVE}).drop(index=[50, 51, 200])
        file = table(tmp_path, frame.sample(frac=1, random_state=0))
        found = series.understand(file, 6)
        assert "every hour" in found.told["time"]
        assert "3 rows are missing, and put in as gaps" in found.told["time"]
        assert found.told["gaps"].startswith("3 values (1.2%), filled with the value before")
        part = found.splits.train
        assert part["observed"].sum() == len(part["series"]) - 2
        assert (part["series"][50] == part["series"][49]).all()
        plain = series.understand(table(tmp_path, {"wave": WAVE}), 6).splits
        own, theirs = (s.train["series"][52:] * s.scale[0] for s in (found.splits, plain))
        np.testing.assert_allclose(own, theirs, atol=0.02)

    def test_the_split_is_by_time_and_scaled_by_train_alone(self, tmp_path):
        values = np.arange(300.0)
        found = read_series(table(tmp_path, {"x": values}), Forecast(8, 4, 1), ["x"])
        mean, deviation = found.decoding["mean"][0], found.decoding["deviation"][0]
        assert (mean, deviation) == (values[:210].mean(), values[:210].std())
        first = found.test["series"][8, 0] * deviation + mean
        assert first == pytest.approx(240)

    def test_a_period_is_found(self, tmp_path):
        found = series.understand(table(tmp_path, {"wave": WAVE}), 6)
        assert found.told["period"].startswith("12 rows")
        assert "season=12" in found.task

    def test_noise_has_none(self, tmp_path):
        noise = np.random.default_rng(0).normal(size=240)
        assert series.understand(table(tmp_path, {"x": noise}), 6).told["period"] == "none found"

    def test_a_level_that_drifts_is_anchored(self, tmp_path):
        walk = np.random.default_rng(0).normal(size=400).cumsum() + np.arange(400)
        assert "anchored=True" in series.understand(table(tmp_path, {"x": walk}), 6).task

    def test_columns_of_no_use_are_named(self, tmp_path):
        columns = {"wave": WAVE, "note": "a", "still": 3, "void": np.nan}
        told = series.understand(table(tmp_path, columns), 6).told["left out"]
        for words in (
            "note (no numbers)",
            "still (constant, 3",
            "void (all its cells are missing)",
        ):
            assert words in told

    def test_one_target_of_several_columns(self, tmp_path):
        file = table(tmp_path, {"a": WAVE, "b": WAVE + 1, "c": -WAVE})
        found = series.understand(file, 6, targets=["b"])
        assert "targets=(1,)" in found.task
        assert found.units == ["b"]
        assert found.told["forecast"].endswith("of these and of a, c")

    def test_all_columns_in_another_order(self, tmp_path):
        file = table(tmp_path, {"a": WAVE, "b": 1000 * WAVE})
        found = series.understand(file, 6, targets=["b", "a"])
        assert "targets=(1, 0)" in found.task
        assert found.units == ["b", "a"]
        assert found.splits.scale[0] == pytest.approx(1000 * found.splits.scale[1])

    @pytest.mark.parametrize(
        ("start", "end", "told"),
        [
            (0, 100, "constant in the first 70%"),
            (165, 195, "no value in the 10% of the rows that validate"),
            (190, 240, "no value in the last 20%"),
        ],
    )
    def test_a_column_of_no_use_in_a_part_is_left_out(self, start, end, told, tmp_path):
        gone = np.where(np.arange(240) < 168, 3, WAVE) if start == 0 else WAVE.copy()
        gone[start:end] = np.nan
        file = table(tmp_path, {"wave": WAVE, "gone": gone})
        found = series.understand(file, 6)
        assert found.units == ["wave"]
        assert found.told["left out"].startswith(f"gone ({told}")
        with pytest.raises(UserError, match=r"column 'gone': .* Remedy: name another column"):
            series.understand(file, 6, targets=["gone"])

    def test_columns_are_judged_in_the_order_of_time(self, tmp_path):
        days = pd.date_range("2020-01-01", periods=240)[::-1]
        late = np.where(np.arange(240) < 200, 3, WAVE)  # the first days vary
        found = series.understand(table(tmp_path, {"day": days, "wave": WAVE, "late": late}), 6)
        assert found.units == ["wave", "late"]


class TestCells:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a,b\n1,2\n3,4\n", {}),
            ("a;b\n1,5;2,5\n3;4\n", {"sep": ";", "decimal": ","}),
            ("a\tb\n1\t2\n3\t4\n", {"sep": "\t"}),
            ("a|b\n1|2\n3|4\n", {"sep": "|"}),
            ("1,2\n3,4\n5,6\n", {"header": None, "names": ["column 1", "column 2"]}),
            ("a,b\n1,?\n3,4\n", {"na_values": delimited.GAPS}),
            ("\ufeffa,b\n1,2\n", {"encoding": "utf-8-sig"}),
            ('a,b\n1,"x;y"\n2,"u;v"\n', {}),
            ("a\n1\n\n3\n", {"skip_blank_lines": False}),
        ],
    )
    def test_how_they_are_told_apart(self, text, expected, tmp_path):
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
        assert delimited.options(tmp_path / "a.csv", None) == expected

    def test_utf_16_is_known_by_its_mark(self, tmp_path):
        (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-16")
        assert delimited.options(tmp_path / "a.csv", None) == {"encoding": "utf-16"}


@pytest.mark.parametrize("kind", ["parquet", "jsonl", "tsv"])
def test_other_formats_are_the_same_data(kind, tmp_path):
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=240), "wave": WAVE})
    file = tmp_path / f"a.{kind}"
    if kind == "parquet":
        frame.to_parquet(file)
    elif kind == "jsonl":
        lines = (json.dumps({"day": str(d), "wave": w}) for d, w in frame.itertuples(index=False))
        file.write_text("\n".join(lines))
    else:
        frame.to_csv(file, sep="\t", index=False)
    found = series.understand(file, 6)
    assert "every day" in found.told["time"]
    expected = series.understand(table(tmp_path, frame), 6)
    np.testing.assert_array_equal(found.splits.test["series"], expected.splits.test["series"])


class TestTexts:
    @pytest.fixture
    def file(self, tmp_path):
        """Texts of which a third is there twice, some without a label, and a rare class."""
        lines = [(f"Text number {i}, and more.", "ab"[i % 2]) for i in range(60)]
        lines += [(f"  text NUMBER {i} , and more.", "ab"[i % 2]) for i in range(20)]
        lines += [("unlabelled", None), (None, "a"), ("rare", "c")]
        return table(tmp_path, dict(zip(("text", "label"), zip(*lines, strict=True), strict=True)))

    def test_no_text_is_in_two_splits(self, file):
        found = read_texts(file, "text", "label", least=5)
        key = next(k for k in found.counts if "that are in train too" in k)
        assert found.counts[key] == {"validation": 0, "test": 0}
        assert found.counts["repeated texts, left out"] == 20
        assert found.counts["texts or labels missing, left out"] == 2
        assert found.counts["texts of rare classes, left out"] == 1
        assert found.counts["sequences"] == {"train": 42, "validation": 6, "test": 12}

    def test_what_is_told(self, file):
        found = texts.understand(file, "text", "label")
        assert found.told["classes"] == "a (30), b (30)"
        assert "repeated texts: 20" in found.told["left out"]
        assert "no text is in two" in found.told["split"]

    def test_words_for_nothing_may_be_classes(self, tmp_path):
        names = ["None", "NA", "null", "nan"]
        file = table(tmp_path, {"text": [f"text {i}" for i in range(41)],
                                "class": [names[i % 4] for i in range(40)] + [""]})  # fmt: skip
        found = texts.understand(file, "text", "class")
        assert found.told["classes"] == "NA (10), None (10), nan (10), null (10)"
        assert found.told["left out"] == "texts or labels missing: 1"
        assert "keep_default_na=False" in found.code(Sizes(), "own")

    def test_labels_that_a_gap_made_fractions(self, tmp_path):
        file = table(tmp_path, {"text": [f"text {i}" for i in range(21)],
                                "stars": [float(i % 2) for i in range(20)] + [None]})  # fmt: skip
        assert texts.understand(file, "text", "stars").told["classes"] == "0 (10), 1 (10)"


class TestLanguage:
    def test_repeated_paragraphs_are_left_out(self):
        blocks = paragraphs("A short one\n\n" * 2 + ("It rained. " * 20 + "\n\n") * 3 + "End")
        once, repeated = unrepeated(blocks)
        assert repeated == 2
        assert [block[:5] for block in once] == ["A sho", "A sho", "It ra", "End"]

    def test_without_empty_lines_a_line_is_a_paragraph(self, tmp_path):
        words = np.random.default_rng(0).choice(["sun", "rain", "wind", "snow"], (60, 40))
        (tmp_path / "a.txt").write_text("\n".join([" ".join(w) for w in words] * 3))
        found = language.understand(tmp_path / "a.txt")
        assert " in 60 paragraphs" in found.told["file"]
        assert found.told["left out"] == "120 paragraphs that were there before"
        assert "repeated" not in found.told

    def test_pieces_that_occur_twice_are_counted(self, tmp_path):
        words = np.random.default_rng(0).choice(["sun", "rain", "wind", "snow"], (100, 15))
        (tmp_path / "a.txt").write_text("\n".join([" ".join(w) for w in words] * 2))
        told = language.understand(tmp_path / "a.txt").told
        assert "no paragraph of 100 characters or more is in two" in told["split"]
        assert re.fullmatch(
            r"pieces of 100 characters that are in train too: [1-9]\d* of validation, [1-9]\d* of "
            "test", told["repeated"],
        )  # fmt: skip

    @pytest.mark.parametrize("level", ["character", "word"])
    def test_what_is_told(self, level, tmp_path):
        draws = np.random.default_rng(0)
        words = draws.choice(["sun", "rain", "wind", "snow", "fog"], 4000)
        lines = [" ".join(words[i : i + 40]) for i in range(0, 4000, 40)]
        (tmp_path / "a.txt").write_text("\n\n".join(lines))
        found = language.understand(tmp_path / "a.txt", level)
        assert found.told["predict"] == f"the next {level} from those before it"
        assert found.splits.symbols < 30


def test_the_benchmark_s_file_is_code_whatever_the_names(tmp_path):
    odd = 'wave "1"\\ of {x}'
    found = series.understand(table(tmp_path, {odd: WAVE}, 'a "b".csv'), 6)
    assert found.name == "a_b"
    code = found.code(Sizes(), "own")
    space = {}
    exec(compile(code, "own.py", "exec"), space)
    own = space["Own"]
    assert own.title == 'a "b".csv'
    splits = own().prepare({'a "b".csv': found.file})
    np.testing.assert_array_equal(splits.test["series"], found.splits.test["series"])
