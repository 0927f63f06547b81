"""The command line: one subcommand an arrow of the workflow, and a few to look around.

Standard library only, and each command imports what it needs when it runs: `train` works where
there is nothing but torch and numpy (and PyYAML, for a study).
"""

import argparse
import json
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from rnnreg import finding
from rnnreg import new as starting
from rnnreg.errors import UserError, unknown
from rnnreg.models import command as predicting
from rnnreg.study import killed, lock, owner, processes, records, registry, schema, stop, study
from rnnreg.study.described import grouped
from rnnreg.study.facts import in_unit
from rnnreg.study.facts import read as read_facts
from rnnreg.study.protocol import asked, current
from rnnreg.study.variants import base
from rnnreg.trying import command as trying

FORMAT_WARNING = warnings.formatwarning
PREPARED, RAW = Path("data/prepared"), Path("data/raw")
BY_HAND = {  # option of train -> the key of a study that says it
    "strengths": "strengths: {REGULARIZER: [...]}",
    "seeds": "seeds: {evaluation: N}",
    "tuning-seeds": "seeds: {tuning: N}",
    "steps": "budgets: {BENCHMARK: {steps: N}}",
}
EXAMPLES = """\
examples:
  rnnreg list                                   what there is, with sources
  rnnreg explain dropout                        one regularizer: equation, paper, range, standing
  rnnreg train us_macro lstm dropout            train one row by hand, with a progress bar
  rnnreg train --study quick --missing          train what a study still lacks, on all cores
  rnnreg report results/quick                   rebuild tables, figures and report from records
  rnnreg open quick                             show the report in a browser
  rnnreg run quick                              all of it, in the right order
  rnnreg try current.csv --forecast 12          which regularizer helps on a file of your own
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a fault of the user's is one message and exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that is ASCII shows ? for what it lacks
            stream.reconfigure(errors="replace")
    given = parser().parse_args(arguments)
    warnings.formatwarning = _format_warning
    if given.log and arguments is None:  # the workflow's: another process tells where it is killed
        ended = killed.in_child(lambda process, why: _tell_killed(given, process, why))
        if ended is not None:
            return ended
    terminal = _into(given.log) if given.log else None
    try:
        with stop.at_once(ends=arguments is None):
            ended = given.run(given)
            sys.stdout.flush()
    except UserError as error:
        _tell(f"rnnreg: {error}", terminal)
        return 2
    except BrokenPipeError:  # the reader of our output went away: `rnnreg list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if terminal:
            print(f"rnnreg: {type(error).__name__}: {error}", file=terminal, flush=True)
        raise
    except stop.Interrupted as signal:
        _tell(f"\nrnnreg: {signal}.", terminal)
        return 128 + signal.number
    else:
        return ended or 0
    return 0


def _into(log: Path) -> TextIO:
    """Let all that is printed go into a file; gives what was standard error, for faults."""
    terminal = os.fdopen(os.dup(2), "w", errors="replace")
    opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (1, 2):
        os.dup2(opened, stream)
    os.close(opened)
    return terminal


def _tell(message: str, terminal: TextIO | None) -> None:
    """Print to standard error, and to the terminal where that is a log: its disk may be full."""
    if terminal:
        print(message, file=terminal, flush=True)
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def _tell_killed(given: argparse.Namespace, process: int, why: str) -> None:
    """What became of a command that was killed: on the terminal, in its log, and beside its row."""
    name = ""
    if given.run is train:
        with suppress(UserError):  # a study that was edited meanwhile, a full disk
            name = killed.note(*_asked(given), process, why)
    message = f"rnnreg: {name or given.command}: {why}"
    print(message, file=sys.stderr, flush=True)
    with suppress(OSError), given.log.open("a", encoding="utf-8") as log:
        print(message, file=log)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="rnnreg",
        description="Which regularizer helps a recurrent network, where, and by how much.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--log", type=Path, help="a file for all that is printed; faults show anyway")
    commands = top.add_subparsers(metavar="command", required=True)

    def command(name: str, run, help: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        made.set_defaults(run=run, command=name)
        return made

    p = command("list", list_, "list benchmarks, cells, regularizers and studies")
    p.add_argument("kind", nargs="?", choices=["benchmarks", "cells", "regularizers", "studies"])

    for name, run, help in (
        ("download", download, "fetch raw files into data/raw, checked by hash"),
        ("prepare", prepare, "turn raw files into data/prepared, with naive scores"),
    ):
        p = command(name, run, help)
        p.add_argument("benchmarks", nargs="*", metavar="benchmark")
        p.add_argument("--all", action="store_true", help="every benchmark there is")
        p.add_argument("--study", help="the benchmarks of this study, and its mirror")
        if name == "download":
            p.add_argument("--mirror", help="a folder or address tried first (or RNNREG_MIRROR)")

    p = command("train", train, "train rows, or all rows that a study still lacks")
    p.add_argument("row", nargs="*", metavar="benchmark cell regularizer")
    p.add_argument("--study", help="take seeds, strengths and budgets from this study")
    p.add_argument("--missing", action="store_true", help="with --study: every unfinished row")
    p.add_argument(
        "--jobs",
        type=_count,
        help="with --missing: rows at once, each in a process (default: the cores)",
    )
    p.add_argument("--strengths", metavar="S,S,...", help="by hand: instead of the grid")
    p.add_argument("--seeds", type=_count, help="by hand: evaluation seeds (default 5)")
    p.add_argument("--tuning-seeds", type=_count, help="by hand: tuning seeds (default 2)")
    p.add_argument("--steps", type=_count, help="by hand: instead of the benchmark's budget")
    p.add_argument("--keep", action="store_true", help="keep the best model of each row, for use")
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    p.add_argument(
        "--devices",
        default="",
        metavar="D,D,...",
        help="split each row's members: 0,1 for two GPUs, cpu,cpu for two processes",
    )
    p.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")

    p = command("try", try_, "find which regularizer helps on a file of your own")
    trying.options(p)
    p = command("new", new, "write a commented file to start from, which passes its tests")
    p.add_argument("kind", choices=starting.KINDS)
    p.add_argument("name", help="of the file; for a study also its path")
    p = command("predict", predict, "say what a kept model makes of a file")
    predicting.options(p)

    p = command("find-rate", find_rate, "find a learning rate by a short run of growing rates")
    finding.options(p)

    p = command("collect", collect, "gather a study's records into one table")
    p.add_argument("study")
    for name, run, help in (
        ("compare", compare, "compute statistics and tables from the collected records"),
        ("draw", draw, "draw the figures"),
        ("report", report, "write the report; makes what it needs first"),
    ):
        p = command(name, run, help)
        p.add_argument("folder", type=Path, help="results/<study>")
        if name == "report":
            p.add_argument("--only", action="store_true", help="from the tables as they are")
    p = command("open", open_, "show a study's report in a browser")
    p.add_argument("study", help="its name, or results/<study>")
    p = command("compare-studies", compare_studies, "show the effects of two studies side by side")
    p.add_argument("a", metavar="study", help="its name, or results/<study>")
    p.add_argument("b", metavar="study")
    p = command("explain", explain, "explain a regularizer: equation, paper, range, standing")
    p.add_argument("name", metavar="regularizer")
    p = command("readme", readme, "write the generated parts of README.md and docs/")
    p.add_argument(
        "folder", type=Path, nargs="?", help="results/<study>, with its report made: its findings"
    )
    p = command("published", published, "hold published numbers against ours: docs/published.md")
    p.add_argument(
        "folder", type=Path, nargs="?", help="results, with <study>/records; default: those shipped"
    )
    p = command("claims", claims, "write the verdicts on what tutorials claim: docs/claims.md")
    p.add_argument(
        "folder", type=Path, nargs="?", help="results/claims, compared; default: those shipped"
    )
    p = command("compare-runs", compare_runs, "test whether two runs of a study agree")
    p.add_argument("a", type=Path, help="a folder of records")
    p.add_argument("b", type=Path, help="another")
    p = command("estimate", estimate, "predict rows, members and hours of a study on this machine")
    p.add_argument("study")
    p.add_argument("--minutes", type=_count, help="how to run it in a cluster's jobs of these")
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    p.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    p = command("regime", regime, "measure whether benchmarks over-fit, for benchmarks/regime.csv")
    p.add_argument("study")
    p.add_argument("benchmarks", nargs="*", metavar="benchmark", help="these alone")
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    p.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    p = command("run", workflow, "run a study's workflow, from the downloads to the report")
    p.add_argument("study")
    p.add_argument("more", nargs=argparse.REMAINDER, help="options of snakemake: --cores 2, say")
    p = command("retry", retry, "train again the rows of a study that failed or were left")
    p.add_argument("study")
    p.add_argument(
        "--jobs", type=_count, help="rows at once, each in a process (default: the cores)"
    )
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    p.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    p = command("sign", sign, "sign a study's data, records, tables and report: manifest.json")
    p.add_argument("study", help="its name, or results/<study>")
    p.add_argument("--key", type=Path, help="the private key; made where there is none")
    p = command("verify", verify, "say which signed files are changed, missing or added")
    p.add_argument("study", help="its name, or results/<study>")
    p.add_argument("--public-key", help="the signer's: not that of the manifest")
    p = command("status", status, "show rows done, running and waiting, and the time left")
    p.add_argument("study")
    p.add_argument(
        "--watch", action="store_true", help="again every five seconds, until all are done"
    )
    return top


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"given '{text}', allowed are whole numbers from 1")
    return int(text)


def _format_warning(message, category, filename, lineno, line=None) -> str:
    """A warning meant for users as one line; others as Python shows them."""
    if category is UserWarning:
        return f"rnnreg: {message}\n"
    return FORMAT_WARNING(message, category, filename, lineno, line)


def list_(given: argparse.Namespace) -> None:
    """Print what there is; of benchmarks that are prepared also sizes and naive scores."""
    tell = {"benchmark": _benchmark, "cell": _cell}
    for kind, lines in tell.items():
        if given.kind in (None, f"{kind}s"):
            found = {name: _told(kind, name, lines) for name in registry.names(kind)}
            _columns(f"{kind}s", found)
    if given.kind in (None, "regularizers"):
        width = max(map(len, registry.names("regularizer")))
        for group, names in grouped().items():
            found = {name: _told("regularizer", name, _regularizer) for name in names}
            _columns(f"regularizers, {group}", found, width)
    if given.kind in (None, "studies"):
        found = {name: study.read(name) for name in study.names()}
        _columns("studies", {n: [f"{len(s.rows)} rows: {s.title}"] for n, s in found.items()})


def _columns(head: str, told: dict[str, list[str]], least: int = 18) -> None:
    """Names with their lines beside them, in a column that is wide enough for all."""
    width = max(least, *map(len, told))
    print(f"{head}:")
    for name, (first, *more) in told.items():
        print(f"  {name:<{width}} {first}")
        for line in more:
            print(f"  {'':<{width}} {line}")


def _told(kind: str, name: str, lines: Callable[[dict], list[str]]) -> list[str]:
    """The lines of one file, or what is wrong with it: the others are told all the same."""
    try:
        return lines(registry.facts(kind, name))
    except UserError as error:
        return [str(error)]


def _cell(facts: dict) -> list[str]:
    return [facts.get(key, f"no {key} in its file") for key in ("title", "source")]


def _regularizer(facts: dict) -> list[str]:
    told = {key: facts.get(key, f"no {key} in its file") for key in ("title", "source")}
    try:
        grid = ", ".join(f"{s:g}" for s in schema.grid("list", facts["name"], None))
    except UserError as error:
        return [told["title"], str(error)]
    low, high = facts["range"]
    off = f"off at {facts['off']:g}" if low <= facts["off"] <= high else "never off"
    return [f"{told['title']}; strengths {grid}; {off}", told["source"]]


def _benchmark(facts: dict) -> list[str]:
    told = {key: facts.get(key, f"no {key} in its file") for key in ("licence", "citation")}
    lines = [f"{facts.get('title', facts['name'])} ({facts.get('group', 'no group')})"]
    if (PREPARED / f"{facts['name']}.json").is_file():
        lines += _prepared(facts["name"])
    else:
        lines.append(f"not prepared here: rnnreg download {facts['name']} && rnnreg prepare ...")
    return [*lines, f"licence: {told['licence']}", told["citation"]]


def _prepared(name: str) -> list[str]:
    try:
        made = read_facts(name, PREPARED)
    except UserError as error:
        return [str(error)]
    sizes = " / ".join(f"{n:,}" for n in made["sizes"].values())
    metric = made["headline"]
    scores = (f"{name} {s['test'][metric]:.4g}" for name, s in made["naive"].items())
    lines = [
        f"{made['task']}, {made['setting']}; {sizes} targets",
        f"naive test {made['metrics'][metric]['label']}: {', '.join(scores)}",
    ]
    if scale := made.get("scale"):
        lines.append(f"a standard deviation: {', '.join(f'{s:.4g}' for s in scale)}")
    best = made["naive_best"]
    if told := _in_unit(made, made["naive"][best]["test"]):
        lines.append(f"naive test, {best}, in the unit of the data: {told}")
    return lines


def _in_unit(facts: dict, errors: dict[str, float]) -> str:
    found = in_unit(facts, errors)
    return ", ".join(f"{name.upper()} {value:.4g}" for name, value in found.items())


def download(given: argparse.Namespace) -> None:
    """Fetch the raw files of the benchmarks named."""
    from rnnreg.data.prepared import download as fetch

    mirror = given.mirror or (study.read(given.study).mirror if given.study else None)
    names = list(dict.fromkeys(map(base, _benchmarks(given))))
    _each("download", "benchmarks", names, lambda name: fetch(name, RAW, mirror))


def prepare(given: argparse.Namespace) -> None:
    """Prepare the benchmarks named."""
    from rnnreg.data.prepared import prepare as make

    names = _benchmarks(given)
    asked = study.read(given.study) if given.study else study.Study("", "", ())
    _each(
        "prepare", "benchmarks", names, lambda name: make(name, RAW, PREPARED, asked.variant(name))
    )


def _each(
    command: str,
    what: str,
    names: list[str],
    run: Callable[[str], object],
    all_of: Callable[[list[str], processes.Work], dict[str, str]] | None = None,
) -> None:
    """Run for every name, whatever becomes of the others; then tell all that failed."""

    def work(name: str) -> str:
        try:
            print(f"{name}: {run(name)}", flush=True)
            return ""
        except Exception as error:
            if len(names) == 1:
                raise
            if not isinstance(error, UserError):  # a fault in somebody's plug-in: show where
                traceback.print_exc()
            print(f"{name}: failed. {str(error) or type(error).__name__}", file=sys.stderr)
            return _why(error)

    failed = all_of(names, work) if all_of else processes.in_turn(names, lambda name: True, work)
    if failed:
        raise UserError(
            f"{command}: {len(failed)} of {len(names)} {what} failed, the others are done:"
            + "".join(f"\n  {name}: {why}" for name, why in failed.items())
        )


def _why(error: Exception) -> str:
    """What an error says, in one line."""
    told = str(error) or type(error).__name__
    return " ".join(line.strip() for line in told.splitlines()[:2])


def _benchmarks(given: argparse.Namespace) -> list[str]:
    chosen = list(given.benchmarks)
    if given.all:
        chosen = registry.names("benchmark")
    elif given.study:
        chosen = chosen or study.read(given.study).benchmarks
    if not chosen:
        known = ", ".join(registry.names("benchmark"))
        raise UserError(f"no benchmark named; name some, or give --all or --study. Known: {known}")
    variants = study.read(given.study).benchmarks if given.study else []
    for name in chosen:
        if name not in variants:
            if base(name) != name:
                raise UserError(
                    f"{name}: a variant is what a study makes of {base(name)}, given "
                    f"{f'{given.study}, which has none of that name' if given.study else 'none'}. "
                    "Remedy: --study, with the study that lists it."
                )
            registry.path("benchmark", name)
    return chosen


def train(given: argparse.Namespace) -> None:
    """Train rows of one benchmark and cell, or every unfinished row of a study."""
    chosen, rows = _asked(given)
    chosen = replace(chosen, keep=chosen.keep or given.keep)
    if given.devices:
        _train_rows(chosen, rows, "cpu", devices=_devices(given))
        return
    device = _device(given)
    _train_rows(chosen, rows, device, _jobs(given, device) if given.missing else 1)


def _asked(given: argparse.Namespace) -> tuple[study.Study, Iterable[study.Row]]:
    """The rows to train, and their study."""
    _check_by_hand(given)
    if given.missing:
        if given.row or not given.study:
            raise UserError("train --missing: give --study and no row; it trains all that lack.")
        chosen = study.read(given.study)
        return chosen, chosen.rows
    if len(given.row) < 3:
        raise UserError(
            f"train: given {len(given.row)} names, expected three or more: benchmark, cell and "
            "regularizers (or --study NAME --missing). `rnnreg list` shows what there is."
        )
    chosen = study.read(given.study) if given.study else _by_hand(given)
    benchmark, cell, *regularizers = given.row
    return chosen, [chosen.row(benchmark, cell, r) for r in regularizers]


def _jobs(given: argparse.Namespace, device: str) -> int:
    """How many rows train at once: as the cores allow, or one on a GPU."""
    if device != "cpu":
        if given.jobs not in (None, 1):
            raise UserError(
                f"--jobs {given.jobs}: on {device} rows train one after another, each with all its "
                "members at once. Remedy: leave it out, or --device cpu."
            )
        return 1
    return given.jobs or max(processes.cores() // given.threads, 1)


def try_(given: argparse.Namespace) -> None:
    """Which regularizer helps on a file of one's own."""
    trying.run(given, _device)


def new(given: argparse.Namespace) -> None:
    """A file to start from."""
    file, then = starting.make(given.kind, given.name)
    print(f"{file}\nthen:\n{then}")


def predict(given: argparse.Namespace) -> None:
    """What a kept model says of a file."""
    predicting.run(given)


def find_rate(given: argparse.Namespace) -> None:
    """A learning rate, from a range test."""
    finding.run(given, _device)


def workflow(given: argparse.Namespace) -> None:
    """Become snakemake, with the Snakefile of this project."""
    chosen = study.read(given.study)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(registry.ROOT / "Snakefile")]
    command += ["--config", f"study={chosen.asked}", "--cores", "all", *given.more]
    sys.stdout.flush()
    os.execv(sys.executable, command)


def retry(given: argparse.Namespace) -> None:
    """Train again the rows that failed, or were left in the middle."""
    from rnnreg.study.status import state

    chosen = study.read(given.study)
    rows = [r for r in chosen.rows if state(chosen, r).word in ("failed", "interrupted")]
    if rows:
        device = _device(given)
        _train_rows(chosen, rows, device, _jobs(given, device))
    else:
        print(f"{chosen.name}: no row has failed.")


def _train_rows(
    chosen: study.Study,
    rows: Iterable[study.Row],
    device: str,
    jobs: int = 1,
    devices: tuple[str, ...] = (),
) -> None:
    """Train rows, so many at once; first those that no other process has in training."""
    owner.claim(chosen)
    named = {row.name: row for row in rows}

    def free(name: str) -> bool:
        return not lock.held(chosen.lock(named[name]))

    def note(name: str, why: str) -> None:
        with suppress(UserError):  # of a full disk: it is told all the same
            records.write_text(chosen.failed(named[name]), why + "\n")

    def all_of(names: list[str], work: processes.Work) -> dict[str, str]:
        if min(jobs, len(names)) > 1:
            failed = processes.shared(names, free, work, jobs)
            for name, why in failed.items():
                if why != processes.NOT_BEGUN:  # one that was killed has noted nothing itself
                    note(name, why)
            return failed
        return processes.in_turn(names, free, work)

    def work(name: str) -> str:
        row = named[name]
        with _alone(chosen, row):
            try:
                told = _train_row(chosen, row, device, devices)
            except Exception as error:
                note(name, _why(error))
                raise
            chosen.failed(row).unlink(missing_ok=True)
            return told

    _each("train", "rows", list(named), work, all_of)
    for row in named.values():
        if not lock.held(chosen.lock(row)):
            chosen.unfinished(row).unlink(missing_ok=True)


@contextmanager
def _alone(chosen: study.Study, row: study.Row) -> Iterator[None]:
    """Wait until no other process trains a row, and keep others from it."""
    file, told = chosen.lock(row), False
    while (opened := lock.take(file)) is None:
        if not told:
            print(f"rnnreg: {row.name}: {lock.holder(file)} trains it; waiting.", file=sys.stderr)
        told = True
        time.sleep(0.2)
    try:
        for left in chosen.left_by_the_killed(row):
            left.unlink(missing_ok=True)
        yield
    finally:
        lock.give_back(file, opened)


def _check_by_hand(given: argparse.Namespace) -> None:
    """Options that a study's file answers are refused beside it; else they have their defaults."""
    if given.study:
        for option, key in BY_HAND.items():
            if getattr(given, option.replace("-", "_")) is not None:
                raise UserError(
                    f"train: --{option} is for rows by hand, and given with --study {given.study}, "
                    f"whose file says it. Remedy: `{key}` in a study file, or no --study."
                )
    given.seeds = given.seeds or 5
    given.tuning_seeds = given.tuning_seeds or 2


def _by_hand(given: argparse.Namespace) -> study.Study:
    benchmark, cell, *regularizers = given.row
    for name in regularizers:
        if "+" in name:
            raise UserError(
                f"{name}: a combination is what a study makes of {name.replace('+', ' and ')}. "
                "Remedy: --study, with a study that has it under `combine`."
            )
    schema.check_seeds("--seeds", given.seeds)
    schema.check_seeds("--tuning-seeds", given.tuning_seeds)
    registry.path("benchmark", benchmark)
    registry.path("cell", cell)
    rows = [_row_by_hand(given, benchmark, cell, r) for r in regularizers]
    if "none" not in regularizers:  # it is not trained; where it was, the row is held against it
        rows.append(replace(rows[0], regularizer="none", strengths=(0.0,)))
    return study.Study("by_hand", "rows trained by hand", tuple(rows))


def _row_by_hand(
    given: argparse.Namespace, benchmark: str, cell: str, regularizer: str
) -> study.Row:
    grid = None
    if given.strengths:
        grid = [_number("--strengths", text) for text in given.strengths.split(",")]
    return study.Row(
        benchmark,
        cell,
        regularizer,
        schema.grid("--strengths", regularizer, grid),
        tuple(range(given.tuning_seeds)),
        tuple(range(study.FIRST_EVALUATION_SEED, study.FIRST_EVALUATION_SEED + given.seeds)),
        {"steps": given.steps} if given.steps else {},
    )


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UserError(
            f"{option}: given '{text}', expected numbers with commas between."
        ) from None


def _device(given: argparse.Namespace) -> str:
    import torch

    from rnnreg.kernels.native.build import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)  # denormal numbers slow a CPU down many times
    torch.backends.cudnn.allow_tf32 = False  # true float32 unless somebody says otherwise
    # A cell's step is one kernel: a pool of compilers in each process would have nothing to do.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if given.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"--device {given.device}: this torch sees no GPU; use --device cpu.")
    if given.device.startswith("cuda:"):
        count = torch.cuda.device_count()
        if given.device not in (known := [f"cuda:{i}" for i in range(count)]):
            raise UserError(f"--device {given.device}: this torch sees {', '.join(known)} alone.")
        torch.cuda.set_device(given.device)  # recordings are of the current one
    return given.device


def _devices(given: argparse.Namespace) -> tuple[str, ...]:
    """The devices of --devices, as torch names them. No GPU is touched: that is for the forks."""
    names = [f"cuda:{d}" if d.isdecimal() else d for d in given.devices.split(",")]
    for option, value in {"--device": given.device != "auto", "--jobs": given.jobs}.items():
        if value:
            raise UserError(
                f"--devices {given.devices}: given beside {option}; rows train one after another, "
                f"each on all of these. Remedy: leave {option} out."
            )
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # a count that starts no CUDA here
    import torch

    known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    for name in names:
        if name not in known:
            raise UserError(
                f"--devices {given.devices}: unknown '{name}'. This torch has {', '.join(known)}; "
                "expected some of them with commas between, GPUs by number or as cuda:0."
            )
    _device(argparse.Namespace(device="cpu", threads=given.threads))
    return tuple(names)


def _train_row(
    chosen: study.Study, row: study.Row, device: str, devices: tuple[str, ...] = ()
) -> str:
    """Train what a row still lacks; its records, and a line about them."""
    from rnnreg.data import prepared
    from rnnreg.study.progress import Progress
    from rnnreg.training import row as training

    facts, splits = prepared.read(row.benchmark, PREPARED, row.variant)
    file = chosen.records(row)
    partial = chosen.unfinished(row)
    if reason := training.unsuited(row, facts, splits):
        records.write_unsuited(file, row.fingerprint, reason)
        return f"left out, for it makes no sense here: {reason} -> {file}"
    start = None
    if row.start:
        from rnnreg.models.start import start as begin

        _train_start(chosen, row.start, device, devices)
        start = begin(row, chosen.model(row.start), facts, splits, PREPARED)
    there = [f for f in (file, partial) if f.exists()]
    found = [r for f in there for r in records.read(f, row.name, records.warn)]
    known = list(current(row, found, facts["data_hash"], start.hash if start else "").values())
    records.check_room(partial)
    records.write(partial, known)
    bar = Progress(row.name, partial)
    kept = chosen.checkpoint(row)
    save, keeper = (lambda some: records.write(partial, some)), None
    look = {}
    if chosen.keeps(row):
        have = {r.member: r for r in known}
        whole = chosen.model(row).is_file() and have.keys() >= set(asked(row, have))
        if not whole and any(d != "cpu" for d in devices):
            raise UserError(
                f"{row.name}: its best model is kept, which takes one process on a GPU. Remedy: "
                "--device cuda for this row, then --devices again."
            )
        from rnnreg.models.keep import Keeper

        keeper = Keeper(row, facts, PREPARED, start)
        look = {"evaluated": keeper.look}
    args = row, facts, splits, known, device, save, bar, kept
    found = training.train(*args, start=start, devices=devices, **look)
    bar.clear()
    records.write(file, {r.member: r for r in [*found, *known]}.values())
    none = _reference(chosen, row, facts)
    told = f"{_summary(found, facts)} -> {file}\n{_beside(found, none, facts)}"
    if keeper:
        model = keeper.write(chosen.model(row), splits, found, device)
        told += f"\n  kept: {model or 'nothing, for every member diverged'}"
    return told


def _train_start(
    chosen: study.Study, row: study.Row, device: str, devices: tuple[str, ...]
) -> None:
    """Train what a row to start from still lacks, and keep its model."""
    with _alone(chosen, row):
        _train_row(chosen, row, device, devices)
        chosen.unfinished(row).unlink(missing_ok=True)
        chosen.failed(row).unlink(missing_ok=True)


def _reference(chosen: study.Study, row: study.Row, facts: dict) -> list[records.Record]:
    """The records of `none` beside a row, where all that the study asks for are there."""
    none = next((r for r in chosen.rows if r.name == f"{row.benchmark}/{row.cell}/none"), None)
    if none is None or not (file := chosen.records(none)).is_file():
        return []
    have = current(none, records.read(file, none.name, records.warn), facts["data_hash"])
    members = asked(none, have)
    return [have[m] for m in members] if have.keys() >= set(members) else []


def _beside(found: list[records.Record], none: list[records.Record], facts: dict) -> str:
    """A row's test score beside the naive one and that of `none`; a warning where it is worse."""
    metric = facts["headline"]
    naive = facts["naive"][facts["naive_best"]]["test"][metric]
    own, reference = (_mean_score(some, metric) for some in (found, none))
    told = f"  naive ({facts['naive_best']}) {naive:.4g}, this row {own:.4g}"
    told += f", none {reference:.4g}" if none else ""
    lower = facts["metrics"][metric]["better"] == "lower"
    if found and all(r.diverged for r in found):
        told += (
            ". Warning: every member diverged, by a number that is not finite or a validation loss "
            "of more than the naive score's times `diverged` of its budget; a lower learning rate, "
            "or fewer checks, so that the first comes later, may be what it needs"
        )
    elif not (own < naive if lower else own > naive):  # NaN, too
        told += (
            ". Warning: the row is no better than the naive score; more steps, another learning "
            "rate or another model may be what it needs"
        )
    return told


def _mean_score(found: list[records.Record], metric: str) -> float:
    scores = [r.scores["best"]["test"][metric] for r in found if r.phase == "evaluate"]
    return sum(scores) / len(scores) if scores else float("nan")


def _summary(found: list[records.Record], facts: dict) -> str:
    tested = [r for r in found if r.phase == "evaluate"]
    metric = facts["headline"]
    settings = sorted({(r.strength, r.rate) for r in tested})
    chosen = " and ".join(f"strength {s:g} at rate {rate:g}" for s, rate in settings)
    means = {
        m: sum(r.scores["best"]["test"][m] for r in tested) / len(tested) for m in facts["metrics"]
    }
    unit = _in_unit(facts, means)
    return (
        f"{chosen}, test {facts['metrics'][metric]['label']} "
        f"{_mean_score(tested, metric):.4g} (mean of {len(tested)} members), "
        f"{f'in the unit of the data {unit}, ' if unit else ''}"
        f"{sum(r.diverged for r in found)} of {len(found)} diverged, "
        f"{sum(r.seconds for r in found):.1f} s"
    )


def collect(given: argparse.Namespace) -> None:
    """Gather records into members.parquet."""
    from rnnreg.analysis.collect import collect as gather

    chosen = study.read(given.study)
    owner.check(chosen)
    print(gather(chosen, PREPARED))


def compare(given: argparse.Namespace) -> None:
    """Statistics and tables."""
    from rnnreg.analysis.report import shown
    from rnnreg.analysis.results import load
    from rnnreg.analysis.statistics.compare import compare as make

    shown.write(load(make(given.folder)))


def draw(given: argparse.Namespace) -> None:
    """Figures."""
    from rnnreg.analysis.figures.draw import draw as make

    make(given.folder)


def report(given: argparse.Namespace) -> None:
    """The report; without --only, tables and figures are made anew first."""
    from rnnreg.analysis.report.report import report as make

    if not given.only:
        _collect_anew(given.folder)
        compare(given)
        draw(given)
    print(f"The report: {make(given.folder)}")


def open_(given: argparse.Namespace) -> None:
    """The report in a browser."""
    file = _results(given.study) / "report.html"
    if not file.is_file():
        raise UserError(f"{file}: not there. Remedy: python -m rnnreg report {file.parent}")
    _browse(file)


def compare_studies(given: argparse.Namespace) -> None:
    """Two studies side by side, in a browser."""
    from rnnreg.analysis.report.side import side_by_side

    _browse(side_by_side(_results(given.a), _results(given.b)))


def _results(study: str) -> Path:
    """The folder of a study's results, from its name or its own path."""
    folder = Path(study)
    return folder if folder.is_dir() else Path("results") / folder.stem


def _browse(file: Path) -> None:
    """Open a page where there is a browser; its place in any case."""
    import webbrowser

    print(file)
    webbrowser.open(file.resolve().as_uri())


def _collect_anew(folder: Path) -> None:
    """Collect the study that a results folder belongs to, where its file is there.

    Then a report shows what the study file asks for now and what was trained since; UserError
    names the command where something of that is missing.
    """
    from rnnreg.analysis.collect import collect as gather

    file = owner.of(folder)
    if file is not None:
        gather(study.read(str(file)), PREPARED)


def explain(given: argparse.Namespace) -> None:
    """A regularizer's equation, paper, range, and where it stands."""
    from rnnreg.analysis.explain import terminal

    print(terminal(given.name))


def readme(given: argparse.Namespace) -> None:
    """The generated parts of the README, and the page of the regularizers."""
    from rnnreg.analysis.report.readme import update

    update(given.folder)


def published(given: argparse.Namespace) -> None:
    """Theirs, ours and the verdict, for each result in benchmarks/published.yaml."""
    from rnnreg.analysis.report.published import PAGE, ROOT, write

    if given.folder is None and not PAGE.parent.is_dir():
        raise UserError(
            "published: the records that ship, and docs/, are those of a clone. Remedy: name a "
            "folder of results: rnnreg published results"
        )
    print(write(given.folder or ROOT))


def claims(given: argparse.Namespace) -> None:
    """The verdicts of the study of claims, as a page."""
    from rnnreg.analysis.report import shown_taught

    print(shown_taught.write(given.folder or shown_taught.ROOT))


def compare_runs(given: argparse.Namespace) -> None:
    """Two runs of a study, figure by figure."""
    import pandas as pd

    from rnnreg.analysis.statistics.reproduction import WHOLE
    from rnnreg.analysis.statistics.reproduction import compare_runs as make

    made = make(given.a, given.b)
    for file in (made, made.with_name(WHOLE)):
        print(pd.read_csv(file).to_string(index=False))


def estimate(given: argparse.Namespace) -> None:
    """What a study will cost here; its data must be prepared."""
    from functools import cache

    from rnnreg.data import prepared
    from rnnreg.training import estimate as estimates

    device = _device(given)
    chosen = study.read(given.study)
    read = cache(lambda name: prepared.read(name, PREPARED, chosen.variant(name)))
    entries = estimates.estimate(chosen, read, device)
    estimates.show(entries, device)
    if given.minutes:
        print(f"\n{estimates.for_cluster(entries, given.minutes, chosen)}")


def regime(given: argparse.Namespace) -> None:
    """Whether a study's benchmarks over-fit without regularization; their data must be prepared."""
    from functools import partial

    from rnnreg.data import prepared
    from rnnreg.training.regime import measure_all

    asked = study.read(given.study)

    def read(name: str) -> tuple[dict, dict]:
        return prepared.read(name, PREPARED, asked.variant(name))

    for name in given.benchmarks:
        if name not in asked.benchmarks:
            raise unknown(f"study {asked.name}: benchmark", name, asked.benchmarks)
    names = given.benchmarks or asked.benchmarks
    measure_all(asked, names, read, _device(given), partial(print, flush=True))


def sign(given: argparse.Namespace) -> None:
    """A manifest of all files of a study, signed."""
    from rnnreg.study import manifest

    file = manifest.sign(_results(given.study), PREPARED.parent, given.key)
    print(f"{file}\nsigned by {json.loads(file.read_text(encoding='utf-8'))['public_key']}")


def verify(given: argparse.Namespace) -> int:
    """What is not as it was signed; exit status 1 where something is not."""
    from rnnreg.study import manifest

    told, wrong = manifest.verify(_results(given.study), PREPARED.parent, given.public_key)
    for line in wrong:
        print(line)
    if wrong:
        return 1
    counts = " and ".join(f"{len(told[part])} files of {part}" for part in ("results", "data"))
    print(f"{counts} are as they were signed on {told['signed']} by {told['public_key']}")
    if given.public_key is None:
        print(
            "Whoever changes files can sign them anew with another key: compare this one with what "
            "the signer has published, or give it as --public-key."
        )
    return 0


def status(given: argparse.Namespace) -> None:
    """Rows done, begun and waiting."""
    from rnnreg.study.status import show

    chosen = study.read(given.study)
    owner.check(chosen)
    show(chosen, given.watch)


if __name__ == "__main__":
    sys.exit(main())
