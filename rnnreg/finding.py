"""`rnnreg find-rate`: a learning rate from one short run of growing rates."""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rnnreg.errors import UserError, unknown
from rnnreg.study import registry, study
from rnnreg.study.variants import base

PREPARED = Path("data/prepared")


def options(p: argparse.ArgumentParser) -> None:
    """The command line."""
    p.add_argument("benchmark")
    p.add_argument("cell")
    p.add_argument("--study", help="take budgets and variants from this study")
    p.add_argument("--from", dest="low", type=float, default=1e-5, help="rate (default 1e-5)")
    p.add_argument("--to", dest="high", type=float, default=10.0, help="rate (default 10)")
    p.add_argument("--steps", type=int, default=200, help="of training (default 200)")
    p.add_argument("--seeds", type=int, default=5, help="members, averaged (default 5)")
    p.add_argument("--picture", type=Path, metavar="FILE", help="draw the curve: .svg, .png, .pdf")
    p.add_argument("--json", action="store_true", help="the curve and what follows, as JSON")
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:1, ...")
    p.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")


def run(given: argparse.Namespace, device: Callable[[argparse.Namespace], str]) -> None:
    """Find it, and say so."""
    _check(given)
    row = _row(given)
    if given.picture:
        from rnnreg.analysis.figures.rates import check, draw

        check(given.picture)
    from rnnreg.data import prepared
    from rnnreg.training.rates import range_test
    from rnnreg.training.setting import setting

    job = setting(row, *prepared.read(row.benchmark, PREPARED, row.variant), device(given))
    found = range_test(job, given.low, given.high, given.steps, given.seeds)
    ends = found.low, found.high
    if given.picture:
        title = f"{job.facts['title']}, {registry.facts('cell', row.cell)['title']}"
        draw(
            given.picture, title, found.rates, found.losses, found.smoothed, found.suggestion, ends
        )
    if given.json:
        told = {name: getattr(value, "tolist", lambda v=value: v)()
                for name, value in vars(found).items()}  # fmt: skip
        own = {"benchmark": row.benchmark, "cell": row.cell, "optimizer": job.budget.optimizer}
        print(json.dumps(own | told))
        return
    print(
        f"{row.benchmark} {row.cell}, {job.budget.optimizer}: learning rate "
        f"{found.suggestion:.2g}, where the training loss falls steepest\nit begins to fall at "
        f"{found.low:.2g} and is lowest at {found.high:.2g}; {len(found.rates)} of {given.steps} "
        f"steps, {given.seeds} seeds"
    )
    if given.picture:
        print(f"the curve: {given.picture}")


def _check(given: argparse.Namespace) -> None:
    if not 0 < given.low < given.high < float("inf"):
        raise UserError(
            f"find-rate: --from {given.low:g} --to {given.high:g}: expected two numbers above 0, "
            "the lower one first."
        )
    for option, least in {"steps": 20, "seeds": 1, "threads": 1}.items():
        if getattr(given, option) < least:
            raise UserError(
                f"find-rate: --{option} {getattr(given, option)}: allowed are whole numbers from "
                f"{least}."
            )


def _row(given: argparse.Namespace) -> study.Row:
    """The row of `none` whose budget and network are tried."""
    registry.path("cell", given.cell)
    if not given.study:
        if base(given.benchmark) != given.benchmark:
            raise UserError(
                f"find-rate: {given.benchmark}: a variant is what a study makes of "
                f"{base(given.benchmark)}. Remedy: --study, with the study that has it."
            )
        registry.path("benchmark", given.benchmark)
        return study.Row(given.benchmark, given.cell, "none", (0.0,), (0,), (0,))
    chosen = study.read(given.study)
    own = next((r for r in chosen.rows if r.benchmark == given.benchmark), None)
    if own is None:
        raise unknown(f"study {chosen.name}: benchmark", given.benchmark, chosen.benchmarks)
    if own.start:
        raise UserError(
            f"find-rate: {given.benchmark} starts from {own.start.name}; the test trains from "
            "scratch. Remedy: a variant without `start`."
        )
    return replace(
        own, cell=given.cell, regularizer="none", ratios={}, strengths=(0.0,), search=None
    )
