"""What is done before a study: its trials are laid out, its cost is estimated."""

import math
import os
import re
import signal
from functools import partial

import pytest
from scipy.stats import qmc

from rnnreg.cli import main
from rnnreg.data import prepared
from rnnreg.errors import UserError
from rnnreg.study import fingerprint, registry, schema, search, stop, study
from rnnreg.training import estimate
from rnnreg.training.build import build
from rnnreg.training.estimate import for_profile

TINY = """title: Tiny
benchmarks: [elnino]
cells: [gru, lstm]
regularizers: [none, l2, early_stopping, dropout]
seeds: {evaluation: 3}
search: {trials: 6, survivors: 3, seeds: 2}
budgets: {elnino: {steps: 10, checks: 2}}
"""
GRID = TINY.replace("{evaluation: 3}", "{tuning: 2, evaluation: 3}").replace(
    "{trials: 6, survivors: 3, seeds: 2}", "grid\nstrengths: {l2: [1e-4, 1e-2], dropout: [0.1]}"
)


@pytest.fixture
def read(tmp_path):
    def _read(text: str) -> study.Study:
        file = tmp_path / "tiny.yaml"
        file.write_text(text)
        return study.read(str(file))

    return _read


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A reader of prepared data that knows elnino."""
    folder = tmp_path_factory.mktemp("data")
    prepared.download("elnino", folder / "raw")
    prepared.prepare("elnino", folder / "raw", folder / "prepared")
    return partial(prepared.read, folder=folder / "prepared")


def test_a_signal_while_trials_are_drawn_comes_afterwards(monkeypatch):
    """scipy ignores what a handler raises in it: the signal was lost, and all trials were one."""
    sobol, lost = qmc.Sobol, []

    def ignoring(*given, **more):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except stop.Interrupted:
            lost.append(True)
        return sobol(*given, **more)

    monkeypatch.setattr(qmc, "Sobol", ignoring)
    with stop.at_once(), pytest.raises(stop.Interrupted, match="SIGTERM"):
        search.points.__wrapped__(4)
    assert not lost
    monkeypatch.undo()
    assert len(set(search.points.__wrapped__(4))) == 4


def test_trials_are_points_that_no_release_may_move():
    """The first points of the sequence: records that are published were trained there."""
    found = search.Search(trials=4, strength=(0.0, 0.7), scale="linear").settings
    assert found == (
        (0.00198162, 0.674884), (0.00833575, 0.0752673),
        (0.0193577, 0.369986), (0.000815549, 0.290111),
    )  # fmt: skip


def test_a_trial_depends_on_its_number_alone(read):
    few, more = (read(TINY.replace("trials: 6", f"trials: {n}")) for n in (6, 20))
    for name in ("l2", "dropout", "none"):
        own = few.row("elnino", "gru", name).settings
        assert more.row("elnino", "gru", name).settings[:6] == own
    rates = {n: [r for r, _ in few.row("elnino", "lstm", n).settings] for n in few.regularizers}
    assert len({tuple(r) for r in rates.values()}) == 1, "the same rates for every regularizer"


@pytest.mark.parametrize("scale", search.SCALES)
def test_trials_cover_their_ranges(scale):
    """Each quarter of a range has a quarter of 16 points; all 256 are apart."""
    found = search.Search(256, learning_rate=(1e-4, 1e-1), strength=(0.1, 10.0), scale=scale)
    assert len({rate for rate, _ in found.settings}) == 256
    for axis, ends, by in ((0, (1e-4, 1e-1), "log"), (1, (0.1, 10.0), scale)):
        shares = [search.place(s[axis], ends, by) for s in found.settings[:16]]
        assert all(0 <= share <= 1 for share in shares)
        assert sorted(int(4 * share) for share in shares) == [i // 4 for i in range(16)]


def test_none_and_early_stopping_search_rates_alone(read):
    for name, strength in {"none": 0.0, "early_stopping": 5.0}.items():
        settings = read(TINY).row("elnino", "gru", name).settings
        assert {s for _, s in settings} == {strength}
        assert len({rate for rate, _ in settings}) == 6


def test_the_defaults_and_the_range_of_a_file(read):
    found = read(TINY.replace("search: {trials: 6, survivors: 3, seeds: 2}\n", ""))
    row = found.row("elnino", "gru", "dropout")
    facts = registry.facts("regularizer", "dropout")
    assert row.search == search.Search(16, 3, 2, (3e-4, 3e-2), facts["searched"], facts["scale"])
    assert row.tuning_seeds == (0, 1, 2)
    narrowed = read(TINY + "strengths: {dropout: [0.1, 0.2], l2: [1e-4]}\n")
    assert narrowed.row("elnino", "gru", "dropout").search.strength == (0.1, 0.2)
    assert {s for _, s in narrowed.row("elnino", "gru", "l2").settings} == {1e-4}


def test_a_search_decides_what_is_trained_and_nothing_of_what_comes_out(read):
    before = read(TINY).row("elnino", "gru", "l2")
    after = read(TINY.replace("trials: 6", "trials: 8, learning_rate: [1e-4, 1e-2]"))
    after = after.row("elnino", "gru", "l2")
    assert after.fingerprint == before.fingerprint
    assert after.request != before.request


def test_rows_that_draw_normal_numbers_are_others_than_before(monkeypatch):
    def codes():
        names = registry.shipped("regularizer")
        return {n: fingerprint.code(registry.path("regularizer", n)) for n in names}

    monkeypatch.setattr(fingerprint, "_code", fingerprint._code.__wrapped__)  # not the cached one
    now = codes()
    monkeypatch.setattr(fingerprint, "RENEWED", {})
    before = codes()
    assert {n for n in now if now[n] != before[n]} == {
        "gaussian_dropout", "gradient_noise", "input_noise", "scaling", "weight_noise"
    }  # fmt: skip


def test_a_study_with_tuning_seeds_is_a_grid(read):
    for text in (GRID, GRID.replace("search: grid\n", "")):
        row = read(text).row("elnino", "gru", "l2")
        assert row.search is None
        assert row.settings == ((None, 1e-4), (None, 1e-2))


FAULTS = {
    "search: trials: given 0, allowed are whole numbers from 1 to 256.": ("trials: 6", "trials: 0"),
    "search: survivors: given 7, allowed are whole numbers from 1 to 6.": (
        "survivors: 3", "survivors: 7",
    ),
    "search: seeds: given 0, allowed are whole numbers from 1 to 1000.": ("seeds: 2}", "seeds: 0}"),
    "search: key: unknown 'trial'; did you mean 'trials'?": ("trials: 6", "trial: 6"),
    "search: kind: unknown 'all'. Known: grid, random, small_to_large, sobol": (
        "{trials: 6, survivors: 3, seeds: 2}", "all",
    ),
    "search: learning_rate: given [0.01, 0.001], expected two numbers above 0, the lower one": (
        "trials: 6", "trials: 6, learning_rate: [0.01, 0.001]",
    ),
    "seeds: tuning: given 2, but a search has seeds of its own. Remedy: leave it out": (
        "{evaluation: 3}", "{evaluation: 3, tuning: 2}",
    ),
    "strengths: l2: given [0.0, 0.1], expected two numbers above 0, the lower one first": (
        "title", "strengths: {l2: [0.0, 0.1]}\ntitle",
    ),
    "strengths: dropout[1]: given 1.5, allowed are numbers from 0.0 to 0.99.": (
        "title", "strengths: {dropout: [0.1, 1.5]}\ntitle",
    ),
    "strengths: l2: given [0.1, 0.2, 0.3], expected the two ends of the range": (
        "title", "strengths: {l2: [0.1, 0.2, 0.3]}\ntitle",
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", FAULTS)
def test_a_search_that_cannot_be(read, message):
    with pytest.raises(UserError, match=re.escape(f"tiny.yaml: {message}")):
        read(TINY.replace(*FAULTS[message]))


def test_a_scale_that_is_none(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text("class A(Regularizer):\n    strengths = (0.1,)\n    scale = 'cubic'\n")
    monkeypatch.setitem(registry.FOLDERS, "regularizer", tmp_path)
    with pytest.raises(UserError, match="scale: given 'cubic', allowed are log and linear"):
        search.strengths("study", "mine", None)


def test_a_file_that_names_no_range_has_that_of_its_strengths(tmp_path, monkeypatch):
    file = tmp_path / "mine.py"
    file.write_text("class A(Regularizer):\n    strengths = (3.0, 0.1, 1.0)\n")
    monkeypatch.setitem(registry.FOLDERS, "regularizer", tmp_path)
    assert search.strengths("study", "mine", None) == ((0.1, 3.0), "log")


def test_an_estimate_counts_rows_and_members(read, data):
    found = {e["cell"]: e for e in estimate.estimate(read(TINY), data, "cpu")}
    assert set(found) == {"gru", "lstm"}
    for entry in found.values():
        assert entry["rows"] == 4
        # 6 trials, 3 survivors on 2 seeds, 3 evaluated once, or twice where the criteria differ
        assert entry["members"] == [4 * (6 + 6 + 3), 4 * (6 + 6 + 6)]
        low, high = entry["hours"]
        assert 0 < low < high
        assert low == pytest.approx(4 * 15 * entry["seconds a member"] / 3600)


def test_an_estimate_is_the_mean_of_steps_that_differ_in_length(monkeypatch):
    done = []

    def timed(work, device):
        work()
        return 0.03 if done[-1] % 4 else 0.01

    monkeypatch.setattr(estimate, "_time", timed)
    assert estimate._mean(done.append, "cpu") == pytest.approx(0.025)
    assert done == list(range(40)), "a second of steps, or as many as are allowed"
    monkeypatch.setattr(estimate, "_time", lambda work, device: work() or 9.0)
    done.clear()
    assert estimate._mean(done.append, "cpu") == 9.0
    assert done == list(range(5)), "the least, however long they take"


def test_an_estimate_of_a_grid(read, data):
    (entry, _) = estimate.estimate(read(GRID), data, "cpu")
    # one strength x 2 + 3; l2: 2 strengths x 2 + 3, or + 6 where the criteria differ
    assert entry["members"] == [3 * 5 + 7, 3 * 5 + 10]


def test_no_clip_of_the_large_study_is_weaker_than_the_one_it_replaces():
    """Of n weights whose gradient has entries up to v the norm is up to v sqrt(n)."""
    clipped = set()
    for row in study.read("large").rows:
        if registry.load("regularizer", row.regularizer).clips:
            benchmark = registry.load("benchmark", row.benchmark)
            symbols = {"ptb_word": 10_000, "wikitext2": 33_278}[row.benchmark]  # as `expect`ed
            facts = {"inputs": symbols, "outputs": symbols, "symbols": symbols, "classes": 0}
            cell = registry.load("cell", row.cell)
            shapes = build("large", benchmark.model, cell, facts, benchmark.task).shapes()
            weights = sum(map(math.prod, shapes.values()))
            norm = {"clip_norm": 1.0, "clip_value": math.sqrt(weights)}[row.regularizer]
            assert all(strength * norm <= benchmark.base_clip for _, strength in row.settings)
            clipped.add((row.benchmark, row.regularizer))
    assert len(clipped) == 4


@pytest.mark.parametrize("name", registry.names("regularizer"))
def test_every_regularizer_can_be_searched(name):
    ends, scale = search.strengths("a study", name, None)
    facts = registry.facts("regularizer", name)
    for _, strength in search.Search(strength=ends, scale=scale).settings:
        schema.check_strength(name, strength, facts["range"])
    assert (ends[0] == ends[1]) == (len(facts["strengths"]) == 1)


def entry(benchmark: str, cell: str, minutes: float, rows: int) -> dict:
    """What `estimate` finds of a cell whose rows take so many minutes each, at the most."""
    hours = rows * minutes / 60
    return {"benchmark": benchmark, "cell": cell, "rows": rows, "members": [rows, 2 * rows],
            "seconds a member": 1.0, "hours": [hours / 2, hours]}  # fmt: skip


def test_how_many_rows_fill_a_job_of_a_cluster():
    found = [entry("elnino", "gru", 3, 4), entry("elnino", "lstm", 9, 4)]
    found += [entry("r8@small", "gru", 60, 4), entry("trec", "gru", 0.5, 57)]
    assert for_profile(found, 30, "row") == (
        "group-components: [elnino=5, r8@small=1, trec=60]\nset-resources:\n  train:\n"
        "    runtime: \"dict([('elnino', 20), ('r8@small', 122), ('trec', 3)])"
        '[wildcards.benchmark]"'
    )


def test_how_many_cells_fill_a_job_of_a_cluster():
    """Where a job is all rows of a cell, it takes as long as they do together."""
    found = [entry("elnino", "gru", 1, 3), entry("elnino", "lstm", 3, 3)]
    found += [entry("r8@small", "gru", 60, 4), entry("trec", "gru", 0.5, 57)]
    assert for_profile(found, 30, "cell") == (
        "group-components: [elnino=5, r8@small=1, trec=1]\nset-resources:\n  train:\n"
        "    runtime: \"dict([('elnino', 20), ('r8@small', 482), ('trec', 59)])"
        '[wildcards.benchmark]"'
    )


@pytest.mark.parametrize(
    ("job", "minutes", "told", "chosen"),
    [
        ("row", 0.5, "trec=1", " job=cell"),  # a start of 12 s is above 5% of a row
        ("row", 9, "trec=3", ""),
        ("cell", 0.5, "trec=1", ""),
    ],
)
def test_the_command_says_what_a_process_should_train(
    job, minutes, told, chosen, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "my tiny.yaml"
    file.write_text(TINY.replace("elnino", "trec") + f"job: {job}\n")
    monkeypatch.setattr(estimate, "estimate", lambda *_: [entry("trec", "gru", minutes, 57)])
    assert main(["estimate", str(file), "--minutes", "30"]) == 0
    *_, lines, start, command = capsys.readouterr().out.rsplit("\n", 3)[:-1]
    assert f"group-components: [{told}]" in lines
    share = 12 / (12 + 60 * minutes / 2)  # at the least a row takes half of that
    assert f"12 s to start a process are {share:.1%} of all jobs for each row or" in start
    assert command == (
        f"snakemake --workflow-profile profiles/slurm --config study='{file}'{chosen}"
    )


def test_benchmarks_that_stay_too_short_are_named(read):
    found = [entry("trec", "gru", 0.5, 4), entry("elnino", "lstm", 5, 4)]
    told = estimate.for_cluster(found, 30, read(TINY))
    assert "\n# A cell is so short that they are above 5%: trec.\n" in told
    assert "elnino." not in told


def test_a_command_may_choose_what_a_process_trains(read, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = read(TINY)
    row = asked.rows[0]
    assert asked.as_jobs(None) is not None
    assert asked.as_jobs(None).job == "row"
    cells = asked.as_jobs("cell")
    assert (cells.job, cells.rows) == ("cell", asked.rows)
    with pytest.raises(UserError, match="--config job: unknown 'cel'; did you mean 'cell'"):
        asked.as_jobs("cel")
    one, all_of = asked.log(row), cells.log(row)
    assert (one.name, all_of.name) == (f"{row.regularizer}.log", f"{row.cell}.log")
    for age, log in enumerate((all_of, one)):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        os.utime(log, (age, age))
    assert asked.log(row) == cells.log(row) == one, "what was said last, by whichever kind"
