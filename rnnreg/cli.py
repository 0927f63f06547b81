"""The command line: one subcommand an arrow of the workflow, and a few to look around.

Standard library only, and each command imports what it needs when it runs: `train` works where
there is nothing but torch and numpy (and PyYAML, for a study).
"""

import argparse
import json
import os
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from rnnreg import finding, listing, train
from rnnreg import new as starting
from rnnreg.device import device as device_of
from rnnreg.errors import UserError, unknown
from rnnreg.models import command as predicting
from rnnreg.study import killed, owner, processes, registry, stop, study
from rnnreg.study.facts import PREPARED
from rnnreg.study.variants import base
from rnnreg.trying import command as trying

FORMAT_WARNING = warnings.formatwarning
RAW = Path("data/raw")
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
    if given.run is train.run:
        with suppress(UserError):  # a study that was edited meanwhile, a full disk
            name = killed.note(*train.rows_asked(given), process, why)
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

    p = command("list", listing.run, "list benchmarks, cells, regularizers and studies")
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

    p = command("train", train.run, "train rows, or all rows that a study still lacks")
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
    p = command("retry", train.retry, "train again the rows of a study that failed or were left")
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


def download(given: argparse.Namespace) -> None:
    """Fetch the raw files of the benchmarks named."""
    from rnnreg.data.prepared import download as fetch

    mirror = given.mirror or (study.read(given.study).mirror if given.study else None)
    names = list(dict.fromkeys(map(base, _benchmarks(given))))
    processes.each("download", "benchmarks", names, lambda name: fetch(name, RAW, mirror))


def prepare(given: argparse.Namespace) -> None:
    """Prepare the benchmarks named."""
    from rnnreg.data.prepared import prepare as make

    names = _benchmarks(given)
    asked = study.read(given.study) if given.study else study.Study("", "", ())
    processes.each(
        "prepare", "benchmarks", names, lambda name: make(name, RAW, PREPARED, asked.variant(name))
    )


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


def try_(given: argparse.Namespace) -> None:
    """Which regularizer helps on a file of one's own."""
    trying.run(given, device_of)


def new(given: argparse.Namespace) -> None:
    """A file to start from."""
    file, then = starting.make(given.kind, given.name)
    print(f"{file}\nthen:\n{then}")


def predict(given: argparse.Namespace) -> None:
    """What a kept model says of a file."""
    predicting.run(given)


def find_rate(given: argparse.Namespace) -> None:
    """A learning rate, from a range test."""
    finding.run(given, device_of)


def workflow(given: argparse.Namespace) -> None:
    """Become snakemake, with the Snakefile of this project."""
    chosen = study.read(given.study)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(registry.ROOT / "Snakefile")]
    command += ["--config", f"study={chosen.asked}", "--cores", "all", *given.more]
    sys.stdout.flush()
    os.execv(sys.executable, command)


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

    device = device_of(given)
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
    measure_all(asked, names, read, device_of(given), partial(print, flush=True))


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
