"""What an SVG says about itself, on small ones written here."""

from __future__ import annotations

import pytest
from benchmarks.drawing import COLUMNS, BrokenDrawing, read_drawing

RDF = (
    "<metadata><rdf:RDF><cc:Work>"
    "<dc:title>A  blue\nbird</dc:title><dc:date>3/5/2004</dc:date>"
    "<dc:description>It sits on a branch.</dc:description>"
    "<dc:subject><rdf:Bag><rdf:li>animals</rdf:li></rdf:Bag></dc:subject>"
    "<dc:publisher><cc:Agent><dc:title>A library</dc:title></cc:Agent></dc:publisher>"
    "<dc:creator><cc:Agent><dc:title>Ada Brush</dc:title></cc:Agent></dc:creator>"
    '<cc:license rdf:resource="http://web.resource.org/cc/PublicDomain"/>'
    "</cc:Work></rdf:RDF></metadata>"
)


def columns(body: str, root: str = "") -> dict[str, float | str]:
    return read_drawing(f"<svg {root}>{body}</svg>".encode()).columns


def test_the_metadata_are_read_without_declared_namespaces() -> None:
    drawing = read_drawing(f"<svg>{RDF}<path d='M0 0'/></svg>".encode())
    assert (drawing.title, drawing.author) == ("A blue bird", "Ada Brush")
    said = {name: drawing.columns[name] for name in ("year", "licence", "described")}
    assert said == {"year": 2004, "licence": "public domain", "described": 5}


def test_keywords_are_in_no_column() -> None:
    drawing = read_drawing(f"<svg>{RDF}</svg>".encode())
    assert "animals" not in str(drawing)
    assert tuple(drawing.columns) == COLUMNS


def test_another_licence_and_none_are_told_apart() -> None:
    gpl = '<metadata><license resource="http://creativecommons.org/licenses/GPL/2.0/"/></metadata>'
    assert columns(gpl)["licence"] == "other"
    assert columns("")["licence"] == ""


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ('width="10mm" height="5mm"', (37.8, 18.9, 2.0, "mm")),
        ('width="100%" height="100%" viewBox="0 0 30 10"', (30.0, 10.0, 3.0, "")),
        ('width="40" height="50"', (40.0, 50.0, 0.8, "none")),
        ("", ("", "", "", "")),
        ('width="wide" height="-3"', ("", "", "", "")),
    ],
)
def test_size_is_in_pixels_and_missing_where_it_is_not_told(root: str, expected: tuple[object, ...]) -> None:
    found = columns("", root)
    assert tuple(found[name] for name in ("width", "height", "aspect", "unit")) == expected


def test_elements_are_counted_where_they_are_drawn() -> None:
    body = (
        "<defs><linearGradient id='g'/><path d='M0 0L1 1'/></defs>"
        "<g><g><path d='M0 0 L1 1 C1 2 3 4 5 6z'/></g></g>"
        "<circle/><text>hello</text><image/>"
    )
    found = columns(body)
    names = ("paths", "points", "shapes", "texts", "images", "groups", "depth", "gradients")
    assert [found[name] for name in names] == [1, 4, 1, 1, 1, 2, 3, 1]


def test_colours_are_inherited_and_one_colour_has_many_spellings() -> None:
    body = (
        "<g fill='#f00'><path/><path fill='red'/><path style='fill: rgb(255, 0, 0); stroke:none'/></g>"
        "<g stroke='blue'><path fill='none'/><path fill='url(#g)' stroke='none'/></g>"
    )
    found = columns(body)
    assert found["colours"] == 2
    assert found["stroked"] == 0.2


@pytest.mark.parametrize(
    ("svg", "editor"),
    [
        ("<svg sodipodi:version='0.32' inkscape:version='0.41'/>", "inkscape"),
        ("<svg sodipodi:version='0.32'/>", "sodipodi"),
        ("<!-- Generator: Adobe Illustrator 10 --><svg/>", "illustrator"),
        ("<svg/>", ""),
    ],
)
def test_the_editor_signs(svg: str, editor: str) -> None:
    assert read_drawing(svg.encode()).columns["editor"] == editor


@pytest.mark.parametrize("data", [b"", b"<svg", b"<html/>", b"GIF89a"])
def test_what_is_no_svg_is_refused(data: bytes) -> None:
    with pytest.raises(BrokenDrawing):
        read_drawing(data)
