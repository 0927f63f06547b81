"""A trial on two pages: one HTML file that opens offline, from what tried.json holds."""

import html
import json
from importlib.resources import files
from pathlib import Path

from rnnreg.analysis.tables import show
from rnnreg.study import records
from rnnreg.trying import pictures
from rnnreg.trying.answer import answer
from rnnreg.trying.rounds import NONE

SHOWN = 24  # lines of the ranking: what a page holds


def write(folder: Path, found: dict, trial=None) -> Path:
    """Write tried.json and report.html; the file of the report.

    `trial` has the models and the data, for an example of their forecasts.
    """
    example = pictures.forecasts(trial) if trial else None
    found = records.plain({**found, "example": example})
    text = json.dumps(found, indent=1, ensure_ascii=False)
    records.write_text(folder / "tried.json", text + "\n")
    file = folder / "report.html"
    records.write_text(file, page(found))
    return file


def page(found: dict) -> str:
    """The page."""
    first, *more = answer(found)
    sizes = found["sizes"]
    part = f", on {found['part']}" if found["part"] else ""
    return (
        (files(__package__) / "page.html")
        .read_text(encoding="utf-8")
        .format(
            title=html.escape(f"Which regularizer for {found['file']}?"),
            doc=html.escape(found["doc"]),
            size=html.escape(
                f"One layer of {sizes['hidden']} {found['cell_title']} units, {sizes['steps']} "
                f"steps of {sizes['batch']}{part}."
            ),
            answer=_p(first, "answer") + "".join(map(_p, more)),
            scores=_scores(found),
            curves=_figure(pictures.curves(found), CURVES),
            example=_figure(pictures.example(found), EXAMPLE),
            facts=_table(list(found["told"].items()), kind="facts"),
            ranking=_ranking(found),
            method="".join(map(_p, _method(found))),
        )
    )


CURVES = (
    "Loss on validation (solid) and in training (dashed) against steps, means over seeds. Where "
    "the validation loss turns up, the network learns by heart; the best check is what counts."
)
EXAMPLE = "The last rows of the file, and what the two kept models forecast from the rows before."


def _p(text: str, kind: str = "") -> str:
    return f"<p{f' class={kind}' if kind else ''}>{html.escape(text)}</p>\n"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>" if svg else ""


def _table(
    lines: list[tuple], head: tuple = (), kind: str = "", left: int = 2, strong: tuple = ()
) -> str:
    """Rows of texts; those after the first `left` columns are numbers, right-aligned."""

    def row(tag: str, cells: tuple, number: int = -1) -> str:
        made = "".join(
            f"<{tag}{' class=n' if i >= left else ''}>{html.escape(str(c))}</{tag}>"
            for i, c in enumerate(cells)
        )
        return f"<tr{' class=strong' if number in strong else ''}>{made}</tr>"

    body = "\n".join(row("td", cells, number) for number, cells in enumerate(lines))
    top = f"<thead>{row('th', head)}</thead>" if head else ""
    style = f' class="{kind}"' if kind else ""
    return f'<div class="scroll"><table{style}>{top}<tbody>{body}</tbody></table></div>'


def _scores(found: dict) -> str:
    """Test scores: naive ones, those without a network, the network's; per column where many."""
    if found["gain"] is None:
        return _p("It was not opened: the search was stopped before.")
    own, none, gain = found["best"], found["none"], found["gain"]
    lines = [(n, "naive", show(v, 4), "") for n, v in found["naive"].items()]
    lines += [(n, "without a network", show(v, 4), "") for n, v in found["simple"].items()]
    lines.append(("none", f"network, {gain['seeds']} seeds", show(none["test"], 4), ""))
    interval = f"{show(gain['difference'], 2, True)}"
    if gain["difference_low"] is not None:
        interval += (
            f" [{show(gain['difference_low'], 2, True)}, {show(gain['difference_high'], 2, True)}]"
        )
    lines.append((own["title"], f"network, {gain['seeds']} seeds", show(own["test"], 4), interval))
    taken = len(lines) - (2 if found["take"] == NONE else 1)
    head = ("", "", f"test {found['metric']}", "less none, with 95% interval")
    told = _table(lines, head, strong=(taken,))
    if found["columns"]:
        names = [n for n in found["columns"] if n != NONE and n != own["name"]] + [
            NONE,
            own["name"],
        ]
        columns = list(found["columns"][NONE])[:8]
        each = [(c, *(show(found["columns"][n][c], 4) for n in names)) for c in columns]
        titles = [own["title"] if n == own["name"] else n for n in names]
        told += _table(each, ("RMSE in its own unit", *titles), left=1)
    return told


def _ranking(found: dict) -> str:
    lines = []
    for place, line in enumerate(found["ranking"][:SHOWN], 1):
        strength = f"{line['strength']:.3g}" if line["searched"] else "–"
        lines.append(
            (place, line["title"], line["group"], line["round"], line["trials"], strength,
             f"{line['rate']:.2g}", f"{line['loss']:.4g}")
        )  # fmt: skip
    marked = [i for i, line in enumerate(found["ranking"]) if line["name"] in (NONE, found["take"])]
    head = ("", "regularizer", "kind", "last round", "trials", "strength", "learning rate",
            "validation loss")  # fmt: skip
    told = _table(lines, head, left=3, strong=tuple(marked))
    rest = found["ranking"][SHOWN:]
    if rest:
        told += _p(f"Behind them: {', '.join(line['title'] for line in rest)}.", "soft")
    if found["plan"]["dropped"]:
        dropped = ", ".join(found["plan"]["dropped"])
        told += _p(f"Not tried, for want of time: {dropped}.", "soft")
    if found["unsuited"]:
        reasons = "; ".join(f"{name}: {why}" for name, why in found["unsuited"].items())
        told += _p(f"Left out. {reasons}.", "soft")
    return told


def _method(found: dict) -> list[str]:
    plan, sizes = found["plan"], found["sizes"]
    rounds = list(zip(plan["left"], plan["trials"], strict=True))[: found["rounds"]["finished"]]
    each = ", ".join(f"{trials} trials for {count}" for count, trials in rounds)
    if found["rounds"]["skipped"]:
        each += " (a further round did not fit into the time)"
    tried = "; ".join(
        f"{s['hidden']} units: {'over-fits' if s['over_fits'] else 'does not over-fit'}, "
        f"validation loss {s['loss']:.4g}"
        for s in found["sizing"]
    )
    return [
        f"Size, from none alone: {tried}. Taken: {sizes['hidden']} units.",
        f"Search: a trial is a learning rate and a strength. In a round every regularizer, none "
        f"included, has the same number of trials at the same learning rates, and the better half "
        f"by validation loss goes on: {each}. The best two settings of the last ones are trained "
        "on two fresh seeds, and the mean decides.",
        "Test: the chosen setting and none's own, each with the same fresh seeds (same initial "
        "weights and order of the data, so that they are paired), at the best validation check. "
        "Nothing is chosen by the test part, and no score on it is told before the choice. "
        "Intervals hold for this search and this test part.",
        f"{found['models']:,} models, {found['minutes']:.1f} minutes, "
        f"{found['jobs']} {'process' if found['jobs'] == 1 else 'processes'}.",
    ]
