"""The documentation's figures: each can be read, by people who don't see it too."""

import xml.etree.ElementTree as ET

import pytest

from kingbird.tests.guide.pages import SOURCE

FIGURES = sorted(SOURCE.rglob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def test_there_are_some():
    assert FIGURES


@pytest.mark.parametrize("figure", FIGURES, ids=lambda path: path.stem)
def test_a_figure(figure):
    root = ET.parse(figure).getroot()
    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text
    assert root.find(f"{SVG}desc").text
    _, _, width, height = map(float, root.get("viewBox").split())
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x")) <= width, text.text
        assert 0 <= float(text.get("y")) <= height, text.text
    pages = [page for page in figure.parent.glob("*.rst") if figure.name in page.read_text()]
    assert len(pages) == 1, "a figure that no page shows"
    assert f".. figure:: {figure.name}\n   :alt: " in pages[0].read_text()
