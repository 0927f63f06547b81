"""The report, executed once: whole, offline, drawn, and true to the records."""

import dataclasses
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import nbformat
import numpy as np
import pandas as pd
import pytest
import synthetic
from matplotlib.figure import Figure

from rnnreg.analysis import speed
from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures import draw as figures
from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.draw import draw
from rnnreg.analysis.report import citations, page, paper, shown, shown_rows
from rnnreg.analysis.report.report import SOURCE, execute, report
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.errors import UserError
from rnnreg.study import records

pytestmark = pytest.mark.xdist_group("report")
NAMES = ("none", "dropout", "early_stopping", "l2")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A generated study with its root and its report, made once for all tests of this file."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        synthetic.use(patch, root)
        study = synthetic.study("made", ("elnino", "trec"), ("gru", "lstm"), NAMES, 2, 6)
        synthetic.write(root, study, {"dropout": 0.4, "l2": 0.1})
        folder = root / collect(study)
        shown.write(load(compare(folder)))
        draw(folder)
    report(folder)
    return root, study, folder


@pytest.fixture(scope="module")
def folder(project):
    return project[2]


def count_figures(folder):
    """A study's, those of its two benchmarks, and one a machine whose speed was measured."""
    machines = speed.measured(load(folder))
    assert machines, "benchmarks/speed/results holds the times of one machine at least"
    return len(figures.STUDY) + 2 * len(figures.BENCHMARK) + len(machines)


class Page(HTMLParser):
    """Headings, addresses and images of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.images, self.ids, self.tables = [], [], [], 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [v for k, v in attrs.items() if k in ("src", "href", "srcset", "data")]
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.images += [attrs["src"]] if tag == "img" else []
        self.tables += tag == "table"


def test_the_page_is_whole_and_asks_nobody(folder):
    text = (folder / "report.html").read_text()
    seen = Page(text)
    assert len(seen.images) == count_figures(folder)
    assert all(a.startswith(("#", "data:")) for a in seen.addresses), seen.addresses
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", text)
    for link in (a[1:] for a in seen.addresses if a.startswith("#")):
        assert link in seen.ids
    assert len(seen.ids) == len(set(seen.ids))
    assert seen.tables >= 12
    for heading in ("What was found", "Which should I use?", "Speed of training", "References"):
        assert f">{heading}</h2>" in text


def measure(folder, name, **times):
    """A folder as benchmarks/speed/run.py writes it, of one LSTM at two sizes."""
    case = {"cell": "lstm", "batch": 2, "steps": 3, "inputs": 4, "members": 8}
    lines = [
        {**case, "hidden": hidden, "contender": contender, "median": time * factor}
        for hidden, factor in ((8, 1.0), (16, 2.0))
        for contender, time in times.items()
    ]
    (folder / name).mkdir()
    pd.DataFrame(lines).to_csv(folder / name / "steps.csv", index=False)
    (folder / name / "machine.txt").write_text(f"{name.upper()} of 1999, one core\n")


def test_speed_is_told_from_what_was_measured(folder, tmp_path):
    times = {"rnnreg, masked": 2.0, "torch.nn module": 4.0, "torch.nn cell in a loop, masked": 9.0}
    times["torch.nn module, CUDA graph"] = 2.5
    jax = {"JAX, 1 members, masked": 7.0, "JAX, 24 members, masked": 5.0}
    measure(tmp_path, "abacus", **times, **jax)
    results = load(folder)
    (machine,) = speed.measured(results, tmp_path)
    text = speed.section(results, [machine])
    assert text.startswith("## Speed of training\n\n**ABACUS of 1999, one core.**")
    assert "cannot have such a mask: lstm 0.50." in text
    assert "CUDA graph: lstm 0.80." in text
    assert "as rnnreg: lstm 4.5." in text
    table = speed.table(results, machine).as_markdown()
    assert (
        "| 8 | 2\u00a0×\u00a03\u00a0×\u00a04\u00a0×\u00a08 | 2.00 | 4.00 | 2.50 | 9.00 | 5.00 |"
        in table
    )
    assert "torch.func" not in table


def test_speed_is_that_of_the_machine_at_hand_or_of_all(folder, tmp_path, monkeypatch):
    results = load(folder)
    assert speed.measured(results, tmp_path) == []
    assert speed.section(results, []) == ""
    for name in ("abacus", "slide rule"):
        measure(tmp_path, name, **{"rnnreg, masked": 2.0})

    def found(results):
        return [each.name for each in speed.measured(results, tmp_path)]

    assert found(results) == ["abacus", "slide rule"]
    monkeypatch.setattr(speed, "machine", lambda: "ABACUS of 1999")
    assert found(results) == ["abacus"]
    trained = dataclasses.replace(results, members=results.members.assign(device="SLIDE RULE"))
    assert found(trained) == ["slide rule"]


def test_every_reference_is_cited_and_every_citation_listed(folder):
    entries = citations.read(SOURCE / "references.bib")
    cited = citations.keys((SOURCE / "report.md").read_text())
    assert set(cited) <= set(entries)
    text = (folder / "report.html").read_text()
    for key in cited:
        assert f"id='ref-{key}'" in text
    with pytest.raises(UserError, match="cites 'nobody1900'"):
        citations.resolve("as shown [@nobody1900]", entries)


def test_notebook_runs_on_for_those_who_continue_in_jupyter(folder):
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    nbformat.validate(notebook)
    shown = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in shown if o.output_type in ("error", "stream")]
    assert notebook.metadata["kernelspec"]["language"] == "python"


def test_pdf_has_the_same_figures_and_tables(folder):
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    source = paper.markup(notebook)
    seen = Page((folder / "report.html").read_text())
    assert source.count("#drawn(") == len(seen.images)
    assert source.count("#tabulated(") == seen.tables


def test_a_long_table_in_the_pdf_names_a_data_set_once_for_all_its_rows(folder):
    results = load(folder)
    shown = page.folded(shown_rows.every_row(results), "all rows").paper
    source = paper._shown(shown)
    titles = [facts["title"] for facts in results.benchmarks.values()]
    assert all(source.count(f"group(10)[{title}]") == 1 for title in titles)
    assert source.count("[Data set]") == 0
    assert source.count("[Cell]") == 1
    assert len(shown["rows"]) == 2 * 2 * len(NAMES)


def test_pdf_is_the_same_bytes_for_the_same_notebook(folder):
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    once, again = (paper.typeset(notebook, folder, SOURCE) for _ in range(2))
    assert once == again


def test_tables_in_three_formats_have_the_same_lines(folder):
    for file in (folder / "tables").glob("*.csv"):
        lines = len(file.read_text().splitlines()) - 1
        assert file.with_suffix(".tex").read_text().count(r"\\") >= lines + 1
        markdown = file.with_suffix(".md").read_text().splitlines()
        assert sum(line.startswith("| ") for line in markdown) == lines + 2
        assert r"\toprule" in file.with_suffix(".tex").read_text()


def test_a_changed_record_turns_table_figure_sentence_and_ranking(project, tmp_path, monkeypatch):
    root, study, folder = project
    for kind in ("data", "results"):
        shutil.copytree(root / kind, tmp_path / kind)
    synthetic.use(monkeypatch, tmp_path)
    for row in study.rows:
        if row.regularizer == "l2":  # l2 made better by hand, in a copy
            file = tmp_path / study.records(row)
            records.write(file, [better(member) for member in records.read(file)])
    copy = tmp_path / compare(collect(study))
    before, after = (load(f) for f in (folder, copy))
    shown.write(after)

    ranks = [
        r.read("across").query("criterion == 'best' and scope == 'all'") for r in (before, after)
    ]
    best = [f.sort_values("mean_rank")["regularizer"].iloc[0] for f in ranks]
    assert best == ["dropout", "l2"]
    from rnnreg.analysis.report import findings

    assert "**dropout** improves the test loss by" in findings.strongest(before)
    assert "**l2** improves the test loss by" in findings.strongest(after)
    for table in ("scores_elnino.md", "across.md", "advice.md", "rows_best.tex"):
        assert (folder / "tables" / table).read_text() != (copy / "tables" / table).read_text()
    with style.drawing():
        figures.save(figures.effects.effects(after), copy / "figures" / "effects")
    assert (copy / "figures/effects.svg").read_bytes() != (
        folder / "figures/effects.svg"
    ).read_bytes()


def test_a_point_beyond_the_axis_is_told_by_an_arrow():
    ax = Figure().subplots()
    ax.set_ylim(-10, 10)
    style.beyond(ax, 1, [(-28, "black"), (5, "black"), (-31.4, "grey"), (12.5, "black")])
    assert [text.get_text() for text in ax.texts] == ["▾ −31%", "▾ −28%", "▴ 12%"]


def test_bars_join_those_that_nemenyis_test_does_not_tell_apart(tmp_path, monkeypatch):
    synthetic.use(monkeypatch, tmp_path)
    names = synthetic.NAMES[:8]
    study = synthetic.study("ranked", tuple(synthetic.BENCHMARKS), ("lstm",), names, 2, 6)
    synthetic.write(tmp_path, study, {"dropout": 0.4, "l2": 0.1})
    results = load(compare(collect(study)))
    ranks = results.read("across").query("criterion == 'best' and scope == 'all'")
    ranks = ranks.set_index("regularizer")["mean_rank"]
    pairs = results.read("pairs").query("criterion == 'best' and scope == 'all'")
    (ax,) = figures.over.critical_difference(results).axes
    bars = [set(np.round(b.get_xdata(), 9)) for b in ax.lines if b.get_linewidth() == 2.5]

    def joined(pair):
        return any(set(np.round(ranks[[pair.first, pair.second]], 9)) <= bar for bar in bars)

    apart = pairs["nemenyi_p"] < 0.05
    assert apart.nunique() == 2
    assert [not joined(pair) for pair in pairs.itertuples()] == apart.tolist()


def better(member):
    """The same member with all losses and errors halved."""

    def halved(metrics):
        changed = {m: v / 2 for m, v in metrics.items()}
        if "error" in metrics:
            changed |= {"accuracy": 1 - changed["error"], "macro_f1": 1 - changed["error"]}
        return changed

    scores = {c: {p: halved(m) for p, m in parts.items()} for c, parts in member.scores.items()}
    return dataclasses.replace(member, scores=scores)


def test_without_figures_the_remedy_is_named(folder, tmp_path):
    for name in ("study.json", "members.parquet"):
        shutil.copy(folder / name, tmp_path / name)
    with pytest.raises(UserError, match="python -m rnnreg compare"):
        report(tmp_path)
    shutil.copy(folder / "comparisons.csv", tmp_path)
    with pytest.raises(UserError, match="python -m rnnreg draw"):
        report(tmp_path)


def test_explore_runs_from_top_to_bottom(folder):
    notebook = execute(SOURCE / "explore.md", folder)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert len(code) == 10
    assert all(c.outputs for c in code)


PROBE = """<script>
  const images = [...document.images], page = document.documentElement;
  const column = t => [...t.tBodies[0].rows].map(r => Number(r.cells[1].dataset.key));
  const ranks = document.querySelector("#tab-ranks table");
  const click = () => ranks.tHead.rows[0].cells[1].click();
  click(); const up = column(ranks); click(); const down = column(ranks);
  addEventListener("load", () => { document.title = JSON.stringify({
    errors: window.seen, images: images.length, up, down,
    drawn: images.filter(i => i.complete && i.naturalWidth > 100).length,
    buttons: document.querySelectorAll("figure button").length,
    requests: performance.getEntriesByType("resource").map(r => r.name)
      .filter(name => !name.startsWith("data:")),
    wide: page.scrollWidth - page.clientWidth}); });
</script>"""
WATCH = """<script>window.seen = [];
  addEventListener("error", e => seen.push(e.message ?? "not loaded"), true);
  for (const kind of ["error", "warn"]) console[kind] = (...a) => seen.push(a.join(" "));
</script>"""
browser = pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on this machine")


def browse(text, folder):
    """Open a page in a browser; a probe at its end writes what it saw into the title."""
    file = folder / "probed.html"
    file.write_text(text.replace("<head>", "<head>" + WATCH).replace("</body>", PROBE + "</body>"))
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
               "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={folder / 'profile'}",
               "--virtual-time-budget=4000", file.as_uri()]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(.*?)</title>", run.stdout, re.S)[1]
    return json.loads(html.unescape(title))


@browser
def test_a_browser_shows_it_without_errors_or_requests(folder, tmp_path):
    text = (folder / "report.html").read_text()
    seen = browse(text, tmp_path)
    assert seen["errors"] == []
    assert seen["requests"] == []
    assert seen["drawn"] == seen["images"] == count_figures(folder)
    assert seen["up"] == sorted(seen["up"])
    assert seen["down"] == sorted(seen["up"], reverse=True)
    assert seen["buttons"] == text.count("<table>")
    assert seen["wide"] <= 0  # nothing sticks out of the page


@browser
def test_the_probe_sees_what_is_wrong(folder, tmp_path):
    text = (folder / "report.html").read_text()
    wrong = "<script>nothing_of_this_name()</script><img src='https://example.org/a.png'>"
    seen = browse(text.replace("</main>", wrong + "</main>"), tmp_path)
    assert any("nothing_of_this_name" in error for error in seen["errors"])
    assert seen["requests"] == ["https://example.org/a.png"]
    assert seen["drawn"] == seen["images"] - 1


def test_a_title_that_looks_like_html_is_text():
    import mistune

    from rnnreg.analysis.report import web

    said = "Over <script>alert(1)</script> and <b>two</b> sets.\n\n<script>alert(2)</script>\n"
    shown = web.MARKDOWN(said)
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    tokens = mistune.create_markdown(renderer=None)(said)
    typeset = paper._blocks(tokens)
    assert "alert(1)" in typeset
    assert "alert(2)" in typeset
