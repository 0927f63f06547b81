"""The executed notebook, as one HTML file, as a notebook, and typeset as PDF."""

import os
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from rnnreg.analysis.report import web
from rnnreg.analysis.report.document import check_citations, document, typeset
from rnnreg.analysis.results import load
from rnnreg.errors import UserError
from rnnreg.study import records, registry

SOURCE = registry.ROOT / "report"


def report(folder: Path) -> Path:
    """Execute report/report.md in a study's folder; write report.html, .ipynb and .pdf there.

    All three show the same outputs of one execution. Returns the path of the HTML file. UserError
    where the study was not collected, compared and drawn.
    """
    folder = Path(folder).resolve()
    load(folder).read("comparisons")
    if not (folder / "figures").is_dir():
        raise UserError(f"{folder / 'figures'}: not there. Remedy: python -m rnnreg draw {folder}")
    notebook = execute(SOURCE / "report.md", folder)
    text = document(notebook)
    check_citations(text, SOURCE)
    records.write_bytes(folder / "report.pdf", typeset(notebook, folder, SOURCE))
    records.write_text(folder / "report.html", web.page(text, folder, SOURCE))
    records.write_text(folder / "report.ipynb", nbformat.writes(notebook) + "\n")
    return folder / "report.html"


def execute(source: Path, folder: Path) -> nbformat.NotebookNode:
    """Run a notebook written in Markdown, with `folder` as its working directory."""
    notebook = jupytext.read(source)
    environment = dict(os.environ)
    path = [str(registry.PACKAGE.parent), *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(path), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    resources = {"metadata": {"path": str(folder)}}
    quiet = ["--log-level=ERROR"]  # else it warns of TCP, which does not leave this machine
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources=resources, extra_arguments=quiet
    )
    try:
        client.execute(env=environment)
    except (DeadKernelError, AssertionError) as error:  # how it ends when a signal comes
        raise UserError(
            f"{folder}: the notebook's process ended before the report was written, by a signal, "
            "or for want of memory; what was there is as it was. Remedy: the same command again."
        ) from error
    for cell in notebook.cells:  # when each cell ran is nobody's result
        cell.metadata.pop("execution", None)
    return notebook
