"""The SVG of a figure: shorter than what matplotlib writes, and the same picture."""

import io
import re
from xml.etree import ElementTree

import numpy as np
from matplotlib.figure import Figure

from rnnreg.analysis.figures import style, svg

TAG = f"{{{svg.SVG}}}"
DRAWN = ("path", "use", "text", "rect", "image")


def drawn() -> bytes:
    figure = Figure()
    ax = figure.subplots()
    ax.plot([0, 1, 2], [0.5, 0.25, 0.75], color="#123456", marker="o", label="#m1 of 0.0001")
    ax.scatter([0.5, 1.5], [0.5, 0.6], c=["red", "green"])
    ax.imshow(np.eye(2), extent=(0, 1, 0, 1))
    ax.set_xticks([0, 1], ["0.0001", "0.125"], rotation=90)
    ax.set_title("url(#p) & <b>\n10.000")
    ax.legend()
    out = io.BytesIO()
    figure.savefig(out, format="svg")
    return out.getvalue()


def test_it_shows_the_same_in_half_the_size():
    with style.drawing():
        whole = drawn()
    short = svg.small(whole)
    assert len(short) < 0.6 * len(whole)
    one, other = (
        [e for e in ElementTree.fromstring(text).iter() if e.tag.removeprefix(TAG) in DRAWN]
        for text in (whole, short)
    )
    assert [e.tag for e in one] == [e.tag for e in other]
    assert [e.text for e in one if e.tag == f"{TAG}text"] == [
        e.text for e in other if e.tag == f"{TAG}text"
    ]
    assert {"0.0001", "0.125", "#m1 of 0.0001", "url(#p) & <b>"} <= {e.text for e in other}
    for key in svg.NUMBERS:
        for a, b in zip(one, other, strict=True):
            places = [re.findall(r"-?\d+\.?\d*", e.get(key, "")) for e in (a, b)]
            if key != "transform":  # a rotation by nothing is left out
                assert np.allclose(*(np.array(p, dtype=float) for p in places), atol=0.011), key


def test_every_reference_and_every_style_is_found():
    short = svg.small(drawn()).decode()  # outside the house's settings: texts are shapes
    names, styles = (set(re.findall(text, short)) for text in (r' id="([\w-]+)"', r"\.(s\d+)\{"))
    assert names == set(re.findall(r'(?:url\(|href=")#([\w-]+)', short))
    assert styles == set(re.findall(r'class="(\w+)"', short))
    assert "#123456" in short


def test_the_same_figure_gives_the_same_bytes():
    whole = drawn()
    assert svg.small(whole) == svg.small(whole)
