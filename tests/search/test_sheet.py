"""Hits become a sheet, with or without pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image
from tests.evaluate.stand_in import HueModel, catalogue

from openautoglm.search.find import search
from openautoglm.search.hit import Results
from openautoglm.search.index import build_index
from openautoglm.search.query import Query
from openautoglm.search.sheet import draw_hits
from openautoglm.search.wanted import Wanted


def test_hits_are_drawn_even_where_a_picture_went_missing(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": f"r{hue}", "title_zh": f"颜色 {hue}"} for hue in (0, 40, 80)
    ]
    shop = catalogue(tmp_path, [*rows, {"hue": None, "id": "words", "title_zh": "颜色 20"}])
    build_index(HueModel(), shop)
    (tmp_path / "pictures" / "40.png").unlink()
    hits = search(HueModel(), shop, Query.of("颜色 20"))
    Image.open(draw_hits(shop, hits, tmp_path / "a.png", title="颜色 20", columns=2)).verify()
    page = draw_hits(shop, hits, tmp_path / "a.html", title="颜色 20").read_text(encoding="utf-8")
    assert page.count("<figure") == 4
    assert page.count("<img") == 2
    assert "颜色 40" in page


def test_a_sheet_without_hits_says_so(tmp_path: Path) -> None:
    shop = catalogue(tmp_path, [{"hue": 0, "title": "red"}])
    page = draw_hits(shop, Results("red", ()), tmp_path / "a.html", title="red").read_text(encoding="utf-8")
    assert "nothing found" in page
    Image.open(draw_hits(shop, Results("red", ()), tmp_path / "a.png", title="red")).verify()


def test_a_line_stands_where_the_relevant_ones_end(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"hue": hue, "id": f"r{hue}", "title": f"colour {hue}"} for hue in range(6)
    ]
    shop = catalogue(tmp_path, rows)
    build_index(HueModel(), shop)
    plain = search(HueModel(), shop, Query.of("colour 2"), Wanted(by="image"))
    for relevant, words in ((2, "2 match; the next best"), (0, "nothing matches; the next best")):
        page = draw_hits(shop, replace(plain, relevant=relevant), tmp_path / "a.html", title="colour 2")
        before, after = page.read_text(encoding="utf-8").split(f">{words}<")
        assert (before.count("<figure"), after.count("<figure")) == (relevant, 6 - relevant)
        drawn = draw_hits(shop, replace(plain, relevant=relevant), tmp_path / "a.png", title="colour 2")
        without = draw_hits(shop, plain, tmp_path / "b.png", title="colour 2")
        assert Image.open(drawn).height > Image.open(without).height
    whole = draw_hits(shop, replace(plain, relevant=6), tmp_path / "a.html", title="colour 2")
    assert "next best" not in whole.read_text(encoding="utf-8")
