"""The report, executed once: whole, offline, drawn, and true to the records."""

import dataclasses
import html
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import synthetic
import typst
from matplotlib.figure import Figure

from rnnreg.analysis.collect import collect
from rnnreg.analysis.figures import draw as figures
from rnnreg.analysis.figures import style
from rnnreg.analysis.figures.draw import draw
from rnnreg.analysis.report import document, page, readme, shown
from rnnreg.analysis.report.report import SOURCE, execute, report
from rnnreg.analysis.results import load
from rnnreg.analysis.statistics.compare import compare
from rnnreg.analysis.tables import LONGEST
from rnnreg.cli import main
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
    """A study's but for ranks, which it takes six families to test; and its two benchmarks'."""
    return len(figures.STUDY) - 1 + 2 * len(figures.BENCHMARK)


class Page(HTMLParser):
    """Headings, addresses and images of a page."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.images, self.ids, self.tables, self.alts = [], [], [], 0, []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [v for k, v in attrs.items() if k in ("src", "href", "srcset", "data")]
        self.ids += [attrs["id"]] if "id" in attrs else []
        if tag == "img":
            self.images.append(attrs["src"])
            self.alts.append(attrs.get("alt"))
        self.tables += tag == "table"


def test_the_page_is_whole_and_asks_nobody(folder):
    text = (folder / "report.html").read_text()
    seen = Page(text)
    assert len(seen.images) == count_figures(folder)
    assert all(a.startswith(("#", "data:")) for a in seen.addresses), seen.addresses
    outside = re.sub(r'src="data:[^"]*"', "", text)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", outside)
    for link in (a[1:] for a in seen.addresses if a.startswith("#")):
        assert link in seen.ids
    assert len(seen.ids) == len(set(seen.ids))
    assert seen.tables >= 12
    assert all(seen.alts), "what a picture shows is said where it cannot be seen"
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == ["Abstract", "Which should I use?", "What was found", "How it was measured",
                        "Where it fails", "Related work", "Benchmark by benchmark", "Appendix",
                        "References"]  # fmt: skip


def test_every_reference_is_cited_and_every_citation_listed(folder):
    source = (SOURCE / "report.md").read_text()
    cited = {key for group in re.findall(r"\[@([\w; @]+)\]", source) for key in group.split("; @")}
    text = (folder / "report.html").read_text()
    assert len(cited) > 20
    for key in cited:
        assert f'id="ref-{key}"' in text
    with pytest.raises(UserError, match="cites 'nobody1900'"):
        document.check_citations("as shown [@holm1979; @nobody1900]", SOURCE)


def test_notebook_runs_on_for_those_who_continue_in_jupyter(folder):
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    nbformat.validate(notebook)
    shown = [o for c in notebook.cells if c.cell_type == "code" for o in c.outputs]
    assert not [o for o in shown if o.output_type in ("error", "stream")]
    assert notebook.metadata["kernelspec"]["language"] == "python"


def test_pdf_has_the_same_figures_and_tables(folder):
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    source = document.markup(notebook, SOURCE)
    seen = Page((folder / "report.html").read_text())
    assert len(re.findall(r'image\("figures/\w+\.pdf", alt: "\w', source)) == len(seen.images)
    assert source.count("#table(") == seen.tables


def test_what_is_folded_stands_at_the_end_of_a_paper_unless_it_is_too_long():
    long = LONGEST + 1
    shown = page.Shown("| a |\n|---|\n| 1 |")
    shown.fold, shown.lines = "Every *row*", 2
    cells = [
        nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data=made)])
        for made in (shown._repr_mimebundle_(), {"text/html": "<p>widget</p>"})
    ]
    cells.append(nbformat.v4.new_markdown_cell("The end."))
    notebook = nbformat.v4.new_notebook(cells=cells)
    text = document.document(notebook)
    assert text.index("<details><summary>Every *row*</summary>") < text.index("| 1 |")
    assert text.index("| 1 |") < text.index("widget") < text.index("The end.")
    paper = document.document(notebook, paper=True)
    assert paper.index("The end.") < paper.index("| 1 |")
    assert "printed" not in text, "a short fold is open in print"
    cells[0].outputs[0].data[page.FACTS] |= {"lines": long, "name": "rows_best"}
    text = document.document(notebook)
    assert "<details class=long><summary>Every *row*</summary>" in text
    told = f"Every *row*: {long} lines, in tables/rows_best.csv."
    assert f'</details><p class="printed">{told}</p>' in text
    paper = document.document(notebook, paper=True)
    assert "| 1 |" not in paper
    assert f"*Every \\*row\\*: {long} lines, in report.html and in tables/.*" in paper


def test_a_variant_of_a_benchmark_has_its_places():
    from rnnreg.analysis.pandoc import pandoc
    from rnnreg.analysis.tables import Table, word

    shown = [page.figure(None, "scores_trec@quarter", "It's *one*. Two."),
             Table("scores_trec@quarter", "", ("A",), [(word("1"),)]).captioned]  # fmt: skip
    text = pandoc("\n\n".join(shown), "html5")
    assert 'src="figures/scores_trec@quarter.svg"' in text
    assert re.findall('id="(.*?)"', text) == ["fig-scores_trec-quarter", "tab-scores_trec-quarter"]
    assert re.search('alt="It(’|\'|&#39;)s \\*one\\*"', text)
    assert "{#" not in text


def test_pdf_is_the_same_bytes_for_the_same_notebook(folder):
    notebook = nbformat.read(folder / "report.ipynb", as_version=4)
    once, again = (document.typeset(notebook, folder, SOURCE) for _ in range(2))
    assert once == again


def test_figures_stay_in_place_where_typst_fails_on_floats(folder, monkeypatch):
    notebook, asked = nbformat.read(folder / "report.ipynb", as_version=4), []

    def compiled(file, root, sys_inputs=None):
        asked.append(sys_inputs)
        assert 'sys.inputs.at("floats"' in (Path(root) / "paper.typ").read_text(encoding="utf-8")
        if not sys_inputs:
            raise typst.TypstError("internal error: parent group")
        return b"a paper"

    monkeypatch.setattr(document.typst, "compile", compiled)
    assert document.typeset(notebook, folder, SOURCE) == b"a paper"
    assert asked == [None, {"floats": "no"}]


def test_tables_in_three_formats_have_the_same_lines(folder):
    assert (folder / "tables" / "across.csv").is_file()
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


def test_two_studies_stand_side_by_side(folder, tmp_path, monkeypatch, capsys):
    other = tmp_path / "results" / "other"
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("report*", "records", "tables"))
    across = pd.read_csv(other / "across.csv")
    l2 = (across["regularizer"] == "l2") & (across["scope"] == "all")
    across.loc[l2, "verdict"] = "worse"
    across.to_csv(other / "across.csv", index=False)
    monkeypatch.chdir(tmp_path)
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    assert main(["compare-studies", str(folder), "other"]) == 0
    text = (other / "beside_made.html").read_text()
    assert shown == [(other / "beside_made.html").as_uri()]
    assert "Of 2 regularizers in both, 1 have the same verdict and 1 opposite ones." in text
    (row,) = re.findall(r"<td[^>]*>l2(?:</td>)?.*?(?=<tr|</tbody)", text, re.S)
    assert re.findall("better|worse", row) == ["better", "worse"]
    assert len(Page(text).images) == 1
    assert main(["compare-studies", "other", "other"]) == 2
    assert "two studies of one name" in capsys.readouterr().err


def test_open_shows_the_report_or_names_the_command(folder, tmp_path, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    assert main(["open", str(folder)]) == 0
    assert shown == [(folder / "report.html").resolve().as_uri()]
    monkeypatch.chdir(tmp_path)
    assert main(["open", "quick"]) == 2
    told = capsys.readouterr().err
    assert (
        "results/quick/report.html: not there. Remedy: python -m rnnreg report results/quick"
        in told
    )


def test_without_pandoc_the_remedy_is_named(monkeypatch):
    from rnnreg.analysis import pandoc

    monkeypatch.setitem(sys.modules, "pypandoc", None)
    monkeypatch.setattr(pandoc, "_program", pandoc._program.__wrapped__)
    with pytest.raises(UserError, match=r"pypandoc_binary is not installed. Remedy: python -m pip"):
        pandoc.pandoc("a", "html5")


def test_readme_shows_the_first_figure_on_white(folder):
    drawn = readme.picture(folder)
    assert drawn.count('fill="white"') == 1
    assert readme.found(folder).startswith("![Dots with intervals, a line a regularizer (2), ")


def test_explore_runs_from_top_to_bottom(folder):
    notebook = execute(SOURCE / "explore.md", folder)
    code = [c for c in notebook.cells if c.cell_type == "code"]
    assert len(code) == 6
    assert all(c.outputs for c in code)


def test_a_notebook_whose_process_is_killed_is_one_message(tmp_path):
    source = tmp_path / "deadly.md"
    source.write_text("```python\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n```\n")
    with pytest.raises(UserError, match=f"^{tmp_path}: the notebook's process ended before .* Rem"):
        execute(source, tmp_path)


PROBE = """<script>
  const images = [...document.images], page = document.documentElement;
  const value = r => parseFloat(r.cells[2].textContent.replace("−", "-"));
  const column = t => [...t.tBodies[0].rows].map(value);
  const table = document.querySelector("#tab-across");
  const click = () => table.querySelectorAll("th button")[2].click();
  click(); const up = column(table); click(); const down = column(table);
  const rows = document.querySelector("#tab-rows_best"), all = rows.tBodies[0].rows.length;
  const tools = rows.parentElement.previousElementSibling, search = tools.querySelector("input");
  search.value = "dropout lstm"; search.dispatchEvent(new Event("input"));
  const found = [...rows.tBodies[0].rows].filter(r => !r.hidden).map(r => r.cells[2].textContent);
  const told = tools.querySelector("output").textContent;
  const count = what => document.querySelectorAll(".explore " + what).length;
  const ticked = count("input:checked"), bars = count(".effects label"), lines = count("polyline");
  const bare = [...document.querySelectorAll("th")].filter(h => !h.querySelector("button")).length;
  const regions = [...document.querySelectorAll(".scroll")];
  const reached = regions.every(r => r.tabIndex === 0 && r.ariaLabel);
  addEventListener("load", () => { document.title = JSON.stringify({
    errors: window.seen, images: images.length, up, down, all, found, told, ticked, bars, lines,
    bare, reached,
    drawn: images.filter(i => i.complete && i.naturalWidth > 100).length,
    buttons: [...document.querySelectorAll("button")].filter(b => b.textContent === "copy").length,
    requests: performance.getEntriesByType("resource").map(r => r.name)
      .filter(name => !name.startsWith("data:")),
    wide: page.scrollWidth - page.clientWidth}); });
</script>"""
WATCH = """<script>window.seen = [];
  addEventListener("error", e => seen.push(e.message ?? "not loaded"), true);
  for (const kind of ["error", "warn"]) console[kind] = (...a) => seen.push(a.join(" "));
</script>"""
PRINTED = """<script>
  const folds = () => document.querySelectorAll("details:not([open])").length, closed = folds();
  dispatchEvent(new Event("beforeprint")); const printed = folds();
  dispatchEvent(new Event("afterprint"));
  addEventListener("load", () => {
    document.title = JSON.stringify({closed, printed, after: folds()}); });
</script>"""
browser = pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on this machine")


def browse(text, folder, probe=PROBE):
    """Open a page in a browser; a probe at its end writes what it saw into the title."""
    file = folder / "probed.html"
    file.write_text(text.replace("<head>", "<head>" + WATCH).replace("</body>", probe + "</body>"))
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
    up, down = ([v for v in seen[way] if v is not None] for way in ("up", "down"))
    assert up == sorted(up)
    assert down == sorted(up, reverse=True)
    assert seen["up"][-1] is seen["down"][-1] is None, "what has no number comes last"
    assert seen["buttons"] == Page(text).tables
    assert seen["bare"] == 0, "whoever has no mouse sorts by a button"
    assert seen["reached"], "a wide table is scrolled by keys, and has a name"
    assert seen["told"] == f"{len(seen['found'])} of {seen['all']}"
    assert set(seen["found"]) == {"dropout"}
    assert (seen["ticked"], seen["lines"], seen["bars"]) == (3, 3, 3), "none, dropout and l2"
    assert seen["wide"] <= 0  # nothing sticks out of the page


@browser
def test_in_print_every_fold_is_open_but_for_long_tables(folder, tmp_path):
    text = (folder / "report.html").read_text()
    text = text.replace("<details>", "<details class=long>", 1)
    seen = browse(text, tmp_path, PRINTED)
    assert seen == {"closed": text.count("<details"), "printed": 1, "after": seen["closed"]}


@browser
def test_the_probe_sees_what_is_wrong(folder, tmp_path):
    text = (folder / "report.html").read_text()
    wrong = "<script>nothing_of_this_name()</script><img src='https://example.org/a.png'>"
    seen = browse(text.replace("</main>", wrong + "</main>"), tmp_path)
    assert any("nothing_of_this_name" in error for error in seen["errors"])
    assert seen["requests"] == ["https://example.org/a.png"]
    assert seen["drawn"] == seen["images"] - 1


def test_a_title_that_looks_like_html_is_text():
    from rnnreg.analysis.pandoc import pandoc
    from rnnreg.analysis.tables import Table, word

    said = "Over <script>alert(1)</script> and <b>two</b> sets.\n\n<script>alert(2)</script>\n"
    rows = [(word("a|b <i>*c*</i> $x$ @d [e](f)"),)]
    shown = pandoc(said + "\n" + Table("t", "<u>[@e]</u>", ("A_b_",), rows).captioned, "html5")
    assert not re.search("<(script|b|i|u|em)[ >]", shown)
    assert "&lt;script&gt;alert(1)" in shown
    assert "a|b &lt;i&gt;*c*&lt;/i&gt; $x$ @d [e](f)" in shown
    assert "alert(2)" in pandoc(said, "typst")
