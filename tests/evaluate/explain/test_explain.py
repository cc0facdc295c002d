"""`explain`, as a user calls it: from Python and the command line, drawn, printed, and refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.evaluate.explain.trained import COLOURS, QUARTERS
from tests.train.tiny import TINY
from typer.testing import CliRunner

from openautoglm.cli.app import app
from openautoglm.errors import UserError
from openautoglm.evaluate.explain.heat import LOWERS, RAISES, draw_heat
from openautoglm.model import OpenAutoGLM
from openautoglm.workspace import Workspace


def rows(kinds: Workspace, where: str) -> Iterator[dict[str, Any]]:
    yield from kinds.catalog.read(None, where=where).to_pylist()


@pytest.fixture
def whole(kinds: Workspace) -> dict[str, Any]:
    """A row with a picture that tells, a title, and columns."""
    where = "_image IS NOT NULL AND title IS NOT NULL AND weight IS NOT NULL"
    for row in rows(kinds, where):
        pixels = np.asarray(kinds.catalog.load_image(row), np.float32).reshape(-1, 3)
        if (abs(pixels - COLOURS[row["kind"]]).max(1) == 0).any() and re.search("fire|ice", row["title"]):
            return row
    raise AssertionError("the catalogue has no such row")


def plain_model() -> OpenAutoGLM:
    """Untrained, and without targets."""
    model = OpenAutoGLM.from_config(TINY)
    model.processor.fit_tokenizer(["a big ice", "一个大的火"])
    return model


def test_every_modality_is_told_with_its_gate_and_effect(kinds: Workspace, whole: dict[str, Any]) -> None:
    found = kinds.explain(whole["id"])
    predicted = kinds.predict(where=f"id = '{whole['id']}'").predictions.targets["kind"]
    assert found.asked == f"kind: {predicted.values()[0]}" and found.unit == "probability"
    confidence = predicted.confidence()
    assert confidence is not None and found.score == pytest.approx(float(confidence[0]), abs=1e-5)
    assert [one.name for one in found.modalities] == ["image", "text", "columns"]
    assert sum(one.gate or 0 for one in found.modalities) == pytest.approx(1, abs=1e-5)
    text, columns = found.modalities[1:]
    # Words and columns that are all hidden are a row without: what they carry is what it lacks without them.
    assert text.without == pytest.approx(found.score - text.effect, abs=1e-5)
    assert columns.without == pytest.approx(found.score - columns.effect, abs=1e-5)
    assert " ".join(one.name for one in found.words) == whole["title"]
    assert {one.name for one in found.columns} == {"weight", "height", "shop", "age"}
    assert found.columns[0].name == "weight" and found.columns[0].value == whole["weight"]
    assert found.patches is not None and found.patches.shape == (8, 8)
    assert set(found.curves) == {"image", "text", "columns"}
    read = json.loads(found.as_json())
    assert read["words"][0]["word"] == found.words[0].name and read["score"] == found.score
    assert len(read["patches"]) == 8 and len(read["faithfulness"]["image"]["counts"]) > 2


def test_without_a_modality_is_what_the_model_says_without_it(
    kinds: Workspace, whole: dict[str, Any]
) -> None:
    found = kinds.explain(whole["id"])
    columns = {name: whole[name] for name in ("weight", "height", "shop", "age")}
    said = kinds.model().predict(texts=[whole["title"]], columns=[columns])["kind"]
    chances = said.probabilities()
    assert chances is not None
    kind = found.asked.removeprefix("kind: ")
    assert found.modalities[0].without == pytest.approx(chances[0, said.target.classes.index(kind)], abs=1e-5)


def test_an_absent_modality_is_said_to_be_absent(kinds: Workspace) -> None:
    row = next(rows(kinds, "_image IS NULL AND title_zh IS NOT NULL AND weight IS NULL AND height IS NULL"))
    found = kinds.explain(row["id"])
    there = {one.name: one for one in found.modalities}
    assert (there["image"].present, there["text"].present, there["columns"].present) == (False, True, False)
    assert there["image"].gate == 0 and there["text"].gate == pytest.approx(1)
    assert found.patches is None and found.image is None and there["text"].without is None
    assert "".join(one.name for one in found.words) == row["title_zh"]
    assert "image    gate 0.00  absent" in str(found)


def test_without_targets_the_match_of_picture_and_text_is_explained(
    kinds: Workspace, whole: dict[str, Any]
) -> None:
    model = plain_model()
    found = kinds.explain(whole["id"], model=model)
    image = kinds.catalog.load_image(whole)
    alike = model.encode(images=[image]) @ model.encode(texts=[whole["title"]]).T
    assert found.unit == "cosine" and found.score == pytest.approx(float(alike[0, 0]), abs=1e-5)
    assert [one.gate for one in found.modalities] == [None, None] and not found.columns
    asked = kinds.explain(whole["id"], model=model, query="大的 fire")
    assert [one.name for one in asked.words if one.name.isascii()] == ["fire"] and "大的 fire" in asked.asked


def test_a_query_beside_a_row_of_text_alone_weighs_the_row_s_words(kinds: Workspace) -> None:
    row = next(rows(kinds, "_image IS NULL AND title IS NOT NULL"))
    found = kinds.explain(row["id"], query="fire")
    assert [one.name for one in found.words] == row["title"].split() and found.patches is None
    # The telling word beside its own query: it brings the two nearer than any other word does.
    model = kinds.model()
    assert found.score == pytest.approx(
        float((model.encode(texts=[row["title"]]) @ model.encode(texts=["fire"]).T)[0, 0]), abs=1e-5
    )


def test_the_text_is_taken_from_the_named_field(kinds: Workspace) -> None:
    row = next(rows(kinds, "title IS NOT NULL AND (_image IS NOT NULL OR weight IS NOT NULL)"))
    assert kinds.explain(row["id"], fields=["title_zh"]).words == []


def test_the_page_is_drawn_in_both_forms(kinds: Workspace, whole: dict[str, Any], tmp_path: Path) -> None:
    found = kinds.explain(whole["id"], out=tmp_path / "new" / "why.png")
    drawn = Image.open(tmp_path / "new" / "why.png").convert("RGB")
    colours = {colour for _, colour in drawn.getcolors(1 << 24) or ()}
    assert drawn.width > drawn.height / 3 and tuple(RAISES) in colours
    page = kinds.explain(whole["id"], out=tmp_path / "why.html").out
    assert page is not None
    text = page.read_text(encoding="utf-8")
    assert text.count("<img") == 1 and text.count("<svg") == 3 and 'src="http' not in text
    for part in (*(one.name for one in found.words), f"shop = {whole['shop']}", "without it", *found.checks):
        assert part in text


def test_names_in_a_page_are_text_and_no_markup(
    kinds: Workspace, whole: dict[str, Any], tmp_path: Path
) -> None:
    page = kinds.explain(whole["id"], query="<b>fire</b> & ice", out=tmp_path / "why.html").out
    assert page is not None
    text = page.read_text(encoding="utf-8")
    assert "<b>" not in text and "&lt;b" in text and "&amp; ice" in text.replace("&lt;/b&gt; ", "")


def test_the_heat_map_is_red_where_the_square_is(kinds: Workspace) -> None:
    seen = 0
    for row in rows(kinds, "_image IS NOT NULL AND title IS NULL AND title_zh IS NULL AND weight IS NULL"):
        found = kinds.explain(row["id"])
        pixels = np.asarray(kinds.catalog.load_image(row), np.float32)
        told = [
            bool(abs(pixels[8 + 16 * top, 8 + 16 * left] - COLOURS[row["kind"]]).max() == 0)
            for top, left in QUARTERS
        ]
        if not any(told) or found.asked != f"kind: {row['kind']}" or found.patches is None:
            continue
        heat = np.asarray(draw_heat(found.image or Image.new("RGB", (1, 1)), found.patches, (32, 32)), int)
        red = heat[..., 0] - heat[..., 2]
        top, left = QUARTERS[told.index(True)]
        assert red[16 * top : 16 * top + 16, 16 * left : 16 * left + 16].max() == red.max() > 0
        seen += 1
        if seen == 3:
            return
    raise AssertionError("no row tells by its picture alone")


def test_a_heat_map_tells_red_from_blue_on_transparent_pictures() -> None:
    effects = np.array([[1.0, -1.0]] * 2, np.float32)
    heat = draw_heat(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), effects, (40, 40))
    (left_red, _, left_blue), (right_red, _, right_blue) = heat.getpixel((2, 20)), heat.getpixel((37, 20))  # type: ignore[misc]
    assert left_red > left_blue and right_blue > right_red
    assert RAISES[0] > RAISES[2] and LOWERS[2] > LOWERS[0]


def test_what_cannot_be_explained_is_said(kinds: Workspace, whole: dict[str, Any], tmp_path: Path) -> None:
    lone = next(rows(kinds, "_image IS NULL"))["id"]
    for says, row, options in (
        ("did you mean 'r0", "r0001", {}),
        ("no 'kin'; did you mean 'kind'", whole["id"], {"target": "kin"}),
        ("target or a query", whole["id"], {"target": "kind", "query": "fire"}),
        ("query is empty", whole["id"], {"query": " "}),
        (r"\.png or \.html", whole["id"], {"out": tmp_path / "why.pdf"}),
        ("'titel'; did you mean 'title'", whole["id"], {"fields": ["titel"]}),
        ("lacks a picture or a text", lone, {"model": plain_model()}),
        ("predicts nothing, so there is no target 'kind'", lone, {"model": plain_model(), "target": "kind"}),
    ):
        with pytest.raises(UserError, match=says):
            kinds.explain(row, **options)  # type: ignore[arg-type]


def test_a_picture_that_is_gone_counts_as_absent(kinds: Workspace, whole: dict[str, Any]) -> None:
    photo = (kinds.folder / whole["_image"]).resolve()
    kept = photo.read_bytes()
    photo.unlink()
    try:
        assert kinds.explain(whole["id"]).patches is None
        with pytest.raises(UserError, match="its picture cannot be read"):
            kinds.explain(whole["id"], model=plain_model())
    finally:
        photo.write_bytes(kept)


def test_the_command_line_explains(kinds: Workspace, whole: dict[str, Any], tmp_path: Path) -> None:
    run = CliRunner()
    shop, out = str(kinds.folder), tmp_path / "why.png"
    told = run.invoke(app, ["explain", shop, whole["id"], "-o", str(out), "-q"])
    assert told.exit_code == 0, told.output
    assert "weight = " in told.output and f"drawn: {out}" in told.output and out.is_file()
    told = run.invoke(app, ["explain", shop, whole["id"], "--target", "kind", "--json", "-q"])
    assert told.exit_code == 0 and json.loads(told.output)["row"] == whole["id"]
    for arguments, says in (
        ([whole["id"], "--target", "prize"], "predicts no 'prize'"),
        (["nobody"], "no row with id 'nobody'"),
        ([whole["id"], "--model", "none"], "none"),
    ):
        told = run.invoke(app, ["explain", shop, *arguments, "-q"])
        assert told.exit_code == 2 and says in told.output
