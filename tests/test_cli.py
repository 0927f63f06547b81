"""The command line: what it prints, what it imports, and how it fails."""

import argparse
import contextlib
import io
import os
import re
import subprocess
import sys

import pytest

from rnnreg import train
from rnnreg.cli import main
from rnnreg.device import device
from rnnreg.errors import UserError
from rnnreg.study import registry

BLOCK = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is not installed here")
sys.meta_path.insert(0, Block())
from rnnreg.cli import main
sys.exit(main({arguments!r}))
"""
# What is installed with the project, but need not be where rows are trained.
BEYOND = [
    "pandas", "scipy", "pyarrow", "matplotlib", "seaborn", "datasets", "huggingface_hub",
    "statsmodels", "snakemake", "rich", "tqdm", "yaml", "pydantic", "typer", "nbformat", "requests",
]  # fmt: skip


def run(arguments, blocked=(), **options):
    code = BLOCK.format(blocked=set(blocked), arguments=arguments)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder with the prepared data of elnino."""
    folder = tmp_path_factory.mktemp("workspace")
    with contextlib.chdir(folder):
        for command in ("download", "prepare"):
            assert main([command, "elnino"]) == 0
    return folder


@pytest.fixture
def told(workspace, monkeypatch, capsys):
    """What a command says that ends well, in this process: another one starts for seconds."""
    monkeypatch.chdir(workspace)

    def _told(*arguments):
        assert main([*arguments]) == 0
        return capsys.readouterr().out

    return _told


def test_train_needs_torch_and_numpy_only(workspace):
    arguments = ["train", "elnino", "gru", "l2", "--steps", "20", "--seeds", "2"]
    arguments += ["--strengths", "1e-4,1e-2"]
    done = run(arguments, BEYOND, cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "elnino/gru/l2: strength " in done.stdout
    assert re.search(r"in the unit of the data MSE [\d.]+, RMSE [\d.]+, MAE [\d.]+", done.stdout)
    file = workspace / "results/by_hand/records/elnino/gru/l2.jsonl"
    assert len(file.read_text().splitlines()) in (6, 8)
    again = run(arguments, BEYOND, cwd=workspace)
    assert again.returncode == 0


def test_several_rows_by_hand(told):
    options = ["--steps", "20", "--seeds", "1", "--strengths", "1e-3"]
    said = told("train", "elnino", "gru", "l1", "l2", *options)
    lines = [line for line in said.splitlines() if not line.startswith(" ")]
    assert [line.partition(":")[0] for line in lines] == ["elnino/gru/l1", "elnino/gru/l2"]


def test_a_row_stands_beside_its_naive_score_and_none(told):
    options = ["--steps", "20", "--seeds", "1", "--tuning-seeds", "1"]
    for name in ("none", "l2"):
        said = told("train", "elnino", "gru", name, "--strengths", "0", *options)
    beside = said.splitlines()[1]
    found = re.fullmatch(r"  naive \(\w+\) ([\d.]+), this row ([\d.]+), none ([\d.]+)\. .*", beside)
    naive, own, none = map(float, found.groups())
    assert own == none > naive
    assert beside.endswith(
        "Warning: the row is no better than the naive score; more steps, another learning rate or "
        "another model may be what it needs"
    )


def test_a_score_that_is_no_number_is_no_better_than_naive():
    facts = {
        "headline": "mse", "naive_best": "mean", "naive": {"mean": {"test": {"mse": 1.0}}},
        "metrics": {"mse": {"better": "lower"}},
    }  # fmt: skip
    told = train._beside([], [], facts)
    assert told.startswith("  naive (mean) 1, this row nan. Warning: the row is no better than")


def test_members_that_all_diverged_are_told_with_the_reason(monkeypatch, tmp_path, capsys):
    """A forecast that a season foretells ten times better than a network before it has learned."""
    from test_workflow import BENCHMARK

    monkeypatch.setitem(registry.FOLDERS, "benchmark", tmp_path)
    monkeypatch.chdir(tmp_path)
    registry.load.cache_clear()
    regular = BENCHMARK.replace("np.arange(240)", "(np.arange(240) * np.pi / 4)").replace(
        "0.1", "0.01"
    )
    (tmp_path / "wave.py").write_text(regular)
    for command in ("download wave", "prepare wave", "train wave gru none --seeds=1"):
        assert main(command.split()) == 0
    registry.load.cache_clear()
    told = capsys.readouterr().out.splitlines()[-1]
    assert "this row" in told
    assert ". Warning: every member diverged, by a number that is not finite or a val" in told
    assert told.endswith("fewer checks, so that the first comes later, may be what it needs")


def test_many_rows_in_one_process(workspace, told):
    study = workspace / "some.yaml"
    study.write_text(
        "title: Some\nbenchmarks: [elnino]\ncells: [gru]\nregularizers: [none, l1]\n"
        "seeds: {tuning: 1, evaluation: 1}\nbudgets: {elnino: {steps: 10, checks: 2}}\n"
    )
    assert told("train", "--study", "some.yaml", "--missing", "--jobs", "1").count(" -> ") == 2
    said = told("status", "some.yaml")
    assert "elnino" in said
    assert "left: 0.0 core-minutes" in said


@pytest.mark.parametrize("terminal", [True, False])
def test_a_row_shows_its_progress_on_a_terminal_alone(terminal, tmp_path, monkeypatch):
    import torch
    from toys import setting

    from rnnreg.study import progress
    from rnnreg.training.population import Population

    stream = io.StringIO()
    stream.isatty = lambda: terminal
    monkeypatch.setattr(progress, "EVERY", 0)
    bar = progress.Progress("a row", tmp_path / "partial", stream)
    population = Population(setting("labels"), [0.0, 0.0], [1, 2])
    population.step()
    population.stop(torch.tensor([True, False]))
    population.since.loss[0] = torch.inf  # of a member that has stopped
    bar(population)
    told = r"a row \[== +\] 1/12 steps, 1/2 members, loss \d\.\d+, \d+ steps/s, \d+ s left$"
    assert bool(re.search(told, stream.getvalue())) == terminal
    bar.clear()
    assert stream.getvalue().endswith("\r\x1b[K") == terminal
    assert terminal or not stream.getvalue()


def test_list_shows_everything_and_needs_next_to_nothing():
    needed = {"yaml"}  # the studies are YAML
    done = run(["list"], {*BEYOND, "torch", "numpy"} - needed)
    assert done.returncode == 0, done.stderr
    for kind in registry.FOLDERS:
        for name in registry.names(kind):
            assert f"  {name} " in done.stdout
    assert "arXiv:1512.05287" in done.stdout, "sources are shown"
    assert "clipped norm; strengths 5, 1, 0.5, 0.25, 0.1; off at inf" in done.stdout
    assert "layer normalisation; strengths 1; never off" in done.stdout


def test_data_need_no_torch(tmp_path):
    for command in ("download", "prepare"):
        done = run([command, "python_docs"], {"torch"}, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_list_tells_all_the_others_of_a_file_that_cannot_be_read(tmp_path, monkeypatch, capsys):
    folder = registry.FOLDERS["regularizer"]
    for file in (*folder.glob("*.py"), folder / "shipped.txt"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "derived.py").write_text(
        "from x import L2\nclass Mine(L2):\n    strengths = (1.0,)\n"
    )
    monkeypatch.setitem(registry.FOLDERS, "regularizer", tmp_path)
    assert main(["list", "regularizers"]) == 0
    told = capsys.readouterr().out
    assert "found none: Mine derives from L2. Remedy:" in told
    assert all(f"  {name} " in told for name in registry.names("regularizer"))


def test_list_tells_of_prepared_data_and_of_what_is_damaged(workspace, capsys, monkeypatch):
    monkeypatch.chdir(workspace)
    main(["list", "benchmarks"])
    told = capsys.readouterr().out
    assert "a standard deviation: 2.221\n" in told
    assert re.search(
        r"naive test, seasonal, in the unit of the data: MSE 1\.4\d+, RMSE 1\.18", told
    )
    facts = workspace / "data/prepared/elnino.json"
    kept = facts.read_text()
    facts.write_text(kept[:100])
    try:
        main(["list", "benchmarks"])
    finally:
        facts.write_text(kept)
    told = capsys.readouterr().out
    assert "data/prepared/elnino.json: cannot be read (" in told
    assert "WikiText-2, words (NLP)" in told


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for command in ("download", "prepare", "train", "collect", "compare", "draw", "report", "list"):
        assert command in told
    assert "rnnreg train us_macro lstm dropout" in told


FAULTS = {
    "an unknown cell": (
        ["train", "elnino", "ltsm", "none"],
        "cell: unknown 'ltsm'; did you mean 'lstm'? Known: elman_relu, elman_sigmoid, ",
    ),
    "an unknown benchmark": (
        ["download", "elnnio"],
        "benchmark: unknown 'elnnio'; did you mean 'elnino'? Known: ",
    ),
    "a strength out of range": (
        ["train", "elnino", "lstm", "dropout", "--strengths", "0.5,1.5"],
        "--strengths: dropout[1]: given 1.5, allowed are numbers from 0.0 to 0.99.",
    ),
    "too few names": (
        ["train", "elnino"],
        "train: given 1 names, expected three or more: benchmark, cell and regularizers",
    ),
    "an unknown regularizer beside a known one": (
        ["train", "elnino", "lstm", "none", "droput"],
        "regularizer: unknown 'droput'; did you mean 'dropout'? Known: ",
    ),
    "a row beside --missing": (["train", "--missing"], "train --missing: give --study and no row"),
    "steps beside a study": (
        ["train", "elnino", "gru", "none", "--study", "smoke", "--steps", "9"],
        "train: --steps is for rows by hand, and given with --study smoke, whose file says it. "
        "Remedy: `budgets: {BENCHMARK: {steps: N}}` in a study file",
    ),
    "seeds beside a study": (
        ["train", "--missing", "--study", "smoke", "--tuning-seeds", "2"],
        "train: --tuning-seeds is for rows by hand, and given with --study smoke",
    ),
    "an unknown study": (["collect", "quikc"], "study: unknown 'quikc'; did you mean 'quick'?"),
    "nothing to download": (
        ["download"],
        "no benchmark named; name some, or give --all or --study.",
    ),
    "data that is not prepared": (
        ["train", "elnino", "lstm", "none"],
        "data/prepared/elnino.npz: the data of elnino is not prepared. Remedy: python -m rnnreg",
    ),
    "no GPU": (
        ["train", "elnino", "lstm", "none", "--device", "cuda"],
        "--device cuda: this torch sees no GPU; use --device cpu.",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_message_and_no_traceback(case, capsys, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    arguments, message = FAULTS[case]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("rnnreg: ")
    assert message in told


@pytest.mark.parametrize("option", ["--seeds", "--tuning-seeds", "--steps"])
@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_counts_start_at_one(option, value, capsys):
    with pytest.raises(SystemExit):
        main(["train", "elnino", "lstm", "none", f"{option}={value}"])
    told = f"error: argument {option}: given '{value}', allowed are whole numbers from 1\n"
    assert capsys.readouterr().err.endswith(told)


def test_a_warning_is_one_line():
    code = "import warnings, rnnreg.cli; rnnreg.cli.main(['list', 'studies']); "
    code += "warnings.warn('look here'); warnings.warn('old', FutureWarning)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second, *_ = done.stderr.splitlines()
    assert first == "rnnreg: look here"
    assert second.endswith("FutureWarning: old")


def test_a_gpu_that_is_named_is_the_current_one(monkeypatch):
    import torch

    chosen = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    for name, wanted in (("cuda:1", ["cuda:1"]), ("cuda", ["cuda:1"]), ("cpu", ["cuda:1"])):
        assert device(argparse.Namespace(device=name, threads=1)) == name
        assert chosen == wanted
    with pytest.raises(UserError, match="--device cuda:2: this torch sees cuda:0, cuda:1 alone"):
        device(argparse.Namespace(device="cuda:2", threads=1))


@pytest.fixture
def three(tmp_path, monkeypatch):
    """A project with three benchmarks, of which the second has no file; its own folder."""
    from test_preparation import TEXT

    monkeypatch.setitem(registry.FOLDERS, "benchmark", tmp_path)
    monkeypatch.setattr(registry, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    registry.load.cache_clear()
    for name in ("first", "second", "third"):
        (tmp_path / f"{name}.py").write_text(TEXT.replace("diary.txt", f"{name}.txt"))
    for name in ("first", "third"):
        (tmp_path / f"{name}.txt").write_text("Dear diary, it rained. " * 40)
    yield tmp_path
    registry.load.cache_clear()


def test_all_goes_on_past_a_failure_and_tells_it_at_the_end(three, capsys):
    assert main(["download", "--all"]) == 2
    told = capsys.readouterr()
    assert [line.partition(":")[0] for line in told.out.splitlines()] == ["first", "third"]
    missing = f"{three}/second.txt: raw file of second is missing. Remedy: put the file there"
    summary = "rnnreg: download: 1 of 3 benchmarks failed, the others are done:"
    first, *rest = told.err.splitlines()
    assert first.startswith(f"second: failed. {missing}")
    assert rest[0] == summary
    assert rest[1].startswith(f"  second: {missing}")
    assert len(rest) == 2

    (three / "third.txt").write_text("short")
    assert main(["prepare", "--all"]) == 2
    assert (three / "data/prepared/first.npz").is_file()
    summary, *rest = capsys.readouterr().err.splitlines()[2:]
    assert summary == "rnnreg: prepare: 2 of 3 benchmarks failed, the others are done:"
    assert [line.split(":")[0] for line in rest] == ["  second", "  third"]
    assert "the validation split is empty" in rest[1]


def test_one_that_fails_is_told_once(three, capsys):
    assert main(["download", "second"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_no_permission_to_write(tmp_path, capsys, monkeypatch):
    from rnnreg.study import records

    (tmp_path / "results").write_text("a file where a folder should be")
    with pytest.raises(
        UserError, match=r"one\.jsonl: cannot write \(.+\)\. Remedy: free space there"
    ):
        records.write(tmp_path / "results" / "one.jsonl", [])


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    from pathlib import Path

    from rnnreg.errors import UserError
    from rnnreg.study import records

    file = tmp_path / "kept.txt"
    records.write_text(file, "before")

    def full(self, data):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match="No space left on device"):
        records.write_text(file, "after")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_line_that_is_no_record_is_named(tmp_path):
    from rnnreg.errors import UserError
    from rnnreg.study import records

    file = tmp_path / "broken.jsonl"
    file.write_text('{"benchmark": "elnino"}\n')
    with pytest.raises(UserError, match=r"broken\.jsonl:1: not a record of this version"):
        records.read(file)


def test_a_terminal_that_is_ascii(workspace):
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = run(["list", "benchmarks"], cwd=workspace, env=ascii_only)
    assert done.returncode == 0, done.stderr
    assert "El Ni?o" in done.stdout
