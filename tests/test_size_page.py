"""The page of the size study: which data sets it shows, and that it is what the script wrote."""

import pytest
from scripts import script

from rnnreg.study import registry, study


@pytest.fixture(scope="module")
def page():
    """The script that makes docs/size.md."""
    return script("size/page.py")


def test_a_data_set_that_lacks_one_row_is_left_out(page, tmp_path):
    rows = study.read(page.STUDY).rows
    lacking = next(r for r in rows if r.benchmark == "trec@quarter")
    for row in rows:
        if row != lacking:
            file = tmp_path / row.benchmark / row.cell / f"{row.regularizer}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    names = page.whole(tmp_path)
    assert "python_docs@quarter" in names
    assert not [name for name in names if name.startswith("trec@")]
    assert len(names) == 12


def test_every_data_set_that_is_published_stands_on_the_page(page):
    text = page.PAGE.read_text(encoding="utf-8")
    for name in page.whole():
        title = registry.facts("benchmark", name.partition("@")[0])["title"]
        part = page.PARTS.index(name.partition("@")[2])
        assert f"| {title.partition(',')[0]} | {page.SHOWN[part]} |" in text
    assert page.whole(), "records of at least one data set are published"
